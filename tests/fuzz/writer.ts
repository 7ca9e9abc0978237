// Writes the text of a random program: what registers hold, fresh labels, ways of bounding a number. The pieces that
// programs are made of are in pieces*.ts.
import type { ContextField } from "../../core/platform/platform.ts";
import type { Scenario } from "./scenario.ts";

export type Next = (below: number) => number;

/** The context (of a raw program its memory), the first byte of the packet and its end; see `prologue`. */
export const CONTEXT = 6;
export const PACKET = 7;
export const END = 8;

/** Where in the frame things are: 8-byte slots 1 to 6 hold anything, then what pieces use. */
export const KEY = -64;
export const COUNTER = -72;
export const SCRATCH = -192;
export const SCRATCH_BYTES = 64;

const IMMEDIATES = [
  0, 1, -1, 2, 3, 7, 8, 15, 16, 31, 32, 63, 64, 255, 256, 4095, 65535, 0x7fffffff, -0x80000000, -8,
];

export class Writer {
  readonly scenario: Scenario;
  readonly lines: string[] = [];
  readonly functions: string[] = [];
  /** Behind the last exit of the program itself. */
  readonly trailer: string[] = [];
  readonly next: Next;
  /** Registers that pieces may use for numbers. */
  readonly numbers: readonly number[];
  readonly hasPacket: boolean;
  /** So many bytes from the start of the packet have been checked on every path to here, unless a piece meddles. */
  proved = 0;
  /** Branches that are open around the piece being written. */
  depth = 0;
  readonly #given = new Set<number>();
  readonly #labels: { count: number };

  constructor(next: Next, scenario: Scenario, parent?: Writer) {
    this.next = next;
    this.scenario = scenario;
    this.#labels = parent === undefined ? { count: 0 } : parent.#labels;
    const { fields } = scenario.type.context;
    this.hasPacket =
      fields.some((field) => field.kind === "packetStart") &&
      fields.some((field) => field.kind === "packetEnd");
    this.numbers = this.hasPacket ? [0, 1, 2, 3, 4, 5, 9] : [0, 1, 2, 3, 4, 5, 7, 8, 9];
  }

  add(...lines: readonly string[]): void {
    this.lines.push(...lines);
  }

