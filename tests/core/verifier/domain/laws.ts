// All laws of the domain.
import { INTERVAL_LAWS } from "./interval.laws.ts";
import { JOIN_LAWS } from "./join.laws.ts";
import type { Law } from "./law.ts";
import { RANGE_LAWS } from "./range.laws.ts";
import { SMALL_LAWS } from "./small.laws.ts";

export const LAWS: readonly Law[] = [...INTERVAL_LAWS, ...SMALL_LAWS, ...RANGE_LAWS, ...JOIN_LAWS];
