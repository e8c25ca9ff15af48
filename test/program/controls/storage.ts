/**
 * Controls on buckets. https://docs.aws.amazon.com/securityhub/latest/userguide/s3-controls.html
 * Checkov's are listed at https://www.checkov.io/5.Policy%20Index/terraform.html
 */

import type { ProgramRecord, RecordedResource } from "../../../local/program/record";
import { control, of, partOf, set, within, without } from "./control";
import { allowed, asksForTls, isAnyone, refusingNothing, stating } from "./policies";

const buckets = of("aws:s3/bucket:Bucket");
const part = (kind: string) => partOf(`aws:s3/bucket${kind}:Bucket${kind}`, "bucket");
const [block, ownership, versioning] = [part("PublicAccessBlock"), part("OwnershipControls"), part("Versioning")];
const [encryption, lifecycle] = [part("ServerSideEncryptionConfiguration"), part("LifecycleConfiguration")];
const [policy, logging, acl] = [part("Policy"), part("Logging"), part("Acl")];

const BLOCKS = ["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"];
/** Whether neither an ACL nor the policy lets anybody in from outside. */
const isShut = (bucket: RecordedResource, record: ProgramRecord) =>
	!["public-read", "public-read-write"].includes(bucket.inputs.acl) &&
	!acl(bucket, record) &&
	!allowed(policy(bucket, record)?.inputs.policy).some(isAnyone);
const openPolicy = within(policy, stating({ Principal: "*" }));

interface LifecycleRule {
	status: string;
	filter?: Record<string, unknown>;
	abortIncompleteMultipartUpload?: object;
}
const isOfAll = ({ filter = {} }: LifecycleRule) => Object.values(filter).every((value) => !value);
const algorithm = "rules.0.applyServerSideEncryptionByDefault";

export const STORAGE = [
	// Security Hub asks S3.1 of the account; here each bucket has it, whatever the account says.
	control(
		"S3.1 S3.8 CKV_AWS_53 CKV_AWS_54 CKV_AWS_55 CKV_AWS_56",
		"blocks all public access",
		buckets,
		(bucket, record) => BLOCKS.every((name) => block(bucket, record)?.inputs[name] === true),
		...BLOCKS.map((name) => within(block, set(name, false))),
		without(block),
	),
	control(
		"S3.2 CKV_AWS_20 S3.3 CKV_AWS_57",
		"lets the public read and write nothing",
		buckets,
		isShut,
		set("acl", "public-read"),
		set("acl", "public-read-write"),
		openPolicy,
	),
	control(
		"S3.5",
		"is reached over TLS alone",
		buckets,
		({ state, ...bucket }, record) =>
			asksForTls(policy({ state, ...bucket }, record)?.inputs.policy, ["s3:*"], [state.arn, `${state.arn}/*`]),
		within(policy, refusingNothing),
		without(policy),
	),
	control(
		"S3.6",
		"lets nobody in from another account",
		buckets,
		(bucket, record) =>
			allowed(policy(bucket, record)?.inputs.policy).every(
				({ Principal }) => typeof Principal === "object" && Object.keys(Principal).join() === "Service",
			),
		within(policy, stating({ Principal: { AWS: "111122223333" }, Action: "s3:PutBucketPolicy" })),
		openPolicy,
	),
	control(
		"S3.9 CKV_AWS_18",
		"has a log of who asked for what",
		buckets,
		(bucket, record) => buckets(record).some(({ id }) => id === logging(bucket, record)?.inputs.targetBucket),
		within(logging, set("targetBucket", "elsewhere")),
		without(logging),
	),
	control(
		"S3.12",
		"has no ACLs",
		buckets,
		(bucket, record) => ownership(bucket, record)?.inputs.rule.objectOwnership === "BucketOwnerEnforced",
		within(ownership, set("rule.objectOwnership", "ObjectWriter")),
		without(ownership),
	),
	control(
		"S3.13",
		"has a rule for what becomes old",
		buckets,
		(bucket, record) =>
			lifecycle(bucket, record)?.inputs.rules.some(({ status }: LifecycleRule) => status === "Enabled"),
		within(lifecycle, set("rules", [{ status: "Disabled" }])),
		without(lifecycle),
	),
	control(
		"CKV_AWS_300",
		"keeps no pieces of uploads that failed, wherever they were to go",
		buckets,
		(bucket, record) =>
			lifecycle(bucket, record)?.inputs.rules.some(
				(rule: LifecycleRule) => rule.status === "Enabled" && rule.abortIncompleteMultipartUpload && isOfAll(rule),
			),
		within(lifecycle, ({ inputs }) => {
			for (const rule of inputs.rules) delete rule.abortIncompleteMultipartUpload;
		}),
		within(lifecycle, ({ inputs }) => {
			for (const rule of inputs.rules) rule.filter = { prefix: "raw/" };
		}),
	),
	control(
		"S3.14 CKV_AWS_21",
		"keeps versions",
		buckets,
		(bucket, record) => versioning(bucket, record)?.inputs.versioningConfiguration.status === "Enabled",
		within(versioning, set("versioningConfiguration.status", "Suspended")),
		without(versioning),
	),
	control(
		"CKV_AWS_19",
		"is encrypted",
		buckets,
		(bucket, record) =>
			/^(AES256|aws:kms)$/.test(
				encryption(bucket, record)?.inputs.rules[0].applyServerSideEncryptionByDefault.sseAlgorithm,
			),
		within(encryption, set(`${algorithm}.sseAlgorithm`, "")),
		without(encryption),
	),
	control(
		"S3.17 CKV_AWS_145",
		"is encrypted with a key of one's own",
		buckets,
		(bucket, record) => {
			const { sseAlgorithm, kmsMasterKeyId } =
				encryption(bucket, record)?.inputs.rules[0].applyServerSideEncryptionByDefault ?? {};
			return (
				sseAlgorithm === "aws:kms" && of("aws:kms/key:Key")(record).some(({ state }) => state.arn === kmsMasterKeyId)
			);
		},
		within(encryption, set(`${algorithm}.sseAlgorithm`, "AES256")),
		within(encryption, set(`${algorithm}.kmsMasterKeyId`, undefined)),
	),
];
