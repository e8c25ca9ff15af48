/** The contents: each section's question and its answer in a few words. */

import type { Finding, SectionId } from "../finding";
import { glanceOf } from "../findings";
import { type Html, html } from "../html";

export const glanceHtml = (findings: [SectionId, Finding][]): Html => html`
<ul>${glanceOf(findings).map(
	([id, { question, glance }]) => html`
<li><a href="#${id}"><span class="question">${question}</span> <span class="answer">${glance}</span></a></li>`,
)}</ul>`;
