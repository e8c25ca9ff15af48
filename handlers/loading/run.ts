/** One run of the load: what its steps share. */

import type { Client } from "pg";
import type { Guard, LoadEvent } from "../common/contract";
import type { Log } from "../common/log";
import type { Storage } from "../raw/bucket";

/** Limits past which a person must look, shares of 1, and whose metrics a run writes. */
export interface LoadSettings {
	stack: string;
	/** Of the snapshot's rows, how many may be set aside. */
	maxRejectedShare: number;
	/** Of the registered vehicles, how many one snapshot may remove. */
	maxRemovedShare: number;
}

export interface Run {
	event: LoadEvent;
	settings: LoadSettings;
	client: Client;
	storage: Storage;
	log: Log;
	/** Milliseconds left to the load. */
	timeLeft(): number;
	/** Whether a person overrode a guard; if so, the run says so. */
	accepts(guard: Guard, note: string): boolean;
	notes: string[];
	/** How far it has come, for people: "at page 3 of 21". */
	reached: string;
}
