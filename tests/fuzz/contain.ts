// Does a state of the verifier hold what the model machine holds? Registers, stacks, callers' registers, links between
// numbers, which object each instance stands for, proved bytes of the packet, references. Knows no instructions.
import { ranges } from "../../core/verifier/domain/range.ts";
import { contents, type Stack } from "../../core/verifier/domain/stack.ts";
import type { State } from "../../core/verifier/domain/state.ts";
import {
  instanceOf,
  type NumberValue,
  type PointerValue,
  type Region,
  type Value,
} from "../../core/verifier/domain/value.ts";
import { FRAME_BYTES, type Machine } from "./model/machine.ts";
import { readBits, type Thing, type Word } from "./model/memory.ts";

/** What the ids of one state stand for in one concrete state. */
interface Bindings {
  readonly numbers: Map<number, bigint>;
  readonly halves: Map<number, bigint>;
  readonly variables: Map<number, number>;
  /** An instance is null, or one thing. */
  readonly instances: Map<number, Thing | "null">;
}

/** Why the state does not hold the machine; undefined if it does. `live`: bit i is set if ri may still be read. */
export function notHeld(state: State, machine: Machine, live: number): string | undefined {
  const { frames } = machine;
  if (state.frames.length !== frames.length) return `${state.frames.length} frames`;
  const bindings: Bindings = {
    numbers: new Map(),
    halves: new Map(),
    variables: new Map([[0, 0]]),
    instances: new Map(),
  };
  for (let index = 0; index <= 10; index++) {
    if (index < 10 && ((live >> index) & 1) === 0) continue;
    const value = state.registers[index];
    if (value !== undefined && !holdsWord(value, machine.registers[index], machine, bindings))
      return `r${index}`;
  }
  for (const [depth, frame] of state.frames.entries()) {
    const concrete = frames[depth];
    if (concrete === undefined) return "frames";
    for (const [position, value] of frame.callerSaved.entries()) {
      if (!holdsWord(value, concrete.saved[position], machine, bindings))
        return `r${6 + position} of frame ${depth - 1}`;
    }
    for (const { at, size, value } of storedIn(frame.stack)) {
      if (!holdsWord(value, wordAt(concrete.stack, at, size), machine, bindings)) {
        return `stack[${depth}]${at - FRAME_BYTES}`;
      }
    }
  }
  return packetNotHeld(state, machine, bindings) ?? referencesNotHeld(state, machine, bindings);
}

const stored = new WeakMap<Stack, ReturnType<typeof contents>>();

function storedIn(stack: Stack): ReturnType<typeof contents> {
  let list = stored.get(stack);
  if (list === undefined) {
    list = contents(stack);
    stored.set(stack, list);
  }
  return list;
}

function wordAt(stack: Thing, at: number, size: number): Word {
  return { bits: readBits(stack.bytes, at, size), to: size === 8 ? stack.pointers.get(at) : undefined };
}

function packetNotHeld(state: State, machine: Machine, { variables }: Bindings): string | undefined {
  const { bytes, dataAt } = machine.packet;
  if (dataAt + state.packet > bytes.length) return `${state.packet} bytes proved of the packet`;
  if (state.metadata > dataAt) return `${state.metadata} bytes proved of the metadata`;
  for (const value of state.registers) {
    if (value.kind !== "pointer" || value.proved === 0) continue;
    const part = value.variable === 0 ? 0 : variables.get(value.variable);
    if (part === undefined) continue;
    const metadata = value.region.kind === "packetMeta";
    if (part + value.proved > (metadata ? dataAt : bytes.length - dataAt)) {
      return `${value.proved} bytes proved of what a pointer is into`;
    }
  }
  return undefined;
}

function referencesNotHeld(state: State, machine: Machine, { instances }: Bindings): string | undefined {
  const bound = state.references.map((instance) => instances.get(instance));
  // One whose result nobody has looked at yet may be null, and then it is not held.
  const certain = bound.filter((thing) => thing !== undefined && thing !== "null");
  if (certain.some((thing) => !machine.held.has(thing as Thing))) return "a reference that is not held";
  if (machine.held.size > state.references.length) return "a reference that is not known";
  return undefined;
}

