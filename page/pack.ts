/**
 * Packs figures for the page: a third of their text. The columns that a table is sorted by become one column of whole numbers,
 * each the difference from the one before. Of vehicles at each snapshot, only what arrivals and departures do not tell is kept. A
 * column is a text of numbers in base 36, with a space between and nothing for a zero.
 */

import type { Figures, Flows, Stock } from "./figures";

/** The columns that each table is sorted by. */
const KEYS = {
	modelStock: ["county", "model"],
	yearStock: ["county", "make", "year"],
	firstYears: ["county", "make", "year"],
	flows: ["snapshot", "county", "make"],
	ranges: ["model", "year", "miles"],
	knownRanges: ["make", "year"],
} as const satisfies Partial<Record<keyof Figures, readonly string[]>>;
type TableName = keyof typeof KEYS;
const TABLES = Object.keys(KEYS) as TableName[];

type Columns = Record<string, number[]>;
interface PackedTable {
	rows: number;
	/** Of each key column: the least value, and how many different ones there can be. */
	ranges: [least: number, size: number][];
	keys: string;
	/** The columns of counts. */
	counts: Record<string, string>;
}
interface PackedStock {
	/** Every county and make of any snapshot. */
	cells: PackedTable;
	/** Of each snapshot, by cell: the difference from the snapshot before, less what arrived, and what left added. */
	all: string[];
	/** The difference from the snapshot before. */
	phev: string[];
}
interface PackedModels {
	makes: string;
	names: string[];
}
type Packed = Omit<Figures, TableName | "stock" | "models"> &
	Record<TableName, PackedTable> & { stock: PackedStock; models: PackedModels };

/** Figures as text that may stand in a script element. */
export function pack(figures: Figures): string {
	const tables = Object.fromEntries(TABLES.map((name) => [name, packTable(columnsOf(figures, name), KEYS[name])]));
	const stock = packStock(figures);
	const models: PackedModels = {
		makes: write(figures.models.map(({ make }) => make)),
		names: figures.models.map(({ name }) => name),
	};
	return JSON.stringify({ ...figures, ...tables, stock, models }).replaceAll("<", "\\u003c");
}

/** The inverse of `pack`. */
export function unpack(text: string): Figures {
	const packed: Packed = JSON.parse(text);
	const tables = Object.fromEntries(TABLES.map((name) => [name, unpackTable(packed[name], KEYS[name])]));
	const stock = unpackStock(packed.stock, tables.flows as unknown as Flows);
	const { makes, names } = packed.models;
	const models = read(makes, names.length).map((make, index) => ({ make, name: names[index]! }));
	return { ...packed, ...tables, stock, models } as unknown as Figures;
}

const BASE = 36;
const write = (values: number[]): string => values.map((value) => (value === 0 ? "" : value.toString(BASE))).join(" ");
/** @param length how many there are: no text may be none, or one zero */
const read = (text: string, length: number): number[] =>
	length === 0 ? [] : text.split(" ").map((value) => (value === "" ? 0 : Number.parseInt(value, BASE)));

const columnsOf = (figures: Figures, name: TableName) => figures[name] as unknown as Columns;

function packTable(table: Columns, names: readonly string[]): PackedTable {
	const ranges = names.map((name): [number, number] => {
		const least = table[name]!.reduce((a, b) => Math.min(a, b), table[name]![0] ?? 0);
		const most = table[name]!.reduce((a, b) => Math.max(a, b), least);
		return [least, most - least + 1];
	});
	const keys = table[names[0]!]!.map((_, row) =>
		names.reduce((key, name, index) => key * ranges[index]![1] + table[name]![row]! - ranges[index]![0], 0),
	);
	const others = Object.entries(table).filter(([name]) => !names.includes(name));
	return {
		rows: keys.length,
		ranges,
		keys: write(keys.map((key, row) => key - (keys[row - 1] ?? 0))),
		counts: Object.fromEntries(others.map(([name, values]) => [name, write(values)])),
	};
}

