/**
 * The database, as drizzle-kit reads it: `npm run db:generate` turns a change here into a migration.
 *
 * A Drizzle table cannot travel in a closure, so no handler captures one; handlers get plain names and SQL from this
 * folder, and a test holds them against this schema.
 */

import { sql } from "drizzle-orm";
import {
	bigint,
	check,
	customType,
	doublePrecision,
	index,
	integer,
	jsonb,
	pgSchema,
	primaryKey,
	smallint,
	text,
	timestamp,
	unique,
} from "drizzle-orm/pg-core";

const bytea = customType<{ data: Buffer }>({ dataType: () => "bytea" });
const instant = (name: string) => timestamp(name, { withTimezone: true });

export const ev = pgSchema("ev");

/**
 * Every vehicle ever seen. Its three times are the snapshots', never the clock's.
 *
 * What a load reads of every vehicle stands first: PostgreSQL finds a column by walking over those before it.
 */
export const vehicles = ev.table(
	"vehicles",
	{
		dolVehicleId: bigint("dol_vehicle_id", { mode: "number" }).primaryKey(),
		/** Hash of the raw row it was last brought up to date from; lets an unchanged row be known without reading it. */
		rowHash: bigint("row_hash", { mode: "bigint" }).notNull(),
		firstSeenAt: instant("first_seen_at").notNull(),
		/** When it was added, came back, or differed in anything but the point. */
		lastChangedAt: instant("last_changed_at").notNull(),
		/** NULL while registered. */
		removedAt: instant("removed_at"),
		vinPrefix: text("vin_prefix").notNull(),
		county: text("county"),
		city: text("city"),
		state: text("state"),
		postalCode: text("postal_code"),
		modelYear: smallint("model_year").notNull(),
		make: text("make").notNull(),
		model: text("model"),
		vehicleType: text("vehicle_type", { enum: ["BEV", "PHEV"] }).notNull(),
		cafvEligibility: text("cafv_eligibility"),
		/** NULL: not researched (0 in the source). */
		electricRangeMiles: integer("electric_range_miles"),
		/** NULL: unknown (0 in the source). */
		baseMsrpUsd: integer("base_msrp_usd"),
		legislativeDistrict: text("legislative_district"),
		longitude: doublePrecision("longitude"),
		latitude: doublePrecision("latitude"),
		electricUtilities: text("electric_utilities").array(),
		censusTract: text("census_tract"),
	},
	(table) => [
		check("vehicles_vehicle_type", sql`${table.vehicleType} in ('BEV', 'PHEV')`),
		index("vehicles_make_model").on(table.make, table.model),
		index("vehicles_county").on(table.county),
		index("vehicles_postal_code").on(table.postalCode),
	],
);

/** What happened to a vehicle after it was first seen; a re-geocoded point alone is counted in its run, not kept. */
export const vehicleChanges = ev.table(
	"vehicle_changes",
	{
		dolVehicleId: bigint("dol_vehicle_id", { mode: "number" })
			.notNull()
			.references(() => vehicles.dolVehicleId),
		/** The snapshot's time. */
		changedAt: instant("changed_at").notNull(),
		kind: text("kind", { enum: ["changed", "removed", "returned"] }).notNull(),
		/** The columns that changed, as they were and as they are; empty where none did. */
		old: jsonb("old").notNull(),
		new: jsonb("new").notNull(),
	},
	(table) => [
		primaryKey({ columns: [table.dolVehicleId, table.changedAt] }),
		check("vehicle_changes_kind", sql`${table.kind} in ('changed', 'removed', 'returned')`),
		index("vehicle_changes_changed_at").on(table.changedAt),
	],
);

