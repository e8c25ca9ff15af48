/** What holds for any snapshots, with many of them. */

import { testProperties } from "../support/properties";

testProperties(10, Number(process.env.SEED ?? 20241012));
