/** What a function learns from its environment: addresses and ARNs, never a secret. */

import { failure } from "./failure";

/** A variable that must be there. @throws ConfigurationInvalid */
export function environment(name: string): string {
	const value = process.env[name];
	if (!value)
		throw failure("ConfigurationInvalid", `The environment variable ${name} is not set; deploy the function with it.`);
	return value;
}
