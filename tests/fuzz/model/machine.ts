// The model machine: RFC 9669 on words that know what they point into (memory.ts), with checks of everything that the
// verifier promises: bounds object by object, initialised reads, live objects, references given back, an end. Helpers do
// what their prototype allows, at random (helpers.ts). Written from the RFC, apart from the core's interpreter.
import type { Instruction, Operand, Register } from "../../../core/isa/instruction.ts";
import type { ContextField } from "../../../core/platform/platform.ts";
import { findHelper } from "../../../core/platform/platform.ts";
import type { Program } from "../../../core/program/program.ts";
import { evaluate, holds } from "../../core/verifier/domain/semantics.ts";
import { ModelFault, type ModelFaultKind, NotModelled } from "./fault.ts";
import { callHelper } from "./helpers.ts";
import {
  AddressSpace,
  NULL,
  numberWord,
  offsetOf,
  pointerWord,
  readBits,
  type Thing,
  touched,
  type Word,
  writeBits,
} from "./memory.ts";

export const FRAME_BYTES = 512;
const MOST_FRAMES = 8;

export interface ModelFrame {
  readonly returnTo: number;
  readonly saved: readonly (Word | undefined)[];
  readonly stack: Thing;
}

export interface ModelInput {
  readonly program: Program;
  /** Uninitialised stack may not be read, and what leaves the program is written down in `effects`. */
  readonly strict: boolean;
  /** Of the run's choices: what helpers answer, what memory holds. Below n. */
  readonly next: (below: number) => number;
  readonly firstAddress: bigint;
  readonly packet: Uint8Array;
  readonly metadataBytes: number;
  readonly maximumSteps: number;
  /** Before each instruction. */
  readonly trace?: (machine: Machine, index: number) => void;
}

const EXTREMES = [0n, 1n, 2n, 7n, 8n, 255n, 256n, 0x7fffn, 0xffffn, 0x7fffffffn, 0x80000000n, 0xffffffffn];
const WIDE = [0x100000000n, 2n ** 53n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n, 2n ** 64n - 8n];

/** A number of that many bytes as a helper, a map or a context may hold it: often at an edge. */
export function anyNumber(next: (below: number) => number, sizeBytes: number): bigint {
  const kind = next(6);
  if (kind === 0) return BigInt(next(16));
  if (kind <= 2) {
    const list = sizeBytes === 8 ? [...EXTREMES, ...WIDE] : EXTREMES;
    return BigInt.asUintN(8 * sizeBytes, list[next(list.length)] ?? 0n);
  }
  let value = 0n;
  for (let at = 0; at < sizeBytes; at++) value = (value << 8n) | BigInt(next(256));
  return value;
}

const EDGE_BYTES: readonly Uint8Array[] = [...EXTREMES, ...WIDE].map((value) =>
  Uint8Array.from({ length: 8 }, (_, index) => Number((value >> BigInt(8 * index)) & 0xffn)),
);

/** Numbers of 8 bytes side by side, as anyNumber() makes them; without bigints, since every run fills whole frames. */
export function anyBytes(next: (below: number) => number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 8) {
    const size = Math.min(8, length - at);
    const kind = next(6);
    if (kind === 0) bytes[at] = next(16);
    else if (kind <= 2) {
      bytes.set(EDGE_BYTES[next(EDGE_BYTES.length)]?.subarray(0, size) ?? [], at);
    } else for (let index = 0; index < size; index++) bytes[at + index] = next(256);
  }
  return bytes;
}

export class Machine {
  readonly program: Program;
  readonly input: ModelInput;
  readonly space: AddressSpace;
  readonly registers: (Word | undefined)[] = new Array<Word | undefined>(11).fill(undefined);
  readonly frames: ModelFrame[] = [];
  readonly context: Thing;
  packet: Thing;
  /** Acquired and not yet given back. */
  readonly held = new Set<Thing>();
  /** Values of maps, by "map:inner:key". */
  readonly values = new Map<string, Thing>();
  readonly #maps = new Map<number, Thing>();
  readonly #functions = new Map<number, Thing>();
  readonly #fields = new Map<string, Word>();
  /** All that leaves the program: what helpers are given, the result. */
  readonly effects: string[] = [];
  readonly #stackTop: bigint;
  index = 0;
  #steps = 0;
  #ended = false;

