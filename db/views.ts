/** The views: figures that answer common questions. What each shows and what its columns mean, db/comments.ts says. */

import { sql } from "drizzle-orm";
import { bigint, boolean, doublePrecision, integer, numeric, smallint, text, timestamp } from "drizzle-orm/pg-core";
import { ev, vehicles } from "./schema";

const instant = (name: string) => timestamp(name, { withTimezone: true });
const vehicleId = () => bigint("dol_vehicle_id", { mode: "number" });

/** Of a group of vehicles: how many, how many of them battery electric, and how many more than in the snapshot before. */
const shares = () => ({
	vehicles: integer("vehicles"),
	bev: integer("bev"),
	bevShare: numeric("bev_share", { mode: "number" }),
});
const sharesWithChange = () => ({ ...shares(), change: integer("change") });

/** Vehicles of the latest snapshot; the two last columns came later, and views can only be extended at their end. */
export const currentVehicles = ev
	.view("current_vehicles", {
		dolVehicleId: vehicleId(),
		vinPrefix: text("vin_prefix"),
		county: text("county"),
		city: text("city"),
		state: text("state"),
		postalCode: text("postal_code"),
		modelYear: smallint("model_year"),
		make: text("make"),
		model: text("model"),
		vehicleType: text("vehicle_type"),
		cafvEligibility: text("cafv_eligibility"),
		electricRangeMiles: integer("electric_range_miles"),
		baseMsrpUsd: integer("base_msrp_usd"),
		legislativeDistrict: text("legislative_district"),
		longitude: doublePrecision("longitude"),
		latitude: doublePrecision("latitude"),
		electricUtilities: text("electric_utilities").array(),
		censusTract: text("census_tract"),
		firstSeenAt: instant("first_seen_at"),
		lastChangedAt: instant("last_changed_at"),
		countyFips: text("county_fips"),
		inFirstSnapshot: boolean("in_first_snapshot"),
	})
	.as(sql`
		select dol_vehicle_id, vin_prefix, county, city, state, postal_code, model_year, make, model, vehicle_type, cafv_eligibility,
			electric_range_miles, base_msrp_usd, legislative_district, longitude, latitude, electric_utilities, census_tract,
			first_seen_at, last_changed_at,
			left(census_tract, 5) as county_fips,
			first_seen_at = (select min(snapshot_at) from ev.snapshots) as in_first_snapshot
		from ${vehicles}
		where removed_at is null`);

/** Aggregates the latest snapshot's cells by some of their columns. */
const latestCounts = (...columns: string[]) =>
	sql.raw(`
		select ${columns.join(", ")}, sum(vehicles)::int as vehicles,
			coalesce(sum(vehicles) filter (where vehicle_type = 'BEV'), 0)::int as bev,
			round(coalesce(sum(vehicles) filter (where vehicle_type = 'BEV'), 0)::numeric / nullif(sum(vehicles), 0), 4) as bev_share,
			sum(added + returned + moved_in - removed - moved_out)::int as change
		from ev.snapshot_counts
		where snapshot_at = (select max(snapshot_at) from ev.snapshots)
		group by ${columns.join(", ")}`);

export const counties = ev
	.view("counties", {
		state: text("state"),
		countyFips: text("county_fips"),
		county: text("county"),
		...sharesWithChange(),
	})
	.as(latestCounts("state", "county_fips", "county"));

export const makes = ev.view("makes", { make: text("make"), ...sharesWithChange() }).as(latestCounts("make"));

export const models = ev
	.view("models", { make: text("make"), model: text("model"), ...sharesWithChange() })
	.as(latestCounts("make", "model"));

export const modelYears = ev
	.view("model_years", { modelYear: smallint("model_year"), ...sharesWithChange() })
	.as(latestCounts("model_year"));

/** Aggregates the latest snapshot's vehicles by columns that the cells do not have. */
const currentCounts = (...columns: string[]) =>
	sql.raw(`
		select ${columns.join(", ")}, count(*)::int as vehicles,
			count(*) filter (where vehicle_type = 'BEV')::int as bev,
			round(count(*) filter (where vehicle_type = 'BEV')::numeric / count(*), 4) as bev_share
		from ev.vehicles
		where removed_at is null
		group by ${columns.join(", ")}`);

export const cities = ev
	.view("cities", { state: text("state"), city: text("city"), ...shares() })
	.as(currentCounts("state", "city"));

