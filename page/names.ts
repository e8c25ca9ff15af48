/** Makes and models as people write them; the source has them in capitals. */

/** Names that the rule below would get wrong. */
const WRITTEN: Record<string, string> = {
	BZ4X: "bZ4X",
	"E-GOLF": "e-Golf",
	ESPRINTER: "eSprinter",
	IX: "iX",
	"I-MIEV": "i-MiEV",
	"SANTA FE": "Santa Fe",
};
/** Letters that stay small: 330e, i3, e-tron. */
const SMALL = /(?<=\b\d+L?)E\b|\bI(?=\d\b)|\bE-TRON\b/g;
const ACRONYMS = new Set(["EDV", "ELR", "EQB", "EQE", "EQS", "EUV", "GLE", "SUV"]);
/** Makes whose names are long beside a model's. */
const SHORT_MAKES: Record<string, string> = { VOLKSWAGEN: "VW", "MERCEDES-BENZ": "Mercedes" };

/** "Mercedes-Benz" for "MERCEDES-BENZ"; "BMW" stays. */
export function makeNameOf(make: string): string {
	return nameOf(make);
}

/** "Tesla Model Y", "VW ID.4"; the make alone where the source gives no model. */
export function modelNameOf(make: string, model: string): string {
	const short = SHORT_MAKES[make] ?? makeNameOf(make);
	// A last word of a letter or two stays with the one before.
	return model === "" ? `${short} (no model given)` : `${short} ${nameOf(model)}`.replace(/ (\S{1,2})$/, "\u00a0$1");
}

function nameOf(name: string): string {
	const written = WRITTEN[name] ?? name.replace(SMALL, (letters) => letters.toLowerCase());
	return written.replace(/[^\s-]+/g, wordOf);
}

/** Keeps words that are read letter by letter, such as EV, CR-V and RAV4, and those that have small letters already. */
function wordOf(word: string): string {
	const isAcronym = word.length <= 2 || /[\da-z]/.test(word) || !/[AEIOUY]/.test(word) || ACRONYMS.has(word);
	return isAcronym ? word : word[0] + word.slice(1).toLowerCase();
}