  constructor(input: ModelInput) {
    const { program, next } = input;
    this.program = program;
    this.input = input;
    this.space = new AddressSpace(input.firstAddress);
    this.#stackTop =
      this.space.make("stack", new Uint8Array(MOST_FRAMES * FRAME_BYTES)).base +
      BigInt(MOST_FRAMES * FRAME_BYTES);
    const { context } = program.type;
    this.context = this.space.make("context", anyBytes(next, context.sizeBytes), { fields: context.fields });
    this.packet = this.makePacket(input.packet, input.metadataBytes);
    const memory = program.rawMemorySizeBytes;
    if (memory === undefined) this.registers[1] = pointerWord(this.context);
    else {
      const raw = this.space.make("memory", anyBytes(next, memory));
      this.registers[1] = memory === 0 ? NULL : pointerWord(raw);
      this.registers[2] = numberWord(memory);
      this.packet = raw;
    }
    this.#open(-1);
  }

  makePacket(bytes: Uint8Array, metadataBytes: number): Thing {
    const readOnly = this.program.type.context.packetReadOnly === true;
    return this.space.make("packet", bytes, { readOnly, dataAt: metadataBytes });
  }

  /** Runs to the end; the last effects are the result and the packet. */
  run(): void {
    this.index = this.program.subprograms[0]?.start ?? 0;
    this.#loop(0);
    this.effects.push(`packet ${hex(this.packet.bytes)}`, `context ${hex(this.context.bytes)}`);
    for (const [key, value] of [...this.values].sort(([a], [b]) => (a < b ? -1 : 1))) {
      this.effects.push(`${key} ${hex(value.bytes)}`);
    }
  }

  fault(kind: ModelFaultKind, what: string): ModelFault {
    return new ModelFault(kind, this.index, what);
  }

  read(register: Register): Word {
    const word = this.registers[register];
    if (word === undefined) throw this.fault("uninitialized", `r${register} is read before it is written`);
    return word;
  }

  /** Steps until the frame of that depth returns, or the program ends. */
  #loop(depth: number): void {
    while (!this.#ended) {
      const instruction = this.program.instructions[this.index];
      if (instruction === undefined) throw this.fault("outOfBounds", "there is no such instruction");
      if (++this.#steps > this.input.maximumSteps) throw this.fault("endless", "no end in sight");
      this.input.trace?.(this, this.index);
      this.#step(instruction);
      if (this.frames.length <= depth) return;
    }
  }

