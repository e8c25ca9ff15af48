/** All moments at which a local run is killed. */

import { testKills } from "../support/kills";

testKills(25, Number(process.env.SEED ?? 20241012));
