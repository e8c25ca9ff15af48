/** The page's text, what it packs and links, and the document that it is. */

import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { expect } from "chai";
import { readHash, writeHash } from "../../page/choice";
import { html } from "../../page/html";
import { makeNameOf, modelNameOf } from "../../page/names";
import { pack, unpack } from "../../page/pack";
import { about, aboutOneIn, count, duration, ordinal, percent, points, signedPercent } from "../../page/text";
import { expectTrueChoices } from "../support/choices";
import { choiceOf, sampleFigures, snapshotOf } from "../support/figures";
import { emptyFigures, renderBundled } from "../support/page";
import { rawFigures } from "../support/raw-figures";

describe("the page", () => {
	const sample = sampleFigures(3);
	const one = sampleFigures(1);

	it("says the truth for every county and make of the sample", () => {
		expect(expectTrueChoices(sample)).to.equal((sample.counties.length + 1) * (sample.makes.length + 1));
		expectTrueChoices(one);
	});

	it("gets back the figures that it packed", () => {
		for (const figures of [sample, one, emptyFigures()]) expect(unpack(pack(figures))).to.deep.equal(figures);
	});

	it("packs no end of a script", () => {
		const figures = { ...emptyFigures(), makes: ["</script><script>alert(1)</script>"] };
		expect(pack(figures)).to.not.include("<");
		expect(unpack(pack(figures))).to.deep.equal(figures);
	});

	it("links to a county, a make and a measure", () => {
		const choice = choiceOf(sample, { county: "Clark", make: "TESLA" });
		const hash = writeHash({ choice, measure: "battery" }, sample);
		expect(hash).to.equal("#county=Clark&make=TESLA&map=battery");
		expect(readHash(hash, sample)).to.deep.equal({ choice, measure: "battery" });
		expect(writeHash({ choice: {} }, sample)).to.equal("");
	});

	it("ignores what a link names and the figures do not have", () => {
		const nothing = { choice: { county: undefined, make: undefined }, measure: undefined };
		for (const hash of ["", "#", "#county=Atlantis&make=DELOREAN&map=price", "#%E0%A4%A"])
			expect(readHash(hash, sample)).to.deep.equal(nothing);
	});

	it("writes names as people do", () => {
		expect(["MERCEDES-BENZ", "BMW", "ALFA ROMEO", "GMC", "KIA"].map(makeNameOf)).to.deep.equal([
			"Mercedes-Benz",
			"BMW",
			"Alfa Romeo",
			"GMC",
			"Kia",
		]);
		expect(modelNameOf("TESLA", "MODEL Y")).to.equal("Tesla Model\u00a0Y");
		expect(modelNameOf("VOLKSWAGEN", "ID.4")).to.equal("VW ID.4");
		expect(modelNameOf("FORD", "MUSTANG MACH-E")).to.equal("Ford Mustang Mach-E");
		expect(modelNameOf("TOYOTA", "RAV4 PRIME")).to.equal("Toyota RAV4 Prime");
		expect(modelNameOf("GMC", "")).to.equal("GMC (no model given)");
	});

	it("writes numbers as people read them", () => {
		expect([205_439, -3].map(count)).to.deep.equal(["205,439", "−3"]);
		expect([0.448, 0].map(percent)).to.deep.equal(["44.8%", "0.0%"]);
		expect([0.155, -0.0084, -0.0001].map(signedPercent)).to.deep.equal(["+15.5%", "−0.8%", "0.0%"]);
		expect([0.0031, -0.008].map(points)).to.deep.equal(["+0.3", "−0.8"]);
		expect([1, 2, 3, 11, 22, 112].map(ordinal)).to.deep.equal(["1st", "2nd", "3rd", "11th", "22nd", "112th"]);
	});

	it("calls a share by a fraction only where it is near one", () => {
		const shares = [0.4699, 0.47, 0.5, 0.529, 0.53, 0.66, 0.75, 0.106, 0.107].map(about);
		expect(shares).to.deep.equal([
			"47.0%",
			"almost half",
			"half",
			"just over half",
			"53.0%",
			"about two thirds",
			"about three quarters",
			"about a tenth",
			"10.7%",
		]);
		expect([0.211, 0.213].map(aboutOneIn)).to.deep.equal(["about one in five", undefined]);
	});

	it("says how long something took in the unit that suits it", () => {
		const after = (days: number) => duration(new Date(0), new Date(days * 86_400_000)).replaceAll("\u00a0", " ");
		expect([1, 7, 31, 60, 211, 365, 730, 913].map(after)).to.deep.equal([
			"one day",
			"seven days",
			"four weeks",
			"two months",
			"seven months",
			"twelve months",
			"two years",
			"two and a half years",
		]);
	});

	it("escapes every value", () => {
		const value = `<b title="x">&'`;
		expect(html`<p>${value}</p>${[html`<i>${1}</i>`, undefined, false]}`.text).to.equal(
			"<p>&lt;b title=&quot;x&quot;&gt;&amp;&#39;</p><i>1</i>",
		);
	});

	it("allows its own scripts and styles, and nothing else", () => {
		const page = renderBundled(sample);
		const policy = /http-equiv="Content-Security-Policy" content="([^"]+)"/.exec(page)![1]!.replaceAll("&#39;", "'");
		const hashes = [...page.matchAll(/<(script|style)>(.*?)<\/\1>/gs)].map(([, , text]) =>
			createHash("sha256").update(text!).digest("base64"),
		);
		expect(hashes).to.have.length(3);
		for (const hash of hashes) expect(policy).to.include(`'sha256-${hash}'`);
		expect(policy)
			.to.match(/^default-src 'none'/)
			.and.not.include("unsafe");
		expect(page.match(/<script[^>]*>/g), "scripts").to.have.length(3);
		expect(page).to.not.match(/(src|href)="(?!#|data[:/]|https:\/\/(data\.wa\.gov|opendatacommons\.org)\/)/);
	});

	it("names what it is made from, for search engines", () => {
		const files = [
			{ path: "data/vehicles.parquet", title: "Vehicles", bytes: 12, snapshot: "2024-01-01T00:00:00.000Z" },
		];
		const page = renderBundled({ ...rawFigures("f6w7-q2d2", [snapshotOf(0, [1, 3])]), files });
		const dataset = JSON.parse(/<script type="application\/ld\+json">(.*?)<\/script>/s.exec(page)![1]!);
		expect(dataset).to.include({ "@type": "Dataset", temporalCoverage: "2024-01-01" });
		expect(dataset.distribution[0]).to.include({ contentUrl: "data/vehicles.parquet" });
	});

	it("says that sample data is made up, wherever one looks", () => {
		const page = renderBundled(sample);
		expect(page)
			.to.include("<title>Sample data: ")
			.and.include("Made-up sample data")
			.and.include("sample data</span>");
		expect(withoutScripts(renderBundled({ ...sample, dataset: "f6w7-q2d2" }))).to.not.include("ample data");
	});

	it("has its findings and tables without scripts", () => {
		const page = withoutScripts(renderBundled(sample));
		expect(page.match(/<h2>/g)).to.have.length(11);
		expect(page.match(/<table/g)).to.have.length.at.least(7);
		expect(page).to.include("Find your county").and.include("Spokane");
	});

	it("says that nothing is published yet", () => {
		expect(renderBundled(emptyFigures())).to.include("No snapshot has been published").and.not.include("<form");
	});

	it("keeps to its size", () => {
		const { length } = Buffer.from(renderBundled(sample));
		expect(length).to.be.below(560_000);
		expect(gzipSync(renderBundled(sample), { level: 9 }).length).to.be.below(170_000);
	});
});

const withoutScripts = (page: string) => page.replace(/<script.*?<\/script>/gs, "");
