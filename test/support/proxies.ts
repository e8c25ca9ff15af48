/** Proxies with faults: half-open or slow database connections, and wrong answers of AWS services. */

import { createServer as createHttpServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { type AddressInfo, createServer, connect as dial, type Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import { close, listen } from "../../local/common/http-server";

export interface DatabaseProxy {
	port: number;
	/** From now on, open connections carry no bytes, or no `replies`; with `all`, new connections carry none either. */
	fallSilent(how?: { all?: boolean; replies?: boolean }): void;
	/** From now on, delays every chunk in both directions. */
	slowDown(ms: number): void;
	stop(): Promise<void>;
}

/**
 * Starts a proxy on loopback whose connections can become slow or half-open: they stay open, but bytes are dropped.
 * @param port the database server's, on loopback
 */
export async function startDatabaseProxy(port: number): Promise<DatabaseProxy> {
	const sockets = new Set<Socket>();
	const links: { silent?: "both" | "replies" }[] = [];
	let silentFromStart = false;
	let delayMs = 0;
	const pass = (act: () => void) => {
		if (delayMs) setTimeout(act, delayMs);
		else act();
	};
	const server = createServer({ allowHalfOpen: true }, (near) => {
		const link: (typeof links)[number] = { silent: silentFromStart ? "both" : undefined };
		links.push(link);
		const far = dial({ port, host: "127.0.0.1", allowHalfOpen: true });
		for (const [from, to, carries] of [
			[near, far, () => link.silent !== "both"],
			[far, near, () => !link.silent],
		] as const) {
			sockets.add(from);
			from.on("data", (data) => carries() && pass(() => to.write(data)));
			from.on("end", () => carries() && pass(() => to.end()));
			from.on("error", () => carries() && to.destroy());
		}
	});
	await listen(server as never);
	return {
		port: (server.address() as AddressInfo).port,
		fallSilent({ all = false, replies = false } = {}) {
			for (const link of links) link.silent = replies ? "replies" : "both";
			silentFromStart = all;
		},
		slowDown(ms) {
			delayMs = ms;
		},
		async stop() {
			for (const socket of sockets) socket.destroy();
			await new Promise((resolve) => server.close(resolve));
		},
	};
}

/** Answers a request in place of the service; `forward` gets the service's own answer. */
export type Fault = (response: ServerResponse, forward: () => Promise<Answer>) => unknown;

interface Answer {
	status: number;
	headers: IncomingMessage["headers"];
	body: Buffer;
}

/** Answers with a status and a body. */
export const answers =
	(status: number, body: string): Fault =>
	(response) =>
		response.writeHead(status, { "content-length": Buffer.byteLength(body) }).end(body);

/** Answers with an S3 error. */
export const s3Error = (status: number, code: string): Fault =>
	answers(status, `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`);

/** The true answer, cut off in the middle. */
export const cutShort: Fault = async (response, forward) => {
	const { status, headers, body } = await forward();
	response.writeHead(status, headers).write(body.subarray(0, body.length / 2), () => response.destroy());
};

/** The true answer with one bit changed. */
export const garbled: Fault = async (response, forward) => {
	const { status, headers, body } = await forward();
	body[body.length >> 1]! ^= 1;
	response.writeHead(status, headers).end(body);
};

/** The true answer with another text and without a checksum. */
export const rewritten =
	(rewrite: (text: string) => string): Fault =>
	async (response, forward) =>
		answers(200, rewrite((await forward()).body.toString("utf8")))(response, forward);

/** The true answer, `ms` milliseconds late. */
export const late =
	(ms: number): Fault =>
	async (response, forward) => {
		const { status, headers, body } = await forward();
		setTimeout(() => response.writeHead(status, headers).end(body), ms);
	};

/**
 * Runs `work` with a proxy in front of an AWS service.
 * @param variable the environment variable with the service's endpoint, such as AWS_ENDPOINT_URL_S3
 * @param faultOf the fault for a request, if any
 */
export async function withFaults<T>(
	variable: string,
	faultOf: (request: IncomingMessage) => Fault | undefined,
	work: () => Promise<T>,
): Promise<T> {
	const service = process.env[variable]!;
	const server = createHttpServer(async (incoming, response) => {
		const body = await buffer(incoming);
		const { method, headers } = incoming;
		const forward = () =>
			new Promise<Answer>((resolve, reject) => {
				const outgoing = request(new URL(incoming.url!, service), { method, headers }, async (answer) =>
					resolve({ status: answer.statusCode!, headers: answer.headers, body: await buffer(answer) }),
				);
				outgoing.once("error", reject).end(body);
			});
		const fault = faultOf(incoming);
		if (fault) return await fault(response, forward);
		const answer = await forward();
		response.writeHead(answer.status, answer.headers).end(answer.body);
	});
	process.env[variable] = await listen(server);
	try {
		return await work();
	} finally {
		process.env[variable] = service;
		await close(server);
	}
}
