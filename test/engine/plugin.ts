/** What the stand-in providers have in common: Pulumi's provider service on loopback, which the engine attaches to. */

import {
	type handleUnaryCall,
	Server,
	ServerCredentials,
	type ServerUnaryCall,
	type sendUnaryData,
	status,
} from "@grpc/grpc-js";
import { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import { type IResourceProviderServer, ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb";
import { ConfigureResponse, ProviderHandshakeResponse } from "@pulumi/pulumi/proto/provider_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { type JavaScriptValue, Struct } from "google-protobuf/google/protobuf/struct_pb";
import type { Properties } from "../../local/program/record";

/** Archives come with their contents. */
export const NO_MESSAGE_LIMIT = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 };

type Service = {
	[M in keyof IResourceProviderServer as string extends M
		? never
		: number extends M
			? never
			: M]: IResourceProviderServer[M];
};

/** The service's methods as plain functions; what is left out answers that it is not implemented. */
export type Methods = {
	[M in keyof Service]?: Service[M] extends handleUnaryCall<infer Request, infer Response>
		? (request: Request) => Response | Promise<Response>
		: never;
};

export interface Plugin {
	port: number;
	stop(): void;
}

/**
 * Serves a provider until it is stopped.
 * @param version what it says it is the version of
 */
export async function servePlugin(version: string, methods: Methods): Promise<Plugin> {
	const server = new Server(NO_MESSAGE_LIMIT);
	const all = { ...common(version), ...methods };
	server.addService(
		ResourceProviderService,
		Object.fromEntries(Object.entries(all).map(([name, method]) => [name, unary(method as Method)])),
	);
	const port = await new Promise<number>((resolve, reject) =>
		server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
			error ? reject(error) : resolve(bound),
		),
	);
	return { port, stop: () => server.forceShutdown() };
}

export function toObject(struct: Struct | undefined): Properties {
	return struct?.toJavaScript() ?? {};
}

export function toStruct(properties: Properties): Struct {
	return Struct.fromJavaScript(properties as Record<string, JavaScriptValue>);
}

/** How every provider introduces itself: it can tell secrets and resources from other values, and previews. */
function common(version: string): Methods {
	return {
		attach: () => new Empty(),
		handshake: () =>
			new ProviderHandshakeResponse()
				.setAcceptSecrets(true)
				.setAcceptResources(true)
				.setSupportsAutonamingConfiguration(true),
		getPluginInfo: () => new PluginInfo().setVersion(version),
		configure: () => new ConfigureResponse().setAcceptsecrets(true).setAcceptresources(true).setSupportspreview(true),
		cancel: () => new Empty(),
	};
}

type Method = (request: unknown) => unknown;

/** What a method throws is what the engine shows. */
function unary(method: Method) {
	return async (call: ServerUnaryCall<unknown, unknown>, answer: sendUnaryData<unknown>) => {
		try {
			answer(null, await method(call.request));
		} catch (error) {
			answer({ code: status.UNKNOWN, details: (error as Error).message });
		}
	};
}
