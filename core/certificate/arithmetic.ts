// Arithmetic, moves and comparisons: what must hold of the operands, and what is known afterwards.
import type {
  AluInstruction,
  ByteSwapInstruction,
  JumpInstruction,
  MovInstruction,
  NegInstruction,
  Operand,
} from "../isa/instruction.ts";
import { TESTS, type Test } from "./interval.ts";
import { type Checker, isKernel } from "./memory.ts";
import {
  anyOfSize,
  arithmetic,
  compare,
  constant,
  constantOf,
  covers,
  literal,
  type NumberValue,
  related,
  signExtended,
  truncated,
  unknown,
  unlinked,
  zeroExtended,
} from "./number.ts";
import { refuse } from "./program.ts";
import { sameSlot } from "./same.ts";
import { dropReference, mapValues, type Pointer, read, type State, sameObject, type Value } from "./state.ts";

/** No pointer's offset leaves +- this, so that sums are exact and no address wraps. */
export const MOST_OFFSET = 2 ** 29;
/** No packet is longer. */
export const MOST_PACKET = 0xffff;

type Known = NumberValue | Pointer;

function initialized(value: Value): Known {
  return value ?? refuse("a register that is not initialised");
}

function operand(state: State, from: Operand): Known {
  return from.kind === "immediate" ? constant(from.value) : initialized(read(state, from.register));
}

export function alu({ strict, fresh }: Checker, state: State, instruction: AluInstruction): Value {
  const { operation, width, destination, source } = instruction;
  const left = initialized(read(state, destination));
  const right = operand(state, source);
  if (left.kind === "number" && right.kind === "number") {
    const same = source.kind === "register" && source.register === destination;
    return arithmetic(width, operation, left, right, same);
  }
  const any = width === 32 ? anyOfSize(4) : unknown();
  const first = left.kind === "pointer" ? left : (right as Pointer);
  const other = left.kind === "pointer" ? right : left;
  const loose = isKernel(first) && (other.kind === "number" || isKernel(other));
  if (operation !== "add" && operation !== "sub") return loose ? any : refuse("arithmetic on a pointer");
  const within = other.kind === "pointer" && sameObject(first, other) && !first.nullable && !other.nullable;
  if (width === 32) {
    const isDistance = operation === "sub" && (!strict || within);
    return loose || isDistance ? any : refuse("32-bit arithmetic on a pointer");
  }
  if (other.kind === "pointer") {
    if (operation === "add" || first.nullable) refuse("arithmetic of two pointers");
    if (strict && !within) refuse("a distance between objects");
    return distance(first, other);
  }
  if (isKernel(first) && first.nullable) return unknown();
  // Where addresses may leave, a context moved anywhere is a number: nothing can be read through it.
  if (!strict && first.place === "context" && constantOf(other) === undefined) return unknown();
  if (first.nullable) refuse("arithmetic on what may be null");
  if (operation === "sub" && first !== left)
    return isKernel(first) ? unknown() : refuse("number minus pointer");
  const by = operation === "add" ? other : arithmetic(64, "sub", constant(0), other, false);
  return moved(first, by, fresh);
}

/** Known if what is unknown of both is the same. */
function distance(left: Pointer, right: Pointer): NumberValue {
  const packet = left.place === "packet" || left.place === "packetMeta";
  const known = packet ? left.part === right.part : left.least === left.most && right.least === right.most;
  if (left.place !== right.place || !sameObject(left, right) || right.nullable || !known) return unknown();
  return constant(left.offset - right.offset + (packet ? 0 : left.least - right.least));
}

function moved(from: Pointer, by: NumberValue, fresh: () => number): Pointer {
  const known = constantOf(by);
  const { place } = from;
  if (place === "kernel") return { ...from, offset: 0, least: -MOST_OFFSET, most: MOST_OFFSET, zeros: 0 };
  if (place === "map" || place === "innerMap" || place === "packetEnd" || place === "code") {
    return refuse(`arithmetic on ${place}`);
  }
  if (known === undefined && (place === "context" || place === "object"))
    return refuse(`${place} plus unknown`);
  const { s0, s1 } = by.full;
  const offset = from.offset + (known ?? 0);
  const fits =
    from.offset + from.least + s0 >= -MOST_OFFSET &&
    from.offset + from.most + s1 <= MOST_OFFSET &&
    Math.abs(offset) <= MOST_OFFSET;
  if (!fits) return refuse("a pointer moved too far");
  if (known !== undefined) return { ...from, offset };
  return {
    ...from,
    least: from.least + s0,
    most: from.most + s1,
    zeros: Math.min(from.zeros, by.zeros),
    part: place === "packet" || place === "packetMeta" ? fresh() : 0,
    proved: 0,
  };
}

/** The value of a register about to be copied; a number that is not known gets an id, which the copy shares. */
export function copied({ fresh }: Checker, state: State, register: number): Known {
  const value = initialized(read(state, register));
  if (value.kind !== "number" || value.id !== 0 || constantOf(value) !== undefined) return value;
  const named: NumberValue = { ...value, id: fresh() };
  state.registers[register] = named;
  return named;
}

export function mov(checker: Checker, state: State, instruction: MovInstruction): Value {
  const { source, width, signExtendFrom: from } = instruction;
  const value =
    source.kind === "immediate" ? constant(source.value) : copied(checker, state, source.register);
  if (width === 64 && from === undefined) return value;
  if (value.kind === "pointer") {
    if (checker.strict && !isKernel(value)) refuse("part of an address");
    return width === 32 ? anyOfSize(4) : unknown();
  }
  const extended = from === undefined ? value : signExtended(value, from);
  return width === 32 ? zeroExtended(extended) : extended;
}

