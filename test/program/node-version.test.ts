/** The versions of Node.js that the program and `npm install` require. */

import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect } from "chai";
import { checkNode } from "../../infra/node-version";
import { devDependencies, engines, scripts } from "../../package.json";

const root = join(__dirname, "../..");

describe("the Node.js version", () => {
	it("stops the program with advice if it is too old", () => {
		expect(() => checkNode("20.20.2"))
			.to.throw(
				"Pulumi needs Node.js 22 or newer and found 20.20.2 on PATH; run `npx pulumi` instead of `pulumi`, which finds this project's own, or install a newer one.",
			)
			.with.property("message")
			.that.does.not.include("\n");
		for (const version of ["22.0.0", devDependencies.node]) checkNode(version);
	});

	it("stops npm install if it is too old", () => {
		expect(scripts.preinstall).to.equal("node local/common/check-node.js");
		expect(engines.node).to.equal(">=20");
		const file = join(root, "local/common/check-node.js");
		const as = (version: string) => {
			const old = `Object.defineProperty(process.versions, "node", { value: "${version}" })`;
			return spawnSync(process.execPath, ["-e", `${old}; require(${JSON.stringify(file)})`], { encoding: "utf8" });
		};
		const { status, stderr } = as("18.20.8");
		expect(status).to.equal(1);
		expect(stderr).to.equal(
			"npm install needs Node.js 20 or newer and runs with 18.20.8; install it from https://nodejs.org.\n",
		);
		expect(as("20.0.0").status).to.equal(0);
	});

	it("is the project's own for commands that npx runs", () => {
		const found = execFileSync("npm", ["exec", "--", "node", "--version"], { cwd: root, encoding: "utf8" });
		expect(found.trim()).to.equal(`v${devDependencies.node}`);
	});
});
