/** Environment variables of the functions: addresses and ARNs, never a secret. */

import { failure } from "./failure";

/** The value of a variable. @throws ConfigurationInvalid if it is not set or empty */
export function requireEnvironment(name: string): string {
	const value = process.env[name];
	if (!value)
		throw failure("ConfigurationInvalid", `The environment variable ${name} is not set; deploy the function with it.`);
	return value;
}
