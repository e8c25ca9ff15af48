import { expect } from "chai";
import fc from "fast-check";
import { splitCsv } from "../../../handlers/rows/csv-fields";

describe("splitCsv", () => {
	it("reads any RFC 4180 fields, quoted or not", () => {
		const field = fc.string({ unit: fc.constantFrom("a", '"', ",", "\n", "|", " ", "ñ") });
		fc.assert(
			fc.property(fc.array(field, { minLength: 1 }), fc.boolean(), (fields, quoteAll) => {
				const quote = (text: string) => (quoteAll || /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
				expect(splitCsv(fields.map(quote).join(","))).to.deep.equal(fields);
			}),
		);
	});

	it("rejects open quotes and text outside quotes", () => {
		for (const bad of ['a,"b', 'a"b"', '"a"b', '"a",b"', '"', 'a,"']) expect(splitCsv(bad), bad).to.equal(undefined);
	});
});
