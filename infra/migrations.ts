/** Database migrations, which run during `pulumi up`. */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { filesBelow } from "./functions/archive";
import type { PipelineSecrets } from "./secrets";

/**
 * Invokes migrate, and again whenever the migrations, its code, the database or a login's secret change.
 * @param networkAccess what migrate needs to connect
 * @returns the invocation: the schema and the logins exist once it does
 */
export function runMigrations(
	migrate: aws.lambda.Function,
	database: aws.rds.Instance,
	secrets: PipelineSecrets,
	networkAccess: pulumi.Resource[],
): aws.lambda.Invocation {
	return new aws.lambda.Invocation(
		"migrate",
		{
			functionName: migrate.name,
			input: "{}",
			triggers: {
				migrations: hashFolder("db/migrations"),
				code: migrate.sourceCodeHash,
				database: database.resourceId,
				secrets: pulumi.all([secrets.database.id, secrets.reader.id]).apply((ids) => ids.join(" ")),
			},
		},
		{ dependsOn: [database, ...networkAccess] },
	);
}

/** A hash of the names and contents of all files in a folder. */
function hashFolder(folder: string): string {
	const hash = createHash("sha256");
	for (const file of filesBelow(folder)) hash.update(`${file}\n`).update(readFileSync(join(folder, file)));
	return hash.digest("hex");
}
