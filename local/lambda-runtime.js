/**
 * What AWS Lambda's runtime is to a function, in the child process that local/lambda.ts starts. Node runs this file as it
 * is, by stripping its types; nothing of the project's tooling is loaded beside the function.
 */

interface Invocation {
	event: unknown;
	requestId: string;
	/** Milliseconds since 1970 at which the function is stopped. */
	deadline: number;
}

type Handler = (event: unknown, context: object) => Promise<unknown>;

const [file = "", name = ""] = String(process.env._HANDLER).split(".");
const { [name]: handler } = require(`${process.cwd()}/${file}.js`) as Record<string, Handler>;

process.on("message", async ({ event, requestId, deadline }: Invocation) => {
	const context = {
		awsRequestId: requestId,
		functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
		memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
		getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
	};
	try {
		const result = await handler!(event, context);
		process.send!({ result: JSON.stringify(result) ?? "null" });
	} catch (error) {
		const { name: errorType = "Error", message: errorMessage = String(error), stack = "" } = error as Error;
		process.send!({ error: { errorType, errorMessage, trace: stack.split("\n") } });
	}
});

// The runner is gone: nobody waits for an answer.
process.on("disconnect", () => process.exit(1));
process.send!({ ready: true });
