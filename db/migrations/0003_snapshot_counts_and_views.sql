CREATE TABLE "ev"."snapshot_counts" (
	"snapshot_at" timestamp with time zone NOT NULL,
	"state" text,
	"county_fips" text,
	"county" text,
	"make" text NOT NULL,
	"model" text,
	"model_year" smallint NOT NULL,
	"vehicle_type" text NOT NULL,
	"vehicles" integer NOT NULL,
	"added" integer NOT NULL,
	"returned" integer NOT NULL,
	"removed" integer NOT NULL,
	"moved_in" integer NOT NULL,
	"moved_out" integer NOT NULL,
	CONSTRAINT "snapshot_counts_cell" UNIQUE NULLS NOT DISTINCT("snapshot_at","state","county_fips","county","make","model","model_year","vehicle_type")
);
--> statement-breakpoint
ALTER TABLE "ev"."snapshots" DROP COLUMN "by_type";--> statement-breakpoint
ALTER TABLE "ev"."snapshots" DROP COLUMN "by_county";--> statement-breakpoint
CREATE VIEW "ev"."arrivals" AS (
		select first_seen_at as snapshot_at, dol_vehicle_id, false as returned
		from ev.vehicles
		where first_seen_at > (select min(snapshot_at) from ev.snapshots)
		union all
		select changed_at, dol_vehicle_id, true
		from ev.vehicle_changes
		where kind = 'returned');--> statement-breakpoint
CREATE VIEW "ev"."cities" AS (
		select state, city, count(*)::int as vehicles,
			count(*) filter (where vehicle_type = 'BEV')::int as bev,
			round(count(*) filter (where vehicle_type = 'BEV')::numeric / count(*), 4) as bev_share
		from ev.vehicles
		where removed_at is null
		group by state, city);--> statement-breakpoint
CREATE VIEW "ev"."counties" AS (
		select state, county_fips, county, sum(vehicles)::int as vehicles,
			coalesce(sum(vehicles) filter (where vehicle_type = 'BEV'), 0)::int as bev,
			round(coalesce(sum(vehicles) filter (where vehicle_type = 'BEV'), 0)::numeric / nullif(sum(vehicles), 0), 4) as bev_share,
			sum(added + returned + moved_in - removed - moved_out)::int as change
		from ev.snapshot_counts
		where snapshot_at = (select max(snapshot_at) from ev.snapshots)
		group by state, county_fips, county);--> statement-breakpoint
CREATE VIEW "ev"."data_quality" AS (
		select column_name, unknown::int, round(unknown::numeric / nullif(vehicles, 0), 4) as share, zero_means
		from (
			select count(*) as vehicles, count(*) - count(county) as county, count(*) - count(city) as city, count(*) - count(state) as state, count(*) - count(postal_code) as postal_code, count(*) - count(model) as model, count(*) - count(cafv_eligibility) as cafv_eligibility, count(*) - count(electric_range_miles) as electric_range_miles, count(*) - count(base_msrp_usd) as base_msrp_usd, count(*) - count(legislative_district) as legislative_district, count(*) - count(longitude) as longitude, count(*) - count(electric_utilities) as electric_utilities, count(*) - count(census_tract) as census_tract
			from ev.vehicles
			where removed_at is null
		) as counted
			cross join lateral (values
				('county', county, null::text),
				('city', city, null::text),
				('state', state, null::text),
				('postal_code', postal_code, null::text),
				('model', model, null::text),
				('cafv_eligibility', cafv_eligibility, null::text),
				('electric_range_miles', electric_range_miles, 'not researched'::text),
				('base_msrp_usd', base_msrp_usd, 'unknown'::text),
				('legislative_district', legislative_district, null::text),
				('longitude', longitude, null::text),
				('electric_utilities', electric_utilities, null::text),
				('census_tract', census_tract, null::text)
			) as columns (column_name, unknown, zero_means));--> statement-breakpoint
CREATE VIEW "ev"."departures" AS (
		select changed_at as snapshot_at, dol_vehicle_id
		from ev.vehicle_changes
		where kind = 'removed');--> statement-breakpoint
