/** What is odd in the register, and what its figures cannot say. */

import { facts } from "../findings/odd";
import { limits } from "../findings/trust";
import { type Html, html } from "../html";
import type { View } from "../view";

export const factsHtml = (view: View): Html => html`
<ul class="facts">${facts(view).map(({ value, text }) => html`<li><b>${value}</b> <span>${text}</span></li>`)}</ul>`;

export const limitsHtml = (view: View): Html => html`
<dl class="limits">${limits(view).map(({ about, text }) => html`<div><dt>${about}</dt><dd>${text}</dd></div>`)}</dl>`;
