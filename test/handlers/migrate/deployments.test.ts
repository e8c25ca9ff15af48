/** migrate during a deployment: what it waits for, reads again and notices. */

import { expect } from "chai";
import { Client } from "pg";
import sinon from "sinon";
import { entries } from "../../../db/migrations/meta/_journal.json";
import { READERS } from "../../../db/roles";
import { clientConfig } from "../../../local/machine/postgres";
import { failed } from "../../support/assertions";
import { migrateInto, type TestBed, type TestDatabase, testBed } from "../../support/bed";
import { vehicles } from "../../support/snapshots";

const MASTER = "arn:master";

describe("migrate", function () {
	this.timeout(60_000);
	let bed: TestBed;
	let database: TestDatabase;

	before(async () => {
		bed = await testBed();
	});
	beforeEach(async () => {
		database = await bed.newDatabase();
	});
	afterEach(() => sinon.restore());

	it("has migrations in the order in which they are applied", () => {
		const times = entries.map(({ when }) => when);
		expect(times).to.deep.equal([...new Set(times)].sort((a, b) => a - b));
	});

	it("fails if it skipped a migration that is older than one before it", async () => {
		const [{ tag, when }] = entries.slice(2) as [(typeof entries)[number]];
		await database.query("delete from drizzle.__drizzle_migrations where created_at = $1", [when]);
		const error = await failed(migrateInto(bed, database.name));
		expect(error.name).to.equal("MigrationFailed");
		expect(error.message).to.equal(
			`The migration failed: ${tag} is older than a migration that was applied before it, so it was skipped; delete it and generate it again with \`npm run db:generate\`.`,
		);
	});

	it("reads the master password again if RDS replaced it meanwhile", async () => {
		const secret = bed.aws.secrets.get<{ password: string }>(MASTER)!;
		bed.aws.secrets.put(MASTER, { ...secret, password: "replaced-since" });
		const connect = Client.prototype.connect;
		const spy = sinon.stub(Client.prototype, "connect").callsFake(function (this: Client) {
			bed.aws.secrets.put(MASTER, secret);
			return (connect as () => Promise<Client>).call(this);
		});
		expect(await migrateInto(bed, database.name)).to.deep.equal({ applied: 0, newPasswords: [] });
		expect(spy.callCount).to.be.above(1);
	});

	it("limits what readers can hold up", async () => {
		const readers = await database.query<{ limit: number; settings: string[] }>(
			"select rolconnlimit as limit, rolconfig as settings from pg_roles where rolname = any ($1)",
			[READERS],
		);
		expect(readers).to.have.length(2);
		for (const { limit, settings } of readers) {
			expect(limit, "two of these leave load its sessions").to.equal(30);
			expect(settings).to.include.members([
				"default_transaction_read_only=on",
				"statement_timeout=10min",
				"idle_in_transaction_session_timeout=5min",
			]);
		}
	});

	it("gives both readers the same rights, also through a replay", async () => {
		await database.load({ day: 0, pages: [vehicles(1, 2)] });
		for (const step of [async () => {}, () => database.replay()]) {
			await step();
			const [first, second] = await rightsOf(database, READERS);
			expect(first).to.have.length.above(10);
			expect(second).to.deep.equal(first);
		}
	});

	it("waits for another deployment's migration longer than for a table", async () => {
		const other = new Client(clientConfig(bed.postgres, database.name, bed.owner));
		await other.connect();
		await other.query("select pg_advisory_lock(25974, 1835624306)");
		const statements: string[] = [];
		const query = Client.prototype.query;
		sinon.stub(Client.prototype, "query").callsFake(function (this: Client, ...args: unknown[]) {
			if (typeof args[0] === "string") statements.push(args[0]);
			return query.apply(this, args as never);
		});
		const migrated = migrateInto(bed, database.name);
		while (!statements.some((text) => text.includes("pg_advisory_lock")))
			await new Promise((done) => setTimeout(done, 20));
		expect(statements.filter((text) => text.includes("lock_timeout"))).to.deep.equal([]);
		await other.end();
		await migrated;
		expect(statements.filter((text) => text.includes("lock_timeout"))).to.not.deep.equal([]);
	});
});

/** All that each role may do in a database, what it is a member of, and its attributes. */
async function rightsOf(database: TestDatabase, roles: readonly string[]): Promise<string[][]> {
	const rows = await database.query<{ role: string; granted: string }>(
		`with granted (name, acl) as (
			select 'database', datacl from pg_database where datname = current_database()
			union all select 'schema ' || nspname, nspacl from pg_namespace
			union all select oid::regclass::text, relacl from pg_class
			union all select oid::regprocedure::text, proacl from pg_proc
		)
		select grantee::regrole::text as role, privilege_type || ' on ' || name as granted
		from granted, aclexplode(acl)
		union all select member::regrole::text, 'member of ' || roleid::regrole from pg_auth_members
		union all select rolname, (to_jsonb(r) - '{oid,rolname,rolpassword}'::text[])::text from pg_roles as r
		order by granted`,
	);
	return roles.map((role) => rows.filter((row) => row.role === role).map(({ granted }) => granted));
}
