/** S3 and SNS by fauxqs, on loopback, with an access check before each answer. */

import { subscribe, unsubscribe } from "node:diagnostics_channel";
import {
	type ApiCall,
	type Authorize,
	accessKeyOf,
	isAccessDenied,
	type Refusal,
	s3AbsenceCall,
	s3Call,
	s3Refusal,
	snsCall,
	snsRefusal,
} from "./api";

type Fauxqs = typeof import("fauxqs", { with: { "resolution-mode": "import" }});
export type FauxqsServer = Awaited<ReturnType<Fauxqs["startFauxqs"]>>;
type FauxqsOptions = Parameters<Fauxqs["startFauxqs"]>[0];
type App = Pick<ReturnType<Fauxqs["buildApp"]>, "addHook" | "listen">;
type Request = { method: string; url: string; headers: Record<string, string>; body: unknown };

/** The channel on which Fastify, fauxqs's web server, announces each server it creates. https://fastify.dev/docs/latest/Reference/Hooks/#diagnostics-channel-hooks */
const MADE = "fastify.initialization";

/** Starts fauxqs. @param authorize called before each request */
export async function startFauxqs(options: FauxqsOptions, authorize: Authorize): Promise<FauxqsServer> {
	const { startFauxqs: start } = await import("fauxqs");
	const made: App[] = [];
	const prepare = (message: unknown) => {
		const { fastify: app } = message as { fastify: App };
		bindToLoopback(app);
		guard(app, authorize);
		made.push(app);
	};
	// It creates its server synchronously, so that no other Fastify server is announced meanwhile.
	subscribe(MADE, prepare);
	const starting = start(options);
	unsubscribe(MADE, prepare);
	if (made.length !== 1) {
		await (await starting).stop();
		throw new Error(
			`fauxqs made ${made.length} servers where local/aws/s3-and-sns.ts can guard one; look what has changed in it.`,
		);
	}
	return starting;
}

/** fauxqs listens on every address of the machine, whatever its option `host` says. */
function bindToLoopback(app: App): void {
	const listen = app.listen.bind(app) as (options: object) => Promise<string>;
	app.listen = ((options: object) => listen({ ...options, host: "127.0.0.1" })) as App["listen"];
}

function guard(app: App, authorize: Authorize): void {
	app.addHook("preHandler", async (request, reply) => {
		const refusal = await refusalOf(request as Request, authorize, (call) => call);
		if (refusal) return reply.code(refusal.status).type(refusal.contentType).send(refusal.body);
	});
	app.addHook("onSend", async (request, reply, payload) => {
		if (reply.statusCode !== 404) return payload;
		const refusal = await refusalOf(request as Request, authorize, s3AbsenceCall);
		if (!refusal) return payload;
		reply.code(refusal.status).type(refusal.contentType);
		return refusal.body;
	});
}

/** A request's refusal; undefined: it is allowed. @param need the permission that a call needs */
async function refusalOf(
	{ method, url, headers, body }: Request,
	authorize: Authorize,
	need: (call: ApiCall) => ApiCall | undefined,
): Promise<Refusal | undefined> {
	const isSns = headers["content-type"]?.includes("x-www-form-urlencoded");
	try {
		await authorize(accessKeyOf(headers), () =>
			need(isSns ? snsCall(body as Record<string, string>) : s3Call(method, url)),
		);
	} catch (error) {
		if (!isAccessDenied(error)) throw error;
		return isSns ? snsRefusal(error) : s3Refusal(error);
	}
}
