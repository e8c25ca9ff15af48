/** What tests ask of failures. */

/** The error something fails with. @throws if it succeeds */
export async function failed(promise: Promise<unknown>): Promise<Error> {
	try {
		const value = await promise;
		throw new Error(`should have failed, and gave ${JSON.stringify(value)}`);
	} catch (error) {
		if (error instanceof Error) return error;
		throw error;
	}
}
