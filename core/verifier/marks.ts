// What mattered: which locations of a kept state were looked at, and whose numbers decided something, on the paths that
// went on from it. A later state needs to be like the kept one only there. Knows instructions, not what they prove.
//
// Each path carries, for every location, the set of locations of the last kept state from which its number was made
// (its sources). Where a number decides something its sources are marked in that state, and from there upwards in the
// states before it. Marks belong to kept states, not to values: a value that lies in many states is marked only where
// it mattered.
//
// Sound: what is proved on the paths from a kept state follows from the kinds of what was looked at and from the numbers
// that were marked; a state that agrees there runs through the same proofs.
import type { Instruction, Operand } from "../isa/instruction.ts";
import { findHelper } from "../platform/platform.ts";
import type { Program } from "../program/program.ts";
import type { Needs } from "./domain/cover.ts";
import { NO_SLOTS, type Slots, slotAt, withSlot } from "./domain/slots.ts";
import { STACK_SIZE_BYTES } from "./domain/stack.ts";
import { register, type State } from "./domain/state.ts";
import { FIRST_CALLER_SAVED_BIT, METADATA_BIT, PACKET_BIT, touched } from "./domain/touched.ts";
import type { Value } from "./domain/value.ts";

/**
 * A set of locations: registers r0 ... r9 (bits 0 to 9), callers' r6 ... r9 (bits 10 to 13, of all depths), what is
 * proved of the packet and the metadata; and 64 slots, those of all frames at one depth together. Immutable.
 */
export interface Locations {
  readonly registers: number;
  readonly low: number;
  readonly high: number;
}

export const NO_LOCATIONS: Locations = { registers: 0, low: 0, high: 0 };

const CALLER_SAVED_BITS = 0b1111 << FIRST_CALLER_SAVED_BIT;
const REGISTER_LOCATIONS = 16;

const SELF: readonly Locations[] = Array.from({ length: REGISTER_LOCATIONS }, (_, bit) => ({
  registers: 1 << bit,
  low: 0,
  high: 0,
}));

const SLOT_SELF: readonly Locations[] = Array.from({ length: 64 }, (_, index) => ({
  registers: 0,
  low: index < 32 ? 1 << index : 0,
  high: index < 32 ? 0 : 1 << (index - 32),
}));

export function union(a: Locations, b: Locations): Locations {
  if (a === b || b === NO_LOCATIONS) return a;
  if (a === NO_LOCATIONS) return b;
  const registers = a.registers | b.registers;
  const low = a.low | b.low;
  const high = a.high | b.high;
  if (registers === a.registers && low === a.low && high === a.high) return a;
  if (registers === b.registers && low === b.low && high === b.high) return b;
  return { registers, low, high };
}

/** What mattered of a kept state, and how its locations were made from the kept state before it on the path. */
export interface Marked {
  readonly needs: MutableNeeds;
  readonly parent: Marked | undefined;
  /** By location, undefined: from itself. */
  readonly registers: readonly Locations[];
  readonly slots: Slots<Locations>;
  /** Slots written over whole since the parent: looking at them is no look at the parent's. */
  readonly writtenLow: number;
  readonly writtenHigh: number;
}

export interface MutableNeeds extends Needs {
  readLow: number;
  readHigh: number;
  preciseRegisters: number;
  preciseLow: number;
  preciseHigh: number;
}

/** Marks slots as looked at, in `kept` and, where they were not written in between, in all states before it. */
function markRead(kept: Marked | undefined, readLow: number, readHigh: number): void {
  let at = kept;
  let low = readLow;
  let high = readHigh;
  while (at !== undefined) {
    low &= ~at.needs.readLow;
    high &= ~at.needs.readHigh;
    if (low === 0 && high === 0) return;
    at.needs.readLow |= low;
    at.needs.readHigh |= high;
    low &= ~at.writtenLow;
    high &= ~at.writtenHigh;
    at = at.parent;
  }
}

/** Marks the numbers of these locations as having decided something, and what they were made from. */
function markPrecise(kept: Marked | undefined, locations: Locations): void {
  let at = kept;
  let set = locations;
  while (at !== undefined) {
    const { needs } = at;
    const registers = set.registers & ~needs.preciseRegisters;
    const low = set.low & ~needs.preciseLow;
    const high = set.high & ~needs.preciseHigh;
    if (registers === 0 && low === 0 && high === 0) return;
    needs.preciseRegisters |= registers;
    needs.preciseLow |= low;
    needs.preciseHigh |= high;
    set = sourcesOfAll(at.registers, at.slots, registers, low, high);
    at = at.parent;
  }
}