CREATE VIEW "ev"."districts" AS (
		select legislative_district, count(*)::int as vehicles,
			count(*) filter (where vehicle_type = 'BEV')::int as bev,
			round(count(*) filter (where vehicle_type = 'BEV')::numeric / count(*), 4) as bev_share
		from ev.vehicles
		where removed_at is null
		group by legislative_district);--> statement-breakpoint
CREATE VIEW "ev"."makes" AS (
		select make, sum(vehicles)::int as vehicles,
			coalesce(sum(vehicles) filter (where vehicle_type = 'BEV'), 0)::int as bev,
			round(coalesce(sum(vehicles) filter (where vehicle_type = 'BEV'), 0)::numeric / nullif(sum(vehicles), 0), 4) as bev_share,
			sum(added + returned + moved_in - removed - moved_out)::int as change
		from ev.snapshot_counts
		where snapshot_at = (select max(snapshot_at) from ev.snapshots)
		group by make);--> statement-breakpoint
CREATE VIEW "ev"."model_years" AS (
		select model_year, sum(vehicles)::int as vehicles,
			coalesce(sum(vehicles) filter (where vehicle_type = 'BEV'), 0)::int as bev,
			round(coalesce(sum(vehicles) filter (where vehicle_type = 'BEV'), 0)::numeric / nullif(sum(vehicles), 0), 4) as bev_share,
			sum(added + returned + moved_in - removed - moved_out)::int as change
		from ev.snapshot_counts
		where snapshot_at = (select max(snapshot_at) from ev.snapshots)
		group by model_year);--> statement-breakpoint
CREATE VIEW "ev"."models" AS (
		select make, model, sum(vehicles)::int as vehicles,
			coalesce(sum(vehicles) filter (where vehicle_type = 'BEV'), 0)::int as bev,
			round(coalesce(sum(vehicles) filter (where vehicle_type = 'BEV'), 0)::numeric / nullif(sum(vehicles), 0), 4) as bev_share,
			sum(added + returned + moved_in - removed - moved_out)::int as change
		from ev.snapshot_counts
		where snapshot_at = (select max(snapshot_at) from ev.snapshots)
		group by make, model);--> statement-breakpoint
CREATE VIEW "ev"."moves" AS (
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
		where change.kind = 'changed' and change.old ? 'county');--> statement-breakpoint
CREATE VIEW "ev"."postal_codes" AS (
		select state, postal_code, count(*)::int as vehicles,
			count(*) filter (where vehicle_type = 'BEV')::int as bev,
			round(count(*) filter (where vehicle_type = 'BEV')::numeric / count(*), 4) as bev_share
		from ev.vehicles
		where removed_at is null
		group by state, postal_code);--> statement-breakpoint
CREATE VIEW "ev"."ranges" AS (
		select model_year, vehicle_type,
			count(electric_range_miles)::int as known,
			(count(*) - count(electric_range_miles))::int as unknown,
			percentile_cont(0.5) within group (order by electric_range_miles) as median_miles,
			max(electric_range_miles) as max_miles
		from ev.vehicles
		where removed_at is null
		group by model_year, vehicle_type);--> statement-breakpoint
CREATE VIEW "ev"."tracts" AS (
		select census_tract, count(*)::int as vehicles,
			count(*) filter (where vehicle_type = 'BEV')::int as bev,
			round(count(*) filter (where vehicle_type = 'BEV')::numeric / count(*), 4) as bev_share
		from ev.vehicles
		where removed_at is null
		group by census_tract);--> statement-breakpoint
-- Replaced, not dropped: others may have views of their own on it.
CREATE OR REPLACE VIEW "ev"."current_vehicles" AS (
		select dol_vehicle_id, vin_prefix, county, city, state, postal_code, model_year, make, model, vehicle_type, cafv_eligibility,
			electric_range_miles, base_msrp_usd, legislative_district, longitude, latitude, electric_utilities, census_tract,
			first_seen_at, last_changed_at,
			left(census_tract, 5) as county_fips,
			first_seen_at = (select min(snapshot_at) from ev.snapshots) as in_first_snapshot
		from "ev"."vehicles"
		where removed_at is null);
