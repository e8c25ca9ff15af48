/** Holds `ev.snapshot_counts` against the register as it was at each snapshot, vehicle by vehicle. */

import { expect } from "chai";

const CELL = ["state", "county_fips", "county", "make", "model", "model_year", "vehicle_type"];
const FLOWS = ["vehicles", "added", "returned", "removed", "moved_in", "moved_out"];
const sameCell = (a: string, b: string) =>
	`(${CELL.map((name) => `${a}.${name}`)}) is not distinct from (${CELL.map((name) => `${b}.${name}`)})`;

/** Every cell of every snapshot, counted from two registers each. */
const COUNT_EACH_VEHICLE = `
	with pairs as (
		select snapshot_at, lag(snapshot_at) over (order by snapshot_at) as before_at from ev.snapshots
	),
	vehicles as (
		select pairs.snapshot_at, new as now, old as before
		from pairs,
			lateral (
				select new, old
				from ev.vehicles_at(snapshot_at) as new
					full join (select * from ev.vehicles_at(before_at)) as old using (dol_vehicle_id)
			) as both_registers
	),
	flows as (
		select snapshot_at, now as cell, 1 as vehicles,
			((before).dol_vehicle_id is null and (now).first_seen_at = snapshot_at)::int as added,
			((before).dol_vehicle_id is null and (now).first_seen_at < snapshot_at)::int as returned,
			0 as removed,
			((before).dol_vehicle_id is not null and not (${sameCell("(now)", "(before)")}))::int as moved_in,
			0 as moved_out
		from vehicles where (now).dol_vehicle_id is not null
		union all
		select snapshot_at, before, 0, 0, 0, ((now).dol_vehicle_id is null)::int, 0, ((now).dol_vehicle_id is not null)::int
		from vehicles
		where (before).dol_vehicle_id is not null and ((now).dol_vehicle_id is null or not (${sameCell("(now)", "(before)")}))
	)
	select snapshot_at, ${CELL.map((name) => `(cell).${name}`)}, ${FLOWS.map((name) => `sum(${name})::int as ${name}`)}
	from flows
	group by snapshot_at, ${CELL.map((name) => `(cell).${name}`)}`;

/** Cells whose vehicles are not those of the snapshot before and their flows. */
const UNBALANCED = `
	with numbered as (select snapshot_at, row_number() over (order by snapshot_at) as place from ev.snapshots),
	cells as (select * from ev.snapshot_counts join numbered using (snapshot_at))
	select ${CELL}, place
	from (
		select ${CELL}, place, vehicles - added - returned - moved_in + removed + moved_out as difference from cells
		union all
		select ${CELL}, place + 1, -vehicles from cells where place < (select max(place) from numbered)
	) as parts
	group by ${CELL}, place
	having sum(difference) <> 0`;

type Query = <R extends object>(sql: string) => Promise<R[]>;

/** Expects that each cell counts its vehicles, and that its change is the sum of its flows. */
export async function expectExactCounts(query: Query): Promise<void> {
	expect(await query(UNBALANCED), "cells whose change is not the sum of their flows").to.deep.equal([]);
	const stored = `select snapshot_at, ${CELL}, ${FLOWS} from ev.snapshot_counts`;
	for (const [what, difference] of [
		["missing", `(${COUNT_EACH_VEHICLE}) except all (${stored})`],
		["wrong", `(${stored}) except all (${COUNT_EACH_VEHICLE})`],
	] as const)
		expect(await query(`${difference} limit 5`), `${what} cells`).to.deep.equal([]);
}
