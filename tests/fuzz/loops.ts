// Programs of loops: long ones that end, ones like them that do not, or that are unsafe in some round, and random ones.
import { loadObject } from "../../core/elf/object.ts";
import { buildCandidates } from "../../core/program/build.ts";
import type { Program } from "../../core/program/program.ts";
import { objectOf } from "../fixtures/hostile/hostile.ts";

const END = "r0 = 2; exit";

/** What is known of each, and its code; ";" ends a line. */
export const ENDING: Readonly<Record<string, string>> = {
  "a million rounds up": `r1 = 0; l:; r1 += 1; if r1 < 1000000 goto l; ${END}`,
  "a thousand million rounds, tested before": `r1 = 0; l:; if r1 >= 1000000000 goto o; r1 += 1; goto l; o:; ${END}`,
  "until it is equal, in steps of one": `r1 = 0; l:; r1 += 1; if r1 != 1000000 goto l; ${END}`,
  "in steps of three": `r1 = 0; l:; r1 += 3; if r1 < 1000000 goto l; ${END}`,
  "down to zero": `r1 = 1000000; l:; r1 += -1; if r1 != 0 goto l; ${END}`,
  "down below zero": `r1 = 1000000; l:; r1 += -1; if r1 s> -5 goto l; ${END}`,
  "up from below zero": `r1 = -1000000; l:; r1 += 1; if r1 s< 1000000 goto l; ${END}`,
  "32 bits, up": `w1 = 0; l:; w1 += 1; if w1 < 1000000 goto l; ${END}`,
  "32 bits, down": `w1 = 1000000; l:; w1 += -1; if w1 != 0 goto l; ${END}`,
  "a counter in a slot": `r1 = 0; *(u64 *)(r10 - 8) = r1; l:; r1 = *(u64 *)(r10 - 8); r1 += 1; *(u64 *)(r10 - 8) = r1; if r1 < 1000000 goto l; ${END}`,
  "a counter in four bytes": `*(u32 *)(r10 - 4) = 0; l:; w1 = *(u32 *)(r10 - 4); if w1 > 1000000 goto o; w1 += 1; *(u32 *)(r10 - 4) = r1; goto l; o:; ${END}`,
  "one in another": `r1 = 0; a:; r2 = 0; b:; r2 += 1; if r2 < 1000000 goto b; r1 += 1; if r1 < 1000000 goto a; ${END}`,
  "a short one in a long one": `r1 = 0; a:; r2 = 0; b:; r2 += 1; if r2 < 4 goto b; r1 += 1; if r1 < 1000000 goto a; ${END}`,
  "a long one in a short one": `r1 = 0; a:; r2 = 0; b:; r2 += 1; if r2 < 1000000 goto b; r1 += 1; if r1 < 4 goto a; ${END}`,
  "an exit that data decides": `r7 = 0; l:; call 7; if r0 == 77 goto o; r7 += 1; if r7 < 1000000 goto l; o:; ${END}`,
  "a sum of random numbers": `r6 = 0; r7 = 0; l:; call 7; r6 += r0; r7 += 1; if r7 < 1000000 goto l; ${END}`,
  "writes where the counter says": `r7 = 0; l:; r1 = r7; r1 &= 63; r2 = r10; r2 += -64; r2 += r1; *(u8 *)(r2 + 0) = 1; r7 += 1; if r7 < 1000000 goto l; ${END}`,
  "writes up to the last byte": `r7 = 0; l:; r2 = r10; r2 += -64; r1 = r7; r1 >>= 14; r2 += r1; *(u8 *)(r2 + 0) = 1; r7 += 1; if r7 < 1048576 goto l; ${END}`,
  "a bound that is not known": `call 7; r6 = r0; if r6 > 1000000 goto o; r7 = 0; l:; r7 += 1; if r7 < r6 goto l; o:; ${END}`,
  "a round that is told apart": `r7 = 0; l:; if r7 == 5 goto x; r6 = 1; x:; r7 += 1; if r7 < 1000000 goto l; ${END}`,
};

