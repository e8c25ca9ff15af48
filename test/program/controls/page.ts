/**
 * Controls on the page on the web. https://docs.aws.amazon.com/securityhub/latest/userguide/cloudfront-controls.html
 * https://github.com/cdklabs/cdk-nag/blob/main/RULES.md
 */

import type { ProgramRecord, RecordedResource } from "../../../local/program/record";
import { asking, control, of, set, within } from "./control";

const distributions = of("aws:cloudfront/distribution:Distribution");
const ask = asking(distributions);
const headers = ({ inputs }: RecordedResource, { resources }: ProgramRecord) =>
	resources.find(({ id }) => id === inputs.defaultCacheBehavior.responseHeadersPolicyId);

/** https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/secure-connections-supported-viewer-protocols-ciphers.html */
const RECOMMENDED = ["TLSv1.2_2021", "TLSv1.2_2025", "TLSv1.3_2025"];
const OWN_CERTIFICATE = {
	acmCertificateArn: "arn:aws:acm:us-east-1:000000000000:certificate/any",
	sslSupportMethod: "sni-only",
	minimumProtocolVersion: "TLSv1.2_2021",
};

export const PAGE = [
	ask(
		"CloudFront.1 CKV_AWS_305",
		"has a page at its root",
		({ defaultRootObject }) => Boolean(defaultRootObject),
		set("defaultRootObject", undefined),
	),
	ask(
		"CloudFront.3 CKV_AWS_34 AwsSolutions-CFR4",
		"talks to browsers over TLS alone",
		({ defaultCacheBehavior }) =>
			["redirect-to-https", "https-only"].includes(defaultCacheBehavior.viewerProtocolPolicy),
		set("defaultCacheBehavior.viewerProtocolPolicy", "allow-all"),
	),
	{
		...ask(
			"CloudFront.4 CKV_AWS_310",
			"has a second origin",
			({ originGroups = [] }) => originGroups.length > 0,
			set("originGroups", []),
		),
		mend: set("originGroups", [{ originId: "both" }]),
	},
	{
		...ask(
			"CloudFront.5 CKV_AWS_86 AwsSolutions-CFR3",
			"keeps a log of who asked for what",
			({ loggingConfig }) => Boolean(loggingConfig?.bucket),
			set("loggingConfig", undefined),
		),
		mend: set("loggingConfig", { bucket: "log.s3.amazonaws.com" }),
	},
	{
		...ask(
			"CloudFront.6 CKV_AWS_68 CKV2_AWS_47 AwsSolutions-CFR2",
			"has a firewall before it",
			({ webAclId }) => Boolean(webAclId),
			set("webAclId", undefined),
		),
		mend: set("webAclId", "arn:aws:wafv2:us-east-1:000000000000:global/webacl/any/1"),
	},
	{
		...ask(
			"CloudFront.7 CloudFront.8 CloudFront.15 CKV_AWS_174",
			"has a certificate of its own, and takes no old TLS",
			({ viewerCertificate: { acmCertificateArn, sslSupportMethod, minimumProtocolVersion } }) =>
				Boolean(acmCertificateArn) && sslSupportMethod === "sni-only" && RECOMMENDED.includes(minimumProtocolVersion),
			set("viewerCertificate", { cloudfrontDefaultCertificate: true }),
			set("viewerCertificate.sslSupportMethod", "vip"),
			set("viewerCertificate.minimumProtocolVersion", "TLSv1.1_2016"),
			set("viewerCertificate.minimumProtocolVersion", undefined),
		),
		mend: ({ inputs }: RecordedResource) => {
			inputs.viewerCertificate = { ...OWN_CERTIFICATE };
		},
	},
	control(
		"CloudFront.12",
		"has buckets of this stack as its origins",
		distributions,
		({ inputs }, record) =>
			inputs.origins.every(({ domainName }: { domainName: string }) =>
				of("aws:s3/bucket:Bucket")(record).some(({ state }) => state.bucketRegionalDomainName === domainName),
			),
		set("origins.0.domainName", "gone.s3.ap-northeast-1.amazonaws.com"),
	),
	control(
		"CloudFront.13 AwsSolutions-CFR7",
		"signs its requests to the bucket",
		distributions,
		({ inputs }, { resources }) =>
			inputs.origins.every(({ originAccessControlId }: { originAccessControlId?: string }) =>
				resources.some(
					({ id, inputs: access }) =>
						id === originAccessControlId && access.signingBehavior === "always" && access.signingProtocol === "sigv4",
				),
			),
		set("origins.0.originAccessControlId", undefined),
	),
	control(
		"CKV2_AWS_32 CKV_AWS_259",
		"tells browsers to use TLS alone, and to trust no guess of theirs",
		distributions,
		(distribution, record) => {
			const { strictTransportSecurity, contentTypeOptions, frameOptions } =
				headers(distribution, record)?.inputs.securityHeadersConfig ?? {};
			return (
				strictTransportSecurity?.accessControlMaxAgeSec >= 31_536_000 &&
				contentTypeOptions?.override === true &&
				frameOptions?.frameOption === "DENY"
			);
		},
		set("defaultCacheBehavior.responseHeadersPolicyId", undefined),
		within(headers, set("securityHeadersConfig.strictTransportSecurity", undefined)),
		within(headers, set("securityHeadersConfig.contentTypeOptions", undefined)),
		within(headers, set("securityHeadersConfig.frameOptions", undefined)),
	),
	{
		...ask(
			"CKV_AWS_374 AwsSolutions-CFR1",
			"answers some countries alone",
			({ restrictions }) => restrictions.geoRestriction.restrictionType !== "none",
			set("restrictions.geoRestriction.restrictionType", "none"),
		),
		mend: set("restrictions.geoRestriction.restrictionType", "whitelist"),
	},
];
