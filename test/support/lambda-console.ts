/**
 * Lambda's console under the JSON log format, as aws-lambda-ric patches it: what is printed stands below `message`. Loaded
 * before a function by `node --require`; Node strips the types by itself.
 */
{
	const { format } = require("node:util");
	const methods = { trace: "TRACE", debug: "DEBUG", log: "INFO", info: "INFO", warn: "WARN", error: "ERROR" } as const;
	for (const [method, level] of Object.entries(methods))
		console[method as keyof typeof methods] = (...printed: unknown[]) => {
			const message = printed.length === 1 ? printed[0] : format(...printed);
			process.stdout.write(
				`${JSON.stringify({ timestamp: new Date().toISOString(), level, requestId: "", message })}\n`,
			);
		};
	// For a test to see that it is in place.
	console.log({ _aws: "of the console" });
}
