/** What mocha does after all tests of a process, or of a file where files run side by side. */

import { stopTestBed } from "./bed";
import "./program";

export const mochaHooks = {
	async afterAll() {
		await stopTestBed();
	},
};
