/** Processes that die between two calls to Secrets Manager or PostgreSQL. `sinon.restore()` undoes it. */

import { type GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { Client } from "pg";
import sinon from "sinon";

/**
 * Makes a call fail as if the process had died there.
 * @param call the command's name and label, or the statement
 * @param count which of these calls; the first if not given
 * @returns whether that call was made
 */
export function dieAt(call: RegExp, moment: "before" | "after", count = 1): () => boolean {
	let calls = 0;
	const around = async (name: string, work: () => unknown) => {
		const isIt = call.test(name) && ++calls === count;
		if (isIt && moment === "before") throw new Error("the process died");
		const result = await work();
		if (isIt) throw new Error("the process died");
		return result;
	};
	stubAround(
		SecretsManagerClient.prototype,
		"send",
		around,
		(command: GetSecretValueCommand) => `${command.constructor.name} ${command.input.VersionStage ?? ""}`,
	);
	stubAround(Client.prototype, "query", around, String);
	return () => calls >= count;
}

/** Wraps all calls of a method. @param nameOf names a call by its first argument */
function stubAround<A>(
	prototype: object,
	method: string,
	around: (name: string, work: () => unknown) => unknown,
	nameOf: (argument: A) => string,
): void {
	const methods = prototype as Record<string, (...all: [A, ...unknown[]]) => unknown>;
	const original = methods[method]!;
	sinon.stub(methods, method).callsFake(function (this: unknown, ...all: [A, ...unknown[]]) {
		return around(nameOf(all[0]), () => original.apply(this, all));
	});
}
