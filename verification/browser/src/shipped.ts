/** What the build puts in from the contract's published artifact. */

import { unhex } from "./bytes.js";
import type { Code, Shipped } from "./parameters.js";

declare const SHIPPED: { length: number; digest: string; implementation: string; views: string[] };
declare const AGREEMENTS: { length: number; digest: string };

export const shipped: Shipped = {
  length: SHIPPED.length,
  digest: unhex(SHIPPED.digest),
  implementation: unhex(SHIPPED.implementation),
};
export const agreements: Code = { length: AGREEMENTS.length, digest: unhex(AGREEMENTS.digest) };
export const views = new Set(SHIPPED.views);
