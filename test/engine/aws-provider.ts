/**
 * The stand-in for the aws provider: takes what the engine asks for into an account that is there for tests alone, and
 * answers what local/program/mocks.ts says that AWS would.
 */

import { isDeepStrictEqual } from "node:util";
import { version } from "@pulumi/aws/package.json";
import { runtime } from "@pulumi/pulumi";
import {
	CheckResponse,
	ConfigureResponse,
	CreateResponse,
	DiffResponse,
	InvokeResponse,
	ReadResponse,
	UpdateResponse,
} from "@pulumi/pulumi/proto/provider_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import type { Struct } from "google-protobuf/google/protobuf/struct_pb";
import { call, changedResource, newResource } from "../../local/program/mocks";
import type { Properties } from "../../local/program/record";
import { type Account, hold, type Step, take } from "./account";
import { describeHeld, plannedAgain } from "./aws-rules";
import { type Methods, type Plugin, servePlugin, toObject, toStruct } from "./plugin";

/** Inputs that can't be changed in a resource that is there. https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/lambda_invocation */
const REPLACING: Record<string, string[]> = {
	"aws:lambda/invocation:Invocation": ["functionName", "input", "qualifier", "triggers"],
	"aws:rds/instance:Instance": ["snapshotIdentifier", "restoreToPointInTime"],
	"aws:rds/parameterGroup:ParameterGroup": ["family"],
	"aws:cloudwatch/logGroup:LogGroup": ["name"],
};

/** Serves the provider until it is stopped. What it does to the account outlives it. */
export function serveAws(account: Account): Promise<Plugin> {
	return servePlugin(version, methodsOf(account));
}

function methodsOf(account: Account): Methods {
	/** Carries out a step. @returns the resource's id, and its properties as the engine keeps them */
	const carryOut = async (action: Step["action"], request: Request, properties: Struct, old: Properties) => {
		const [urn, type, name] = [request.getUrn(), request.getType(), request.getName()];
		const asked = toObject(properties);
		const answer = (inputs: Properties) => {
			const resource = { type, name, inputs, stack: urn.split(":")[2]! };
			const before = account.creations.get(urn) ?? 0;
			const { id, state } = action === "create" ? newResource(resource, before) : changedResource(resource, old);
			// The real provider makes it of the archive, too.
			return { id, state: asked.code ? { ...state, sourceCodeHash: asked.code.hash } : state };
		};
		if (request.getPreview()) {
			const decided = decidedBy(answer(asked).state, asked);
			return { id: "", properties: toStruct({ ...asked, ...unknownUnlessKept(decided, old) }) };
		}
		const inputs = runtime.deserializeProperties(properties);
		const { id, state } = answer(inputs);
		const held = await hold(account, { type, name, urn, id, inputs, state });
		await take(account, action, held);
		account.requested.set(urn, asked);
		return { id, properties: toStruct({ ...asked, ...decidedBy(held.state, inputs) }) };
	};

	return {
		checkConfig: (request) => new CheckResponse().setInputs(request.getNews()),
		diffConfig: (request) => diff("", toObject(request.getOldInputs()), toObject(request.getNews())),
		configure(request) {
			account.settings = toObject(request.getArgs());
			return new ConfigureResponse().setAcceptsecrets(true).setAcceptresources(true).setSupportspreview(true);
		},
		check(request) {
			account.proposed.set(request.getUrn(), request.getAutonaming()?.getProposedName() ?? "");
			return new CheckResponse().setInputs(request.getNews());
		},
		diff: (request) => diff(request.getType(), toObject(request.getOldInputs()), toObject(request.getNews())),
		invoke(request) {
			const [token, inputs] = [request.getTok(), toObject(request.getArgs())];
			const answer = describeHeld(account, token, inputs) ?? call({ token, inputs });
			return new InvokeResponse().setReturn(toStruct(answer));
		},
		async create(request) {
			const { id, properties } = await carryOut("create", request, request.getProperties()!, {});
			return new CreateResponse().setId(id).setProperties(properties);
		},
		async update(request) {
			const { properties } = await carryOut("update", request, request.getNews()!, toObject(request.getOlds()));
			return new UpdateResponse().setProperties(properties);
		},
		read: (request) =>
			new ReadResponse().setId(request.getId()).setInputs(request.getInputs()).setProperties(request.getProperties()),
		async delete(request) {
			const urn = request.getUrn();
			// A replaced one is deleted after the new one is there.
			const isReplaced = changedInputs(toObject(request.getOldInputs()), account.requested.get(urn) ?? {}).length > 0;
			const held = { ...account.resources.get(urn)!, id: request.getId() };
			await take(account, isReplaced ? "delete replaced" : "delete", held);
			return new Empty();
		},
	};
}

interface Request {
	getUrn(): string;
	getType(): string;
	getName(): string;
	getPreview(): boolean;
}

/** What was not asked for. */
function decidedBy(state: Properties, inputs: Properties): Properties {
	return Object.fromEntries(Object.entries(state).filter(([name, value]) => inputs[name] !== value));
}

/** As a preview shows it. */
function unknownUnlessKept(decided: Properties, old: Properties): Properties {
	return Object.fromEntries(
		Object.entries(decided).map(([name, value]) => [
			name,
			isDeepStrictEqual(old[name], value) ? value : runtime.unknownValue,
		]),
	);
}

function diff(type: string, old: Properties, news: Properties): DiffResponse {
	const changed = [...new Set([...changedInputs(old, news), ...plannedAgain(type, news)])];
	return new DiffResponse()
		.setChanges(changed.length > 0 ? DiffResponse.DiffChanges.DIFF_SOME : DiffResponse.DiffChanges.DIFF_NONE)
		.setDiffsList(changed)
		.setReplacesList(changed.filter((name) => REPLACING[type]?.includes(name)));
}

function changedInputs(old: Properties, news: Properties): string[] {
	const names = [...new Set([...Object.keys(old), ...Object.keys(news)])];
	return names.filter((name) => !isDeepStrictEqual(comparable(old[name]), comparable(news[name])));
}

/** An archive is what its contents are. */
function comparable(value: Properties | undefined): unknown {
	return value?.[runtime.specialSigKey] === runtime.specialArchiveSig ? value.hash : value;
}
