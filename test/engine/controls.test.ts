/** The same controls as of the program's own record, asked of all that the real engine registered, awsx's children included. */

import { askControls } from "../program/controls/ask";
import type { Where } from "../program/controls/waivers";
import { engineRecordOf } from "./record";

const ASKED: Record<Where, Parameters<typeof engineRecordOf>> = {
	dev: ["dev"],
	prod: ["prod"],
	"dev without NAT": ["dev", { natGateways: "none" }],
	"dev with access": ["dev", { access: "true" }],
};

for (const [where, asked] of Object.entries(ASKED) as [Where, Parameters<typeof engineRecordOf>][])
	askControls(where, () => engineRecordOf(...asked));
