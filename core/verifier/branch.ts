// What a conditional jump tells on each side: ranges of numbers (and of everything linked to them), bytes of the packet
// proved by a comparison with its end, pointers that are or are not null.
import type { JumpInstruction, Register } from "../isa/instruction.ts";
import { operandValue } from "./check.ts";
import { NEGATION, SWAPPED, type Test } from "./domain/interval.ts";
import { type Range, ranges } from "./domain/range.ts";
import { dropReference, mapValues, prove, register, type State } from "./domain/state.ts";
import { changesRegister } from "./domain/touched.ts";
import {
  instanceOf,
  isZero,
  type NumberValue,
  type PointerValue,
  type Value,
  withRange,
  ZERO,
} from "./domain/value.ts";

/** Above this, what a comparison with the end tells is not used: a packet is at most 65,535 bytes (as in Linux). */
export const MAXIMUM_PACKET_OFFSET = 0xffff;

type Condition = NonNullable<JumpInstruction["condition"]>;

/** Can the condition be `outcome`? A quick no: what is linked to the operands may still rule it out. */
export function possible(
  state: State,
  { width }: JumpInstruction,
  condition: Condition,
  outcome: boolean,
): boolean {
  const left = register(state, condition.left);
  const right = operandValue(state, condition.right);
  if (left.kind !== "number" || right.kind !== "number") return true;
  const test: Test = outcome ? condition.test : NEGATION[condition.test];
  return ranges.possible(width === 64 ? "full" : "half", test, left.range, right.range);
}

/** Narrows `state` to the runs in which the condition is true (or false); false if there is no such run. */
export function assume(
  state: State,
  instruction: JumpInstruction,
  condition: Condition,
  outcome: boolean,
): boolean {
  const left = register(state, condition.left);
  const right = operandValue(state, condition.right);
  const test: Test = outcome ? condition.test : NEGATION[condition.test];
  if (left.kind === "number" && right.kind === "number") {
    return assumeNumbers(state, instruction.width === 64 ? "full" : "half", test, condition, left, right);
  }
  // The low halves of addresses tell nothing.
  if (instruction.width === 32) return true;
  if (left.kind === "pointer" && right.kind === "pointer") {
    assumePacket(state, test, left, right);
    assumePacket(state, SWAPPED[test], right, left);
  } else if (left.kind === "pointer" && isZero(right)) {
    settleNull(state, left, test);
  } else if (right.kind === "pointer" && isZero(left)) {
    settleNull(state, right, test);
  }
  return true;
}

function assumeNumbers(
  state: State,
  width: "full" | "half",
  test: Test,
  condition: Condition,
  left: NumberValue,
  right: NumberValue,
): boolean {
  const narrowed = ranges.assume(width, test, left.range, right.range);
  if (narrowed === undefined) return false;
  return (
    narrow(state, condition.left, left, narrowed.a) &&
    (condition.right.kind !== "register" || narrow(state, condition.right.register, right, narrowed.b))
  );
}

/** False: what is linked to the number cannot be. */
function narrow(state: State, index: Register, old: NumberValue, range: Range): boolean {
  if (ranges.covers(range, old.range)) return true;
  if (old.id !== 0) return narrowLinked(state, old, range);
  state.registers[index] = withRange(old, range);
  changesRegister(index);
  return true;
}

function narrowLinked(state: State, old: NumberValue, range: Range): boolean {
  let holds = true;
  mapValues(state, (other) => {
    if (other.kind !== "number" || other.id !== old.id) return other;
    const related = relatedRange(old, range, other);
    if (related === undefined) {
      holds = false;
      // A copy counts as changed: this number has ruled the side out, and so it mattered (marks.ts, oneSided).
      return { ...other };
    }
    return ranges.covers(related, other.range) ? other : withRange(other, related);
  });
  return holds;
}

/**
 * What `other` can be if `old`, which is linked to it, lies within `range`; undefined: nothing. Sound: other is old plus
 * the difference of their deltas modulo 2^64, or modulo 2^32 in the low halves if one of them is a zero extension.
 */
function relatedRange(old: NumberValue, range: Range, other: NumberValue): Range | undefined {
  const difference = other.delta - old.delta;
  if (difference === 0 && old.extended === other.extended && old.range === other.range) return range;
  const by = ranges.constant(difference);
  if (!old.extended) {
    const whole = difference === 0 ? range : ranges.alu("full", "add", range, by);
    return ranges.meet(other.range, other.extended ? ranges.zeroExtend(whole) : whole);
  }
  const low = ranges.alu("half", "add", range, by);
  return other.extended ? ranges.meet(other.range, low) : ranges.withHalf(other.range, low.half);
}

/**
 * `pointer test end` is true: if that says that the pointer is not beyond the end, so many bytes are proved. The end of
 * the packet is data_end, that of the metadata is the first byte of the packet. Sound: offsets are small, so adding them
 * to an address does not wrap upwards; one that wrapped downwards would be a huge number, never below the end.
 */
function assumePacket(state: State, test: Test, pointer: PointerValue, end: PointerValue): void {
  const isPacket = pointer.region.kind === "packet" && end.region.kind === "packetEnd";
  const isMetadata =
    pointer.region.kind === "packetMeta" &&
    end.region.kind === "packet" &&
    end.offset === 0 &&
    end.variable === 0;
  if (!isPacket && !isMetadata) return;
  if (pointer.offset + pointer.maximum > MAXIMUM_PACKET_OFFSET) return;
  if (test === "ule" || test === "eq") prove(state, pointer, pointer.offset);
  else if (test === "ult") prove(state, pointer, pointer.offset + 1);
}

/**
 * Sound: all pointers of one instance are null together. A pointer that is never null tells nothing here. What turned
 * out to be null was never acquired.
 */
function settleNull(state: State, pointer: PointerValue, test: Test): void {
  if (!pointer.nullable || (test !== "eq" && test !== "ne")) return;
  const instance = instanceOf(pointer.region);
  if (instance === 0) return;
  const isNull = test === "eq";
  mapValues(state, (value: Value) => {
    if (value.kind !== "pointer" || !value.nullable || instanceOf(value.region) !== instance) return value;
    return isNull ? ZERO : { ...value, nullable: false };
  });
  if (isNull) dropReference(state, instance);
}
