/** A bucket, of raw data or of the site: whole objects in, whole objects out. */

import {
	GetObjectCommand,
	HeadObjectCommand,
	NoSuchKey,
	NotFound,
	PutObjectCommand,
	S3Client,
} from "@aws-sdk/client-s3";
import { AWS_CLIENT } from "../common/aws-client";
import { failure, reasonOf } from "../common/failure";
import { retry } from "../common/retry";

export interface Bucket {
	/** An object's bytes, or undefined where there is none. @throws StorageUnavailable */
	read(key: string): Promise<Buffer | undefined>;
	/** An object's size in bytes, or undefined where there is none. @throws StorageUnavailable */
	size(key: string): Promise<number | undefined>;
	/** An object's size and metadata, or undefined where there is none. @throws StorageUnavailable */
	describe(key: string): Promise<Description | undefined>;
	/** Writes an object, which S3 takes whole and unharmed or not at all. @throws StorageUnavailable */
	write(key: string, body: Buffer, object: ObjectAttributes): Promise<void>;
}

export interface Description {
	bytes: number;
	metadata: Record<string, string>;
}

export interface ObjectAttributes {
	contentType: string;
	/** Of the body, in hexadecimal. */
	sha256: string;
	/** How long browsers and CloudFront may keep it; as they like if not given. */
	cacheControl?: string;
	/** ASCII, 2 kB in all. */
	metadata?: Record<string, string>;
}

/** Access to one bucket with a client of its own. */
export function openBucket(bucket: string): Bucket {
	const client = new S3Client(AWS_CLIENT);
	const unavailable = (what: string, key: string, error: unknown) =>
		failure("StorageUnavailable", `s3://${bucket}/${key} could not be ${what}: ${reasonOf(error)}.`, error);
	const describe = async (key: string) => {
		try {
			const { ContentLength = 0, Metadata = {} } = await client.send(
				new HeadObjectCommand({ Bucket: bucket, Key: key }),
			);
			return { bytes: ContentLength, metadata: Metadata };
		} catch (error) {
			if (error instanceof NotFound) return undefined;
			throw unavailable("looked up", key, error);
		}
	};
	return {
		async read(key) {
			// The SDK asks again by itself, but not when the answer breaks off, or its checksum is wrong.
			let answered = false;
			const attempts = { maxAttempts: 3, firstDelayMs: 200, maxDelayMs: 1_000, isRetryable: () => answered };
			try {
				return await retry(attempts, async () => {
					answered = false;
					const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
					answered = true;
					return Buffer.from((await Body?.transformToByteArray()) ?? []);
				});
			} catch (error) {
				if (error instanceof NoSuchKey) return undefined;
				throw unavailable("read", key, error);
			}
		},
		size: async (key) => (await describe(key))?.bytes,
		describe,
		async write(key, body, { contentType, sha256, cacheControl, metadata }) {
			const checksum = Buffer.from(sha256, "hex").toString("base64");
			try {
				await client.send(
					new PutObjectCommand({
						Bucket: bucket,
						Key: key,
						Body: body,
						ContentType: contentType,
						CacheControl: cacheControl,
						Metadata: metadata,
						ChecksumSHA256: checksum,
					}),
				);
			} catch (error) {
				throw unavailable("written", key, error);
			}
		},
	};
}
