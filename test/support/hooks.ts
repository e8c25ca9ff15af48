/** What mocha does after all tests of a process. */

import { stopTestBed } from "./bed";

export const mochaHooks = {
	async afterAll() {
		await stopTestBed();
	},
};
