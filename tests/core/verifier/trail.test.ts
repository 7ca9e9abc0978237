// The path of a failure: every instruction from the entry to the failing one, each a successor of the one before it.
import test from "ava";
import type { Program } from "../../../core/program/program.ts";
import { analyze } from "../../../core/verifier/analyze.ts";
import { DEFAULT_MAXIMUM_STEPS } from "../../../core/verifier/verify.ts";
import { mapsOf, testProgram } from "./programs.ts";

function pathOf(program: Program): readonly number[] {
  return analyze(program, { maximumSteps: DEFAULT_MAXIMUM_STEPS }).failure?.path ?? [];
}

const CASES: Readonly<Record<string, { readonly code: string; readonly path: readonly number[] }>> = {
  "a straight line": { code: "r0 = 0\nr0 += 1\nr0 = *(u8 *)(r0 + 0)\nexit", path: [0, 1, 2] },
  "the branch taken": {
    code: "r0 = 0\nr2 = *(u32 *)(r1 + 24)\nif r2 == 7 goto bad\nexit\nbad:\nr0 = r3\nexit",
    path: [0, 1, 2, 4],
  },
  "a branch that has only one side": {
    code: "r0 = 1\nif r0 == 1 goto on\nexit\non:\nr0 = r3\nexit",
    path: [0, 1, 3],
  },
  "through a function and back": {
    code: "r1 = 0\ncall f\nr0 = r6\nexit\nf:\nr0 = 0\nexit",
    path: [0, 1, 4, 5, 2],
  },
  "round a loop and in again": {
    code: "r6 = r10\nr6 += -16\nr0 = 0\nloop:\nr6 += 8\n*(u64 *)(r6 + 0) = r0\ngoto loop",
    path: [0, 1, 2, 3, 4, 5, 3, 4],
  },
  "the second fork, after the first has been left": {
    code: "r0 = 0\nr2 = *(u32 *)(r1 + 24)\nif r2 == 7 goto a\nr0 = 1\na:\nr2 = *(u32 *)(r1 + 24)\nif r0 == 0 goto b\nexit\nb:\nr0 = r5\nexit",
    path: [0, 1, 2, 4, 5, 7],
  },
};

for (const [name, { code, path }] of Object.entries(CASES)) {
  test(name, (t) => {
    t.deepEqual(pathOf(testProgram({ code })), path);
  });
}

test("an accepted program has no failure, so no path", (t) => {
  const maps = mapsOf("values array 4 16 4", "windows");
  t.deepEqual(pathOf(testProgram({ code: "r0 = 0\nexit", maps })), []);
});
