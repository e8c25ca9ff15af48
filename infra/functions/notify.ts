/** The function notify: publishes the outcome of a run to the topic. */

import { notifyHandler } from "../../handlers/notify";
import { allowKeyUse, SNS_KEY_ACTIONS } from "../key";
import { NOTIFY_SECONDS } from "../workflow-definition";
import { createFunction, type FunctionDependencies } from "./create";

export function createNotify({ settings, storage: { key, site }, network, topic }: FunctionDependencies) {
	const notifySettings = { notifyWhenUnchanged: settings.notifyWhenUnchanged };
	return createFunction("notify", settings, key, {
		factory: () => notifyHandler(notifySettings),
		memoryMb: 256,
		timeoutSeconds: NOTIFY_SECONDS,
		environment: { TOPIC_ARN: topic.arn, ...(site.publicPage && { PAGE_URL: site.publicPage.url }) },
		packages: ["@aws-sdk/client-sns"],
		placement: network.internetPlacement,
		statements: [{ actions: ["sns:Publish"], resources: [topic.arn] }, allowKeyUse(key, "sns", SNS_KEY_ACTIONS)],
	});
}