/** Only until the next set is made: a set for each step upwards would be most of what a large program allocates. */
const gathered = { registers: 0, low: 0, high: 0 };

function sourcesOfAll(
  made: readonly Locations[],
  slots: Slots<Locations>,
  registers: number,
  low: number,
  high: number,
): Locations {
  gathered.registers = 0;
  gathered.low = 0;
  gathered.high = 0;
  for (let rest = registers; rest !== 0; ) {
    const bit = 31 - Math.clz32(rest);
    rest &= ~(1 << bit);
    gather(made[bit]);
  }
  gatherSlots(slots, low, 0);
  gatherSlots(slots, high, 32);
  return gathered;
}

function gatherSlots(slots: Slots<Locations>, bits: number, first: number): void {
  for (let rest = bits; rest !== 0; ) {
    const bit = 31 - Math.clz32(rest);
    rest &= ~(1 << bit);
    gather(slotAt(slots, first + bit) ?? SLOT_SELF[first + bit]);
  }
}

function gather(set: Locations | undefined): void {
  if (set === undefined) return;
  gathered.registers |= set.registers;
  gathered.low |= set.low;
  gathered.high |= set.high;
}

/** The sources of a path's values, and what it has touched since its last kept state. */
export class Marks {
  #kept: Marked | undefined;
  /** Shared with forks, and at the start with all, until one of them writes. */
  #registers: readonly Locations[] = SELF;
  #own: Locations[] | undefined;
  #slots: Slots<Locations> = NO_SLOTS;
  #writtenLow = 0;
  #writtenHigh = 0;

  /** For a fork of the path. */
  clone(): Marks {
    const copy = new Marks();
    copy.#kept = this.#kept;
    copy.#registers = this.#registers;
    this.#own = undefined;
    copy.#slots = this.#slots;
    copy.#writtenLow = this.#writtenLow;
    copy.#writtenHigh = this.#writtenHigh;
    return copy;
  }

  /** A new state is kept on this path: from here on sources are its locations. `all`: everything in it matters. */
  keep(frames: number, all = false): Marked {
    const needs: MutableNeeds = {
      readLow: 0,
      readHigh: 0,
      preciseRegisters: 0,
      preciseLow: 0,
      preciseHigh: 0,
    };
    const kept: Marked = {
      needs,
      parent: this.#kept,
      registers: this.#registers,
      slots: this.#slots,
      writtenLow: this.#writtenLow,
      writtenHigh: this.#writtenHigh,
    };
    this.#kept = kept;
    this.#registers = SELF;
    this.#own = undefined;
    this.#slots = NO_SLOTS;
    this.#writtenLow = 0;
    this.#writtenHigh = 0;
    // What callers have saved is always compared whole.
    if (frames > 1) markPrecise(kept, { registers: CALLER_SAVED_BITS, low: 0, high: 0 });
    if (all) {
      markPrecise(kept, { registers: -1, low: -1, high: -1 });
      markRead(kept, -1, -1);
    }
    return kept;
  }

