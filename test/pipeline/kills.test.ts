/** Three of the moments at which a local run is killed; test/long/ has them all. */

import { testKills } from "../support/kills";

testKills(3, 1);