function unpackTable({ rows, ranges, keys, counts }: PackedTable, names: readonly string[]): Columns {
	const columns: Columns = Object.fromEntries(names.map((name) => [name, []]));
	let key = 0;
	for (const step of read(keys, rows)) {
		key += step;
		let rest = key;
		for (const [index, name] of [...names.entries()].reverse()) {
			const [least, size] = ranges[index]!;
			columns[name]!.push((rest % size) + least);
			rest = Math.floor(rest / size);
		}
	}
	return { ...columns, ...Object.fromEntries(Object.entries(counts).map(([name, text]) => [name, read(text, rows)])) };
}

function packStock({ stock, flows, snapshots }: Figures): PackedStock {
	const width = 1 + stock.make.reduce((a, b) => Math.max(a, b), 0);
	const numbers = [...new Set(stock.county.map((county, row) => county * width + stock.make[row]!))].sort(
		(a, b) => a - b,
	);
	const cells = { county: numbers.map((cell) => Math.floor(cell / width)), make: numbers.map((cell) => cell % width) };
	const placeOf = placesIn(cells);
	const dense = (values: number[]) => {
		const table = snapshots.map(() => numbers.map(() => 0));
		for (const [row, value] of values.entries()) table[stock.snapshot[row]!]![placeOf(stock, row)!] = value;
		return table;
	};
	const all = dense(stock.bev.map((bev, row) => bev + stock.phev[row]!));
	const phev = dense(stock.phev);
	const net = netFlows(flows, snapshots.length, cells);
	const changes = (table: number[][], snapshot: number) =>
		table[snapshot]!.map((value, cell) => value - (table[snapshot - 1]?.[cell] ?? 0));
	return {
		cells: packTable({ ...cells }, CELL),
		all: snapshots.map((_, at) => write(changes(all, at).map((change, cell) => change - net[at]![cell]!))),
		phev: snapshots.map((_, at) => write(changes(phev, at))),
	};
}

function unpackStock(packed: PackedStock, flows: Flows): Stock {
	const cells = unpackTable(packed.cells, CELL) as unknown as Cells;
	const net = netFlows(flows, packed.all.length, cells);
	const stock: Stock = { snapshot: [], county: [], make: [], bev: [], phev: [] };
	const [all, phev] = [cells.county.map(() => 0), cells.county.map(() => 0)];
	for (const snapshot of packed.all.keys()) {
		const [others, hybrids] = [packed.all, packed.phev].map((series) => read(series[snapshot]!, all.length));
		for (const cell of cells.county.keys()) {
			all[cell]! += others![cell]! + net[snapshot]![cell]!;
			phev[cell]! += hybrids![cell]!;
			if (all[cell] === 0) continue;
			stock.snapshot.push(snapshot);
			stock.county.push(cells.county[cell]!);
			stock.make.push(cells.make[cell]!);
			stock.bev.push(all[cell]! - phev[cell]!);
			stock.phev.push(phev[cell]!);
		}
	}
	return stock;
}

const CELL = ["county", "make"] as const;
type Cells = Pick<Stock, "county" | "make">;

/** @returns a row's place among cells; undefined where it is of none */
function placesIn({ county, make }: Cells): (table: Cells, row: number) => number | undefined {
	const places = new Map(county.map((county, place) => [`${county} ${make[place]}`, place]));
	return (table, row) => places.get(`${table.county[row]} ${table.make[row]}`);
}

/** What arrived less what left before each snapshot, by cell. */
function netFlows(flows: Flows, snapshots: number, cells: Cells): number[][] {
	const net = Array.from({ length: snapshots }, () => cells.county.map(() => 0));
	const placeOf = placesIn(cells);
	for (const [row, snapshot] of flows.snapshot.entries()) {
		const place = placeOf(flows, row);
		if (place !== undefined) net[snapshot]![place] = flows.arrived[row]! - flows.left[row]!;
	}
	return net;
}
