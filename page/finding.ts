/** What a section says in words and numbers, before anything is drawn. */

/** Text with meaning: a plain string, or one with an emphasis. Spaces that must not break are U+00A0. */
export type Text = (string | { text: string; as: "strong" | "bev" | "phev" | "accent" | "warm" })[];

/** The sections, in the page's order; each is the anchor of its own. */
export const SECTIONS = [
	"growth",
	"where",
	"places",
	"cars",
	"shares",
	"years",
	"flows",
	"ranges",
	"odd",
	"trust",
	"data",
] as const;
export type SectionId = (typeof SECTIONS)[number];

export interface Finding {
	/** "How fast?" */
	question: string;
	/** The answer, a sentence that is true of the figures. */
	title: string;
	/** The answer in the contents, in a few words. */
	glance: string;
	/** Paragraphs below the title. */
	prose: Text[];
	/** What the chart measures, and for which choice. Empty where nothing is drawn. */
	caption: Text;
	/** "These figures as a table". */
	table?: Table;
	/** Too few vehicles for shares and rates: charts show counts. */
	few: boolean;
}

export interface Table {
	/** Said by screen readers. */
	caption: string;
	columns: { name: string; isNumber: boolean }[];
	/** As printed. */
	rows: string[][];
}
