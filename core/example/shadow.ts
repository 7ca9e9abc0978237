// Beside a checked run: on what of the input each register and each byte of memory depends. It looks at registers before
// each instruction and never at results, so the interpreter alone says what a program does. Off the path that it is given it
// stops looking.
import type {
  AtomicInstruction,
  CallInstruction,
  Instruction,
  LoadInstruction,
  Operand,
  StoreInstruction,
} from "../isa/instruction.ts";
import { findHelper } from "../platform/platform.ts";
import type { Program } from "../program/program.ts";
import type { Answers } from "./answers.ts";
import { LENGTH } from "./input.ts";
import { type Thing, Unrepresentable } from "./maps.ts";
import type { Term, Word } from "./term.ts";
import { MOST_LENGTH, type World } from "./world.ts";

interface ByteOf {
  readonly word: Word;
  readonly byte: number;
}

/** null: it was written, and depends on nothing. */
type ByteShadow = ByteOf | null;

const REGISTERS = 11;

export class Shadow {
  readonly #program: Program;
  readonly #world: World;
  readonly #answers: Answers;
  #terms: (Term | undefined)[] = new Array<Term | undefined>(REGISTERS).fill(undefined);
  readonly #saved: (Term | undefined)[][] = [];
  /** Objects of the input that the program has read, and "length". */
  readonly used = new Set<string>();
  readonly #memory = new Map<number, ByteShadow>();
  /** Things whose bytes are the input's as long as nobody writes to them. */
  readonly #free: (thing: Thing) => boolean;
  #called = false;

