/**
 * The SQLSTATEs that a function acts on, each with PostgreSQL's name for it and what follows.
 * https://www.postgresql.org/docs/18/errcodes-appendix.html
 */

/**
 * What follows from an error of PostgreSQL.
 * - `retry`: it passes without anyone's help; the workflow tries again
 * - `login`: the password is not the role's; it may have been rotated
 * - `time`: PostgreSQL ended the transaction because its time was up
 * - `duplicate`: a key occurs twice
 */
type Consequence = "retry" | "login" | "time" | "duplicate";

const SQL_STATES: Record<string, { name: string; consequence: Consequence }> = {
	"08000": { name: "connection_exception", consequence: "retry" },
	"08001": { name: "sqlclient_unable_to_establish_sqlconnection", consequence: "retry" },
	"08003": { name: "connection_does_not_exist", consequence: "retry" },
	"08004": { name: "sqlserver_rejected_establishment_of_sqlconnection", consequence: "retry" },
	"08006": { name: "connection_failure", consequence: "retry" },
	"08007": { name: "transaction_resolution_unknown", consequence: "retry" },
	"08P01": { name: "protocol_violation", consequence: "retry" },
	"23505": { name: "unique_violation", consequence: "duplicate" },
	"25006": { name: "read_only_sql_transaction", consequence: "retry" }, // in recovery
	"25P04": { name: "transaction_timeout", consequence: "time" },
	"28P01": { name: "invalid_password", consequence: "login" },
	"40000": { name: "transaction_rollback", consequence: "retry" },
	"40001": { name: "serialization_failure", consequence: "retry" },
	"40002": { name: "transaction_integrity_constraint_violation", consequence: "retry" },
	"40003": { name: "statement_completion_unknown", consequence: "retry" },
	"40P01": { name: "deadlock_detected", consequence: "retry" },
	"53000": { name: "insufficient_resources", consequence: "retry" },
	"53100": { name: "disk_full", consequence: "retry" },
	"53200": { name: "out_of_memory", consequence: "retry" },
	"53300": { name: "too_many_connections", consequence: "retry" },
	"53400": { name: "configuration_limit_exceeded", consequence: "retry" },
	"55P03": { name: "lock_not_available", consequence: "retry" },
	"57014": { name: "query_canceled", consequence: "retry" },
	"57P01": { name: "admin_shutdown", consequence: "retry" },
	"57P02": { name: "crash_shutdown", consequence: "retry" },
	"57P03": { name: "cannot_connect_now", consequence: "retry" }, // starting, stopping or in recovery
	"57P04": { name: "database_dropped", consequence: "retry" },
	"57P05": { name: "idle_session_timeout", consequence: "retry" },
	"58030": { name: "io_error", consequence: "retry" },
};

/** @param code a SQLSTATE, where there is one @returns undefined where no function acts on it */
export function consequenceOf(code: string | undefined): Consequence | undefined {
	return code === undefined ? undefined : SQL_STATES[code]?.consequence;
}
