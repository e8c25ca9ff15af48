/** The statement that refuses whoever comes without TLS. */

import type * as pulumi from "@pulumi/pulumi";
import type { Statement } from "./role";

/** Refuses actions on resources to everybody who does not come over TLS; for a resource's own policy. */
export function tlsOnly(actions: string[], resources: pulumi.Input<string>[]): Statement {
	return {
		sid: "TlsOnly",
		effect: "Deny",
		actions,
		resources,
		principals: [{ type: "*", identifiers: ["*"] }],
		conditions: [{ test: "Bool", variable: "aws:SecureTransport", values: ["false"] }],
	};
}