  constructor(program: Program, world: World, answers: Answers) {
    this.#program = program;
    this.#world = world;
    this.#answers = answers;
    const fixed = new Set(
      program.maps.flatMap(({ spec }, index) => (spec.data?.readOnly === true ? [`map ${index + 1} `] : [])),
    );
    this.#free = ({ key }) => ![...fixed].some((prefix) => key.startsWith(prefix));
    world.onCopy = (address, sizeBytes) => this.#forget(address, sizeBytes);
    world.onWrite = (address, sizeBytes, object, offset) => {
      for (let at = 0; at < sizeBytes; at++) {
        this.#memory.set(address + at, {
          word: this.#inputWord(object, offset + at, address + at, 1),
          byte: 0,
        });
      }
    };
  }

  /** What was copied there is not followed. */
  #forget(address: number, sizeBytes: number): void {
    for (let at = 0; at < sizeBytes; at++) this.#memory.set(address + at, null);
  }

  word(register: number, registers: BigInt64Array): Word {
    return { value: registers[register] ?? 0n, term: this.#terms[register] };
  }

  operand(operand: Operand, registers: BigInt64Array): Word {
    return operand.kind === "register"
      ? this.word(operand.register, registers)
      : { value: BigInt(operand.value), term: undefined };
  }

  /** At the next instruction: what the call before it has answered is known. */
  arrive(): void {
    if (!this.#called) return;
    this.#terms[0] = this.#answers.answered;
    this.#called = false;
  }

  /** Before the instruction runs. */
  before(instruction: Instruction, registers: BigInt64Array): void {
    switch (instruction.kind) {
      case "alu": {
        const left = this.word(instruction.destination, registers);
        const right = this.operand(instruction.source, registers);
        const { operation, width } = instruction;
        this.#terms[instruction.destination] =
          left.term === undefined && right.term === undefined
            ? undefined
            : { kind: "alu", operation, width, left, right };
        return;
      }
      case "mov": {
        const of = this.operand(instruction.source, registers);
        const { width, signExtendFrom } = instruction;
        const bits = signExtendFrom ?? width;
        this.#terms[instruction.destination] =
          of.term === undefined || bits === 64
            ? of.term
            : { kind: "low", bits, signed: signExtendFrom !== undefined, width, of };
        return;
      }
      case "neg": {
        const of = this.word(instruction.destination, registers);
        if (of.term !== undefined)
          this.#terms[instruction.destination] = { kind: "negate", width: instruction.width, of };
        return;
      }
      case "byteSwap": {
        const { destination, width, order } = instruction;
        const of = this.word(destination, registers);
        if (of.term === undefined) return;
        this.#terms[destination] =
          order === "le"
            ? { kind: "low", bits: width, signed: false, width: 64, of }
            : { kind: "swap", width, of };
        return;
      }
      case "load":
        this.#terms[instruction.destination] = this.#load(instruction, registers);
        return;
      case "store":
        this.#store(instruction, registers);
        return;
      case "atomic":
        this.#atomic(instruction, registers);
        return;
      case "loadImmediate":
        this.#terms[instruction.destination] = undefined;
        return;
      case "loadPacket": {
        const { index: from, offset, sizeBytes } = instruction;
        const at = offset + (from === undefined ? 0 : Number(BigInt.asIntN(32, registers[from] ?? 0n)));
        const of = this.wordAt(this.#world.packet.address + at, sizeBytes);
        this.#terms[0] = sizeBytes === 1 ? of.term : swapped(of, sizeBytes);
        this.#lose();
        return;
      }
      case "call":
        this.#call(instruction, registers);
        return;
      case "exit":
        this.#world.frames -= 1;
        this.#terms = [this.#terms[0], ...new Array<undefined>(5), ...(this.#saved.pop() ?? [])];
        return;
      case "jump":
        return;
    }
  }

  /** The little-endian word in memory. */
  wordAt(address: number, sizeBytes: number): Word {
    const shadows = Array.from({ length: sizeBytes }, (_, at) => this.#memory.get(address + at));
    if (shadows.every((byte) => byte === undefined)) return this.#inputAt(address, sizeBytes);
    const parts = shadows.map((byte, at) => byte ?? this.#byteAt(address + at, byte === null));
    const [first] = shadows;
    const whole = first?.word;
    const together = parts.every(({ word, byte }, at) => word === whole && byte === at);
    if (whole !== undefined && together)
      return { value: BigInt.asUintN(8 * sizeBytes, whole.value), term: low(whole, sizeBytes) };
    const value = parts.reduceRight(
      (sum, { word, byte }) => (sum << 8n) | ((word.value >> BigInt(8 * byte)) & 0xffn),
      0n,
    );
    return {
      value,
      term: parts.every(({ word }) => word.term === undefined) ? undefined : { kind: "join", parts },
    };
  }

  #byteAt(address: number, known: boolean): ByteOf {
    if (!known) return { word: this.#inputAt(address, 1), byte: 0 };
    return { word: { value: BigInt(this.#world.byteAt(address)), term: undefined }, byte: 0 };
  }

  /** Memory that nobody has written: a field that points, the end of the packet, or bytes of the input. */
  #inputAt(address: number, sizeBytes: number): Word {
    const thing = this.#world.things.find(
      (row) => address >= row.address && address + sizeBytes <= row.address + row.sizeBytes,
    );
    if (thing === undefined) return { value: 0n, term: undefined };
    const offset = address - thing.address;
    if (thing === this.#world.packet && this.#answers.packetMoved)
      throw new Unrepresentable("a packet that was moved");
    if (thing === this.#world.context) {
      const field = this.#program.type.context.fields.find((row) => row.byteOffset === offset);
      if (field !== undefined && field.kind !== "scalar")
        return this.#fieldWord(field.kind, address, sizeBytes);
    } else if (this.#world.isPointer(thing, offset))
      return { value: this.#world.numberAt(address, sizeBytes), term: undefined };
    if (thing === this.#world.packet) return this.#packetWord(address, sizeBytes);
    if (!this.#free(thing)) return { value: this.#world.numberAt(address, sizeBytes), term: undefined };
    this.used.add(thing.key);
    return this.#inputWord(thing.key, offset, address, sizeBytes);
  }

  /** Of the packet as it was given; what it has grown by since is known. */
  #packetWord(address: number, sizeBytes: number): Word {
    const { given, origin } = this.#world;
    const offset = address - origin;
    if (offset < 0 || offset + sizeBytes > given.sizeBytes) {
      return { value: this.#world.numberAt(address, sizeBytes), term: undefined };
    }
    this.used.add(given.key);
    return this.#inputWord(given.key, offset, address, sizeBytes);
  }

  #fieldWord(kind: string, address: number, sizeBytes: number): Word {
    const value = this.#world.numberAt(address, sizeBytes);
    if (kind !== "packetEnd") return { value, term: undefined };
    this.used.add(LENGTH);
    if (this.#answers.packetMoved) throw new Unrepresentable("a packet that was moved");
    const { endOfEmpty } = this.#world;
    if (endOfEmpty === undefined) return { value, term: undefined };
    return { value, term: { kind: "end", start: BigInt(endOfEmpty), least: 0n, most: MOST_LENGTH } };
  }

  #inputWord(object: string, offset: number, address: number, sizeBytes: number): Word {
    const value = this.#world.numberAt(address, sizeBytes);
    return { value, term: { kind: "bytes", object, offset, sizeBytes, value } };
  }

  #load({ base, offset, sizeBytes, signed }: LoadInstruction, registers: BigInt64Array): Term | undefined {
    const of = this.wordAt(Number(registers[base]) + offset, sizeBytes);
    if (of.term === undefined || !signed) return of.term;
    return { kind: "low", bits: 8 * sizeBytes, signed: true, width: 64, of };
  }

  #store({ base, offset, sizeBytes, source }: StoreInstruction, registers: BigInt64Array): void {
    const word = this.operand(source, registers);
    const address = Number(registers[base]) + offset;
    for (let byte = 0; byte < sizeBytes; byte++) {
      this.#memory.set(address + byte, word.term === undefined ? null : { word, byte });
    }
  }

  #atomic(
    { base, offset, sizeBytes, fetch, operation, source }: AtomicInstruction,
    registers: BigInt64Array,
  ): void {
    const address = Number(registers[base]) + offset;
    const { term } = this.wordAt(address, sizeBytes);
    this.#forget(address, sizeBytes);
    if (operation === "compareExchange") this.#terms[0] = term;
    else if (fetch) this.#terms[source] = term;
  }

  #call({ target }: CallInstruction, registers: BigInt64Array): void {
    if (target.kind !== "helper") {
      this.#saved.push(this.#terms.slice(6, 10));
      this.#world.frames += 1;
      return;
    }
    const helper = findHelper(this.#program.platform, target.id, this.#program.type.name);
    if (helper === undefined) return;
    for (const [position, argument] of helper.arguments.entries()) {
      const address = Number(registers[position + 1]);
      if (argument.kind === "mapKey") this.#answers.keyTerm = this.wordAt(address, 4).term;
      if (!("access" in argument) || argument.access === "read") continue;
      const sizeBytes = this.#world.sizeOf(helper, position, registers);
      if (sizeBytes <= MOST_LENGTH) this.#forget(address, sizeBytes);
    }
    this.#answers.answered = undefined;
    this.#called = true;
    this.#lose();
  }

  #lose(): void {
    for (let register = 1; register <= 5; register++) this.#terms[register] = undefined;
  }
}

function low(of: Word, sizeBytes: number): Term | undefined {
  if (sizeBytes === 8 || of.term === undefined) return of.term;
  return { kind: "low", bits: 8 * sizeBytes, signed: false, width: 64, of };
}

function swapped(of: Word, sizeBytes: 2 | 4): Term | undefined {
  return of.term === undefined ? undefined : { kind: "swap", width: sizeBytes === 2 ? 16 : 32, of };
}
