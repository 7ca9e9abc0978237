// At the failing instruction a run that does nothing wrong yet: which changes of the input would make it? Addresses are
// pushed just past either end of what they point into, sizes beyond what is left, packets cut short, look-ups made to find
// nothing, results put out of range.
import type { Instruction } from "../isa/instruction.ts";
import { type ArgumentKind, findHelper } from "../platform/platform.ts";
import type { Program } from "../program/program.ts";
import { type Change, LENGTH } from "./input.ts";
import type { Shadow } from "./shadow.ts";
import { reached } from "./targets.ts";
import type { Word } from "./term.ts";
import type { World } from "./world.ts";

/** How far past an end: every step first, so that elements of any size are met. */
const BEYOND: readonly bigint[] = [
  ...Array.from({ length: 256 }, (_, at) => BigInt(at + 1)),
  512n,
  1024n,
  4096n,
  16_384n,
];
const MOST_EACH = 4;

export interface Scene {
  readonly program: Program;
  readonly world: World;
  readonly shadow: Shadow;
  readonly registers: BigInt64Array;
}

export function goals(scene: Scene, instruction: Instruction): Change[][] {
  const { shadow, registers, program } = scene;
  switch (instruction.kind) {
    case "load":
    case "store":
    case "atomic":
      return memoryGoals(
        scene,
        shadow.word(instruction.base, registers),
        instruction.offset,
        instruction.sizeBytes,
      );
    case "call":
      return callGoals(scene, instruction);
    case "exit": {
      const range = program.type.returnRange;
      if (range === undefined) return [];
      const outside = [range.maximum + 1, range.minimum - 1, range.maximum + 2, 2 ** 31 - 1].map(BigInt);
      return reached(shadow.word(0, registers), outside, 32);
    }
    default:
      return [];
  }
}

function memoryGoals({ world }: Scene, base: Word, offset: number, sizeBytes: number): Change[][] {
  const none = reached(base, [0n], 64);
  const address = Number(base.value) + offset;
  const thing = world.nearest(address);
  if (thing === undefined) return none;
  const past = BEYOND.map((by) => BigInt(thing.address + thing.sizeBytes - sizeBytes - offset) + by);
  const before = BEYOND.map((by) => BigInt(thing.address - offset) - by);
  const cut = thing === world.packet ? lengths(address - (world.endOfEmpty ?? world.origin), sizeBytes) : [];
  return [...none, ...cut, ...reached(base, past, 64, MOST_EACH), ...reached(base, before, 64, MOST_EACH)];
}

/** Packets that end within or before the access. */
function lengths(offset: number, sizeBytes: number): Change[][] {
  return [offset + sizeBytes - 1, offset, offset - 1, 0]
    .filter((length, at, all) => length >= 0 && all.indexOf(length) === at)
    .map((length) => [{ key: LENGTH, value: BigInt(length) }]);
}

function callGoals(scene: Scene, { target }: Extract<Instruction, { readonly kind: "call" }>): Change[][] {
  const { program, world, shadow, registers } = scene;
  const helper =
    target.kind === "helper" ? findHelper(program.platform, target.id, program.type.name) : undefined;
  return (helper?.arguments ?? []).flatMap((argument, position) => {
    const word = shadow.word(position + 1, registers);
    if (argument.kind === "size") return [];
    const sizeBytes = helper === undefined ? 0 : world.sizeOf(helper, position, registers);
    if (!isMemory(argument)) return reached(word, [0n], 64);
    const found = memoryGoals(scene, word, 0, sizeBytes);
    if (argument.kind !== "memory") return found;
    const size = shadow.word((argument.sizeAt ?? position + 1) + 1, registers);
    const thing = world.nearest(Number(word.value));
    if (thing === undefined) return found;
    const room = BigInt(thing.address + thing.sizeBytes) - word.value;
    return [
      ...found,
      ...reached(
        size,
        BEYOND.map((by) => room + by),
        32,
        MOST_EACH,
      ),
    ];
  });
}

function isMemory({ kind }: ArgumentKind): boolean {
  return kind === "memory" || kind === "fixedMemory" || kind === "mapKey" || kind === "mapValue";
}
