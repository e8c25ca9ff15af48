-- The register as it was: every vehicle that was registered at a time, with the values that it had then. All columns but the
-- point, whose changes are not kept. The body is bound to the tables and not to their names, so that it follows a replay's swap.
CREATE FUNCTION "ev"."vehicles_at"("at" timestamp with time zone) RETURNS TABLE (
	"dol_vehicle_id" bigint,
	"vin_prefix" text,
	"county" text,
	"city" text,
	"state" text,
	"postal_code" text,
	"model_year" smallint,
	"make" text,
	"model" text,
	"vehicle_type" text,
	"cafv_eligibility" text,
	"electric_range_miles" integer,
	"base_msrp_usd" integer,
	"legislative_district" text,
	"electric_utilities" text[],
	"census_tract" text,
	"county_fips" text,
	"first_seen_at" timestamp with time zone
) LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	WITH "presence" AS (
		SELECT DISTINCT ON ("dol_vehicle_id") "dol_vehicle_id", "kind"
		FROM "ev"."vehicle_changes"
		WHERE "changed_at" <= "at" AND "kind" IN ('removed', 'returned')
		ORDER BY "dol_vehicle_id", "changed_at" DESC
	),
	-- Of each column that changed later, the value before the first of these changes.
	"earlier_values" AS (
		SELECT DISTINCT ON ("dol_vehicle_id", "name") "dol_vehicle_id", "name", "value"
		FROM "ev"."vehicle_changes" CROSS JOIN jsonb_each("old") AS "changed" ("name", "value")
		WHERE "changed_at" > "at"
		ORDER BY "dol_vehicle_id", "name", "changed_at"
	),
	"earlier" AS (
		SELECT "dol_vehicle_id", jsonb_object_agg("name", "value") AS "values" FROM "earlier_values" GROUP BY "dol_vehicle_id"
	),
	"then" AS (
		SELECT "present".*
		FROM "ev"."vehicles" AS "present"
		WHERE "first_seen_at" <= "at" AND NOT EXISTS (SELECT FROM "earlier" WHERE "earlier"."dol_vehicle_id" = "present"."dol_vehicle_id")
		UNION ALL
		SELECT "past".*
		FROM "ev"."vehicles" AS "present"
			JOIN "earlier" USING ("dol_vehicle_id")
			CROSS JOIN LATERAL jsonb_populate_record("present", "earlier"."values") AS "past"
		WHERE "present"."first_seen_at" <= "at"
	)
	SELECT "then"."dol_vehicle_id", "then"."vin_prefix", "then"."county", "then"."city", "then"."state", "then"."postal_code", "then"."model_year", "then"."make", "then"."model", "then"."vehicle_type", "then"."cafv_eligibility", "then"."electric_range_miles", "then"."base_msrp_usd", "then"."legislative_district", "then"."electric_utilities", "then"."census_tract", left("then"."census_tract", 5), "then"."first_seen_at"
	FROM "then" LEFT JOIN "presence" USING ("dol_vehicle_id")
	WHERE "presence"."kind" IS DISTINCT FROM 'removed';
END;