export const districts = ev
	.view("districts", { legislativeDistrict: text("legislative_district"), ...shares() })
	.as(currentCounts("legislative_district"));

export const postalCodes = ev
	.view("postal_codes", { state: text("state"), postalCode: text("postal_code"), ...shares() })
	.as(currentCounts("state", "postal_code"));

export const tracts = ev
	.view("tracts", { censusTract: text("census_tract"), ...shares() })
	.as(currentCounts("census_tract"));

export const ranges = ev
	.view("ranges", {
		modelYear: smallint("model_year"),
		vehicleType: text("vehicle_type"),
		known: integer("known"),
		unknown: integer("unknown"),
		medianMiles: doublePrecision("median_miles"),
		maxMiles: integer("max_miles"),
	})
	.as(sql`
		select model_year, vehicle_type,
			count(electric_range_miles)::int as known,
			(count(*) - count(electric_range_miles))::int as unknown,
			percentile_cont(0.5) within group (order by electric_range_miles) as median_miles,
			max(electric_range_miles) as max_miles
		from ev.vehicles
		where removed_at is null
		group by model_year, vehicle_type`);

export const arrivals = ev
	.view("arrivals", { snapshotAt: instant("snapshot_at"), dolVehicleId: vehicleId(), returned: boolean("returned") })
	.as(sql`
		select first_seen_at as snapshot_at, dol_vehicle_id, false as returned
		from ev.vehicles
		where first_seen_at > (select min(snapshot_at) from ev.snapshots)
		union all
		select changed_at, dol_vehicle_id, true
		from ev.vehicle_changes
		where kind = 'returned'`);

export const departures = ev
	.view("departures", { snapshotAt: instant("snapshot_at"), dolVehicleId: vehicleId() })
	.as(sql`
		select changed_at as snapshot_at, dol_vehicle_id
		from ev.vehicle_changes
		where kind = 'removed'`);

/** The state before and after a move, where only the county changed, is that before the next change of the state. */
export const moves = ev
	.view("moves", {
		snapshotAt: instant("snapshot_at"),
		dolVehicleId: vehicleId(),
		fromState: text("from_state"),
		fromCounty: text("from_county"),
		toState: text("to_state"),
		toCounty: text("to_county"),
	})
	.as(sql`
		select change.changed_at as snapshot_at, change.dol_vehicle_id,
			case when change.old ? 'state' then change.old ->> 'state' else later.state end as from_state,
			change.old ->> 'county' as from_county,
			case when change.old ? 'state' then change.new ->> 'state' else later.state end as to_state,
			change.new ->> 'county' as to_county
		from ev.vehicle_changes as change
			join ev.vehicles as vehicle using (dol_vehicle_id)
			cross join lateral (
				select case when count(*) = 0 then vehicle.state else (array_agg(old ->> 'state' order by changed_at))[1] end as state
				from ev.vehicle_changes as next
				where next.dol_vehicle_id = change.dol_vehicle_id and next.changed_at > change.changed_at and next.old ? 'state'
			) as later
		where change.kind = 'changed' and change.old ? 'county'`);

/** Columns that may be empty, and what the source writes there instead. */
const NULLABLE: Record<string, string | null> = {
	county: null,
	city: null,
	state: null,
	postal_code: null,
	model: null,
	cafv_eligibility: null,
	electric_range_miles: "not researched",
	base_msrp_usd: "unknown",
	legislative_district: null,
	longitude: null,
	electric_utilities: null,
	census_tract: null,
};

const literal = (value: string | null) => (value === null ? "null" : `'${value}'`);

export const dataQuality = ev
	.view("data_quality", {
		columnName: text("column_name"),
		unknown: integer("unknown"),
		share: numeric("share", { mode: "number" }),
		zeroMeans: text("zero_means"),
	})
	.as(
		sql.raw(`
		select column_name, unknown::int, round(unknown::numeric / nullif(vehicles, 0), 4) as share, zero_means
		from (
			select count(*) as vehicles, ${Object.keys(NULLABLE)
				.map((name) => `count(*) - count(${name}) as ${name}`)
				.join(", ")}
			from ev.vehicles
			where removed_at is null
		) as counted
			cross join lateral (values
				${Object.entries(NULLABLE)
					.map(([name, zero]) => `('${name}', ${name}, ${literal(zero)}::text)`)
					.join(",\n\t\t\t\t")}
			) as columns (column_name, unknown, zero_means)`),
	);
