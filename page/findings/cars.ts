/** Which models are most common, and which are on the rise. */

import { FEW } from "../figures";
import type { Finding, Text } from "../finding";
import { about, aboutOneIn, count, percent, sentence, signed } from "../text";
import type { ModelFigures, View } from "../view";
import { captionOf, firstDate, none, withArticle } from "./phrases";

const MOST_COMMON = 10;
const RISERS = 8;
/** A model on the rise has grown by this factor, and has as many vehicles, or fewer in a smaller register. */
const RISING = 1.1;
const RISER_VEHICLES = 100;
const SMALL_REGISTER = 5_000;
const SMALL_RISER_VEHICLES = 20;

export function cars(view: View): Finding {
	const [top] = view.models;
	const hasTrend = view.dates.length > 1;
	const rows = [...new Set([...mostCommon(view), ...risers(view)])];
	return {
		question: "Which cars?",
		title: titleOf(view),
		glance: top ? `${top.name}: ${count(top.now)}` : "None",
		prose: hasTrend
			? [["Renamed models count as the same cars: growth is measured vehicle by vehicle, not name by name."]]
			: [],
		caption: captionOf("Most common", view.scope),
		table: {
			caption: `Vehicles by model, ${view.scope}`,
			columns: [
				{ name: "Model", isNumber: false },
				{ name: "Vehicles", isNumber: true },
				...(hasTrend ? [{ name: `Since ${firstDate(view)}`, isNumber: true }] : []),
			],
			rows: rows.map(({ name, now, net }) => [name, count(now), ...(hasTrend ? [signed(net)] : [])]),
		},
		few: view.now.all < FEW,
	};
}

/** What the second chart measures. */
export const risersCaption = (view: View): Text =>
	risers(view).length ? captionOf(`Rising fastest since ${firstDate(view)}`, view.scope) : [];

export const mostCommon = ({ models }: View): ModelFigures[] => models.slice(0, MOST_COMMON);

/** Models that grew fastest since the first snapshot; new ones first. */
export function risers({ models, now, dates }: View): ModelFigures[] {
	if (dates.length < 2) return [];
	const least = now.all < SMALL_REGISTER ? SMALL_RISER_VEHICLES : RISER_VEHICLES;
	const factor = (model: ModelFigures) => (before(model) === 0 ? Number.POSITIVE_INFINITY : model.now / before(model));
	return models
		.filter((model) => model.now >= least && factor(model) >= RISING)
		.sort((a, b) => (factor(a) === factor(b) ? b.now - a.now : factor(b) - factor(a)))
		.slice(0, RISERS);
}

/** Vehicles of a model's kind at the first snapshot, whatever the model was called then. */
export const before = ({ now, net }: ModelFigures): number => Math.max(0, now - net);

function titleOf(view: View): string {
	const { models, now } = view;
	const [top] = models;
	if (!top) return none(view);
	if (models.length === 1)
		return now.all === 1 ? `The only one is ${withArticle(top.name)}` : `All are of one model: ${top.name}`;
	if (now.all < FEW) return `Most common: ${top.name}, ${count(top.now)} of ${count(now.all)}`;
	const share = top.now / now.all;
	const oneIn = aboutOneIn(share);
	if (oneIn?.startsWith("about one")) return `${sentence(oneIn)} is ${withArticle(top.name)}`;
	if (about(share) !== percent(share)) return `The ${top.name} makes up ${about(share)}`;
	return `The ${top.name} leads with ${percent(share)}`;
}
