/** The document's head: what search engines and browsers read of the page. */

import { latestDate } from "../findings/phrases";
import { Html, html } from "../html";
import { count } from "../text";
import type { View } from "../view";
import { TITLE } from "./masthead";

export interface HeadSources {
	styles: string;
	/** Content-Security-Policy. */
	policy: string;
	/** Runs before anything is drawn. */
	script: string;
}

export function headHtml(view: View | undefined, isSample: boolean, { styles, policy, script }: HeadSources): Html {
	const description = view
		? `${count(view.now.all)} electric vehicles on Washington State’s register on ${latestDate(view)}: where they are, which they are, what changed.`
		: "Electric vehicles on Washington State’s register.";
	return html`
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="color-scheme" content="light dark">
<meta name="description" content="${description}">
<meta property="og:title" content="${TITLE}">
<meta property="og:description" content="${description}">
<title>${isSample && "Sample data: "}${TITLE}</title>
<link rel="icon" href="data:,">
<script>${new Html(script)}</script>
<style>${new Html(styles)}</style>
${view && !isSample && html`<script type="application/ld+json">${datasetOf(view, description)}</script>`}`;
}

/** The page's data, as search engines for datasets read it. */
function datasetOf({ figures, dates }: View, description: string): Html {
	const [first, last] = [figures.snapshots[0]!.slice(0, 10), figures.snapshots.at(-1)!.slice(0, 10)];
	const dataset = {
		"@context": "https://schema.org",
		"@type": "Dataset",
		name: TITLE,
		description,
		license: "https://opendatacommons.org/licenses/odbl/1-0/",
		isBasedOn: `https://data.wa.gov/d/${figures.dataset}`,
		creator: { "@type": "Organization", name: "Washington State Department of Licensing", url: "https://dol.wa.gov" },
		spatialCoverage: "Washington, United States",
		temporalCoverage: dates.length === 1 ? last : `${first}/${last}`,
		dateModified: last,
		distribution: figures.files.map(({ path, title, bytes }) => ({
			"@type": "DataDownload",
			name: title,
			contentUrl: path,
			contentSize: `${bytes} B`,
			encodingFormat: formatOf(path),
		})),
	};
	return new Html(JSON.stringify(dataset).replaceAll("<", "\\u003c"));
}

function formatOf(path: string): string {
	if (path.endsWith(".parquet")) return "application/vnd.apache.parquet";
	if (path.endsWith(".csv.gz")) return "application/gzip";
	return "application/json";
}
