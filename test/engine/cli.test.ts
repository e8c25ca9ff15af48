/** Where the tests look for the Pulumi CLI, and the error where there is none. */

import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { expect } from "chai";
import { failed } from "../support/assertions";
import { findCli } from "./cli";

describe("the Pulumi CLI", () => {
	let directory: string;
	beforeEach(() => {
		directory = mkdtempSync(join(tmpdir(), "ev-registrations-cli-"));
	});
	afterEach(() => rmSync(directory, { recursive: true, force: true }));

	/** A folder with a program called pulumi. */
	const withCli = (...path: string[]) => {
		const folder = join(directory, ...path);
		mkdirSync(folder, { recursive: true });
		writeFileSync(join(folder, "pulumi"), "#!/bin/sh\n");
		chmodSync(join(folder, "pulumi"), 0o755);
		return folder;
	};
	const noDownload = async () => {
		throw new Error("getaddrinfo ENOTFOUND get.pulumi.com");
	};

	it("is the one on PATH, not the npm package's launcher", async () => {
		const path = [withCli("project", "node_modules", ".bin"), withCli("bin"), withCli("later")].join(delimiter);
		expect(await findCli(path, noDownload)).to.equal(join(directory, "bin", "pulumi"));
	});

	it("comes from the npm package if PATH has none", async () => {
		const path = withCli("project", "node_modules", ".bin");
		expect(await findCli(path, async () => "/home/someone/.pulumi/pulumi")).to.equal("/home/someone/.pulumi/pulumi");
	});

	it("fails with one sentence that says how to get it", async () => {
		const { message } = await failed(findCli(withCli("project", "node_modules", ".bin"), noDownload));
		expect(message).to.match(
			/^There is no Pulumi CLI on PATH, and .*ENOTFOUND.*: install it .* test\/engine\/build-cli\.sh .*\.$/,
		);
		expect(message).to.not.include("\n");
	});
});