/** One row per run that reached the database. Its times are the clock's. */
export const runs = ev.table(
	"runs",
	{
		runId: text("run_id").primaryKey(),
		manifestKey: text("manifest_key").notNull(),
		/** Of the manifest, hexadecimal; NULL until it was read, and for runs before the sum was kept. */
		manifestSha256: text("manifest_sha256"),
		status: text("status", { enum: ["running", "loaded", "unchanged", "failed", "abandoned"] }).notNull(),
		startedAt: instant("started_at").notNull(),
		finishedAt: instant("finished_at"),
		/** The version of the source; NULL until the manifest was read. */
		snapshotAt: instant("snapshot_at"),
		/** Counts as in handlers/common/contract.ts; NULL where not determined. */
		rows: integer("rows"),
		added: integer("added"),
		returned: integer("returned"),
		changed: integer("changed"),
		regeocoded: integer("regeocoded"),
		unchanged: integer("unchanged"),
		duplicates: integer("duplicates"),
		rejected: integer("rejected"),
		removed: integer("removed"),
		/** Guards that a person overrode for this run. */
		accepted: text("accepted").array().notNull(),
		/** What people should know of the run, in sentences. */
		notes: text("notes").array().notNull(),
		error: text("error"),
		message: text("message"),
	},
	(table) => [
		check("runs_status", sql`${table.status} in ('running', 'loaded', 'unchanged', 'failed', 'abandoned')`),
		index("runs_started_at").on(table.startedAt),
	],
);

/** Every published snapshot. */
export const snapshots = ev.table("snapshots", {
	/** The version of the source: when its rows last changed. */
	snapshotAt: instant("snapshot_at").primaryKey(),
	manifestKey: text("manifest_key").notNull(),
	/** Of the manifest, hexadecimal; NULL for snapshots before the sum was kept. */
	manifestSha256: text("manifest_sha256"),
	rows: integer("rows").notNull(),
	added: integer("added").notNull(),
	returned: integer("returned").notNull(),
	changed: integer("changed").notNull(),
	regeocoded: integer("regeocoded").notNull(),
	removed: integer("removed").notNull(),
	/** The run that published it. */
	runId: text("run_id")
		.notNull()
		.references(() => runs.runId),
	/** TRANSFORM_VERSION of the load that published it; NULL before the version was kept. */
	transformVersion: integer("transform_version"),
});

/**
 * How many vehicles each snapshot has of each kind, and where they came from: a row for each state, county, make, model, model year
 * and type that has vehicles, or had some in the snapshot before. What a column counts, db/comments.ts says.
 *
 * No reference to `snapshots`: checking one for each of 9,000 rows takes as long as counting them.
 */
export const snapshotCounts = ev.table(
	"snapshot_counts",
	{
		snapshotAt: instant("snapshot_at").notNull(),
		state: text("state"),
		countyFips: text("county_fips"),
		county: text("county"),
		make: text("make").notNull(),
		model: text("model"),
		modelYear: smallint("model_year").notNull(),
		vehicleType: text("vehicle_type", { enum: ["BEV", "PHEV"] }).notNull(),
		vehicles: integer("vehicles").notNull(),
		added: integer("added").notNull(),
		returned: integer("returned").notNull(),
		removed: integer("removed").notNull(),
		movedIn: integer("moved_in").notNull(),
		movedOut: integer("moved_out").notNull(),
	},
	(table) => [
		unique("snapshot_counts_cell")
			.on(
				table.snapshotAt,
				table.state,
				table.countyFips,
				table.county,
				table.make,
				table.model,
				table.modelYear,
				table.vehicleType,
			)
			.nullsNotDistinct(),
	],
);

/** Rows that were set aside, with their bytes: what is wrong may be just these. */
export const rejectedRows = ev.table(
	"rejected_rows",
	{
		rejectedRowId: bigint("rejected_row_id", { mode: "number" }).primaryKey().generatedAlwaysAsIdentity(),
		runId: text("run_id")
			.notNull()
			.references(() => runs.runId),
		/** The page's place in the manifest and the row's first line in the page, both from 1. */
		page: integer("page").notNull(),
		line: integer("line").notNull(),
		/** NULL where it could not be read. */
		dolVehicleId: bigint("dol_vehicle_id", { mode: "number" }),
		reason: text("reason").notNull(),
		raw: bytea("raw").notNull(),
	},
	(table) => [index("rejected_rows_run_id").on(table.runId)],
);