  /** A finished state covers this path: what mattered there matters here. */
  coveredBy({ readLow, readHigh, preciseRegisters, preciseLow, preciseHigh }: Needs): void {
    markRead(this.#kept, readLow & ~this.#writtenLow, readHigh & ~this.#writtenHigh);
    const set = sourcesOfAll(this.#registers, this.#slots, preciseRegisters, preciseLow, preciseHigh);
    markPrecise(this.#kept, set);
  }

  /** The number in a register has decided something. */
  precise(index: number): void {
    const sources = this.#registers[index];
    if (sources !== undefined && sources !== NO_LOCATIONS) markPrecise(this.#kept, sources);
  }

  preciseOperand(operand: Operand): void {
    if (operand.kind === "register") this.precise(operand.register);
  }

  /** One side of a comparison is impossible: both operands have decided that, and whatever is linked to them. */
  oneSided(left: number, right: Operand): void {
    this.precise(left);
    this.preciseOperand(right);
    const { changedRegisters, changedLow, changedHigh } = touched;
    markPrecise(
      this.#kept,
      sourcesOfAll(this.#registers, this.#slots, changedRegisters, changedLow, changedHigh),
    );
    // Numbers in slots are compared only where the slot was looked at.
    markRead(this.#kept, changedLow & ~this.#writtenLow, changedHigh & ~this.#writtenHigh);
  }

  /** The numbers that have changed were narrowed by comparing two operands: they are made of these too. */
  narrowed(left: number, right: Operand): void {
    let by = this.#registers[left] ?? NO_LOCATIONS;
    if (right.kind === "register") by = union(by, this.#registers[right.register] ?? NO_LOCATIONS);
    if (by === NO_LOCATIONS) return;
    this.#eachChanged(
      (bit) => {
        this.#set(bit, union(this.#registers[bit] ?? NO_LOCATIONS, by));
      },
      (index) => this.#addToSlot(index, by),
    );
  }

  /** What is proved of the packet, or of its metadata, is owed to a comparison just made. */
  provedPacket(): void {
    this.#set(PACKET_BIT, NO_LOCATIONS);
  }

  provedMetadata(): void {
    this.#set(METADATA_BIT, NO_LOCATIONS);
  }

  #eachChanged(onRegister: (bit: number) => void, onSlot: (index: number) => void): void {
    for (let rest = touched.changedRegisters; rest !== 0; ) {
      const bit = 31 - Math.clz32(rest);
      rest &= ~(1 << bit);
      onRegister(bit);
    }
    for (let rest = touched.changedLow; rest !== 0; ) {
      const bit = 31 - Math.clz32(rest);
      rest &= ~(1 << bit);
      onSlot(bit);
    }
    for (let rest = touched.changedHigh; rest !== 0; ) {
      const bit = 31 - Math.clz32(rest);
      rest &= ~(1 << bit);
      onSlot(32 + bit);
    }
  }

  /** What the assertions of an instruction have decided by numbers; pointers and kinds are always compared. */
  decided(program: Program, instruction: Instruction, state: State): void {
    switch (instruction.kind) {
      case "alu": {
        const { destination, source } = instruction;
        // Bounds of a pointer come from the number added to it.
        if (source.kind === "register" && isPointer(state, source.register)) this.precise(destination);
        else if (isPointer(state, destination)) this.preciseOperand(source);
        return;
      }
      case "jump": {
        const { condition } = instruction;
        if (condition?.right.kind !== "register") return;
        if (isPointer(state, condition.right.register)) this.precise(condition.left);
        else if (isPointer(state, condition.left)) this.precise(condition.right.register);
        return;
      }
      case "call":
        if (instruction.target.kind === "helper") this.#decidedByHelper(program, instruction.target.id);
        return;
      case "exit":
        // What a callback returns is looked at as well as what the program does.
        if (state.frames.length > 1 || program.type.returnRange !== undefined) this.precise(0);
        return;
      default:
    }
  }

  /** All arguments but those that can be anything. */
  #decidedByHelper(program: Program, id: number): void {
    const helper = findHelper(program.platform, id, program.type.name);
    if (helper === undefined) return;
    for (let position = 0; position < helper.arguments.length; position++) {
      const kind = helper.arguments[position]?.kind;
      if (kind !== "scalar" && kind !== "anything") this.precise(position + 1);
    }
  }

  /** What stack.ts noted while an instruction was checked and followed. `frames` before it. */
  takeTouched(frames: number): void {
    const { readLow, readHigh, usedRegisters } = touched;
    if (usedRegisters !== 0) {
      markPrecise(this.#kept, sourcesOfAll(this.#registers, this.#slots, usedRegisters, 0, 0));
    }
    if (readLow !== 0 || readHigh !== 0) {
      markRead(this.#kept, readLow & ~this.#writtenLow, readHigh & ~this.#writtenHigh);
    }
    // With more frames a bit stands for several slots, and only one of them has been written.
    if (frames === 1) {
      this.#writtenLow |= touched.writtenLow;
      this.#writtenHigh |= touched.writtenHigh;
    }
  }

  /** The sources after an instruction that falls through; `base`: the address it has used. */
  step(instruction: Instruction, base: Value, state: State): void {
    switch (instruction.kind) {
      case "alu": {
        const { source, destination } = instruction;
        if (source.kind === "register") {
          this.#set(
            destination,
            union(
              this.#registers[destination] ?? NO_LOCATIONS,
              this.#registers[source.register] ?? NO_LOCATIONS,
            ),
          );
        }
        return;
      }
      case "mov": {
        const { source, destination } = instruction;
        this.#set(
          destination,
          source.kind === "register" ? (this.#registers[source.register] ?? NO_LOCATIONS) : NO_LOCATIONS,
        );
        return;
      }
      case "load":
        this.#set(instruction.destination, this.#loaded(base));
        return;
      case "loadImmediate":
        this.#set(instruction.destination, NO_LOCATIONS);
        return;
      case "store":
        this.#stored(instruction, base, state);
        return;
      case "atomic":
        if (instruction.operation === "compareExchange") this.#set(0, NO_LOCATIONS);
        else if (instruction.fetch) this.#set(instruction.source, NO_LOCATIONS);
        return;
      case "call":
        this.#clobber();
        this.#forgetWritten(state);
        return;
      case "loadPacket":
        this.#clobber();
        return;
      case "neg":
      case "byteSwap":
      case "jump":
      case "exit":
        return;
    }
  }

  #set(index: number, sources: Locations): void {
    if (this.#own === undefined) {
      this.#own = this.#registers.slice();
      this.#registers = this.#own;
    }
    this.#own[index] = sources;
  }

  /** r0 is new, r1 ... r5 are lost. */
  #clobber(): void {
    for (let index = 0; index <= 5; index++) this.#set(index, NO_LOCATIONS);
  }

  #loaded(base: Value): Locations {
    if (base.kind !== "pointer" || base.region.kind !== "stack") return NO_LOCATIONS;
    const slots = this.#slots;
    const { registers, low, high } = sourcesOfAll(
      this.#registers,
      slots,
      0,
      touched.readLow,
      touched.readHigh,
    );
    return registers === 0 && low === 0 && high === 0 ? NO_LOCATIONS : { registers, low, high };
  }

  #stored(instruction: Extract<Instruction, { readonly kind: "store" }>, base: Value, state: State): void {
    if (base.kind !== "pointer" || base.region.kind !== "stack" || base.minimum !== base.maximum) return;
    const from = base.offset + base.minimum + instruction.offset + STACK_SIZE_BYTES;
    const sources =
      instruction.source.kind === "register"
        ? (this.#registers[instruction.source.register] ?? NO_LOCATIONS)
        : NO_LOCATIONS;
    const whole = instruction.sizeBytes === 8 && from % 8 === 0 && state.frames.length === 1;
    if (whole) this.#setSlot(from >> 3, sources);
    else for (let at = from >> 3; at * 8 < from + instruction.sizeBytes; at++) this.#addToSlot(at, sources);
  }

  /** Slots that a helper has written over hold new numbers. */
  #forgetWritten(state: State): void {
    if (state.frames.length > 1) return;
    for (let half = 0; half < 2; half++) {
      for (let rest = half === 0 ? touched.writtenLow : touched.writtenHigh; rest !== 0; ) {
        const bit = 31 - Math.clz32(rest);
        rest &= ~(1 << bit);
        this.#setSlot(32 * half + bit, NO_LOCATIONS);
      }
    }
  }

  #setSlot(index: number, sources: Locations): void {
    this.#slots = withSlot(this.#slots, index, sources);
  }

