// What to do about a failure, where more can be said than what its code's row says (failure.ts): by the finding's facts and the
// way that led to it. Only text.
import type { Value } from "./domain/value.ts";
import { FAILURE_CODES } from "./failure.ts";
import type { Finding } from "./finding.ts";
import type { FindingOf } from "./need.ts";
import { type ReplayStep, valueAt } from "./replay.ts";
import { leastSize } from "./words.ts";

type Rows = {
  readonly [Code in Finding["code"]]?: (
    finding: FindingOf<Code>,
    steps: readonly ReplayStep[],
  ) => string | undefined;
};

const STALE = {
  packet:
    "After a call that may move the packet read data and data_end from the context again, and compare them again.",
  released: "Do not use it after it was given back: do so before, or keep a copy of the number you need.",
} as const;

const ARITHMETIC: Readonly<Record<FindingOf<"PointerArithmetic">["reason"], string | undefined>> = {
  narrow: "Calculate with all 64 bits (long, __u64), and make the result narrower after that.",
  pointers: "Subtract one pointer from another into the same object; to move one, add a bounded number.",
  region: "Use it as it was given: only packet, map value and stack pointers can be moved.",
  number: "Bound the number first, with an if or a mask, so that the pointer stays near what it points into.",
  operation: undefined,
};

const MAP_FAULTS: Readonly<Record<FindingOf<"MapOperation">["reason"], string | undefined>> = {
  readOnly: "Do not write to it: programs may only read this map.",
  template: "Describe the inner map where the outer one is defined: __array(values, struct { ... }).",
  type: undefined,
};

const ROWS: Rows = {
  RegisterUninitialized: ({ stale, register }) => {
    if (stale === "packet" || stale === "released") return STALE[stale];
    return register === 0
      ? "Return a value on every path: what is returned has none on this one."
      : undefined;
  },
  PointerArithmetic: ({ reason, value }) =>
    reason === "number" && isContext(value)
      ? "Read the field by its name: where it is has to be known when the program is compiled."
      : ARITHMETIC[reason],
  PointerExpected: (_, steps) =>
    steps.at(-1)?.instruction.kind === "atomic"
      ? "Work atomically on the stack and on map values only."
      : undefined,
  StackUninitialized: ({ extent }) =>
    extent.helper === undefined || extent.access === "read"
      ? undefined
      : "Initialise all of it first (for example with = {0}): it is not certain where, or how much, the helper writes.",
  MapValueOutOfBounds: ({ map }) =>
    map === undefined
      ? "Keep the offset below the memory's size; bound a variable index with an if."
      : undefined,
  MapOperation: ({ reason }) => MAP_FAULTS[reason],
  ReturnValue: ({ to }) =>
    to === "helper" ? "Return a number within the values that the helper knows, on every path." : undefined,
  InstructionUnsupported: ({ what }) => UNSUPPORTED.find(([word]) => what.includes(word))?.[1],
  HelperArgument: ({ expected, helper, position }) => {
    if (expected === "a size that is not 0") return "Refuse 0 before the call: if (size == 0) return ...;";
    if (expected !== "a bounded size") return undefined;
    const least = leastSize(helper.arguments[position]);
    return `Bound the size before the call, on both sides if it is signed: if (size < ${least} || size > N) return ...;`;
  },
  PacketOutOfBounds: ({ extent, variable, metadata }, steps) => {
    if (extent.low < 0) return "Keep the offset from being negative: if (offset < 0) return ...;";
    if (metadata) return "Check where the metadata ends first: if ((void *)(meta + 1) > data) return ...;";
    if (extent.helper === undefined || variable || !measures(steps)) return undefined;
    const most = extent.high + extent.sizeBytes;
    return `A size made of data_end - data is a number like others here, and proves nothing of the packet: compare the pointers, if (data + ${most} > data_end) return ...;, and give that number as the size.`;
  },
};

const UNSUPPORTED = [
  ["packet load", "Read memory through pointers: where there is a packet, through data and data_end."],
  ["through a register", "Call functions and helpers by their names."],
] as const;

export function remedyOf(finding: Finding, steps: readonly ReplayStep[]): string {
  const row = ROWS[finding.code] as
    | ((finding: Finding, steps: readonly ReplayStep[]) => string | undefined)
    | undefined;
  return row?.(finding, steps) ?? FAILURE_CODES[finding.code].remedy;
}

const isContext = (value: Value): boolean => value.kind === "pointer" && value.region.kind === "context";

/** Does the way take the packet's start from its end? */
function measures(steps: readonly ReplayStep[]): boolean {
  return steps.some((step) => {
    const { instruction } = step;
    if (instruction.kind !== "alu" || instruction.operation !== "sub") return false;
    if (instruction.source.kind !== "register") return false;
    return (
      regionOf(step, instruction.destination) === "packetEnd" &&
      regionOf(step, instruction.source.register) === "packet"
    );
  });
}

function regionOf(step: ReplayStep, register: number): string | undefined {
  const value = valueAt(step, register);
  return value.kind === "pointer" ? value.region.kind : undefined;
}
