// The few instructions that led to a failure: backwards along its path from the operand at fault, through registers and
// stack slots, to where the value came from, with the branches that said something of it. Decides nothing; the words of
// each step are in slice-note.ts.
import { STACK_POINTER } from "../isa/instruction.ts";
import { findHelper } from "../platform/platform.ts";
import type { Program } from "../program/program.ts";
import { argumentRegister, registersOf } from "./assertion.ts";
import { STACK_SIZE_BYTES } from "./domain/stack.ts";
import { instanceOf, type Value } from "./domain/value.ts";
import type { Extent, Finding } from "./finding.ts";
import { type ReplayStep, valueAt } from "./replay.ts";

/** More is not read: the nearest to the failure are kept, and the first of all, where the value came from. */
const MOST_STEPS = 12;
/** Where nothing was given a value, only the way there can be told: so many of the last branches. */
const MOST_BRANCHES = 4;

/** A step of the path that belongs to the slice, by its position in the path. */
export interface SliceStep {
  readonly at: number;
  readonly kind: "value" | "branch";
}

/** A register or an 8-byte stack slot of a frame. */
type Place = number;
const PLACES_OF_FRAME = 128;
const FIRST_SLOT = 16;

function registerPlace(frame: number, register: number): Place {
  return frame * PLACES_OF_FRAME + register;
}

function slotPlace(frame: number, byteOffset: number): Place {
  return frame * PLACES_OF_FRAME + FIRST_SLOT + ((byteOffset + STACK_SIZE_BYTES) >> 3);
}

/** In the order followed; without the failing instruction itself. */
export function sliceOf(
  program: Program,
  steps: readonly ReplayStep[],
  finding: Finding,
): readonly SliceStep[] {
  const slice = new Slice(program, steps, finding);
  const found = slice.run();
  return shortened(ADDRESS_AT_FAULT.has(finding.code) ? found : found.filter(isNews), steps);

  function isNews({ at }: SliceStep): boolean {
    return !isPlain(program, steps[at], steps[at + 1]);
  }
}

/** Failures where the address itself is what is wrong. */
const ADDRESS_AT_FAULT: ReadonlySet<Finding["code"]> = new Set(["StackOutOfBounds", "HelperArgument"]);

/** What is no news: the address of a variable, the context's address, a copy in another register of what has a C line. */
function isPlain(program: Program, step: ReplayStep | undefined, after: ReplayStep | undefined): boolean {
  const instruction = step?.instruction;
  if (step === undefined || after === undefined) return true;
  if (instruction?.kind !== "mov" && instruction?.kind !== "alu") return false;
  const copies =
    instruction.kind === "mov" && instruction.width === 64 && instruction.source.kind === "register";
  if (copies && program.sources[step.index] !== undefined) return true;
  const value = valueAt(after, instruction.destination);
  if (value.kind !== "pointer" || value.minimum !== value.maximum) return false;
  return value.region.kind === "stack" || (value.region.kind === "context" && copies);
}

class Slice {
  readonly #program: Program;
  readonly #steps: readonly ReplayStep[];
  readonly #finding: Finding;
  readonly #wanted = new Set<Place>();
  /** Links of numbers and instances of pointers that the wanted values have: a branch on one of them says something too. */
  readonly #links = new Set<number>();
  #branchesLeft: number;

  constructor(program: Program, steps: readonly ReplayStep[], finding: Finding) {
    this.#program = program;
    this.#steps = steps;
    this.#finding = finding;
    this.#branchesLeft = WAY_ONLY.has(finding.code) ? MOST_BRANCHES : 0;
  }

  run(): SliceStep[] {
    const last = this.#steps.length - 1;
    const failing = this.#steps[last];
    if (failing === undefined) return [];
    for (const register of operandsAtFault(this.#program, this.#finding, failing)) {
      this.#want(failing, register);
    }
    if (this.#finding.code === "StackUninitialized") {
      const { low, sizeBytes } = this.#finding.extent;
      for (const place of slots(failing.frame, low, sizeBytes)) this.#wanted.add(place);
    }
    const found: SliceStep[] = [];
    for (let at = last - 1; at >= 0; at--) {
      const kind = this.#visit(at);
      if (kind !== undefined) found.push({ at, kind });
    }
    return found.reverse();
  }

  #want(step: ReplayStep, register: number): void {
    if (register === STACK_POINTER) return;
    this.#wanted.add(registerPlace(step.frame, register));
    const link = linkOf(valueAt(step, register));
    if (link !== 0) this.#links.add(link);
  }

