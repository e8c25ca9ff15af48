/** Secrets: none in the program's state, and passwords that are replaced. */

import { expect } from "chai";
import { BUCKET, DATABASE, SECRET, useProgram } from "../support/use-program";

const VERSION = "aws:secretsmanager/secretVersion:SecretVersion";
const ROTATION = "aws:secretsmanager/secretRotation:SecretRotation";

describe("the secrets", () => {
	const { record, one, all, lambda } = useProgram("dev");

	it("hold no value in the state but the raw bucket's name", () => {
		const { inputs } = one(VERSION);
		expect(inputs.secretId).to.equal(one(SECRET, "pipeline").id);
		expect(JSON.parse(inputs.secretString)).to.deep.equal({ bucket: one(BUCKET, "raw").id });
	});

	it("are marked secret in one input, and reach no other", () => {
		const marked = record().resources.filter(({ secretInputs }) => secretInputs.length > 0);
		expect(marked.map(({ type, secretInputs }) => [type, ...secretInputs])).to.deep.equal([[VERSION, "secretString"]]);
	});

	it("leave the master password to RDS", () => {
		const { inputs } = one(DATABASE);
		expect(inputs).to.include({ manageMasterUserPassword: true }).and.not.have.any.keys("password", "passwordWo");
	});

	it("of database users are rotated every 30 days, not at once", () => {
		const rotations = all(ROTATION).map(({ name, inputs }) => [name, inputs]);
		const rotation = (name: string) => ({
			secretId: one(SECRET, name).id,
			rotationLambdaArn: lambda("rotate").state.arn,
			rotateImmediately: false,
			rotationRules: { automaticallyAfterDays: 30 },
		});
		expect(Object.fromEntries(rotations)).to.deep.equal({
			database: rotation("database"),
			reader: rotation("reader"),
		});
	});
});
