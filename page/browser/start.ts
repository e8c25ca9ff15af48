/** Runs in the browser: draws the page for a choice, and follows the reader's choices. */

import { type Choice, MEASURES, measureIn, readHash, type State, writeHash } from "../choice";
import { makeNameOf } from "../names";
import { unpack } from "../pack";
import { partsOf } from "../parts";
import { count, vehicles } from "../text";
import { type View, viewOf } from "../view";
import { drawCharts } from "./charts";
import { offerDownloads } from "./downloads";
import { followMap } from "./map";
import { byId } from "./page";
import { followPlaces } from "./places";

const figures = unpack(byId("figures").textContent!);
const form = document.querySelector<HTMLFormElement>("form.bar")!;
const [makes, counties] = [byId<HTMLSelectElement>("make"), byId<HTMLSelectElement>("county")];
const reset = form.querySelector<HTMLButtonElement>("[type=reset]")!;

makes.append(...figures.makes.map((make, index) => new Option(makeNameOf(make), String(index))));
counties.append(...figures.counties.map(({ name }, index) => new Option(name, String(index))));

let state: State = readHash(location.hash, figures);
let view: View = viewOf(figures, state.choice);
let drawnWidth: number | undefined;

const redrawPlaces = followPlaces(() => view, choose);
followMap(() => ({ view, measure: measureIn(state) }), toggleCounty);
offerDownloads(() => view);

form.addEventListener("change", () => choose({ county: numberOf(counties.value), make: numberOf(makes.value) }));
form.addEventListener("reset", (event) => {
	event.preventDefault();
	show({ choice: {} });
	makes.focus();
});
byId("measures").addEventListener("click", ({ target }) => {
	const chosen = (target as Element).closest<HTMLElement>("[data-measure]")?.dataset.measure;
	const measure = MEASURES.find((measure) => measure === chosen);
	if (measure) show({ ...state, measure });
	byId("measures").querySelector<HTMLElement>(`[data-measure="${chosen}"]`)?.focus();
});
addEventListener("hashchange", () => {
	// A link to a section is no choice.
	if (/^#[a-z]+$/.test(location.hash)) return;
	show(readHash(location.hash, figures));
});
new ResizeObserver(onResize).observe(byId("growth-chart"));

for (const details of document.querySelectorAll("details")) details.open = false;
// Without a choice, the document says all of it already.
if (writeHash(state, figures) !== "") writeParts();
draw();
document.documentElement.classList.add("ready");
performance.mark("drawn");

function numberOf(value: string): number | undefined {
	return value === "" ? undefined : Number(value);
}

/** Another county or make; choosing a make turns the map to its share, giving it up turns it back. */
function choose(choice: Choice): void {
	show({ choice, measure: choice.make === state.choice.make ? state.measure : undefined });
}

function toggleCounty(county: number): void {
	choose({ ...state.choice, county: county === state.choice.county ? undefined : county });
}

function show(next: State): void {
	state = next;
	view = viewOf(figures, state.choice);
	history.replaceState(null, "", writeHash(state, figures) || location.pathname + location.search);
	writeParts();
	draw();
	byId("status").textContent = `${view.scope}: ${vehicles(view.now.all)}`;
}

/** Writes the text that follows the choice. */
function writeParts(): void {
	for (const [id, part] of Object.entries(partsOf(view, state))) {
		const holder = document.getElementById(id);
		if (holder) holder.innerHTML = part.text;
	}
}

/** Draws what follows the choice, beside its text. */
function draw(): void {
	makes.value = String(state.choice.make ?? "");
	counties.value = String(state.choice.county ?? "");
	reset.hidden = state.choice.make === undefined && state.choice.county === undefined;
	redrawPlaces();
	drawCharts(view, measureIn(state));
	document.title = document.title.replace(/^[^:]*: (?=Washington)|^/, titlePrefix());
}

/** "Tesla, King County, 47,000: Washington’s electric vehicles" */
function titlePrefix(): string {
	if (figures.dataset === "sample") return "Sample data: ";
	return reset.hidden ? "" : `${view.scope}, ${count(view.now.all)}: `;
}

/** Draws again when the width changes, once in a frame. */
function onResize([entry]: ResizeObserverEntry[]): void {
	const width = Math.round(entry!.contentRect.width);
	if (width === drawnWidth) return;
	const isFirst = drawnWidth === undefined;
	drawnWidth = width;
	if (!isFirst) requestAnimationFrame(() => drawCharts(view, measureIn(state)));
}
