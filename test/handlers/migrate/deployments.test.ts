/** migrate during a deployment: what it waits for, reads again and notices. */

import { expect } from "chai";
import { Client } from "pg";
import sinon from "sinon";
import { entries } from "../../../db/migrations/meta/_journal.json";
import { clientConfig } from "../../../local/machine/postgres";
import { failed } from "../../support/assertions";
import { migrateInto, type TestBed, type TestDatabase, testBed } from "../../support/bed";

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
		const [reader] = await database.query<{ limit: number; settings: string[] }>(
			"select rolconnlimit as limit, rolconfig as settings from pg_roles where rolname = 'ev_reader'",
		);
		expect(reader!.limit).to.equal(50);
		expect(reader!.settings).to.include.members([
			"default_transaction_read_only=on",
			"statement_timeout=10min",
			"idle_in_transaction_session_timeout=5min",
		]);
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
