/** Kills a local run at 25 moments; SEED chooses the random ones. */

import { testKills } from "../support/kills";

testKills(25, Number(process.env.SEED ?? 20241012));
