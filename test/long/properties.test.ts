/** Properties of any snapshots; SEED chooses others. */

import { testProperties } from "../support/properties";

testProperties(10, Number(process.env.SEED ?? 20241012));
