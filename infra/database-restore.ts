/** A database that begins with what another one had. No resources. */

import { createHash } from "node:crypto";
import type * as aws from "@pulumi/aws";

interface Restored {
	/** Of its identifier. A database keeps its name, so that the restored one needs another while both are there. */
	suffix: string;
	/** Arguments of the instance; a change of them makes another one. */
	origin: Pick<aws.rds.InstanceArgs, "snapshotIdentifier" | "restoreToPointInTime">;
}

/**
 * How RDS is told what to restore.
 * @param from the setting restoreFrom: a snapshot's name or ARN, or DATABASE@TIME, or DATABASE@latest; undefined for none
 */
export function restoredFrom(from: string | undefined): Restored {
	if (from === undefined) return { suffix: "", origin: {} };
	const suffix = `-${createHash("sha256").update(from).digest("hex").slice(0, 7)}`;
	const [source, time] = from.split("@") as [string, string?];
	if (time === undefined) return { suffix, origin: { snapshotIdentifier: source } };
	const when = time === "latest" ? { useLatestRestorableTime: true } : { restoreTime: time };
	return { suffix, origin: { restoreToPointInTime: { sourceDbInstanceIdentifier: source, ...when } } };
}
