// Random programs that are nearly safe: pieces that each follow the rules of the verifier most of the time, joined at
// random, then damaged in one place or given a piece of another program half of the time; and accepted programs of the
// corpus, changed as little. The same seed gives the same program on every machine.
import type { Instruction } from "../../core/isa/instruction.ts";
import { parse } from "../../core/isa/parse.ts";
import type { Program } from "../../core/program/program.ts";
import { programOfInstructions } from "../core/verifier/programs.ts";
import { generator } from "../harness/mutate.ts";
import { corpusVariant } from "./corpus.ts";
import { damage, splice } from "./damage.ts";
import {
  alu,
  atomicOnStack,
  branch,
  leak,
  links,
  localCall,
  longLoop,
  loop,
  move,
  pointerDistance,
  slotParts,
  spillPointer,
  stackLoad,
  stackStore,
  unary,
  unknown,
  variableStack,
} from "./pieces.ts";
import { meeting } from "./pieces-meeting.ts";
import {
  callback,
  constant,
  context,
  helper,
  legacyLoad,
  loopOverMemory,
  mapValue,
  packet,
  provedAccess,
  reference,
} from "./pieces-memory.ts";
import { chooseScenario, HOST_XDP, type Scenario } from "./scenario.ts";
import { CONTEXT, loadPacketPointers, type Next, place, SCRATCH, SCRATCH_BYTES, Writer } from "./writer.ts";

/** Weight of each piece; those that open a block or a function stand on top only. */
const PIECES: readonly (readonly [number, "any" | "top", (w: Writer, depth: number) => void])[] = [
  [18, "any", alu],
  [7, "any", move],
  [4, "any", unary],
  [6, "any", unknown],
  [9, "any", (w) => w.bound(w.number(), w.pick([3, 7, 15, 255]))],
  [14, "any", links],
  [7, "any", slotParts],
  [3, "any", pointerDistance],
  [8, "any", (w, depth) => (depth < 3 ? branch(w, depth, piece) : alu(w))],
  [6, "any", stackStore],
  [5, "any", stackLoad],
  [4, "any", spillPointer],
  [4, "any", variableStack],
  [8, "any", packet],
  [3, "any", context],
  [6, "any", mapValue],
  [7, "any", helper],
  [1, "any", constant],
  [1, "any", legacyLoad],
  [2, "any", leak],
  [2, "any", provedAccess],
  [2, "any", reference],
  [2, "any", atomicOnStack],
  [7, "any", meeting],
  [2, "top", loop],
  [1, "top", longLoop],
  [2, "top", loopOverMemory],
  [3, "top", localCall],
  [1, "top", callback],
];

const TOTAL = PIECES.reduce((sum, [weight]) => sum + weight, 0);

function piece(w: Writer, depth: number): void {
  let left = w.next(TOTAL);
  for (const [weight, where, write] of PIECES) {
    left -= weight;
    if (left >= 0) continue;
    w.depth = depth;
    if (where === "any" || depth === 0) write(w, depth);
    return;
  }
}

/** The assembly text of a program; it may or may not be safe. */
export function generateText(next: Next, scenario: Scenario): string {
  const w = new Writer(next, scenario);
  w.add(`r${CONTEXT} = r1`);
  for (let at = 0; at < SCRATCH_BYTES; at += 8)
    w.add(`*(u64 *)(${place(10, SCRATCH + at)}) = ${w.immediate()}`);
  loadPacketPointers(w);
  for (const register of w.numbers) {
    if (w.chance(50)) w.add(`r${register} = ${w.immediate()}`);
    else w.unknownInto(register);
    w.give(register);
  }
  for (let slot = 1; slot <= 6; slot++) if (w.chance(85)) w.add(`*(u64 *)(r10 - ${8 * slot}) = ${slot}`);
  for (let count = 3 + next(12); count > 0; count--) piece(w, 0);
  const range = scenario.type.returnRange;
  w.add(w.chance(50) ? `r0 = r${w.number()}` : "r0 = r9");
  if (range !== undefined && w.chance(95)) w.add(`r0 = ${range.minimum}`);
  w.add("exit", "out:", `r0 = ${range?.minimum ?? 1}`, "exit", ...w.trailer, ...w.functions);
  return w.lines.join("\n");
}

/** As it is half of the time, else damaged in one place or with a piece of another. */
function instructionsOf(next: Next, scenario: Scenario): readonly Instruction[] {
  const instructions = parse(generateText(next, scenario));
  const change = next(10);
  if (change < 5) return instructions;
  if (change < 9) return damage(next, instructions);
  return splice(next, instructions, parse(generateText(next, scenario)));
}

/** For xdp of the platform windows, as the embedded host can run it. */
export function generateForHost(seed: number): Program {
  return programOfInstructions(instructionsOf(generator(seed), HOST_XDP), { maps: HOST_XDP.maps });
}

/** For a scenario of a host; see sharedXdp. */
export function generateFor(seed: number, scenario: Scenario): Program {
  const { maps, platform } = scenario;
  return programOfInstructions(instructionsOf(generator(seed), scenario), { maps, platform: platform.name });
}

/** One in so many programs is made of one of the corpus. */
const CORPUS_SHARE = 5;

/** For any type of any platform. */
export function generateAny(seed: number): Program {
  const next = generator(seed);
  const variant = next(CORPUS_SHARE) === 0 ? corpusVariant(next) : undefined;
  if (variant !== undefined) return variant;
  const scenario = chooseScenario(next);
  const { platform, type, maps, memory } = scenario;
  return programOfInstructions(instructionsOf(next, scenario), {
    maps,
    platform: platform.name,
    type: type.name,
    ...(memory === undefined ? {} : { memory }),
  });
}
