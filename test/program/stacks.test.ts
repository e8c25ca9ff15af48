/** How the two stacks differ, so that all other tests need to look at one of them only. */

import { expect } from "chai";
import type { ProgramRecord, RecordedResource } from "../../local/program/record";
import { BUCKET, DATABASE, KEY, LOG_GROUP, nameOf, SECRET, useProgram, VPC } from "../support/use-program";

type Values = Record<string, unknown>;

/** By resource and property: the values of dev and of prod. */
const DIFFERENCES: Record<string, Record<string, [dev: unknown, prod: unknown]>> = {
	// Prod survives the loss of a zone.
	[`${VPC} ev`]: { "inputs.natGateways.strategy": ["Single", "OnePerAz"] },
	"aws:ec2/vpcEndpoint:VpcEndpoint secrets": { "inputs.subnetIds.1": [undefined, "ev's second isolated subnet"] },
	[`${DATABASE} ev`]: {
		"inputs.multiAz": [false, true],
		"inputs.instanceClass": ["db.t4g.micro", "db.t4g.small"],
		"inputs.allocatedStorage": [20, 50],
		"inputs.maxAllocatedStorage": [100, 200],
		"inputs.backupRetentionPeriod": [7, 14],
		// Prod survives a mistake.
		protect: [false, true],
		"inputs.deletionProtection": [false, true],
		"inputs.skipFinalSnapshot": [true, false],
		"inputs.finalSnapshotIdentifier": [undefined, "ev-registrations-STACK-ev-f45c52f-final"],
	},
	[`${KEY} ev`]: { protect: [false, true], retained: [false, true], "inputs.deletionWindowInDays": [7, 30] },
	...each(BUCKET, ["access-log", "raw", "site"], { protect: [false, true], "inputs.forceDestroy": [true, false] }),
	...each(SECRET, ["database", "pipeline", "reader", "source"], { "inputs.recoveryWindowInDays": [0, 30] }),
	...each(
		LOG_GROUP,
		[
			"export",
			"extract",
			"load",
			"migrate",
			"network",
			"notify",
			"postgresql",
			"report",
			"rotate",
			"upgrade",
			"workflow",
		],
		{ "inputs.retentionInDays": [14, 365] },
	),
	"aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration access-log": {
		"inputs.rules.0.expiration.days": [14, 365],
	},
	"aws:cloudwatch/metricAlarm:MetricAlarm database-storage": {
		"inputs.threshold": [0.05 * 20 * 1024 ** 3, 0.05 * 50 * 1024 ** 3],
	},
};

describe("the stacks", () => {
	const dev = useProgram("dev");
	const prod = useProgram("prod");

	it("declare the same resources", () => {
		const names = ({ resources }: ProgramRecord) => resources.map(nameOf).map(withoutStack);
		expect(names(prod.record())).to.have.members(names(dev.record()));
	});

	it("differ only in size, redundancy, retention and protection", () => {
		const [ofDev, ofProd] = [valuesOf(dev.record()), valuesOf(prod.record())];
		const found: typeof DIFFERENCES = {};
		for (const [name, values] of Object.entries(ofDev))
			for (const property of new Set([...Object.keys(values), ...Object.keys(ofProd[name] ?? {})])) {
				const [here, there] = [values[property], ofProd[name]?.[property]];
				if (here !== there) found[name] = { ...found[name], [property]: [here, there] };
			}
		const endpoint = found["aws:ec2/vpcEndpoint:VpcEndpoint secrets"]?.["inputs.subnetIds.1"];
		if (endpoint?.[1] === prod.one(VPC).state.isolatedSubnetIds[1]) endpoint![1] = "ev's second isolated subnet";
		// All parts of a bucket stay with it.
		for (const [name, properties] of Object.entries(found))
			if (name.startsWith("aws:s3/bucket")) {
				expect(properties.retained, name).to.deep.equal([false, true]);
				delete properties.retained;
				if (Object.keys(properties).length === 0) delete found[name];
			}
		expect(found).to.deep.equal(DIFFERENCES);
	});

	it("keep every part of a bucket only in prod", () => {
		const retained = ({ resources }: ProgramRecord) => resources.filter((resource) => resource.retained);
		const parts = prod.record().resources.filter(({ type }) => type.startsWith("aws:s3/bucket"));
		expect(retained(prod.record())).to.have.members([...parts, prod.one(KEY)]);
		expect(retained(dev.record())).to.deep.equal([]);
	});
});

function each(type: string, names: string[], difference: (typeof DIFFERENCES)[string]): typeof DIFFERENCES {
	return Object.fromEntries(names.map((name) => [`${type} ${name}`, difference]));
}

/** What is declared of each resource, property by property, with the stack's own name left out. */
function valuesOf({ resources }: ProgramRecord): Record<string, Values> {
	const declared = ({ inputs, secretInputs, dependsOn, parent, protect, retained }: RecordedResource) =>
		flatten({ inputs, secretInputs, dependsOn: dependsOn.toSorted(), parent, protect, retained });
	return Object.fromEntries(resources.map((resource) => [withoutStack(nameOf(resource)), declared(resource)]));
}

/** `{ a: [{ b: 1 }] }` → `{ "a.0.b": 1 }`; JSON inside a text stays a text. */
function flatten(value: unknown, path = ""): Values {
	if (value === null || typeof value !== "object")
		return { [path]: typeof value === "string" ? withoutStack(value) : value };
	if (Object.keys(value).length === 0) return { [path]: JSON.stringify(value) };
	const parts = Object.entries(value).map(([name, part]) => flatten(part, path ? `${path}.${name}` : name));
	return Object.assign({}, ...parts);
}

function withoutStack(text: string): string {
	return text.replaceAll(/\b(dev|prod)\b/g, "STACK");
}
