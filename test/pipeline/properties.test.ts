/** What holds for any snapshots, with a few of them; test/long/ has ten times as many. */

import { testProperties } from "../support/properties";

testProperties(1, 1);
