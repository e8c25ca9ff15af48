/**
 * The statements that read the page's figures. Tables are found through the session's search_path.
 *
 * A county is one of Washington, by name; NULL stands for everywhere else. $1 is the first snapshot, unless a statement says
 * otherwise.
 */

const COUNTY = "case when state = 'WA' then county end";
const BEV = "vehicle_type = 'BEV'";
const LATEST = "(select max(snapshot_at) from snapshots)";

/** What is published: it changes whenever anything in the figures may, after a replay too. */
export const DESCRIBE_LATEST = `
	select snapshot_at as "snapshotAt",
		concat_ws(' ', run_id, transform_version, obj_description(current_schema()::regnamespace, 'pg_namespace')) as identity
	from snapshots
	order by snapshot_at desc
	limit 1`;

/** Published snapshots that are counted, ascending. */
export const LIST_SNAPSHOTS = `select snapshot_at as at from snapshots order by snapshot_at`;

/** Washington's counties, of any snapshot, since a vehicle may have left from one that no shown snapshot has. */
export const LIST_COUNTIES = `
	select county as name, max(county_fips) as fips
	from snapshot_counts
	where state = 'WA' and county is not null
	group by county`;

/** Vehicles of the shown snapshots: $1. */
export const COUNT_STOCK = `
	select snapshot_at as at, ${COUNTY} as county, make,
		coalesce(sum(vehicles) filter (where ${BEV}), 0)::int as bev,
		coalesce(sum(vehicles) filter (where not ${BEV}), 0)::int as phev
	from snapshot_counts
	where snapshot_at = any($1) and vehicles > 0
	group by 1, 2, 3`;

/** Vehicles now, and net arrivals since the first snapshot, under the model and county that each vehicle had last. */
export const COUNT_MODELS = `
	select ${COUNTY} as county, make, coalesce(model, '') as model,
		count(*) filter (where removed_at is null)::int as vehicles,
		(count(*) filter (where first_seen_at > $1) - count(*) filter (where removed_at is not null))::int as net
	from vehicles
	where removed_at is null or first_seen_at = $1
	group by 1, 2, 3
	having count(*) filter (where removed_at is null) > 0
		or count(*) filter (where first_seen_at > $1) <> count(*) filter (where removed_at is not null)`;

export const COUNT_YEARS = `
	select ${COUNTY} as county, make, model_year as year,
		coalesce(sum(vehicles) filter (where ${BEV}), 0)::int as bev,
		coalesce(sum(vehicles) filter (where not ${BEV}), 0)::int as phev
	from snapshot_counts
	where snapshot_at = ${LATEST} and vehicles > 0
	group by 1, 2, 3`;

/** By county and by make apart; \`by_make\` tells which. */
export const COUNT_FIRST_YEARS = `
	select grouping(county) = 1 as "byMake", county, make, model_year as year, sum(vehicles)::int as vehicles
	from (select ${COUNTY} as county, make, model_year, vehicles from snapshot_counts where snapshot_at = $1 and vehicles > 0)
	group by grouping sets ((county, model_year), (make, model_year))`;

/** Arrivals and departures between one shown snapshot and the next: $1. Those that are not shown count with the next that is. */
export const COUNT_FLOWS = `
	with intervals as (
		select snapshot_at, (select min(shown) from unnest($1::timestamptz[]) as shown where shown >= snapshot_at) as at
		from snapshots
		where snapshot_at > ($1::timestamptz[])[1]
	)
	select at, ${COUNTY} as county, make, sum(added + returned)::int as arrived, sum(removed)::int as left
	from snapshot_counts join intervals using (snapshot_at)
	where added + returned + removed > 0
	group by 1, 2, 3`;

export const COUNT_RANGES = `
	select make, coalesce(model, '') as model, model_year as year, electric_range_miles as miles, count(*)::int as vehicles
	from vehicles
	where removed_at is null and ${BEV} and electric_range_miles is not null
	group by 1, 2, 3, 4`;

export const COUNT_KNOWN_RANGES = `
	select make, model_year as year, count(electric_range_miles)::int as known, count(*)::int as "all"
	from vehicles
	where removed_at is null and ${BEV}
	group by 1, 2`;

/**
 * Of cities and legislative districts in Washington, then and now. Of makes with as many vehicles, the first by its bytes leads.
 * $2: of how many vehicles at least there is more to tell than their number.
 */
export const COUNT_PLACES = `
	with present as (
		select grouping(city) = 1 as is_district, coalesce(city, legislative_district) as name, make, count(*) as vehicles,
			count(*) filter (where ${BEV}) as bev
		from vehicles
		where removed_at is null and state = 'WA'
		group by grouping sets ((city, make), (legislative_district, make))
	),
	ranked as (
		select is_district, name, sum(vehicles)::int as now,
			case when sum(vehicles) >= $2 then sum(bev)::int end as bev,
			case when sum(vehicles) >= $2 then (array_agg(make order by vehicles desc, make collate "C"))[1] end as make,
			case when sum(vehicles) >= $2 then max(vehicles)::int end as "makeVehicles"
		from present
		where name is not null
		group by is_district, name
	),
	past as (
		select grouping(city) = 1 as is_district, coalesce(city, legislative_district) as name, count(*)::int as first
		from vehicles_at($1)
		where state = 'WA'
		group by grouping sets ((city), (legislative_district))
	)
	select is_district as "isDistrict", name, coalesce(first, 0) as first, coalesce(now, 0) as now, coalesce(bev, 0) as bev, make,
		coalesce("makeVehicles", 0) as "makeVehicles"
	from ranked full join past using (is_district, name)
	where name is not null`;

export const COUNT_FACTS = `
	select
		(
			select count(*)::int
			from vehicles join vehicles_at($1) as past using (dol_vehicle_id)
			where vehicles.removed_at is null and vehicles.state = 'WA' and past.state = 'WA' and vehicles.county <> past.county
		) as "movedCounty",
		count(base_msrp_usd)::int as priced,
		max(model_year) filter (where base_msrp_usd is not null) as "pricedUntil",
		count(*) filter (where cardinality(electric_utilities) > 1)::int as "severalUtilities",
		count(*) filter (where first_seen_at = $1)::int as "sinceFirst"
	from vehicles
	where removed_at is null`;

/** Takes no parameter. */
export const FIND_OLDEST = `
	select model_year as year, make, coalesce(model, '') as model, count(*)::int as vehicles
	from vehicles
	where removed_at is null
	group by 1, 2, 3
	order by model_year, make collate "C", coalesce(model, '') collate "C"
	limit 1`;
