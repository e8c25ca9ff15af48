/** Properties of any snapshots, tested with a few; test/long/ tests them with ten times as many. */

import { testProperties } from "../support/properties";

testProperties(1, 1);
