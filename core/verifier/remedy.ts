// What to do about a failure, where more can be said than what its code's row says (failure.ts): by the finding's facts and the
// way that led to it. Only text.
import { FAILURE_CODES } from "./failure.ts";
import type { Finding } from "./finding.ts";
import type { FindingOf } from "./need.ts";
import { type ReplayStep, valueAt } from "./replay.ts";

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

const ROWS: Rows = {
  RegisterUninitialized: ({ stale, register }) => {
    if (stale === "packet" || stale === "released") return STALE[stale];
    return register === 0
      ? "Return a value on every path: what is returned has none on this one."
      : undefined;
  },
  PointerArithmetic: ({ reason }) => ARITHMETIC[reason],
  HelperArgument: ({ expected, helper, position }) => {
    if (expected !== "a bounded size") return undefined;
    const least = isZeroAllowed(helper.arguments[position]) ? 0 : 1;
    return `Bound the size before the call, on both sides if it is signed: if (size < ${least} || size > N) return ...;`;
  },
  PacketOutOfBounds: ({ extent, variable }, steps) => {
    if (extent.helper === undefined || variable || extent.low < 0 || !measures(steps)) return undefined;
    const most = extent.high + extent.sizeBytes;
    return `A size made of data_end - data is a number like others here, and proves nothing of the packet: compare the pointers, if (data + ${most} > data_end) return ...;, and give that number as the size.`;
  },
};

export function remedyOf(finding: Finding, steps: readonly ReplayStep[]): string {
  const row = ROWS[finding.code] as
    | ((finding: Finding, steps: readonly ReplayStep[]) => string | undefined)
    | undefined;
  return row?.(finding, steps) ?? FAILURE_CODES[finding.code].remedy;
}

const isZeroAllowed = (argument: FindingOf<"HelperArgument">["helper"]["arguments"][number] | undefined) =>
  argument?.kind === "size" && argument.zeroAllowed;

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
