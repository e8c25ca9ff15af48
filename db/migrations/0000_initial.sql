CREATE SCHEMA "ev";
--> statement-breakpoint
CREATE TABLE "ev"."rejected_rows" (
	"rejected_row_id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "ev"."rejected_rows_rejected_row_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"run_id" text NOT NULL,
	"page" integer NOT NULL,
	"line" integer NOT NULL,
	"dol_vehicle_id" bigint,
	"reason" text NOT NULL,
	"raw" "bytea" NOT NULL
);
--> statement-breakpoint
CREATE TABLE "ev"."runs" (
	"run_id" text PRIMARY KEY NOT NULL,
	"manifest_key" text NOT NULL,
	"status" text NOT NULL,
	"started_at" timestamp with time zone NOT NULL,
	"finished_at" timestamp with time zone,
	"snapshot_at" timestamp with time zone,
	"rows" integer,
	"added" integer,
	"returned" integer,
	"changed" integer,
	"regeocoded" integer,
	"unchanged" integer,
	"duplicates" integer,
	"rejected" integer,
	"removed" integer,
	"accepted" text[] NOT NULL,
	"notes" text[] NOT NULL,
	"error" text,
	"message" text,
	CONSTRAINT "runs_status" CHECK ("ev"."runs"."status" in ('running', 'loaded', 'unchanged', 'failed', 'abandoned'))
);
--> statement-breakpoint
CREATE TABLE "ev"."snapshots" (
	"snapshot_at" timestamp with time zone PRIMARY KEY NOT NULL,
	"manifest_key" text NOT NULL,
	"rows" integer NOT NULL,
	"added" integer NOT NULL,
	"returned" integer NOT NULL,
	"changed" integer NOT NULL,
	"regeocoded" integer NOT NULL,
	"removed" integer NOT NULL,
	"by_type" jsonb NOT NULL,
	"by_county" jsonb NOT NULL,
	"run_id" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "ev"."vehicle_changes" (
	"dol_vehicle_id" bigint NOT NULL,
	"changed_at" timestamp with time zone NOT NULL,
	"kind" text NOT NULL,
	"old" jsonb NOT NULL,
	"new" jsonb NOT NULL,
	CONSTRAINT "vehicle_changes_dol_vehicle_id_changed_at_pk" PRIMARY KEY("dol_vehicle_id","changed_at"),
	CONSTRAINT "vehicle_changes_kind" CHECK ("ev"."vehicle_changes"."kind" in ('changed', 'removed', 'returned'))
);
--> statement-breakpoint
CREATE TABLE "ev"."vehicles" (
	"dol_vehicle_id" bigint PRIMARY KEY NOT NULL,
	"row_hash" bigint NOT NULL,
	"first_seen_at" timestamp with time zone NOT NULL,
	"last_changed_at" timestamp with time zone NOT NULL,
	"removed_at" timestamp with time zone,
	"vin_prefix" text NOT NULL,
	"county" text,
	"city" text,
	"state" text,
	"postal_code" text,
	"model_year" smallint NOT NULL,
	"make" text NOT NULL,
	"model" text,
	"vehicle_type" text NOT NULL,
	"cafv_eligibility" text,
	"electric_range_miles" integer,
	"base_msrp_usd" integer,
	"legislative_district" text,
	"longitude" double precision,
	"latitude" double precision,
	"electric_utilities" text[],
	"census_tract" text,
	CONSTRAINT "vehicles_vehicle_type" CHECK ("ev"."vehicles"."vehicle_type" in ('BEV', 'PHEV'))
);
--> statement-breakpoint
ALTER TABLE "ev"."rejected_rows" ADD CONSTRAINT "rejected_rows_run_id_runs_run_id_fk" FOREIGN KEY ("run_id") REFERENCES "ev"."runs"("run_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "ev"."snapshots" ADD CONSTRAINT "snapshots_run_id_runs_run_id_fk" FOREIGN KEY ("run_id") REFERENCES "ev"."runs"("run_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "ev"."vehicle_changes" ADD CONSTRAINT "vehicle_changes_dol_vehicle_id_vehicles_dol_vehicle_id_fk" FOREIGN KEY ("dol_vehicle_id") REFERENCES "ev"."vehicles"("dol_vehicle_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "rejected_rows_run_id" ON "ev"."rejected_rows" USING btree ("run_id");--> statement-breakpoint
CREATE INDEX "runs_started_at" ON "ev"."runs" USING btree ("started_at");--> statement-breakpoint
CREATE INDEX "vehicle_changes_changed_at" ON "ev"."vehicle_changes" USING btree ("changed_at");--> statement-breakpoint
CREATE INDEX "vehicles_make_model" ON "ev"."vehicles" USING btree ("make","model");--> statement-breakpoint
CREATE INDEX "vehicles_county" ON "ev"."vehicles" USING btree ("county");--> statement-breakpoint
CREATE INDEX "vehicles_postal_code" ON "ev"."vehicles" USING btree ("postal_code");--> statement-breakpoint
CREATE VIEW "ev"."current_vehicles" AS (select "dol_vehicle_id", "vin_prefix", "county", "city", "state", "postal_code", "model_year", "make", "model", "vehicle_type", "cafv_eligibility", "electric_range_miles", "base_msrp_usd", "legislative_district", "longitude", "latitude", "electric_utilities", "census_tract", "first_seen_at", "last_changed_at" from "ev"."vehicles" where "ev"."vehicles"."removed_at" is null);