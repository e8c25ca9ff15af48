/** `npm run local:db`: keeps the database used last running. */

import { join } from "node:path";
import type { DatabaseSecret } from "../handlers/common/database";
import { startAws } from "../local/aws/services";
import { writeFile } from "../local/common/state";
import { startPostgres } from "../local/machine/postgres";
import type { Started } from "./command";
import { ROOT, readLastUsed } from "./last-used";
import type { Terminal } from "./terminal";

/** Prints the database's URL, and waits until Ctrl-C. */
export async function serveDatabase(terminal: Terminal, started: Started): Promise<void> {
	const last = readLastUsed();
	const state = join(ROOT, last.dataset);
	const [postgres, aws] = await Promise.all([
		started.keep(startPostgres(join(state, "postgres"))),
		started.keep(startAws(join(state, "aws"))),
	]);
	const reader = aws.secrets.get<DatabaseSecret>(last.readerSecretArn)!;
	const authority = join(state, "ca.crt");
	writeFile(authority, postgres.ca);
	const url = new URL(`postgresql://${postgres.host}:${postgres.port}/${reader.dbname}`);
	url.username = reader.username;
	url.password = reader.password;
	url.searchParams.set("sslmode", "verify-full");
	url.searchParams.set("sslrootcert", authority);
	terminal.title(`The database of ${last.dataset}, read-only; Ctrl-C stops it`);
	process.stdout.write(`${url}\n`);
	terminal.text("");
	terminal.text('psql "<that URL>"                                 opens psql');
	terminal.text('DATABASE_URL="<that URL>" npm run db:studio       opens Drizzle Studio');
	await new Promise(() => {});
}
