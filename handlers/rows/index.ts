/**
 * What load does for each row: the one entry to this folder from a closure.
 *
 * A serialised closure runs loops two to three times slower than a module, so load ships this folder compiled, as files
 * of its own, and requires it when it runs.
 */

export { createKnownRowsReader, type KnownRows } from "./known-rows";
export { createPageEncoder, type Reject, type RowCounts } from "./page-encoder";
export type { Findings } from "./row-encoder";
