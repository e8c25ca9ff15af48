/** Who may do what. Idempotent statements, run by migrate as the database's owner after every migration. */

import type { Schema } from "./runs";

/**
 * The analysts' two roles, which have the same rights and limits. A rotation replaces the password of the one that the secret does
 * not name, and names that one, so a password that an analyst has stored works until the rotation after. The second role has the
 * name that AWS gives to such a role.
 * https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotation-strategy.html#rotating-secrets-two-users
 */
export const READERS = ["ev_reader", "ev_reader_clone"] as const;

export const ROLES = ["ev_loader", ...READERS] as const;
export type Role = (typeof ROLES)[number];

/** The role whose password a rotation replaces while the secret names `current`: the other reader, or the role itself. */
export function nextRole(current: string): string {
	return READERS.some((reader) => reader === current) ? READERS.find((reader) => reader !== current)! : current;
}

/** Creates a role that can log in, unless it is there. */
export function createRole(role: Role): string {
	return `do $$ begin
		if not exists (select from pg_roles where rolname = '${role}') then create role ${role} login; end if;
	end $$`;
}

/** What load needs in a schema that it writes. */
export function grantToLoader(schema: Schema): string {
	return `
		grant usage on schema ${schema} to ev_loader;
		grant select, insert, update on all tables in schema ${schema} to ev_loader;
		grant delete on ${schema}.rejected_rows, ${schema}.snapshot_counts to ev_loader;`;
}

/**
 * What an analyst may do: read. The limits keep a query from holding up a load: a transaction that is left open would keep old
 * versions of rows and locks, and the smallest database accepts about a hundred sessions, of both readers and of load.
 * @param database quoted name
 */
function grantToReader(reader: Role, database: string): string {
	return `
		grant connect on database ${database} to ${reader};
		grant usage on schema ev to ${reader};
		grant select on all tables in schema ev to ${reader};
		alter role ${reader} set default_transaction_read_only = on;
		alter role ${reader} connection limit 30;
		alter role ${reader} set statement_timeout = '10min';
		alter role ${reader} set idle_in_transaction_session_timeout = '5min';`;
}

/**
 * The loader writes rows and cannot change the schema; the readers read.
 * @param database quoted name
 */
export function grantAll(database: string): string {
	return `
		revoke all on database ${database} from public;
		revoke all on schema public from public;
		grant connect, temporary on database ${database} to ev_loader;
		${grantToLoader("ev")}
		alter role ev_loader set timezone = 'UTC';
		${READERS.map((reader) => grantToReader(reader, database)).join("")}`;
}
