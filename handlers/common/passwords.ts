/** Passwords that PostgreSQL never sees: it gets verifiers, since it would write an `ALTER ROLE … PASSWORD` to its log. */

import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";

/** A new password of 192 bits, in characters that need no escaping in a URL. */
export function newPassword(): string {
	return randomBytes(24).toString("base64url");
}

/**
 * What PostgreSQL stores of a password, and takes in its place: a SCRAM-SHA-256 verifier (RFC 5802, RFC 7677; format as
 * in the documentation of pg_authid).
 */
export function scramVerifier(password: string, salt: Buffer = randomBytes(16)): string {
	const iterations = 4096;
	const salted = pbkdf2Sync(password, salt, iterations, 32, "sha256");
	const hmac = (text: string) => createHmac("sha256", salted).update(text).digest();
	const storedKey = createHash("sha256").update(hmac("Client Key")).digest("base64");
	const serverKey = hmac("Server Key").toString("base64");
	return `SCRAM-SHA-256$${iterations}:${salt.toString("base64")}$${storedKey}:${serverKey}`;
}
