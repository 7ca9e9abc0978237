// What a confirmed run did at the failing instruction, in words with the numbers of that run.
import type { Instruction } from "../isa/instruction.ts";
import { type ArgumentKind, findHelper } from "../platform/platform.ts";
import type { Program } from "../program/program.ts";
import type { Sighting } from "./attempt.ts";
import type { Thing } from "./maps.ts";
import type { World } from "./world.ts";

export interface View {
  readonly words: string;
  /** What is touched, if anything is. */
  readonly thing?: Thing;
}

const VERBS = { load: "reads", store: "writes", atomic: "atomically updates" } as const;

export function observed(program: Program, instruction: Instruction, sighting: Sighting): View {
  const { world, registers, fault, result } = sighting;
  const unwritten = /r(\d+) is read before/.exec(fault)?.[1];
  if (unwritten !== undefined) return { words: `r${unwritten} is read before it has a value` };
  switch (instruction.kind) {
    case "load":
    case "store":
    case "atomic": {
      const base = registers[instruction.base] ?? 0n;
      return touched(
        world,
        VERBS[instruction.kind],
        Number(base) + instruction.offset,
        instruction.sizeBytes,
        base === 0n,
      );
    }
    case "call":
      return called(program, instruction, sighting);
    default:
      return { words: result === undefined ? fault : `returns ${BigInt.asIntN(32, result)}` };
  }
}

/** The interpreter tells the number of the argument. */
function called(
  program: Program,
  { target }: Extract<Instruction, { readonly kind: "call" }>,
  { world, registers, fault }: Sighting,
): View {
  const helper =
    target.kind === "helper" ? findHelper(program.platform, target.id, program.type.name) : undefined;
  const position = Number(/argument (\d+)/.exec(fault)?.[1] ?? 0) - 1;
  const argument = helper?.arguments[position];
  if (helper === undefined || argument === undefined) return { words: fault };
  const address = registers[position + 1] ?? 0n;
  const key = argument.kind === "mapKey";
  const sizeBytes = key
    ? keySizeOf(world, helper.arguments, registers)
    : world.sizeOf(helper, position, registers);
  const verb = key || !("access" in argument) || argument.access === "read" ? "reads" : "writes";
  const view = touched(world, verb, Number(address), sizeBytes, address === 0n);
  const unwritten = fault.includes("before they are written") ? ", which were never written" : "";
  return { ...view, words: `bpf_${helper.name} ${view.words}${unwritten}` };
}

function keySizeOf(world: World, kinds: readonly ArgumentKind[], registers: BigInt64Array): number {
  const at = kinds.findIndex((row) => row.kind === "map");
  return world.maps[Number(registers[at + 1]) - 1]?.spec.keySizeBytes ?? 0;
}

function touched(world: World, verb: string, address: number, sizeBytes: number, isNull: boolean): View {
  const what = `${verb} ${sizeBytes === 1 ? "1 byte" : `${sizeBytes} bytes`}`;
  if (isNull) return { words: `${what} through NULL` };
  const stack = world.lane.stackAddress + world.lane.stackSizeBytes;
  if (Math.abs(address - stack) < 2 ** 17)
    return { words: `${what} at offset ${address - stack} of the stack` };
  const thing = world.nearest(address);
  if (thing === undefined) return { words: `${what} at ${address}, which is no address` };
  const size = thing.sizeBytes === 1 ? "1 byte" : `${thing.sizeBytes} bytes`;
  return { words: `${what} at offset ${address - thing.address} of ${thing.words} of ${size}`, thing };
}
