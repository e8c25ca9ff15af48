/** The most common models as bars, and those that grew fastest. */

import { axisY, barX, dot, link, ruleX, text } from "@observablehq/plot";
import { before, mostCommon, risers } from "../findings/cars";
import { count, shortDateBeside, signed } from "../text";
import type { ModelFigures, View } from "../view";
import { BOLD, draw, textWidth } from "./drawing";

const ROW = 29;
const NAME_WIDTH = 150;

/** Names as wide as the longest of them, up to a limit. */
const nameWidth = (models: ModelFigures[]) =>
	Math.min(NAME_WIDTH, Math.max(...models.map(({ name }) => textWidth(name, 12.5)))) + 12;

export function drawCars(view: View, width: number, label: string): Element | undefined {
	const models = mostCommon(view);
	const [top] = models;
	if (!top) return undefined;
	const gained = models.filter(({ net }) => net > 0);
	const [first] = gained;
	const note = first && `${signed(first.net)} since ${shortDateBeside(view.dates[0]!, view.dates.at(-1)!)}`;
	return draw(label, {
		width,
		height: models.length * ROW + 24,
		marginLeft: nameWidth(models),
		marginRight: textWidth(count(top.now), 13) + 14,
		marginTop: 24,
		marginBottom: 0,
		x: { domain: [0, top.now], axis: null },
		y: { type: "band", domain: models.map(({ name }) => name), padding: 0.28 },
		marks: [
			barX(models, { y: "name", x1: 0, x2: (model) => Math.min(model.now, before(model)), fill: "var(--mute)" }),
			barX(gained, { y: "name", x1: before, x2: "now", fill: "var(--bev)" }),
			axisY({ tickSize: 0, fontSize: 12.5, fill: "var(--ink)" }),
			text(models, {
				y: "name",
				x: "now",
				text: ({ now }) => count(now),
				textAnchor: "start",
				dx: 6,
				...BOLD,
				fill: "var(--ink)",
			}),
			first === top
				? text([top], {
						y: "name",
						x: "now",
						text: () => note,
						textAnchor: "end",
						dy: -19,
						...BOLD,
						fill: "var(--accent-text)",
					})
				: null,
		],
	});
}

export function drawRisers(view: View, width: number, label: string): Element | undefined {
	const models = risers(view);
	if (models.length === 0) return undefined;
	const most = Math.max(...models.map(({ now }) => now));
	const factor = (model: ModelFigures) =>
		before(model) === 0 ? "new" : `×${(model.now / before(model)).toFixed(model.now / before(model) < 10 ? 1 : 0)}`;
	const values = models.map((model) => `${count(model.now)} (${factor(model)})`);
	return draw(label, {
		width,
		height: models.length * (ROW + 2) + 24,
		marginLeft: nameWidth(models),
		marginRight: Math.max(...values.map((value) => textWidth(value, 13))) + 18,
		marginTop: 12,
		marginBottom: 12,
		x: { domain: [0, most], axis: null },
		y: { type: "point", domain: models.map(({ name }) => name) },
		marks: [
			ruleX([0], { stroke: "var(--axis)" }),
			link(models, { y: "name", x1: before, x2: "now", stroke: "var(--bev-line)", strokeWidth: 2.5 }),
			dot(
				models.filter((model) => before(model) > 0),
				{ y: "name", x: before, r: 4.5, fill: "var(--paper)", stroke: "var(--mute)", strokeWidth: 2 },
			),
			dot(models, { y: "name", x: "now", r: 5, fill: "var(--bev-line)" }),
			axisY({ tickSize: 0, fontSize: 12.5, fill: "var(--ink)" }),
			text(models, {
				y: "name",
				x: "now",
				text: (_, index) => values[index]!,
				textAnchor: "start",
				dx: 11,
				...BOLD,
				fill: "var(--ink)",
			}),
		],
	});
}