  #step(instruction: Instruction): void {
    const at = this.index;
    this.index += 1;
    try {
      this.#execute(instruction, at);
    } catch (error) {
      if (error instanceof ModelFault) throw new ModelFault(error.kind, at, error.message);
      throw error;
    }
  }

  #execute(instruction: Instruction, at: number): void {
    switch (instruction.kind) {
      case "alu": {
        const left = this.read(instruction.destination);
        const right = this.#operand(instruction.source);
        const { width, operation } = instruction;
        const bits = evaluate(
          operation,
          width,
          BigInt.asUintN(width, left.bits),
          BigInt.asUintN(width, right.bits),
        );
        const moved = width === 64 && (operation === "add" || operation === "sub");
        const to = !moved
          ? undefined
          : right.to === undefined
            ? left.to
            : left.to === undefined && operation === "add"
              ? right.to
              : undefined;
        this.registers[instruction.destination] = { bits, to };
        return;
      }
      case "mov": {
        const source = this.#operand(instruction.source);
        const { width, signExtendFrom } = instruction;
        if (width === 64 && signExtendFrom === undefined) this.registers[instruction.destination] = source;
        else {
          const extended =
            signExtendFrom === undefined ? source.bits : BigInt.asIntN(signExtendFrom, source.bits);
          this.registers[instruction.destination] = numberWord(BigInt.asUintN(width, extended));
        }
        return;
      }
      case "neg": {
        const { destination, width } = instruction;
        this.registers[destination] = numberWord(BigInt.asUintN(width, -this.read(destination).bits));
        return;
      }
      case "byteSwap": {
        const { destination, width, order } = instruction;
        const bits = BigInt.asUintN(width, this.read(destination).bits);
        this.registers[destination] = numberWord(order === "le" ? bits : swap(bits, width));
        return;
      }
      case "load": {
        const word = this.load(this.read(instruction.base), instruction.offset, instruction.sizeBytes);
        this.registers[instruction.destination] = instruction.signed
          ? numberWord(BigInt.asIntN(8 * instruction.sizeBytes, word.bits))
          : word;
        return;
      }
      case "store": {
        const word = this.#operand(instruction.source);
        this.store(this.read(instruction.base), instruction.offset, instruction.sizeBytes, word);
        return;
      }
      case "atomic":
        this.#atomic(instruction);
        return;
      case "loadImmediate":
        this.registers[instruction.destination] = this.#immediate(instruction.source, at);
        return;
      case "loadPacket":
        this.#loadPacket(instruction);
        return;
      case "jump": {
        const { condition, width } = instruction;
        if (condition !== undefined) {
          const left = BigInt.asUintN(width, this.read(condition.left).bits);
          const right = BigInt.asUintN(width, this.#operand(condition.right).bits);
          if (!holds(condition.test, width, left, right)) return;
        }
        this.index = this.program.targets[at] ?? -1;
        return;
      }
      case "call":
        this.#call(instruction, at);
        return;
      case "exit":
        this.#exit();
        return;
    }
  }

  #operand(operand: Operand): Word {
    return operand.kind === "register" ? this.read(operand.register) : numberWord(operand.value);
  }

  /** The thing and the offset of an access that is the program's to make. */
  place(base: Word, offset: number, sizeBytes: number, write: boolean): { thing: Thing; at: number } {
    const thing = base.to;
    if (thing === undefined) throw this.fault("notAPointer", `${base.bits} is no address`);
    const at = offsetOf(base) + offset;
    if (!thing.live || (thing.holder !== undefined && !thing.holder.live)) {
      throw this.fault("reference", `the ${thing.kind} is gone`);
    }
    if (thing.kind === "kernel" && !write) return { thing, at };
    if (at < 0 || at + sizeBytes > thing.bytes.length) {
      throw this.fault(
        "outOfBounds",
        `${sizeBytes} bytes at ${at} of a ${thing.kind} of ${thing.bytes.length}`,
      );
    }
    if (write && !thing.writable) throw this.fault("readOnly", `a ${thing.kind} is written`);
    return { thing, at };
  }

  load(base: Word, offset: number, sizeBytes: number): Word {
    const { thing, at } = this.place(base, offset, sizeBytes, false);
    if (thing.kind === "kernel") return numberWord(anyNumber(this.input.next, sizeBytes));
    if (thing.fields !== undefined) return this.#loadField(thing, thing.fields, at, sizeBytes);
    this.checkWritten(thing, at, sizeBytes);
    const bits = readBits(thing.bytes, at, sizeBytes);
    const to = sizeBytes === 8 && thing.kind === "stack" ? thing.pointers.get(at) : undefined;
    return { bits, to };
  }

  /** Where strict, bytes of the stack must have been written; in part of a pointer there are none that may be read. */
  checkWritten(thing: Thing, at: number, sizeBytes: number): void {
    if (thing.written === undefined || !this.input.strict) return;
    if (thing.written.subarray(at, at + sizeBytes).includes(0)) {
      throw this.fault(
        "uninitialized",
        `${sizeBytes} bytes at ${at} of the stack are read before they are written`,
      );
    }
  }

  store(base: Word, offset: number, sizeBytes: number, word: Word): void {
    const { thing, at } = this.place(base, offset, sizeBytes, true);
    if (thing.fields !== undefined) {
      const field = fieldAt(thing.fields, at, sizeBytes);
      if (field?.writable !== true || field.kind !== "scalar" || sizeBytes < (field.leastWriteBytes ?? 0)) {
        throw this.fault(
          "readOnly",
          `${sizeBytes} bytes at ${at} of the ${thing.kind} are no field to write`,
        );
      }
    }
    writeBits(thing, at, sizeBytes, word.bits);
    if (thing.kind === "stack" && sizeBytes === 8 && word.to !== undefined && at % 8 === 0) {
      thing.pointers.set(at, word.to);
    }
  }

  #loadField(thing: Thing, fields: readonly ContextField[], at: number, sizeBytes: number): Word {
    const field = fieldAt(fields, at, sizeBytes);
    const { elsewhere } = this.program.type.context;
    if (field === undefined) {
      const overlaps = fields.some(
        (row) =>
          row.kind !== "scalar" && at < row.byteOffset + row.sizeBytes && row.byteOffset < at + sizeBytes,
      );
      if (thing.kind === "context" && elsewhere === "number" && !overlaps)
        return numberWord(readBits(thing.bytes, at, sizeBytes));
      if (thing.kind === "context" && elsewhere === "kernel" && sizeBytes === 8 && at % 8 === 0) {
        return this.#kernelWord();
      }
      throw this.fault("outOfBounds", `${sizeBytes} bytes at ${at} of the ${thing.kind} are no field`);
    }
    const isWhole = at === field.byteOffset && sizeBytes === field.sizeBytes;
    const isPart = field.narrow && at % sizeBytes === 0;
    if (field.kind === "scalar" && (isWhole || isPart))
      return numberWord(readBits(thing.bytes, at, sizeBytes));
    if (!isWhole) throw this.fault("outOfBounds", `field ${field.name} is read in part`);
    switch (field.kind) {
      case "packetStart":
        return pointerWord(this.packet, this.packet.dataAt);
      case "packetEnd":
        return pointerWord(this.packet, this.packet.bytes.length);
      case "packetMeta":
        return pointerWord(this.packet);
      default:
        return this.#pointed(thing, field);
    }
  }

  #kernelWord(): Word {
    const thing = this.space.make("kernel", new Uint8Array(0));
    return { bits: this.input.next(4) === 0 ? anyNumber(this.input.next, 8) : thing.base, to: thing };
  }

  /** What a field points to is the same for each load of it, except that a nullable one may be null. */
  #pointed(thing: Thing, field: ContextField): Word {
    if (field.kind === "kernel") return this.#kernelWord();
    const to = field.pointsTo;
    if (to === undefined) throw new NotModelled(`field ${field.name}`);
    const key = `${thing.base}:${field.byteOffset}`;
    let word = this.#fields.get(key);
    if (word === undefined) {
      const holder = thing.holder ?? (thing.kind === "object" ? thing : undefined);
      word =
        to.nullable && this.input.next(2) === 0
          ? NULL
          : pointerWord(
              to.kind === "object"
                ? this.makeObject(to.type, holder)
                : this.space.make("memory", anyBytes(this.input.next, to.sizeBytes), { readOnly: true }),
            );
      this.#fields.set(key, word);
    }
    return word;
  }

  makeObject(type: string, holder?: Thing): Thing {
    const row = this.program.platform.objectTypes?.find(({ name }) => name === type);
    if (row === undefined) throw new NotModelled(`object ${type}`);
    const bytes = anyBytes(this.input.next, row.sizeBytes);
    return this.space.make("object", bytes, { type, fields: row.fields, ...(holder && { holder }) });
  }

  #atomic(instruction: Extract<Instruction, { readonly kind: "atomic" }>): void {
    const { base, offset, sizeBytes, operation, source, fetch } = instruction;
    const { thing, at } = this.place(this.read(base), offset, sizeBytes, true);
    if (thing.kind === "context" || thing.kind === "packet" || thing.kind === "object") {
      throw this.fault("readOnly", `an atomic operation on a ${thing.kind}`);
    }
    if (at % sizeBytes !== 0) throw this.fault("misaligned", `an atomic operation at ${at}`);
    this.checkWritten(thing, at, sizeBytes);
    const bits = 8 * sizeBytes;
    const old = readBits(thing.bytes, at, sizeBytes);
    const operand = BigInt.asUintN(bits, this.read(source).bits);
    const expected = operation === "compareExchange" ? BigInt.asUintN(bits, this.read(0).bits) : 0n;
    const result = {
      add: () => BigInt.asUintN(bits, old + operand),
      or: () => old | operand,
      and: () => old & operand,
      xor: () => old ^ operand,
      exchange: () => operand,
      compareExchange: () => (old === expected ? operand : old),
    }[operation]();
    writeBits(thing, at, sizeBytes, result);
    if (operation === "compareExchange") this.registers[0] = numberWord(old);
    else if (fetch) this.registers[source] = numberWord(old);
  }

  #immediate(source: Extract<Instruction, { readonly kind: "loadImmediate" }>["source"], at: number): Word {
    switch (source.kind) {
      case "number":
        return numberWord(source.value);
      case "map":
        return pointerWord(this.#map(source.map));
      case "mapValue":
        return pointerWord(this.value(source.map, false, 0), source.byteOffset);
      case "function": {
        const start = this.program.targets[at] ?? -1;
        const index = this.program.subprograms.findIndex((row) => row.start === start);
        let thing = this.#functions.get(index);
        if (thing === undefined) {
          thing = this.space.make("code", new Uint8Array(0), { index });
          this.#functions.set(index, thing);
        }
        return pointerWord(thing);
      }
      default:
        throw new NotModelled(`an immediate of kind ${source.kind}`);
    }
  }

  #map(index: number): Thing {
    let thing = this.#maps.get(index);
    if (thing === undefined) {
      thing = this.space.make("map", new Uint8Array(0), { index });
      this.#maps.set(index, thing);
    }
    return thing;
  }

  /** The value of a key, made when it is first asked for. */
  value(map: number, inner: boolean, key: number | string): Thing {
    const name = `${map}:${inner}:${key}`;
    let thing = this.values.get(name);
    if (thing === undefined) {
      const outer = this.program.maps[map]?.spec;
      const spec = inner ? outer?.inner : outer;
      if (spec === undefined) throw this.fault("argument", `there is no map ${map}`);
      // BPF_F_RDONLY_PROG
      const readOnly = spec.data?.readOnly === true || (spec.flags & 128) !== 0;
      // What can be written may have been, by others too.
      const bytes =
        spec.data?.readOnly === true
          ? Uint8Array.from({ length: spec.valueSizeBytes }, (_, at) => spec.data?.bytes[at] ?? 0)
          : anyBytes(this.input.next, spec.valueSizeBytes);
      thing = this.space.make("mapValue", bytes, { index: map, inner, readOnly });
      this.values.set(name, thing);
    }
    return thing;
  }

  /** Reads network order into r0; beyond the end the program ends with 0. */
  #loadPacket(instruction: Extract<Instruction, { readonly kind: "loadPacket" }>): void {
    if (this.read(6).to !== this.context) throw this.fault("argument", "r6 is not the context");
    if (this.held.size > 0) throw this.fault("reference", "the program may end here holding a reference");
    const index =
      instruction.index === undefined ? 0n : BigInt.asUintN(32, this.read(instruction.index).bits);
    const at = Number(index) + instruction.offset + this.packet.dataAt;
    const outside = at < this.packet.dataAt || at + instruction.sizeBytes > this.packet.bytes.length;
    if (outside) {
      this.registers[0] = NULL;
      this.#ended = true;
      return;
    }
    const bits = swap(readBits(this.packet.bytes, at, instruction.sizeBytes), 8 * instruction.sizeBytes);
    this.lose();
    this.registers[0] = numberWord(bits);
  }

  /** r1 to r5 are lost. */
  lose(): void {
    for (let register = 1; register <= 5; register++) this.registers[register] = undefined;
  }

  #call({ target }: Extract<Instruction, { readonly kind: "call" }>, at: number): void {
    if (target.kind === "local") {
      this.#enter(this.program.targets[at] ?? -1, at + 1);
      return;
    }
    if (target.kind !== "helper") throw new NotModelled(`a call of a ${target.kind}`);
    const helper = findHelper(this.program.platform, target.id, this.program.type.name);
    if (helper === undefined) throw new NotModelled(`helper ${target.id}`);
    const outcome = callHelper(this, helper);
    // Another program ran in place of this one, from this function on.
    if (outcome === "replaced") this.#leave();
  }

  #enter(start: number, returnTo: number): void {
    if (this.frames.length >= MOST_FRAMES) throw this.fault("callDepth", "too deep");
    this.#open(returnTo);
    this.index = start;
  }

  #open(returnTo: number): void {
    const saved = this.registers.slice(6, 10);
    const index = this.frames.length;
    const bytes = anyBytes(this.input.next, FRAME_BYTES);
    const base = this.#stackTop - BigInt((index + 1) * FRAME_BYTES);
    const stack = this.space.make("stack", bytes, { base, index, written: new Uint8Array(FRAME_BYTES) });
    this.frames.push({ returnTo, saved, stack });
    for (const register of [0, 6, 7, 8, 9]) this.registers[register] = undefined;
    this.registers[10] = pointerWord(stack, FRAME_BYTES);
  }

  /** A helper calls a function of the program while it runs; answers its r0. */
  callBack(start: number, parameters: readonly Word[]): Word | undefined {
    const here = this.index;
    const depth = this.frames.length;
    for (let register = 1; register <= 5; register++) this.registers[register] = parameters[register - 1];
    this.#enter(start, here);
    this.#loop(depth);
    this.index = here;
    return this.registers[0];
  }

  get ended(): boolean {
    return this.#ended;
  }

  #exit(): void {
    if (this.frames.length === 1) {
      const result = this.read(0);
      if (this.held.size > 0) throw this.fault("reference", "the program ends and holds a reference");
      const range = this.program.type.returnRange;
      const value = Number(BigInt.asIntN(32, result.bits));
      if (range !== undefined && (value < range.minimum || value > range.maximum)) {
        throw this.fault("result", `the result is ${value}`);
      }
      this.effects.push(`result ${result.bits}`);
    }
    this.#leave();
  }

  #leave(): void {
    const frame = this.frames.pop();
    if (frame === undefined || this.frames.length === 0) {
      this.#ended = true;
      return;
    }
    frame.stack.live = false;
    this.lose();
    for (const [position, word] of frame.saved.entries()) this.registers[6 + position] = word;
    const stack = this.frames.at(-1)?.stack;
    if (stack !== undefined) this.registers[10] = pointerWord(stack, FRAME_BYTES);
    this.index = frame.returnTo;
  }

  /** Bytes that a helper writes. */
  fill(base: Word, sizeBytes: number): void {
    const { thing, at } = this.place(base, 0, sizeBytes, true);
    thing.bytes.set(anyBytes(this.input.next, sizeBytes), at);
    touched(thing, at, sizeBytes);
  }
}

function fieldAt(fields: readonly ContextField[], at: number, sizeBytes: number): ContextField | undefined {
  return fields.find((row) => at >= row.byteOffset && at + sizeBytes <= row.byteOffset + row.sizeBytes);
}

function swap(bits: bigint, width: number): bigint {
  let result = 0n;
  for (let shift = 0n; shift < BigInt(width); shift += 8n)
    result = (result << 8n) | ((bits >> shift) & 0xffn);
  return result;
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
