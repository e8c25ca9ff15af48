/** Loads a CSV into `ev.vehicles` with pgloader, as fast as it can with all indexes in place. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { getTableColumns } from "drizzle-orm";
import { vehicles } from "../db/schema";
import type { DatabaseSecret } from "../handlers/common/database";
import { type Ran, start } from "./process";

/** @param directory for pgloader's command file and its files of rejected rows */
export async function runPgloader(directory: string, secret: DatabaseSecret, file: string): Promise<Ran> {
	const [command, authority] = [join(directory, "pgloader.load"), join(directory, "ca.crt")];
	writeFileSync(command, commandOf(secret, file), { mode: 0o600 });
	writeFileSync(authority, secret.ca!);
	const args = ["--on-error-stop", "--root-dir", join(directory, "pgloader"), command];
	return await start("pgloader", args, { env: { ...process.env, SSL_CERT_FILE: authority } }).ended;
}

function commandOf({ host, port, dbname, username, password }: DatabaseSecret, file: string): string {
	const columns = Object.values(getTableColumns(vehicles)).map(({ name }) => name);
	return `
		load csv from '${file}' having fields (${columns.map((name) => `${name} [null if blanks]`).join(", ")})
		into postgresql://${username}:${password}@${host}:${port}/${dbname}?sslmode=require
		target table ev.vehicles
		target columns (${columns.join(", ")})
		with fields optionally enclosed by '"', fields escaped by double-quote, fields terminated by ',';
	`;
}
