/** Passwords, and their SCRAM verifiers. PostgreSQL may log an `ALTER ROLE … PASSWORD`, so it only receives verifiers. */

import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";

/** Returns a random password of 192 bits, in characters that need no escaping in a URL. */
export function newPassword(): string {
	return randomBytes(24).toString("base64url");
}

/**
 * Returns a password's SCRAM-SHA-256 verifier, which PostgreSQL accepts in place of the password and stores.
 * RFC 5802, RFC 7677. Format: https://www.postgresql.org/docs/18/catalog-pg-authid.html
 */
export function scramVerifier(password: string, salt: Buffer = randomBytes(16)): string {
	const iterations = 4096;
	const salted = pbkdf2Sync(password, salt, iterations, 32, "sha256");
	const hmac = (text: string) => createHmac("sha256", salted).update(text).digest();
	const storedKey = createHash("sha256").update(hmac("Client Key")).digest("base64");
	const serverKey = hmac("Server Key").toString("base64");
	return `SCRAM-SHA-256$${iterations}:${salt.toString("base64")}$${storedKey}:${serverKey}`;
}
