/** Where the rows of raw pages stand in the file that they come from. */

import type { RawFormat } from "../../handlers/common/contract";
import type { Snapshot } from "./snapshot";

export interface PagePlace {
	/** From 1. */
	page: number;
	/** In the page, from 1. */
	line: number;
}

export interface Paging {
	format: RawFormat;
	/** Rows per page, as the setting says. */
	pageRows: number;
}

const NEWLINE = 0x0a;

/**
 * Finds the line of the file from which a page's line comes. Pages hold the rows in the file's order.
 * @returns undefined where the page has no such row
 */
export function findFileLine(snapshot: Snapshot, { page, line }: PagePlace, paging: Paging): number | undefined {
	const first = (page - 1) * paging.pageRows;
	const last = Math.min(first + paging.pageRows, snapshot.lines.length);
	if (paging.format === "json") {
		const row = first + line - 1;
		return row >= first && row < last ? snapshot.lines[row] : undefined;
	}
	const { content, offsets, lines } = snapshot;
	// Line 1 is the header. A row may take several lines.
	let at = 2;
	for (let row = first; row < last; row++) {
		const next = at + countBreaks(content, offsets[row]!, offsets[row + 1]!);
		if (line >= at && (line < next || row === last - 1)) return lines[row]! + line - at;
		at = next;
	}
	return undefined;
}

function countBreaks(content: Buffer, from: number, to: number): number {
	let breaks = 0;
	for (let at = content.indexOf(NEWLINE, from); at !== -1 && at < to; at = content.indexOf(NEWLINE, at + 1)) breaks++;
	return breaks;
}

/** Adds the file's line to each "page N, line M" of a message. */
export function addFileLines(message: string, snapshot: Snapshot, paging: Paging): string {
	return message.replace(/\bpage (\d+), line (\d+)/g, (place, page, line) => {
		const inFile = findFileLine(snapshot, { page: Number(page), line: Number(line) }, paging);
		return inFile === undefined ? place : `${place} (line ${inFile} of ${snapshot.name})`;
	});
}
