/** What there is to take along. */

import type { Finding } from "../finding";
import type { View } from "../view";

export function data({ figures }: View): Finding {
	return {
		question: "Can I have the data?",
		title: "Yes, under an open license",
		glance: figures.files.length ? "Yes, as Parquet and CSV" : "Yes, as CSV",
		prose: [],
		caption: [],
		few: false,
	};
}