  label(): string {
    this.#labels.count += 1;
    return `L${this.#labels.count}`;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.next(list.length)] as T;
  }

  chance(percent: number): boolean {
    return this.next(100) < percent;
  }

  immediate(): number {
    return this.chance(60) ? this.pick(IMMEDIATES) : this.next(300) - 20;
  }

  /** A register that holds a number; now and then any. */
  number(): number {
    const given = this.numbers.filter((register) => this.#given.has(register));
    if (given.length === 0 || this.chance(1)) return this.pick(this.numbers);
    return this.pick(given);
  }

  target(): number {
    const register = this.pick(this.numbers);
    this.#given.add(register);
    return register;
  }

  /** A register for a number that is none of these. */
  targetBut(...others: readonly number[]): number {
    const register = this.pick(this.numbers.filter((number) => !others.includes(number)));
    this.#given.add(register);
    return register;
  }

  give(...registers: readonly number[]): void {
    for (const register of registers) this.#given.add(register);
  }

  lose(...registers: readonly number[]): void {
    for (const register of registers) this.#given.delete(register);
  }

  /** After a call r1 to r5 are lost. */
  afterCall(): void {
    this.lose(1, 2, 3, 4, 5);
    this.give(0);
  }

  field(kind: ContextField["kind"]): ContextField | undefined {
    return this.scenario.type.context.fields.find((row) => row.kind === kind);
  }

  helperId(name: string): number | undefined {
    return this.scenario.platform.helpers.find((row) => row.name === name)?.id;
  }

  mapIndex(name: string): number {
    return this.scenario.maps.findIndex((map) => map.spec.name === name);
  }

  /** Fields of the context that may be written as one number. */
  writableFields(): readonly ContextField[] {
    return this.scenario.type.context.fields.filter(
      (field) => field.writable && field.kind === "scalar" && field.sizeBytes <= 8,
    );
  }

  /** Any number into the register, from the context, the memory or a slot of the stack. */
  unknownInto(register: number): void {
    this.give(register);
    const { memory, type } = this.scenario;
    const data = this.mapIndex(".data");
    if (data >= 0 && this.chance(35)) {
      const bits = this.pick([64, 64, 64, 32, 16, 8]);
      this.add(`r${register} = map[${data}][0] + ${this.next(8)}`);
      this.add(`r${register} = *(${bits < 64 && this.chance(40) ? "s" : "u"}${bits} *)(r${register} + 0)`);
      return;
    }
    if (memory !== undefined) {
      const bits = this.pick([8, 16, 32, 64].filter((size) => size / 8 <= memory));
      if (bits === undefined) this.add(`r${register} = ${this.immediate()}`);
      else {
        const at = this.next(memory - bits / 8 + 1);
        this.add(
          `r${register} = *(${bits < 64 && this.chance(20) ? "s" : "u"}${bits} *)(r${CONTEXT} + ${at})`,
        );
      }
      return;
    }
    const scalars = type.context.fields.filter((field) => field.kind === "scalar" && field.sizeBytes <= 8);
    if (scalars.length === 0) {
      this.add(
        type.context.elsewhere === "number"
          ? `r${register} = *(u32 *)(r${CONTEXT} + 8)`
          : `r${register} = *(u64 *)(r10 ${SCRATCH})`.replace("r10 -", "r10 - "),
      );
      return;
    }
    const field = this.pick(scalars);
    const narrow = field.narrow && field.sizeBytes > 1 && this.chance(30);
    const bytes = narrow ? this.pick([1, 2, 4].filter((size) => size < field.sizeBytes)) : field.sizeBytes;
    const sign = bytes < 8 && this.chance(15) ? "s" : "u";
    this.add(`r${register} = *(${sign}${8 * bytes} *)(r${CONTEXT} + ${field.byteOffset})`);
  }

  /** Bounds a register to 0..most in one of several ways; other paths leave. */
  bound(register: number, most: number): void {
    const r = `r${register}`;
    const w = `w${register}`;
    const bits = Math.floor(Math.log2(most + 1));
    this.pick<() => void>([
      () => this.add(`${r} &= ${2 ** bits - 1}`),
      () => this.add(`if ${r} > ${most} goto out`),
      () => this.add(`if ${r} >= ${most + 1} goto out`),
      () => this.add(`${w} = ${w}`, `if ${w} > ${most} goto out`),
      () => this.add(`if ${r} s> ${most} goto out`, `if ${r} s< 0 goto out`),
      () => this.add(`${r} %= ${most + 1}`),
      () => this.add(`${r} <<= 32`, `${r} >>= 32`, `if ${w} > ${most} goto out`),
      () => this.add(`if ${w} > ${most} goto out`),
      () => this.add(`${r} >>= ${64 - bits}`),
      () => {
        const other = this.targetBut(register);
        this.add(`r${other} = ${r}`, `if r${other} > ${most} goto out`);
      },
      // Equal up to a constant.
      () => {
        const other = this.targetBut(register);
        const distance = this.pick([1, 2, 8, -1, -4]);
        this.add(
          `${w} = ${w}`,
          `r${other} = ${r}`,
          `r${other} += ${distance}`,
          `if r${other} > ${most + distance} goto out`,
        );
        if (distance < 0) this.add(`if r${other} s< ${distance} goto out`);
      },
      // Equal through zero extension.
      () => {
        const other = this.targetBut(register);
        this.add(
          ...(this.chance(50)
            ? [`w${other} = ${w}`]
            : [`r${other} = ${r}`, `r${other} <<= 32`, `r${other} >>= 32`]),
        );
        this.add(`if r${other} > ${most} goto out`);
        if (this.chance(85)) this.add(`${w} = ${w}`);
      },
      // Through a narrow spill.
      () => {
        const other = this.targetBut(register);
        const narrow = this.pick([8, 16, 32]);
        this.add(`*(u${narrow} *)(r10 - 56) = ${r}`, `r${other} = *(u${narrow} *)(r10 - 56)`);
        this.add(`if r${other} > ${Math.min(most, 2 ** narrow - 1)} goto out`);
        this.add(this.chance(85) ? `${r} = r${other}` : `${w} = ${w}`);
      },
      // Below a number that is itself bounded.
      () => {
        const other = this.targetBut(register);
        this.unknownInto(other);
        this.add(`if r${other} > ${most} goto out`, `if ${r} > r${other} goto out`);
      },
    ])();
  }
}

export function place(register: number, offset: number): string {
  return offset < 0 ? `r${register} - ${-offset}` : `r${register} + ${offset}`;
}

/** `rd = r10 + offset` */
export function frameAddress(register: number, offset: number): string[] {
  return [`r${register} = r10`, `r${register} += ${offset}`];
}

export function loadPacketPointers(w: Writer): void {
  const start = w.field("packetStart");
  const end = w.field("packetEnd");
  if (start === undefined || end === undefined) return;
  w.add(`r${PACKET} = *(u${8 * start.sizeBytes} *)(r${CONTEXT} + ${start.byteOffset})`);
  w.add(`r${END} = *(u${8 * end.sizeBytes} *)(r${CONTEXT} + ${end.byteOffset})`);
}
