-- Room on each page for a new version of its rows: when a month re-geocodes nearly every point, the updates stay on
-- their pages and no index is touched. Drizzle has no word for storage parameters.
ALTER TABLE "ev"."vehicles" SET (fillfactor = 60);
