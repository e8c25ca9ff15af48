/** The policy statement that requires TLS. */

import type * as pulumi from "@pulumi/pulumi";
import type { Statement } from "./role";

/** Denies actions on resources to everybody over connections without TLS; for a resource policy. */
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
