/** The buckets; that they are private, versioned and encrypted, the controls ask (controls.test.ts). */

import { expect } from "chai";
import { statementsOf } from "../support/policies";
import { BUCKET, useProgram } from "../support/use-program";

const LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration";

const LOGGED = ["raw", "site"];

describe("the buckets", () => {
	const { one, arnOf } = useProgram("dev");

	it("never delete a snapshot", () => {
		const { rules } = one(LIFECYCLE, "raw").inputs;
		expect(rules).to.not.deep.equal([]);
		for (const rule of rules) expect(rule).to.not.have.any.keys("expiration", "noncurrentVersionExpiration");
	});

	it("forget old versions of the page, and nothing that is current", () => {
		const [rule, ...more] = one(LIFECYCLE, "site").inputs.rules;
		expect(more).to.deep.equal([]);
		expect(rule).to.deep.include({ status: "Enabled", noncurrentVersionExpiration: { noncurrentDays: 30 } });
		expect(rule).to.not.have.any.keys("expiration");
	});

	it("log access to raw data and to the site, and delete that log after a time", () => {
		for (const name of LOGGED)
			expect(one("aws:s3/bucketLogging:BucketLogging", name).inputs).to.deep.equal({
				bucket: one(BUCKET, name).id,
				targetBucket: one(BUCKET, "access-log").id,
				targetPrefix: `${name}/`,
			});
		const [rule] = one(LIFECYCLE, "access-log").inputs.rules;
		expect(rule).to.deep.include({ status: "Enabled", expiration: { days: 14 } });
	});

	it("let only S3 write the access log, each bucket's below its name", () => {
		const { policy } = one("aws:s3/bucketPolicy:BucketPolicy", "access-log").inputs;
		expect(statementsOf(policy).filter(({ Effect }) => Effect === "Allow")).to.deep.equal(
			LOGGED.map((name) => ({
				Sid: `Delivery${name}`,
				Effect: "Allow",
				Principal: { Service: "logging.s3.amazonaws.com" },
				Action: "s3:PutObject",
				Resource: `${arnOf(BUCKET, "access-log")}/${name}/*`,
				Condition: {
					ArnEquals: { "aws:SourceArn": arnOf(BUCKET, name) },
					StringEquals: { "aws:SourceAccount": "000000000000" },
				},
			})),
		);
	});
});