function holdsWord(value: Value, word: Word | undefined, machine: Machine, bindings: Bindings): boolean {
  if (value.kind === "uninitialized") return true;
  if (word === undefined) return false;
  if (value.kind === "number") return holdsNumber(value, word, machine, bindings);
  return holdsPointer(value, word, machine, bindings);
}

function holdsNumber(
  value: NumberValue,
  word: Word,
  machine: Machine,
  { numbers, halves }: Bindings,
): boolean {
  if (!ranges.contains(value.range, word.bits)) return false;
  if (machine.input.strict && word.to !== undefined) return false;
  if (value.id === 0) return true;
  // What is linked is X + delta, or the zero extension of the low half of that; bindings hold X, or that half of it.
  const delta = BigInt(value.delta);
  const half = BigInt.asUintN(32, word.bits - delta);
  if (value.extended && word.bits >> 32n !== 0n) return false;
  if (!sameOrNew(halves, value.id, half)) return false;
  return value.extended || sameOrNew(numbers, value.id, BigInt.asUintN(64, word.bits - delta));
}

function sameOrNew(known: Map<number, bigint>, id: number, bits: bigint): boolean {
  const before = known.get(id);
  known.set(id, bits);
  return before === undefined || before === bits;
}

function holdsPointer(value: PointerValue, word: Word, machine: Machine, bindings: Bindings): boolean {
  const { region } = value;
  const instance = instanceOf(region);
  const isNull = word.to === undefined && word.bits === 0n;
  if (isNull) return value.nullable && bind(bindings.instances, instance, "null");
  if (region.kind === "kernel") return word.to?.kind === "kernel";
  const thing = word.to;
  if (thing === undefined || !isOf(region, thing, machine)) return false;
  if (!bind(bindings.instances, instance, thing)) return false;
  const start = BigInt(startOf(region, thing));
  const part = Number(BigInt.asIntN(64, word.bits - thing.base - start)) - value.offset;
  if (part < value.minimum || part > value.maximum || part % 2 ** value.zeros !== 0) return false;
  const packet = region.kind === "packet" || region.kind === "packetMeta";
  return packet ? bind(bindings.variables, value.variable, part) : true;
}

/** No instance (0) stands for nothing in particular; a variable 0 is bound from the start. */
function bind<T>(map: Map<number, T>, id: number, to: T): boolean {
  if (id === 0 && !map.has(0)) return true;
  const known = map.get(id);
  if (known === undefined) map.set(id, to);
  return known === undefined || known === to;
}

function startOf(region: Region, thing: Thing): number {
  if (region.kind === "stack") return FRAME_BYTES;
  if (region.kind === "packet") return thing.dataAt;
  return region.kind === "packetEnd" ? thing.bytes.length : 0;
}

function isOf(region: Region, thing: Thing, machine: Machine): boolean {
  switch (region.kind) {
    case "context":
      return thing === machine.context;
    case "stack":
      return thing === machine.frames[region.frame]?.stack;
    case "packet":
    case "packetEnd":
    case "packetMeta":
      return thing === machine.packet;
    case "mapValue":
      return (
        thing.kind === "mapValue" && thing.index === region.map && thing.inner === (region.inner ?? false)
      );
    case "map":
      return thing.kind === "map" && thing.index === region.map;
    case "innerMap":
      return thing.kind === "innerMap" && thing.index === region.map;
    case "memory":
      return (thing.kind === "memory" || thing.kind === "packet") && thing.bytes.length >= region.sizeBytes;
    case "allocated":
      return thing.kind === "record" && thing.live && thing.bytes.length === region.sizeBytes;
    case "object":
      return thing.kind === "object" && thing.type === region.type && thing.live;
    case "kernel":
      return true;
    case "code":
      return thing.kind === "code" && thing.index === region.function;
  }
}
