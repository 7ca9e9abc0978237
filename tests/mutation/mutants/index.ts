// The table of mutants: a verifier that is wrong in one place, in each of these ways.

import type { Mutant } from "../mutant.ts";
import {
  ARGUMENT_MUTANTS,
  CALL_MUTANTS,
  CALLBACK_MUTANTS,
  CHECK_CALL_MUTANTS,
  CHECK_MUTANTS,
  STRICT_MUTANTS,
} from "./calls.ts";
import { INTERVAL_MUTANTS } from "./interval.ts";
import { LOOP_MUTANTS } from "./loops.ts";
import { CHECK_MEMORY_MUTANTS, STACK_MUTANTS, STATE_MUTANTS, TRANSFER_MEMORY_MUTANTS } from "./memory.ts";
import { ALU_MUTANTS, BRANCH_MUTANTS } from "./numbers.ts";
import {
  COVER_MUTANTS,
  EXPLORE_MUTANTS,
  GENERALISE_MUTANTS,
  JOIN_MUTANTS,
  KEEP_MUTANTS,
  MARKS_MUTANTS,
} from "./paths.ts";
import { RANGE_MUTANTS } from "./range.ts";

export const MUTANTS: readonly Mutant[] = [
  ...INTERVAL_MUTANTS,
  ...RANGE_MUTANTS,
  ...ALU_MUTANTS,
  ...BRANCH_MUTANTS,
  ...STACK_MUTANTS,
  ...STATE_MUTANTS,
  ...CHECK_MEMORY_MUTANTS,
  ...TRANSFER_MEMORY_MUTANTS,
  ...COVER_MUTANTS,
  ...JOIN_MUTANTS,
  ...GENERALISE_MUTANTS,
  ...MARKS_MUTANTS,
  ...EXPLORE_MUTANTS,
  ...KEEP_MUTANTS,
  ...LOOP_MUTANTS,
  ...CALL_MUTANTS,
  ...CALLBACK_MUTANTS,
  ...CHECK_MUTANTS,
  ...ARGUMENT_MUTANTS,
  ...CHECK_CALL_MUTANTS,
  ...STRICT_MUTANTS,
];
