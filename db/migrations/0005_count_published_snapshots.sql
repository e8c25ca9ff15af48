-- Counts what was published before the table of counts was there, from the history: every load since then counts its own.
INSERT INTO "ev"."snapshot_counts"
WITH "events" AS (
	SELECT
		"change"."dol_vehicle_id",
		"change"."changed_at",
		"change"."kind" <> 'removed' AS "is_there",
		coalesce(lag("change"."kind") OVER "history" <> 'removed', true) AS "was_there",
		jsonb_populate_record("vehicle", "later"."values" || "change"."old") AS "before",
		jsonb_populate_record("vehicle", "later"."values") AS "after"
	FROM "ev"."vehicle_changes" AS "change"
		JOIN "ev"."vehicles" AS "vehicle" USING ("dol_vehicle_id")
		CROSS JOIN LATERAL (
			SELECT coalesce(jsonb_object_agg("name", "value"), '{}') AS "values"
			FROM (
				SELECT DISTINCT ON ("name") "name", "value"
				FROM "ev"."vehicle_changes" AS "next" CROSS JOIN jsonb_each("next"."old") AS "changed" ("name", "value")
				WHERE "next"."dol_vehicle_id" = "change"."dol_vehicle_id" AND "next"."changed_at" > "change"."changed_at"
				ORDER BY "name", "next"."changed_at"
			) AS "earliest"
		) AS "later"
	WINDOW "history" AS (PARTITION BY "change"."dol_vehicle_id" ORDER BY "change"."changed_at")
),
"moves" AS (
	SELECT "changed_at", "before", "after"
	FROM "events"
	WHERE "was_there" AND "is_there" AND
		ROW(("before")."state", left(("before")."census_tract", 5), ("before")."county", ("before")."make", ("before")."model", ("before")."model_year", ("before")."vehicle_type")
		IS DISTINCT FROM
		ROW(("after")."state", left(("after")."census_tract", 5), ("after")."county", ("after")."make", ("after")."model", ("after")."model_year", ("after")."vehicle_type")
),
"first_events" AS (
	SELECT DISTINCT ON ("dol_vehicle_id") "dol_vehicle_id", "before" FROM "events" ORDER BY "dol_vehicle_id", "changed_at"
),
"arrivals" AS (
	SELECT "vehicle"."first_seen_at" AS "snapshot_at", coalesce("first_events"."before", "vehicle") AS "cell"
	FROM "ev"."vehicles" AS "vehicle" LEFT JOIN "first_events" USING ("dol_vehicle_id")
),
"flows" AS (
	SELECT "snapshot_at", "cell", 1 AS "added", 0 AS "returned", 0 AS "removed", 0 AS "moved_in", 0 AS "moved_out" FROM "arrivals"
	UNION ALL
	SELECT "changed_at", "after", 0, 1, 0, 0, 0 FROM "events" WHERE "is_there" AND NOT "was_there"
	UNION ALL
	SELECT "changed_at", "before", 0, 0, 1, 0, 0 FROM "events" WHERE "was_there" AND NOT "is_there"
	UNION ALL
	SELECT "changed_at", "after", 0, 0, 0, 1, 0 FROM "moves"
	UNION ALL
	SELECT "changed_at", "before", 0, 0, 0, 0, 1 FROM "moves"
),
"counted" AS (
	SELECT
		"snapshot_at",
		("cell")."state",
		left(("cell")."census_tract", 5) AS "county_fips",
		("cell")."county",
		("cell")."make",
		("cell")."model",
		("cell")."model_year",
		("cell")."vehicle_type",
		sum("added") AS "added",
		sum("returned") AS "returned",
		sum("removed") AS "removed",
		sum("moved_in") AS "moved_in",
		sum("moved_out") AS "moved_out"
	FROM "flows"
	GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
),
-- Zeros for each later snapshot, so that the vehicles of a cell add up in every snapshot.
"filled" AS (
	SELECT * FROM "counted"
	UNION ALL
	SELECT DISTINCT
		"snapshot"."snapshot_at", "state", "county_fips", "county", "make", "model", "model_year", "vehicle_type", 0, 0, 0, 0, 0
	FROM "counted" JOIN "ev"."snapshots" AS "snapshot" ON "snapshot"."snapshot_at" > "counted"."snapshot_at"
),
"per_snapshot" AS (
	SELECT
		"snapshot_at", "state", "county_fips", "county", "make", "model", "model_year", "vehicle_type",
		sum("added") AS "added",
		sum("returned") AS "returned",
		sum("removed") AS "removed",
		sum("moved_in") AS "moved_in",
		sum("moved_out") AS "moved_out"
	FROM "filled"
	GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
),
"summed" AS (
	SELECT
		"snapshot_at", "state", "county_fips", "county", "make", "model", "model_year", "vehicle_type",
		sum("added" + "returned" + "moved_in" - "removed" - "moved_out") OVER (
			PARTITION BY "state", "county_fips", "county", "make", "model", "model_year", "vehicle_type" ORDER BY "snapshot_at"
		) AS "vehicles",
		"added", "returned", "removed", "moved_in", "moved_out"
	FROM "per_snapshot"
)
SELECT * FROM "summed" WHERE "vehicles" + "added" + "returned" + "removed" + "moved_in" + "moved_out" > 0;
