/** The site: the page and its data files, in a private bucket of their own. */

import type * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { createBucket, type PrivateBucket, protectBucket } from "./private-bucket";
import { allowDistribution, createPublicPage, type PublicPage } from "./public-page";
import type { Settings } from "./settings";

/** The bucket before the key exists, whose policy names the distribution. */
export interface Site {
	bucket: aws.s3.Bucket;
	/** Undefined unless the setting publicPage is true. */
	publicPage: PublicPage | undefined;
	/** The page's address: on the web, or in the bucket. */
	pageUrl: pulumi.Output<string>;
}

/** Days that replaced pages and files are kept. */
const OLD_VERSION_DAYS = 30;

/** Creates the bucket and, by the setting publicPage, its distribution. */
export function createSite(settings: Settings): Site {
	const bucket = createBucket("site", settings);
	const publicPage = settings.publicPage ? createPublicPage(settings, bucket) : undefined;
	const pageUrl = publicPage?.url ?? pulumi.interpolate`s3://${bucket.id}/site/index.html`;
	return { bucket, publicPage, pageUrl };
}

/** Creates the bucket's protections. All that is in it can be made again from the database. */
export function protectSite(settings: Settings, { bucket, publicPage }: Site, key: aws.kms.Key): PrivateBucket {
	return protectBucket("site", bucket, settings, {
		encryption: { sseAlgorithm: "aws:kms", kmsMasterKeyId: key.arn },
		rules: [
			{
				id: "forget-old-versions",
				status: "Enabled",
				filter: {},
				noncurrentVersionExpiration: { noncurrentDays: OLD_VERSION_DAYS },
				abortIncompleteMultipartUpload: { daysAfterInitiation: 7 },
			},
		],
		...(publicPage && {
			allow: (arn) => [allowDistribution(publicPage, "s3:GetObject", pulumi.interpolate`${arn}/site/*`)],
		}),
	});
}
