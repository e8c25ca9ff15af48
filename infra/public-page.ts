/** The page on the web: CloudFront in front of the site's bucket, which stays private. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { Statement } from "./role";
import type { Settings } from "./settings";

export interface PublicPage {
	url: pulumi.Output<string>;
	/** ARN of the distribution. */
	arn: pulumi.Output<string>;
}

/** Where the site's objects are in its bucket. */
const FOLDER = "site";
/** New pages appear within this time, since nothing in the isolated subnets can tell CloudFront of them. */
const MAX_AGE_SECONDS = 300;
const YEAR = 365 * 24 * 3600;

/** Creates a distribution that serves the bucket's objects below `site/`. The bucket and the key must admit it. */
export function createPublicPage({ pageDomain, pageCertificateArn }: Settings, bucket: aws.s3.Bucket): PublicPage {
	const access = new aws.cloudfront.OriginAccessControl("page", {
		description: "Signs CloudFront's requests to the site's bucket",
		originAccessControlOriginType: "s3",
		signingBehavior: "always",
		signingProtocol: "sigv4",
	});
	const distribution = new aws.cloudfront.Distribution("page", {
		comment: "The page about Washington's electric vehicles, and its data files",
		enabled: true,
		isIpv6Enabled: true,
		httpVersion: "http2and3",
		defaultRootObject: "index.html",
		origins: [
			{
				originId: "site",
				domainName: bucket.bucketRegionalDomainName,
				originPath: `/${FOLDER}`,
				originAccessControlId: access.id,
			},
		],
		defaultCacheBehavior: {
			targetOriginId: "site",
			viewerProtocolPolicy: "redirect-to-https",
			allowedMethods: ["GET", "HEAD"],
			cachedMethods: ["GET", "HEAD"],
			compress: true,
			cachePolicyId: createCachePolicy().id,
			responseHeadersPolicyId: createHeaders().id,
		},
		restrictions: { geoRestriction: { restrictionType: "none" } },
		...(pageDomain && { aliases: [pageDomain] }),
		// With its own certificate, CloudFront takes no minimum version of TLS.
		// https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_ViewerCertificate.html
		viewerCertificate: pageCertificateArn
			? {
					acmCertificateArn: pageCertificateArn,
					sslSupportMethod: "sni-only",
					minimumProtocolVersion: "TLSv1.2_2021",
				}
			: { cloudfrontDefaultCertificate: true },
	});
	return { url: pulumi.interpolate`https://${pageDomain ?? distribution.domainName}/`, arn: distribution.arn };
}

/** Caches for minutes, compressed, and by the path alone. */
function createCachePolicy(): aws.cloudfront.CachePolicy {
	return new aws.cloudfront.CachePolicy("page", {
		comment: "Five minutes, compressed, by the path alone",
		minTtl: 0,
		defaultTtl: MAX_AGE_SECONDS,
		maxTtl: MAX_AGE_SECONDS,
		parametersInCacheKeyAndForwardedToOrigin: {
			enableAcceptEncodingBrotli: true,
			enableAcceptEncodingGzip: true,
			cookiesConfig: { cookieBehavior: "none" },
			headersConfig: { headerBehavior: "none" },
			queryStringsConfig: { queryStringBehavior: "none" },
		},
	});
}

/** What a page cannot say in itself; the rest of its content security policy has the hash of its script, and is in it. */
function createHeaders(): aws.cloudfront.ResponseHeadersPolicy {
	const override = true;
	return new aws.cloudfront.ResponseHeadersPolicy("page", {
		comment: "Security headers",
		securityHeadersConfig: {
			contentSecurityPolicy: { contentSecurityPolicy: "frame-ancestors 'none'", override },
			contentTypeOptions: { override },
			frameOptions: { frameOption: "DENY", override },
			referrerPolicy: { referrerPolicy: "no-referrer", override },
			strictTransportSecurity: { accessControlMaxAgeSec: YEAR, override },
		},
	});
}

/**
 * Allows CloudFront to read for one distribution.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-restricting-access-to-s3.html
 */
export function allowDistribution({ arn }: PublicPage, action: string, resource: pulumi.Input<string>): Statement {
	return {
		sid: "Page",
		actions: [action],
		resources: [resource],
		principals: [{ type: "Service", identifiers: ["cloudfront.amazonaws.com"] }],
		conditions: [{ test: "StringEquals", variable: "aws:SourceArn", values: [arn] }],
	};
}
