/** HTTP servers of this machine, for this machine. */

import type { Server } from "node:http";

/** Listens on a free port of loopback. @returns the server's URL */
export async function listen(server: Server): Promise<string> {
	await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
	return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}

/** Stops a server, ending what it still has open. */
export async function close(server: Server): Promise<void> {
	server.closeAllConnections();
	await new Promise((resolve) => server.close(resolve));
}