  #visit(at: number): SliceStep["kind"] | undefined {
    const step = this.#steps[at];
    const after = this.#steps[at + 1];
    if (step === undefined || after === undefined) return undefined;
    const { instruction } = step;
    if (instruction.kind === "jump") return this.#visitJump(step);
    if (after.frame > step.frame) {
      // Into a function or a callback: its arguments are the caller's.
      for (let register = 1; register <= 5; register++) {
        if (this.#wanted.delete(registerPlace(after.frame, register))) this.#want(step, register);
      }
      return undefined;
    }
    if (after.frame < step.frame) {
      if (this.#wanted.delete(registerPlace(after.frame, 0))) this.#want(step, 0);
      return undefined;
    }
    return this.#visitWrite(step, after);
  }

  #visitWrite(step: ReplayStep, after: ReplayStep): "value" | undefined {
    const { instruction, frame } = step;
    switch (instruction.kind) {
      case "store":
      case "atomic": {
        const places = placesAt(step, instruction.base, instruction.offset, instruction.sizeBytes);
        if (!places.some((place) => this.#wanted.has(place))) break;
        if (instruction.sizeBytes === 8) for (const place of places) this.#wanted.delete(place);
        if (instruction.kind === "store" && instruction.source.kind === "register") {
          this.#want(step, instruction.source.register);
        }
        return "value";
      }
      case "call":
        return this.#visitHelper(step, after);
      default:
    }
    const { read, written } = registersOf(instruction, this.#program.platform, this.#program.type.name);
    if (!this.#dropWritten(frame, written)) return undefined;
    if (instruction.kind === "load") {
      for (const place of placesAt(step, instruction.base, instruction.offset, instruction.sizeBytes)) {
        this.#wanted.add(place);
      }
    } else if (instruction.kind !== "atomic" && instruction.kind !== "loadPacket") {
      for (let register = 0; register < STACK_POINTER; register++) {
        if ((read >> register) & 1) this.#want(step, register);
      }
    }
    return "value";
  }

  /** A call gives r0 and loses r1 to r5; it may write to the stack, and void pointers to the packet. */
  #visitHelper(step: ReplayStep, after: ReplayStep): "value" | undefined {
    const { instruction, frame } = step;
    if (instruction.kind !== "call" || instruction.target.kind !== "helper") return undefined;
    const helper = findHelper(this.#program.platform, instruction.target.id, this.#program.type.name);
    if (helper === undefined) return undefined;
    let matters = this.#dropWritten(frame, 0b11_1111);
    for (const [position, argument] of helper.arguments.entries()) {
      const releases = "release" in argument && argument.release === true;
      if (releases && this.#links.has(linkOf(valueAt(step, argumentRegister(position))))) matters = true;
      if (!("access" in argument) || argument.access === "read") continue;
      const places = placesAt(step, argumentRegister(position), 0, 1);
      if (places.some((place) => this.#wanted.delete(place))) matters = true;
    }
    if (isStale(this.#finding, "packet") && helper.invalidatesPacket === true) matters = true;
    if (this.#finding.code === "ReferenceLeak" && this.#acquires(step, after)) matters = true;
    return matters ? "value" : undefined;
  }

  /** Does the call acquire what is still held at the failure? */
  #acquires(step: ReplayStep, after: ReplayStep): boolean {
    const held = this.#steps.at(-1)?.references ?? [];
    return held.some((id) => after.references.includes(id) && !step.references.includes(id));
  }

  #dropWritten(frame: number, written: number): boolean {
    let dropped = false;
    for (let register = 0; register < STACK_POINTER; register++) {
      if ((written >> register) & 1 && this.#wanted.delete(registerPlace(frame, register))) dropped = true;
    }
    return dropped;
  }

  #visitJump(step: ReplayStep): "branch" | undefined {
    const { instruction, frame } = step;
    if (instruction.kind !== "jump" || instruction.condition === undefined) return undefined;
    const { left, right } = instruction.condition;
    const registers = right.kind === "register" ? [left, right.register] : [left];
    if (this.#branchesLeft > 0) {
      this.#branchesLeft -= 1;
      return "branch";
    }
    const says = registers.some((register) => {
      const value = valueAt(step, register);
      if (this.#wanted.has(registerPlace(frame, register))) return true;
      if (isEnd(value) && this.#finding.code === "PacketOutOfBounds") return true;
      return this.#links.has(linkOf(value));
    });
    return says ? "branch" : undefined;
  }
}

/** Failures that are of what did not happen on the way. */
const WAY_ONLY: ReadonlySet<Finding["code"]> = new Set([
  "RegisterUninitialized",
  "StackUninitialized",
  "ReferenceLeak",
  "LoopNotBounded",
  "FallThrough",
]);

function isEnd(value: Value): boolean {
  return value.kind === "pointer" && value.region.kind === "packetEnd";
}

function isStale(finding: Finding, why: "packet" | "released"): boolean {
  return finding.code === "RegisterUninitialized" && finding.stale === why;
}

/** What a number or pointer shares with others: the link of a number, the instance of a pointer; 0: nothing. */
function linkOf(value: Value): number {
  if (value.kind === "number") return value.id;
  return value.kind === "pointer" ? instanceOf(value.region) || value.variable : 0;
}

/** The slots that an access of that size touches, if it is one of the stack at a known place. */
function placesAt(step: ReplayStep, base: number, offset: number, sizeBytes: number): Place[] {
  const value = valueAt(step, base);
  if (value.kind !== "pointer" || value.region.kind !== "stack" || value.minimum !== value.maximum) return [];
  return slots(value.region.frame, value.offset + value.minimum + offset, sizeBytes);
}

function slots(frame: number, low: number, sizeBytes: number): Place[] {
  const places: Place[] = [];
  for (let at = low & ~7; at < low + sizeBytes && at < 0; at += 8) {
    if (at >= -STACK_SIZE_BYTES) places.push(slotPlace(frame, at));
  }
  return places;
}

/** The registers whose values are to blame. */
export function operandsAtFault(program: Program, finding: Finding, step: ReplayStep): readonly number[] {
  if ("register" in finding) return [finding.register];
  if ("position" in finding && finding.position !== undefined) return [argumentRegister(finding.position)];
  const { instruction } = step;
  switch (instruction.kind) {
    case "load":
    case "store":
    case "atomic":
      return [instruction.base];
    case "call":
      return "extent" in finding ? pointersOf(finding, step) : [];
    default: {
      const { read } = registersOf(instruction, program.platform, program.type.name);
      return Array.from({ length: STACK_POINTER }, (_, register) => register).filter(
        (register) => (read >> register) & 1,
      );
    }
  }
}

const REGIONS_OF: Readonly<Partial<Record<Finding["code"], readonly string[]>>> = {
  PacketOutOfBounds: ["packet", "packetMeta"],
  StackOutOfBounds: ["stack"],
  StackUninitialized: ["stack"],
  MapValueOutOfBounds: ["mapValue", "memory", "allocated"],
};

/** Of a helper's arguments, the pointer that is at fault, and the size behind it. */
function pointersOf(
  { code, extent }: Extract<Finding, { readonly extent: Extent }>,
  step: ReplayStep,
): number[] {
  const regions = REGIONS_OF[code] ?? [];
  for (let register = 1; register <= 5; register++) {
    const value = valueAt(step, register);
    if (value.kind !== "pointer" || !regions.includes(value.region.kind)) continue;
    if (value.offset + value.minimum !== extent.low) continue;
    return valueAt(step, register + 1).kind === "number" ? [register, register + 1] : [register];
  }
  return [];
}

/** Each instruction once (of a loop, its last round), and not more than anybody reads. */
function shortened(found: readonly SliceStep[], steps: readonly ReplayStep[]): readonly SliceStep[] {
  const last = new Map(found.map((row) => [steps[row.at]?.index, row]));
  const unique = found.filter((row) => last.get(steps[row.at]?.index) === row);
  if (unique.length <= MOST_STEPS) return unique;
  return [...unique.slice(0, 1), ...unique.slice(1 - MOST_STEPS)];
}
