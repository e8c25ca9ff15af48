/**
 * The statements of a replay, which builds the schema `ev` again beside itself: as `ev_next`, which takes its place by two
 * renames. What it replaces is `ev_old` until no transaction reads it any more. Run by migrate as the database's owner.
 */

/**
 * What is published now, and by which migrations it is stored: whatever changes it changes this sentence. $1: the replay's run.
 */
export const DESCRIBE_PUBLISHED = `
	select format(
		'Replay %s: %s snapshots, the latest of %s by run %s, from %s loads, with %s migrations',
		$1::text,
		count(*),
		max(snapshot_at) at time zone 'UTC',
		(array_agg(run_id order by snapshot_at desc))[1],
		(select count(*) from ev.runs where status = 'loaded'),
		(select count(*) from drizzle.__drizzle_migrations)
	) as token
	from ev.snapshots`;

/** The runs that made what is published, in the order in which they ended. */
export const LOADED_RUNS = `
	select run_id as "runId", manifest_key as "manifestKey", manifest_sha256 as "manifestSha256", accepted as accept
	from ev.runs
	where status = 'loaded'
	order by finished_at, started_at, run_id`;

export const COUNT_MIGRATIONS = "select count(*)::int as applied from drizzle.__drizzle_migrations";

/** Removes what an earlier replay left. */
export const DROP_OLD = "drop schema if exists ev_old cascade";
export const DROP_NEXT = "drop schema if exists ev_next cascade";

/** The migrations create `ev` by its name, so it makes way while they run; nobody sees that before the commit. */
export const PUT_ASIDE = "alter schema ev rename to ev_aside";
export const PUT_BACK = `
	alter schema ev rename to ev_next;
	alter schema ev_aside rename to ev`;

export const SWAP = `
	alter schema ev rename to ev_old;
	alter schema ev_next rename to ev`;

/** The sentence that a replay wrote on the schema that it builds; NULL where there is none. $1: the schema. */
export const READ_TOKEN = "select obj_description(to_regnamespace($1), 'pg_namespace') as token";

/**
 * What would be lost with the schema, since no migration makes it: what somebody added to it (columns, and so tables, views and
 * indexes; functions; triggers), and views and foreign keys elsewhere that depend on it.
 */
export const FIND_FOREIGN_OBJECTS = `
	select format('%s.%s', relation.relname, attname) as name
	from pg_class as relation join pg_attribute on attrelid = relation.oid
	where relnamespace = 'ev'::regnamespace and not attisdropped and not exists (
		select from pg_class as next join pg_attribute as same on same.attrelid = next.oid
		where next.relnamespace = 'ev_next'::regnamespace
			and next.relname = relation.relname and same.attname = pg_attribute.attname and not same.attisdropped
	)
	union
	select proname
	from pg_proc
	where pronamespace = 'ev'::regnamespace and proname not in (
		select proname from pg_proc where pronamespace = 'ev_next'::regnamespace
	)
	union
	select tgname
	from pg_trigger join pg_class on pg_class.oid = tgrelid
	where relnamespace = 'ev'::regnamespace and not tgisinternal and tgname not in (
		select tgname from pg_trigger join pg_class on pg_class.oid = tgrelid where relnamespace = 'ev_next'::regnamespace
	)
	union
	select view.oid::regclass::text
	from pg_depend
		join pg_class as base on refclassid = 'pg_class'::regclass and refobjid = base.oid
		join pg_rewrite on classid = 'pg_rewrite'::regclass and objid = pg_rewrite.oid
		join pg_class as view on view.oid = ev_class
	where base.relnamespace = 'ev'::regnamespace and view.relnamespace <> base.relnamespace
	union
	select conrelid::regclass::text
	from pg_constraint join pg_class as base on base.oid = confrelid join pg_class as own on own.oid = conrelid
	where base.relnamespace = 'ev'::regnamespace and own.relnamespace <> base.relnamespace
	order by name`;

/** Snapshots that the replay lacks, has in addition, or read with another number of rows. */
export const FIND_DIFFERENCES = `
	select snapshot_at as "snapshotAt", old.rows as published, next.rows as replayed
	from ev.snapshots as old full join ev_next.snapshots as next using (snapshot_at)
	where old.rows is distinct from next.rows
	order by snapshot_at`;

/** Runs were loaded at another time than they were replayed. */
export const CARRY_TIMES = `
	update ev_next.runs as next
	set started_at = old.started_at, finished_at = old.finished_at
	from ev.runs as old
	where next.run_id = old.run_id`;

/** Runs that loaded nothing are not replayed. Both tables have the same columns, since the same migrations made them. */
export const CARRY_RUNS = `
	with carried as (
		insert into ev_next.runs
		select * from ev.runs as old where not exists (select from ev_next.runs as next where next.run_id = old.run_id)
		returning run_id
	)
	insert into ev_next.rejected_rows (run_id, page, line, dol_vehicle_id, reason, raw)
	select run_id, page, line, dol_vehicle_id, reason, raw
	from ev.rejected_rows join carried using (run_id)
	order by rejected_row_id`;

/** Gives everybody the privileges on the new schema and its tables that they have on the old ones. */
export const CARRY_GRANTS = `
	do $$
	declare
		statement text;
	begin
		for statement in
			select format('grant %s on schema ev_next to %s', privilege_type, role)
			from pg_namespace, aclexplode(nspacl) as acl,
				lateral (select case grantee when 0 then 'public' else grantee::regrole::text end as role)
			where nspname = 'ev'
			union all
			select format('grant %s on ev_next.%I to %s', privilege_type, relname, role)
			from pg_class, aclexplode(relacl) as acl,
				lateral (select case grantee when 0 then 'public' else grantee::regrole::text end as role)
			where relnamespace = 'ev'::regnamespace and relkind in ('r', 'v')
		loop
			execute statement;
		end loop;
	end $$`;

/** Readers are to find statistics at once. */
export const ANALYZE_NEXT =
	"analyze ev_next.vehicles, ev_next.vehicle_changes, ev_next.snapshots, ev_next.snapshot_counts, ev_next.runs";
