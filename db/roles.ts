/** Who may do what. Idempotent statements, run by migrate as the database's owner after every migration. */

import type { Schema } from "./runs";

export const ROLES = ["ev_loader", "ev_reader"] as const;
export type Role = (typeof ROLES)[number];

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
 * Keeps an analyst's query from holding up a load: a transaction that is left open would keep old versions of rows and locks, and
 * the smallest database accepts about a hundred sessions.
 */
const LIMITS_OF_READER = `
		alter role ev_reader connection limit 50;
		alter role ev_reader set statement_timeout = '10min';
		alter role ev_reader set idle_in_transaction_session_timeout = '5min';`;

/**
 * The loader writes rows and cannot change the schema; the reader reads.
 * @param database quoted name
 */
export function grantAll(database: string): string {
	return `
		revoke all on database ${database} from public;
		revoke all on schema public from public;
		grant connect, temporary on database ${database} to ev_loader;
		grant connect on database ${database} to ev_reader;
		${grantToLoader("ev")}
		grant usage on schema ev to ev_reader;
		grant select on all tables in schema ev to ev_reader;
		alter role ev_reader set default_transaction_read_only = on;
		${LIMITS_OF_READER}
		alter role ev_loader set timezone = 'UTC'`;
}
