ALTER TABLE "ev"."runs" ADD COLUMN "manifest_sha256" text;--> statement-breakpoint
ALTER TABLE "ev"."snapshots" ADD COLUMN "manifest_sha256" text;--> statement-breakpoint
ALTER TABLE "ev"."snapshots" ADD COLUMN "transform_version" integer;