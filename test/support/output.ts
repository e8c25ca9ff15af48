/** The functions' log lines, which tests do not want on their own output. */

const { write } = process.stdout;
let quiet = 0;

/** Runs something while log lines on stdout are held back; several may do so at once. */
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
