/** AWS's APIs on the wire: reads caller and call from an HTTP request, and writes each service's refusals. */

import type { IncomingHttpHeaders } from "node:http";
import { bucketArn } from "./policies";

/** A call of an AWS API, in the terms of policies. */
export interface ApiCall {
	/** `s3:GetObject` */
	action: string;
	/** ARN. */
	resource: string;
	/** KMS actions on the resource's key, where they differ from those that the action always needs. */
	keyActions?: string[];
}

/**
 * Allows a request or throws.
 * @param accessKey of its signature; undefined: it is not signed
 * @param read reads the call from the request, where it is needed
 * @throws AccessDenied
 */
export type Authorize = (accessKey: string | undefined, read: () => ApiCall | undefined) => Promise<void>;

export interface AccessDenied extends Error {
	/** The permission that was missing: for the call itself, or for the key. */
	action: string;
}

/** A service's answer to a refused request. */
export interface Refusal {
	status: number;
	contentType: string;
	body: string;
}

/** @param message one sentence with caller, action, resource and reason */
export function accessDenied(action: string, message: string): AccessDenied {
	return Object.assign(new Error(message), { name: "AccessDenied", action });
}

export function isAccessDenied(error: unknown): error is AccessDenied {
	return error instanceof Error && error.name === "AccessDenied";
}

/** The access key of a request's signature; undefined: it is not signed. */
export function accessKeyOf(headers: IncomingHttpHeaders): string | undefined {
	return /Credential=([^/]+)\//.exec(headers.authorization ?? "")?.[1];
}

/**
 * A request to S3, path-style.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
 * @throws AccessDenied for calls that the pipeline never makes
 */
export function s3Call(method: string, path: string): ApiCall {
	const { pathname, searchParams: query } = new URL(path, "http://localhost");
	const [, bucket = "", ...rest] = pathname.split("/");
	const key = decodeURIComponent(rest.join("/"));
	if (key === "") {
		if (method === "GET" && query.get("list-type") === "2")
			return { action: "s3:ListBucket", resource: bucketArn(bucket) };
	} else {
		const object = `${bucketArn(bucket)}/${key}`;
		const isMultipart = query.has("uploads") || query.has("uploadId");
		if (method === "HEAD") return { action: "s3:GetObject", resource: object, keyActions: [] };
		if (method === "GET" && !isMultipart) return { action: "s3:GetObject", resource: object };
		if (method === "PUT" && !isMultipart) return { action: "s3:PutObject", resource: object };
		if (method === "PUT" || method === "POST")
			return { action: "s3:PutObject", resource: object, keyActions: ["kms:GenerateDataKey", "kms:Decrypt"] };
	}
	throw unknownCall("s3", `${method} ${path}`);
}

/** S3 answers NoSuchKey only to callers that may list the bucket. https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html */
export function s3AbsenceCall({ action, resource }: ApiCall): ApiCall | undefined {
	return action === "s3:GetObject" ? { action: "s3:ListBucket", resource: resource.split("/", 1)[0]! } : undefined;
}

/** A request to SNS, by its form. @throws AccessDenied for calls that the pipeline never makes */
export function snsCall({ Action, TopicArn }: Record<string, string>): ApiCall {
	if (Action !== "Publish" || !TopicArn) throw unknownCall("sns", String(Action));
	return { action: "sns:Publish", resource: TopicArn };
}

/** A request to Secrets Manager. @param operation as `x-amz-target` names it */
export function secretsManagerCall(operation: string, { SecretId }: { SecretId: string }): ApiCall {
	return { action: `secretsmanager:${operation}`, resource: SecretId };
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
export function s3Refusal({ message }: AccessDenied): Refusal {
	const body = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>AccessDenied</Code><Message>${xml(message)}</Message></Error>`;
	return { status: 403, contentType: "application/xml", body };
}

/** https://docs.aws.amazon.com/sns/latest/api/API_Publish.html#API_Publish_Errors */
export function snsRefusal({ message, action }: AccessDenied): Refusal {
	const isKeys = action.startsWith("kms:");
	const code = isKeys ? "KMSAccessDenied" : "AuthorizationError";
	const body = `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${xml(message)}</Message></Error></ErrorResponse>`;
	return { status: isKeys ? 400 : 403, contentType: "text/xml", body };
}

/** https://docs.aws.amazon.com/secretsmanager/latest/apireference/CommonErrors.html */
export function secretsManagerRefusal({ message }: AccessDenied): Refusal {
	const body = JSON.stringify({ __type: "AccessDeniedException", Message: message });
	return { status: 400, contentType: "application/x-amz-json-1.1", body };
}

function unknownCall(service: string, what: string): AccessDenied {
	return accessDenied(`${service}:?`, `${what} is no call that local runs know; teach local/aws/api.ts its action.`);
}

function xml(text: string): string {
	return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
