/** The buckets; that they are private, versioned and encrypted, the controls ask (controls.test.ts). */

import { expect } from "chai";
import { statementsOf } from "../support/policies";
import { BUCKET, useProgram } from "../support/use-program";

const LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration";

describe("the buckets", () => {
	const { one, arnOf } = useProgram("dev");

	it("never delete a snapshot", () => {
		const { rules } = one(LIFECYCLE, "raw").inputs;
		expect(rules).to.not.deep.equal([]);
		for (const rule of rules) expect(rule).to.not.have.any.keys("expiration", "noncurrentVersionExpiration");
	});

	it("log access to raw data, and delete that log after a time", () => {
		expect(one("aws:s3/bucketLogging:BucketLogging").inputs).to.deep.equal({
			bucket: one(BUCKET, "raw").id,
			targetBucket: one(BUCKET, "access-log").id,
			targetPrefix: "raw/",
		});
		const [rule] = one(LIFECYCLE, "access-log").inputs.rules;
		expect(rule).to.deep.include({ status: "Enabled", expiration: { days: 14 } });
	});

	it("let only S3 write the access log, for raw alone", () => {
		const { policy } = one("aws:s3/bucketPolicy:BucketPolicy", "access-log").inputs;
		expect(statementsOf(policy).filter(({ Effect }) => Effect === "Allow")).to.deep.equal([
			{
				Sid: "Delivery",
				Effect: "Allow",
				Principal: { Service: "logging.s3.amazonaws.com" },
				Action: "s3:PutObject",
				Resource: `${arnOf(BUCKET, "access-log")}/raw/*`,
				Condition: {
					ArnEquals: { "aws:SourceArn": arnOf(BUCKET, "raw") },
					StringEquals: { "aws:SourceAccount": "000000000000" },
				},
			},
		]);
	});
});