export const NOT_ENDING: Readonly<Record<string, string>> = {
  "steps that miss their end": `r1 = 0; l:; r1 += 3; if r1 != 1000000 goto l; ${END}`,
  "down in steps that miss zero": `r7 = 1000001; l:; r7 += -2; if r7 != 0 goto l; ${END}`,
  "32 bits that wrap": `w7 = 1; l:; w7 += 2; if w7 != 0 goto l; ${END}`,
  "no step on one path": `r7 = 0; l:; call 7; if r0 == 77 goto m; r7 += 1; m:; if r7 < 1000000 goto l; ${END}`,
  "set back on one path": `r7 = 0; l:; call 7; if r0 != 77 goto m; r7 = 0; m:; r7 += 1; if r7 < 1000000 goto l; ${END}`,
  "a bound that runs away": `r6 = 1000; r7 = 0; l:; r6 += 1; r7 += 1; if r7 < r6 goto l; ${END}`,
  "to and fro": `r7 = 500000; l:; call 7; if r0 == 7 goto m; r7 += 1; goto n; m:; r7 += -1; n:; if r7 == 0 goto o; if r7 < 1000000 goto l; o:; ${END}`,
  "a write beyond in the last round": `r7 = 0; l:; r2 = r10; r2 += -64; r1 = r7; r1 >>= 14; r2 += r1; *(u8 *)(r2 + 0) = 1; r7 += 1; if r7 <= 1048576 goto l; ${END}`,
  "an inner loop that sets the outer one back": `r1 = 0; a:; r2 = 0; b:; r2 += 1; if r2 < 1000 goto b; r1 += 1; call 7; r1 = r0; if r1 < 1000000 goto a; ${END}`,
};

/** ";" ends a line. */
export function loopProgram(name: string, code: string): Program {
  const lines = code.split(";").map((line) => line.trim());
  const object = loadObject(objectOf({ name, safe: true, code: () => lines.join("\n") }), `${name}.o`);
  const [program] = buildCandidates(object, "hostile", { platform: "linux" });
  if (program === undefined) throw new Error(`${name} is no program`);
  return program;
}

/** One or two loops in one another around random work on the counter, mostly ones that end. */
export function randomLoop(next: (below: number) => number): string {
  const pick = <T>(list: readonly T[]): T => list[next(list.length)] as T;
  const width = pick(["r", "w"]);
  const bound = pick([20, 100, 1_000, 5_000]);
  const step = pick([1, 1, 1, 2, 3, 7, -1, -2, 0]);
  const first = step < 0 ? bound : pick([0, 0, 1, -3]);
  const test =
    step < 0 ? pick(["!= 0", "s> 0", "> 3", "s> -5"]) : `${pick(["<", "<", "<=", "!=", "s<"])} ${bound}`;
  const counter = `${width}7`;
  const body = pick([
    "r6 += r7",
    "r1 = r7; r1 &= 7; r2 = r10; r2 += -8; r2 += r1; *(u8 *)(r2 + 0) = r6",
    "call 7; if r0 == 5 goto o",
    "call 7; if w0 > 9 goto m; r6 = r0; m:",
    `call 7; if w0 > 9 goto m; ${counter} += ${step}; m:`,
    `call 7; if w0 > 9 goto m; ${counter} = ${pick([0, 1, bound])}; m:`,
    "r8 = 0; n:; r8 += 1; if r8 < 20 goto n",
    `r2 = r10; r2 += -${bound}; r2 += r7; if r7 s>= 512 goto o; if r7 s< 0 goto o; *(u8 *)(r2 + 0) = 1`,
    "*(u32 *)(r10 - 16) = r7; w7 = *(u32 *)(r10 - 16)",
  ]);
  return `r6 = 0; *(u64 *)(r10 - 8) = 0; ${counter} = ${first}; l:; ${body}; ${counter} += ${step}; if ${counter} ${test} goto l; o:; ${END}`;
}
