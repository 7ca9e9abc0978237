// Mutants of a program for the comparison with the kernel: one instruction is changed, dropped, or swapped with the next.
// The stream keeps its slots, so that what jumps over the place still leads where it led.
import { encode } from "../../../core/isa/encode.ts";
import { type Instruction, slotCount } from "../../../core/isa/instruction.ts";
import { linkPlain } from "../../../core/program/link.ts";
import type { Program } from "../../../core/program/program.ts";
import { damageInstruction } from "../damage.ts";
import type { Next } from "../writer.ts";

const NOTHING: Instruction = { kind: "jump", width: 64, offset: 0 };
const MOST_HELPERS = 211;
const TRIES = 20;

type Mutation = (next: Next, instruction: Instruction, program: Program) => Instruction;

const INVERSE = {
  eq: "ne",
  ne: "eq",
  set: "eq",
  ugt: "ule",
  ule: "ugt",
  uge: "ult",
  ult: "uge",
  sgt: "sle",
  sle: "sgt",
  sge: "slt",
  slt: "sge",
} as const;

/** What is done to an instruction; what cannot be done to it leaves it as it is, and another is tried. */
const MUTATIONS: readonly (readonly [number, Mutation])[] = [
  [6, damageInstruction],
  // A jump that is never made, one that always is, one that is made in the other cases.
  [3, (_, one) => (one.kind === "jump" && one.condition !== undefined ? NOTHING : one)],
  [1, (_, one) => (one.kind === "jump" ? { kind: "jump", width: 64, offset: one.offset } : one)],
  [2, (_, one) => inverted(one)],
  [
    1,
    (_, one) => (one.kind === "jump" && one.condition ? { ...one, width: one.width === 32 ? 64 : 32 } : one),
  ],
  [1, (next, one) => (one.kind === "jump" ? { ...one, offset: one.offset + next(5) - 2 } : one)],
  [1, (next, one) => withRegister(next, one)],
  [1, (next, one) => (one.kind === "load" && one.sizeBytes < 8 ? { ...one, signed: next(2) === 0 } : one)],
  [1, dropped],
  [1, otherMap],
  [
    1,
    (next, one) =>
      one.kind === "call" ? { kind: "call", target: { kind: "helper", id: 1 + next(MOST_HELPERS) } } : one,
  ],
];

function inverted(one: Instruction): Instruction {
  if (one.kind !== "jump" || one.condition === undefined) return one;
  return { ...one, condition: { ...one.condition, test: INVERSE[one.condition.test] } };
}

function dropped(_: Next, one: Instruction): Instruction {
  return slotCount(one) === 1 && one.kind !== "exit" ? NOTHING : one;
}

function withRegister(next: Next, one: Instruction): Instruction {
  switch (one.kind) {
    case "load":
    case "loadImmediate":
    case "mov":
      return { ...one, destination: next(11) };
    case "store":
    case "atomic":
      return { ...one, base: next(11) };
    case "jump":
      return one.condition === undefined ? one : { ...one, condition: { ...one.condition, left: next(11) } };
    default:
      return one;
  }
}

function otherMap(next: Next, one: Instruction, { maps }: Program): Instruction {
  if (one.kind !== "loadImmediate") return one;
  const { source } = one;
  if (source.kind === "map") return { ...one, source: { kind: "map", map: next(maps.length) } };
  if (source.kind !== "mapValue") return one;
  return { ...one, source: { ...source, byteOffset: Math.max(0, source.byteOffset + next(17) - 8) } };
}

/** Each as often as its weight says. */
const WEIGHTED = MUTATIONS.flatMap(([weight, mutation]) => Array<Mutation>(weight).fill(mutation));

const pick = (next: Next): Mutation => WEIGHTED[next(WEIGHTED.length)] ?? damageInstruction;

/** A mutant, or undefined if nothing that was tried changed the program into one that can be written down. */
export function mutantOf(next: Next, program: Program): Program | undefined {
  for (let tries = 0; tries < TRIES; tries++) {
    const instructions = next(12) === 0 ? swapped(next, program) : changed(next, program);
    if (instructions !== undefined && isEncodable(instructions))
      return withInstructions(program, instructions);
  }
  return undefined;
}

function changed(next: Next, program: Program): readonly Instruction[] | undefined {
  const at = next(program.instructions.length);
  const old = program.instructions[at] as Instruction;
  const one = pick(next)(next, old, program);
  if (JSON.stringify(one, plain) === JSON.stringify(old, plain) || slotCount(one) !== slotCount(old))
    return undefined;
  return program.instructions.with(at, one);
}

const plain = (_: string, value: unknown): unknown => (typeof value === "bigint" ? `${value}` : value);

/** A pair that jumps do not measure their way from. */
function swapped(next: Next, { instructions }: Program): readonly Instruction[] | undefined {
  const at = next(Math.max(1, instructions.length - 1));
  const [one, two] = [instructions[at], instructions[at + 1]];
  if (one === undefined || two === undefined || [one, two].some(isFixed)) return undefined;
  return instructions.with(at, two).with(at + 1, one);
}

function isFixed(one: Instruction): boolean {
  return one.kind === "jump" || one.kind === "call" || one.kind === "exit" || slotCount(one) === 2;
}

function isEncodable(instructions: readonly Instruction[]): boolean {
  try {
    encode(instructions);
    return true;
  } catch {
    return false;
  }
}

/** The program with other instructions of as many slots: where they lead is found anew. */
export function withInstructions(program: Program, instructions: readonly Instruction[]): Program {
  const { subprograms, ...linked } = linkPlain(instructions, program.name);
  const named = subprograms.map((one) => {
    const old = program.subprograms.find(({ start }) => start === one.start);
    return old === undefined ? one : { ...old, end: one.end };
  });
  return { ...program, ...linked, sources: program.sources, subprograms: named };
}
