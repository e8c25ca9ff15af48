/**
 * What AWS Lambda's runtime is to a function, in the child process that local/machine/lambda.ts starts. Plain JavaScript, as that is:
 * nothing of the project's tooling is loaded beside the function, and stripping types alone would take 18 MB in its name.
 */

const [file = "", name = ""] = String(process.env._HANDLER).split(".");
const { [name]: handler } = require(`${process.cwd()}/${file}.js`);

/** An invocation: the event, its id, and `deadline`, the milliseconds since 1970 at which the function is stopped. */
process.on("message", async ({ event, requestId, deadline }) => {
	const context = {
		awsRequestId: requestId,
		functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
		memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
		getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
	};
	try {
		const result = await handler(event, context);
		process.send({ result: JSON.stringify(result) ?? "null" });
	} catch (error) {
		const { name: errorType = "Error", message: errorMessage = String(error), stack = "" } = error;
		process.send({ error: { errorType, errorMessage, trace: stack.split("\n") } });
	}
});

// The runner is gone: nobody waits for an answer.
process.on("disconnect", () => process.exit(1));
process.send({ ready: true });