export function neg(state: State, { destination, width }: NegInstruction): Value {
  const value = initialized(read(state, destination));
  if (value.kind === "number") return unlinked(arithmetic(width, "sub", constant(0), value, false));
  return isKernel(value) ? unknown() : refuse("arithmetic on a pointer");
}

/** The host is little-endian: "le" only cuts off. */
export function byteSwap(state: State, { destination, order, width }: ByteSwapInstruction): Value {
  const value = initialized(read(state, destination));
  if (value.kind !== "number") return isKernel(value) ? unknown() : refuse("arithmetic on a pointer");
  if (order === "le") return truncated(value, width);
  const known = constantOf(value);
  if (known === undefined) return anyOfSize(width / 8);
  let from = BigInt.asUintN(width, BigInt(known));
  let result = 0n;
  for (let byte = 0; byte < width; byte += 8) {
    result = (result << 8n) | (from & 0xffn);
    from >>= 8n;
  }
  return literal(result);
}

type Condition = NonNullable<JumpInstruction["condition"]>;

/** A condition of two operands as they are before it. */
interface Compared {
  readonly condition: Condition;
  readonly width: 32 | 64;
  readonly left: Known;
  readonly right: Known;
  /** Two numbers where it holds and where not; "open": pointers, of which only the state tells more; undefined: surely not so. */
  readonly taken: Narrowed;
  readonly fallen: Narrowed;
}

type Narrowed = readonly [NumberValue, NumberValue] | "open" | undefined;

/** What each outcome of a condition tells of its operands, which must be comparable. */
export function outcomes(checker: Checker, state: State, condition: Condition, width: 32 | 64): Compared {
  const left = initialized(read(state, condition.left));
  const right = operand(state, condition.right);
  const { test } = condition;
  if (left.kind === "number" && right.kind === "number") {
    const taken = compare(width, test, left, right);
    const fallen = compare(width, TESTS[test].not, left, right);
    return { condition, width, left, right, taken, fallen };
  }
  if (checker.strict) checkComparable(left, right, test, width);
  return { condition, width, left, right, taken: "open", fallen: "open" };
}

/** Addresses tell nothing of themselves: compared with 0, or within one object. */
function checkComparable(left: Known, right: Known, test: Test, width: 32 | 64): void {
  if (width !== 64 || test === "set") refuse("an address is compared");
  if ((test === "eq" || test === "ne") && (isZero(left) || isZero(right))) return;
  if (left.kind === "number" || right.kind === "number" || !sameObject(left, right))
    refuse("an address is compared");
}

/** Narrows the state to the runs in which the condition is `outcome`; false: there are none. */
export function assume(state: State, compared: Compared, outcome: boolean): boolean {
  const { condition, width, left, right } = compared;
  const narrowed = outcome ? compared.taken : compared.fallen;
  if (narrowed === undefined) return false;
  if (narrowed !== "open") {
    if (!narrow(state, condition.left, left as NumberValue, narrowed[0])) return false;
    if (condition.right.kind === "immediate") return true;
    return narrow(state, condition.right.register, right as NumberValue, narrowed[1]);
  }
  if (width === 32) return true;
  const test: Test = outcome ? condition.test : TESTS[condition.test].not;
  if (left.kind === "pointer" && right.kind === "pointer") {
    prove(state, test, left, right);
    prove(state, TESTS[test].swapped, right, left);
  } else if (left.kind === "pointer") settle(state, left, right, test);
  else if (right.kind === "pointer") settle(state, right, left, test);
  return true;
}

export function isZero(value: Value): boolean {
  return value?.kind === "number" && constantOf(value) === 0;
}

/** False: what is linked to the number rules it out. */
function narrow(state: State, register: number, old: NumberValue, now: NumberValue): boolean {
  if (now === old || covers(now, old)) return true;
  if (old.id === 0) {
    state.registers[register] = now;
    return true;
  }
  let holds = true;
  mapValues(state, (other) => {
    if (sameSlot(other, old)) return now;
    if (other.kind !== "number" || other.id !== old.id) return other;
    const next = related(old, now, other);
    if (next === undefined) holds = false;
    return next === undefined || covers(next, other) ? other : next;
  });
  return holds;
}

/** `pointer test end` holds: if it says that the pointer is not behind the end, its known part is proved. */
function prove(state: State, test: Test, value: Pointer, end: Pointer): void {
  const toEnd = value.place === "packet" && end.place === "packetEnd";
  const toData = value.place === "packetMeta" && end.place === "packet" && end.offset === 0 && end.part === 0;
  if (!toEnd && !toData) return;
  if (value.offset + value.most > MOST_PACKET) return;
  if (test !== "ule" && test !== "eq" && test !== "ult") return;
  const length = value.offset + (test === "ult" ? 1 : 0);
  mapValues(state, (other) =>
    other.kind === "pointer" &&
    other.place === value.place &&
    other.part === value.part &&
    other.proved < length
      ? { ...other, proved: length }
      : other,
  );
  if (value.part !== 0) return;
  if (toEnd) state.packet = Math.max(state.packet, length);
  else state.metadata = Math.max(state.metadata, length);
}

/** Pointers of one instance are null together; what is null was never acquired. */
function settle(state: State, value: Pointer, other: Value, test: Test): void {
  if (!isZero(other) || !value.nullable || value.instance === 0 || (test !== "eq" && test !== "ne")) return;
  const isNull = test === "eq";
  mapValues(state, (one) => {
    if (one.kind !== "pointer" || !one.nullable || one.instance !== value.instance) return one;
    return isNull ? constant(0) : { ...one, nullable: false };
  });
  if (isNull) dropReference(state, value.instance);
}
