/** AWS's APIs on the wire: who calls what, read from an HTTP request, and how each service says no. */

import type { IncomingHttpHeaders } from "node:http";
import { bucketArn } from "./policies";

/** A call of an AWS API, as policies speak of it. */
export interface ApiCall {
	/** `s3:GetObject` */
	action: string;
	/** ARN. */
	resource: string;
	/** What it asks of the key that encrypts the resource, where that is other than what the action always asks. */
	keyActions?: string[];
}

/**
 * Lets a request through, or does not.
 * @param accessKey what it is signed with; undefined: it is not signed
 * @param read says what is called; asked where that matters
 * @throws AccessDenied
 */
export type Authorize = (accessKey: string | undefined, read: () => ApiCall | undefined) => Promise<void>;

export interface AccessDenied extends Error {
	/** What was lacking: what was called, or what that asks of a key. */
	action: string;
}

/** How a service says no. */
export interface Refusal {
	status: number;
	contentType: string;
	body: string;
}

/** @param message one sentence: who may not do what, and why not */
export function accessDenied(action: string, message: string): AccessDenied {
	return Object.assign(new Error(message), { name: "AccessDenied", action });
}

export function isAccessDenied(error: unknown): error is AccessDenied {
	return error instanceof Error && error.name === "AccessDenied";
}

/** The access key that a request is signed with; undefined: it is not signed. */
export function accessKeyOf(headers: IncomingHttpHeaders): string | undefined {
	return /Credential=([^/]+)\//.exec(headers.authorization ?? "")?.[1];
}

/**
 * A request to S3, path-style.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
 * @throws AccessDenied for what the pipeline never asks
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

/** S3 says that an object is not there only to those who may list its bucket. https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html */
export function s3AbsenceCall({ action, resource }: ApiCall): ApiCall | undefined {
	return action === "s3:GetObject" ? { action: "s3:ListBucket", resource: resource.split("/", 1)[0]! } : undefined;
}

/** A request to SNS, by its form. @throws AccessDenied for what the pipeline never asks */
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
