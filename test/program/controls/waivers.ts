/** Controls that are not met on purpose: where, by what, and why. */

/** A stack, or one of its variants. */
export type Where = "dev" | "prod" | "dev without NAT" | "dev with options";

export interface Waiver {
	ids: string;
	/** Everywhere if not given. */
	where?: Where[];
	/** Names of the resources; all that the control looks at if not given. */
	names?: string[];
	reason: string;
	/** There is nothing to look at, so nothing can fail. */
	lookingAtNothing?: true;
}

const DEV: Where[] = ["dev", "dev without NAT", "dev with options"];

export const WAIVERS: Waiver[] = [
	{
		ids: "RDS.4",
		reason: "the program makes no snapshots; RDS encrypts its own as the database is",
		lookingAtNothing: true,
	},
	{
		ids: "RDS.10 CKV_AWS_161",
		reason:
			"a role that may log in by IAM can no longer do so by password, which is how the functions and BI tools connect",
	},
	{ ids: "RDS.23", reason: "a port is no secret: nobody reaches the database but by its security group" },
	{ ids: "EC2.10", reason: "nothing in the network calls EC2's API" },
	{
		ids: "EC2.15 CKV_AWS_130",
		where: ["dev", "prod", "dev with options"],
		names: ["ev-public-1", "ev-public-2"],
		reason: "awsx gives its public subnets public addresses, and only NAT gateways live there",
	},
	{
		ids: "EC2.21",
		reason: "there is no network ACL of our own; security groups refuse what is not asked for",
		lookingAtNothing: true,
	},
	{
		ids: "CKV_AWS_115",
		reason: "a new account's quota of 10 makes any reservation fail; the setting is reservedConcurrency",
	},
	{ ids: "CKV_AWS_116", reason: "all are called synchronously, and who calls is told of a failure" },
	{ ids: "CKV_AWS_285", reason: "every event is logged, and none of the data in it" },
	{ ids: "RDS.5 CKV_AWS_157", where: DEV, reason: "a standby doubles what the database costs" },
	{ ids: "RDS.8 CKV_AWS_293", where: DEV, reason: "dev is to be gone with one destroy" },
	{ ids: "CKV_AWS_338", where: DEV, reason: "what happened in dev a year ago interests nobody" },
	{
		ids: "Lambda.3 CKV_AWS_117",
		where: ["dev without NAT"],
		names: ["extract", "notify"],
		reason: "they touch no database, and without NAT there is no way from the network to the public API",
	},
	{ ids: "S3.9 CKV_AWS_18", names: ["access-log"], reason: "a log of its own log would never end" },
	{ ids: "S3.17 CKV_AWS_145", names: ["access-log"], reason: "S3 delivers logs to no bucket with a key of one's own" },
	{
		ids: "SecretsManager.1 CKV2_AWS_57 SecretsManager.4 CKV_AWS_304",
		names: ["pipeline", "source"],
		reason: "the one holds a bucket's name, the other a token that the source's owner gives out",
	},
	{
		ids: "CloudFront.1 CloudFront.3 CloudFront.4 CloudFront.5 CloudFront.6 CloudFront.7 CloudFront.12 CloudFront.13 CKV2_AWS_32 CKV_AWS_374",
		where: ["dev", "prod", "dev without NAT"],
		reason: "nothing is on the web where the setting publicPage is not true",
		lookingAtNothing: true,
	},
	{
		ids: "CloudFront.7 CloudFront.8 CloudFront.15 CKV_AWS_174",
		where: ["dev with options"],
		reason: "without a domain of one's own, CloudFront has its own certificate and decides which TLS it takes",
	},
	{
		ids: "CloudFront.4 CKV_AWS_310",
		where: ["dev with options"],
		reason: "the page is there as long as S3 is, and can be made again at any time",
	},
	{
		ids: "CloudFront.5 CKV_AWS_86 AwsSolutions-CFR3",
		where: ["dev with options"],
		reason: "who reads a public page is nobody's business; what reaches the bucket is in its log",
	},
	{
		ids: "CloudFront.6 CKV_AWS_68 CKV2_AWS_47 AwsSolutions-CFR2",
		where: ["dev with options"],
		reason: "there are files alone, and nothing that runs on a request",
	},
	{
		ids: "CKV_AWS_374 AwsSolutions-CFR1",
		where: ["dev with options"],
		reason: "the page is for everybody",
	},
	{
		ids: "EC2.3 EC2.8 EC2.9",
		where: ["dev", "prod", "dev without NAT"],
		reason: "there is no host where the setting access is not true",
		lookingAtNothing: true,
	},
];
