/** A Chromium or Chrome that this machine has. */

import { existsSync } from "node:fs";
import { join } from "node:path";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const PLACES = [
	...NAMES.flatMap((name) => ["/usr/bin", "/usr/local/bin", "/snap/bin"].map((folder) => join(folder, name))),
	"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
	"/Applications/Chromium.app/Contents/MacOS/Chromium",
	"C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
];

/** How to start it; undefined where none is found. */
export function findChromium(): { executablePath: string; args: string[] } | undefined {
	const executablePath = PLACES.find((path) => existsSync(path));
	// Chromium refuses its sandbox to root, as in a container.
	return executablePath ? { executablePath, args: process.getuid?.() === 0 ? ["--no-sandbox"] : [] } : undefined;
}
