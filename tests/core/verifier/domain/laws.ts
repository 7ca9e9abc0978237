// All laws of the domain.
import { COVER_LAWS } from "./cover.laws.ts";
import { INTERVAL_LAWS } from "./interval.laws.ts";
import { JOIN_LAWS } from "./join.laws.ts";
import type { Law } from "./law.ts";
import { RANGE_LAWS } from "./range.laws.ts";
import { SMALL_LAWS } from "./small.laws.ts";
import { STACK_LAWS } from "./stack.laws.ts";

export const LAWS: readonly Law[] = [
  ...INTERVAL_LAWS,
  ...SMALL_LAWS,
  ...RANGE_LAWS,
  ...JOIN_LAWS,
  ...COVER_LAWS,
  ...STACK_LAWS,
];
