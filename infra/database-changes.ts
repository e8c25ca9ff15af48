/** What RDS would refuse to do to the database that is up, refused before anything is changed. No resources. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

/** A database that is up. */
export interface Running {
	allocatedStorage: number;
	/** With its minor version, such as 18.4. */
	engineVersion: string;
}

/** RDS takes no smaller increase than a tenth. https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PIOPS.ModifyingExisting.html */
const leastGrowth = (gb: number) => Math.ceil((gb * 11) / 10);

/** The database of this identifier, undefined where there is none yet. */
export function running(identifier: string): pulumi.Output<Running | undefined> {
	const { instanceIdentifiers } = aws.rds.getInstancesOutput({
		filters: [{ name: "db-instance-id", values: [identifier] }],
	});
	return instanceIdentifiers.apply<Running | undefined>((found) =>
		found?.length ? aws.rds.getInstanceOutput({ dbInstanceIdentifier: identifier }) : pulumi.output(undefined),
	);
}

/** The storage to ask for. @throws RunError where RDS would refuse the increase */
export function storageFor(current: pulumi.Output<Running | undefined>, wantedGb: number): pulumi.Output<number> {
	return current.apply((database) => {
		const currentGb = database?.allocatedStorage ?? wantedGb;
		const leastGb = leastGrowth(currentGb);
		// A smaller value is that of a database which has grown by itself, and changes nothing.
		if (wantedGb <= currentGb || wantedGb >= leastGb) return wantedGb;
		throw new pulumi.RunError(
			`The setting databaseStorageGb is ${wantedGb}, but the database has ${currentGb} GB, which RDS raises by a tenth at least; set it with \`pulumi config set databaseStorageGb ${leastGb}\`.`,
		);
	});
}

/** The major version to ask for. @throws RunError where the database has a later one, since RDS takes none back */
export function checkVersion(current: pulumi.Output<Running | undefined>, wanted: string): pulumi.Output<string> {
	return current.apply((database) => {
		const [major = wanted] = database?.engineVersion.split(".") ?? [];
		if (Number(wanted) >= Number(major)) return wanted;
		throw new pulumi.RunError(
			`The setting databaseVersion is ${wanted}, but the database has PostgreSQL ${major}, which RDS does not take back; set it with \`pulumi config set databaseVersion ${major}\`, or restore a snapshot from before the upgrade.`,
		);
	});
}
