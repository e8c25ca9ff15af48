/** The number of vehicles, large, how many of them run on a battery alone, and the change since the snapshot before. */

import { FEW } from "../figures";
import { delta } from "../findings/growth";
import { latestDate, noun } from "../findings/phrases";
import { type Html, html } from "../html";
import { count, percent } from "../text";
import type { View } from "../view";

export function headlineHtml(view: View): Html {
	const { now, makeName, choice } = view;
	const where = choice.county === undefined ? "on Washington’s register" : `in ${view.placeName}`;
	const what = makeName ? `electric ${noun(view)}` : "electric vehicles";
	return html`
<p class="total">${count(now.all)}</p>
<p class="total-label">${now.all === 1 ? what.replace(/s$/, "") : what} ${where} on ${latestDate(view)}</p>
${now.all > 0 && splitHtml(view)}
${deltaHtml(view)}`;
}

function splitHtml({ now }: View): Html {
	const parts = [
		{ kind: "bev", vehicles: now.bev, label: "battery electric" },
		{ kind: "phev", vehicles: now.phev, label: now.phev === 1 ? "plug-in hybrid" : "plug-in hybrids" },
	].filter(({ vehicles }) => vehicles > 0);
	return html`
<svg class="split" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">${parts.map(
		({ kind, vehicles }, index) => {
			const width = (vehicles / now.all) * 100;
			return html`<rect class="${kind}-fill" x="${index === 0 ? 0 : 100 - width + 0.4}" width="${index === 0 ? width : width - 0.4}" height="4"/>`;
		},
	)}</svg>
<dl class="kinds">${parts.map(
		({ kind, vehicles, label }) => html`
<div class="${kind}"><dt><b>${count(vehicles)}</b> ${label}</dt>${now.all >= FEW && html`<dd>${percent(vehicles / now.all)}</dd>`}</div>`,
	)}</dl>`;
}

function deltaHtml(view: View): Html | false {
	const change = delta(view);
	if (!change) return false;
	const [kind, sign] = change.change > 0 ? ["up", "▲"] : change.change < 0 ? ["down", "▼"] : ["same", "■"];
	return html`<p class="delta"><span class="${kind}" aria-hidden="true">${sign}</span> ${change.text}</p>`;
}
