/** Makes and models as people write them; the source has them in capitals. */

/** Names that the rule below would get wrong. */
const WRITTEN: Record<string, string> = {
	"500E": "500e",
	"330E": "330e",
	"530E": "530e",
	"740E": "740e",
	"745E": "745e",
	"745LE": "745Le",
	"750E": "750e",
	BZ4X: "bZ4X",
	"E-GOLF": "e-Golf",
	ESPRINTER: "eSprinter",
	"E-TRON": "e-tron",
	"E-TRON GT": "e-tron GT",
	"E-TRON SPORTBACK": "e-tron Sportback",
	I3: "i3",
	I4: "i4",
	I5: "i5",
	I7: "i7",
	I8: "i8",
	IX: "iX",
	"I-MIEV": "i-MiEV",
	"RS E-TRON GT": "RS e-tron GT",
	"SANTA FE": "Santa Fe",
};
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
	return WRITTEN[name] ?? name.replace(/[^\s-]+/g, wordOf);
}

/** Keeps words that are read letter by letter, such as EV, CR-V and RAV4. */
function wordOf(word: string): string {
	const isAcronym = word.length <= 2 || /\d/.test(word) || !/[AEIOUY]/.test(word) || ACRONYMS.has(word);
	return isAcronym ? word : word[0] + word.slice(1).toLowerCase();
}
