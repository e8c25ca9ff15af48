/** Ways to a server or a service that a test can disturb: connections that fall silent or drag, answers that are wrong. */

import { createServer as createHttpServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { type AddressInfo, createServer, connect as dial, type Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import { close, listen } from "../../local/common/http-server";

export interface DatabaseProxy {
	port: number;
	/** From now on, open connections stay open and carry nothing; new ones too, if `all`. */
	fallSilent(how?: { all?: boolean; replies?: boolean }): void;
	/** From now on, every piece takes so much longer in either direction. */
	drag(ms: number): void;
	stop(): Promise<void>;
}

/**
 * A way to a database that can become slow, or half-open: bytes vanish in both directions (or `replies` alone), and nobody
 * hangs up.
 * @param port of the server, on loopback
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
		drag(ms) {
			delayMs = ms;
		},
		async stop() {
			for (const socket of sockets) socket.destroy();
			await new Promise((resolve) => server.close(resolve));
		},
	};
}

/** What a service does in the place of its answer; `forward` gives the true one. */
export type Fault = (response: ServerResponse, forward: () => Promise<Answer>) => unknown;

interface Answer {
	status: number;
	headers: IncomingMessage["headers"];
	body: Buffer;
}

/** An answer of the service's own making. */
export const answers =
	(status: number, body: string): Fault =>
	(response) =>
		response.writeHead(status, { "content-length": Buffer.byteLength(body) }).end(body);

/** S3's way to say no. */
export const s3Error = (status: number, code: string): Fault =>
	answers(status, `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`);

/** The true answer, broken off in the middle. */
export const cutShort: Fault = async (response, forward) => {
	const { status, headers, body } = await forward();
	response.writeHead(status, headers).write(body.subarray(0, body.length / 2), () => response.destroy());
};

/** The true answer with one byte that is not. */
export const garbled: Fault = async (response, forward) => {
	const { status, headers, body } = await forward();
	body[body.length >> 1]! ^= 1;
	response.writeHead(status, headers).end(body);
};

/** Another text in the true one's place, which no checksum tells apart from it. */
export const rewritten =
	(rewrite: (text: string) => string): Fault =>
	async (response, forward) =>
		answers(200, rewrite((await forward()).body.toString("utf8")))(response, forward);

/** The true answer, but late. */
export const late =
	(ms: number): Fault =>
	async (response, forward) => {
		const { status, headers, body } = await forward();
		setTimeout(() => response.writeHead(status, headers).end(body), ms);
	};

/**
 * Runs something while a proxy stands before an AWS service.
 * @param variable of the environment, by which the SDK finds the service
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
