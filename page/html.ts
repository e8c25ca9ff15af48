/** HTML as text, with every value escaped. */

/** Text that is HTML already. */
export class Html {
	constructor(readonly text: string) {}
	toString(): string {
		return this.text;
	}
}

type Value = Html | string | number | undefined | false | Value[];

const ESCAPES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const escapeText = (text: string) => text.replace(/[&<>"']/g, (character) => ESCAPES[character]!);

/** A template whose values are escaped, but those that are HTML; lists are joined, undefined and false are left out. */
export function html(parts: TemplateStringsArray, ...values: Value[]): Html {
	return new Html(parts.reduce((text, part, index) => text + textOf(values[index - 1]) + part));
}

function textOf(value: Value): string {
	if (value === undefined || value === false) return "";
	if (value instanceof Html) return value.text;
	return Array.isArray(value) ? value.map(textOf).join("") : escapeText(String(value));
}