  #addToSlot(index: number, sources: Locations): void {
    const old = slotAt(this.#slots, index) ?? SLOT_SELF[index] ?? NO_LOCATIONS;
    const sum = union(old, sources);
    if (sum !== old) this.#setSlot(index, sum);
  }

  /** A frame is opened above `frames` others: what the caller has saved is kept under the callers' bits. */
  enterFrame(frames: number): void {
    for (let saved = 0; saved < 4; saved++) {
      const bit = FIRST_CALLER_SAVED_BIT + saved;
      const deeper = frames === 1 ? NO_LOCATIONS : (this.#registers[bit] ?? NO_LOCATIONS);
      this.#set(bit, union(deeper, this.#registers[6 + saved] ?? NO_LOCATIONS));
      this.#set(6 + saved, NO_LOCATIONS);
    }
    this.#set(0, NO_LOCATIONS);
  }

  /** A frame is closed. */
  leaveFrame(): void {
    for (let index = 1; index <= 5; index++) this.#set(index, NO_LOCATIONS);
    for (let saved = 0; saved < 4; saved++) {
      this.#set(6 + saved, this.#registers[FIRST_CALLER_SAVED_BIT + saved] ?? NO_LOCATIONS);
    }
  }
}

function isPointer(state: State, index: number): boolean {
  return register(state, index).kind === "pointer";
}
