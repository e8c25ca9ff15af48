/** The page on the web: who may read it, how, and under which address. That it is safe, the controls ask. */

import { expect } from "chai";
import { listed } from "../../local/aws/policies";
import { statementsOf } from "../support/policies";
import { BUCKET, FUNCTION, KEY, useProgram, WITH_OPTIONS } from "../support/use-program";

const DISTRIBUTION = "aws:cloudfront/distribution:Distribution";
const POLICY = "aws:s3/bucketPolicy:BucketPolicy";
const DOMAIN = {
	publicPage: "true",
	pageDomain: "ev.example.org",
	pageCertificateArn: "arn:aws:acm:us-east-1:000000000000:certificate/01234567-89ab-cdef-0123-456789abcdef",
};

const ofCloudFront = (policy: string) =>
	statementsOf(policy).filter(({ Principal }) => JSON.stringify(Principal ?? "").includes("cloudfront"));

describe("the page", () => {
	const { record, one } = useProgram("dev");

	it("is in a private bucket alone by default", () => {
		expect(record().resources.filter(({ type }) => type.startsWith("aws:cloudfront/"))).to.deep.equal([]);
		for (const { inputs } of [one(POLICY, "site"), one(KEY)]) expect(ofCloudFront(inputs.policy)).to.deep.equal([]);
		expect(one(FUNCTION, "notify").inputs.environment.variables).to.not.have.any.keys("PAGE_URL");
	});
});

describe("the page on the web", () => {
	const { record, one, all, arnOf } = useProgram("dev", WITH_OPTIONS);

	it("may be read by one distribution, below site/ and with the key", () => {
		const reader = {
			Sid: "Page",
			Effect: "Allow",
			Principal: { Service: "cloudfront.amazonaws.com" },
			Condition: { StringEquals: { "aws:SourceArn": arnOf(DISTRIBUTION) } },
		};
		expect(ofCloudFront(one(POLICY, "site").inputs.policy)).to.deep.equal([
			{ ...reader, Action: "s3:GetObject", Resource: `${arnOf(BUCKET, "site")}/site/*` },
		]);
		expect(ofCloudFront(one(KEY).inputs.policy)).to.deep.equal([{ ...reader, Action: "kms:Decrypt", Resource: "*" }]);
		for (const { name, inputs } of all(POLICY))
			if (name !== "site") expect(ofCloudFront(inputs.policy), name).to.deep.equal([]);
	});

	it("has its address in the output, and in every message of success", () => {
		const address = `https://${one(DISTRIBUTION).state.domainName}/`;
		expect(record().outputs.pageUrl).to.equal(address);
		expect(one(FUNCTION, "notify").inputs.environment.variables).to.include({ PAGE_URL: address });
	});

	it("is compressed, and kept by CloudFront for five minutes at most", () => {
		const { defaultCacheBehavior, origins } = one(DISTRIBUTION).inputs;
		expect(origins).to.have.length(1);
		expect(origins[0].originPath).to.equal("/site");
		expect(defaultCacheBehavior.compress).to.equal(true);
		expect(listed(defaultCacheBehavior.allowedMethods)).to.have.members(["GET", "HEAD"]);
		const { inputs, id } = one("aws:cloudfront/cachePolicy:CachePolicy");
		expect(defaultCacheBehavior.cachePolicyId).to.equal(id);
		expect(inputs).to.include({ minTtl: 0, defaultTtl: 300, maxTtl: 300 });
		expect(inputs.parametersInCacheKeyAndForwardedToOrigin).to.include({
			enableAcceptEncodingBrotli: true,
			enableAcceptEncodingGzip: true,
		});
	});

	it("sends what a page cannot say of itself in its headers", () => {
		const { securityHeadersConfig } = one("aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy").inputs;
		expect(securityHeadersConfig).to.deep.include({
			contentSecurityPolicy: { contentSecurityPolicy: "frame-ancestors 'none'", override: true },
			referrerPolicy: { referrerPolicy: "no-referrer", override: true },
		});
	});
});

describe("the page under a domain of its own", () => {
	const { record, one } = useProgram("dev", DOMAIN);

	it("has that address and its certificate, and takes TLS from 1.2 alone", () => {
		const { aliases, viewerCertificate } = one(DISTRIBUTION).inputs;
		expect(aliases).to.deep.equal(["ev.example.org"]);
		expect(viewerCertificate).to.deep.equal({
			acmCertificateArn: DOMAIN.pageCertificateArn,
			sslSupportMethod: "sni-only",
			minimumProtocolVersion: "TLSv1.2_2021",
		});
		expect(record().outputs.pageUrl).to.equal("https://ev.example.org/");
	});
});
