/** Keeps the functions' log lines out of the tests' output. */

const { write } = process.stdout;
let quiet = 0;

/** Runs `work` without log lines on stdout. Calls may overlap. */
export async function silently<T>(work: () => Promise<T>): Promise<T> {
	quiet++;
	process.stdout.write = ((text: string, ...rest: unknown[]) =>
		String(text).startsWith('{"timestamp"') || write.call(process.stdout, text, ...(rest as []))) as typeof write;
	try {
		return await work();
	} finally {
		if (--quiet === 0) process.stdout.write = write;
	}
}
