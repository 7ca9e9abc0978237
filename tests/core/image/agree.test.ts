// Both engines give the same r0 and the same memory for whatever program.
import test from "ava";
import fc from "fast-check";
import { createEmbeddedHost } from "../../../core/host/embedded/host.ts";
import { compile } from "../../../core/image/compile.ts";
import { lowerProgram } from "../../../core/image/lower.ts";
import { checkAgreement } from "../../harness/agree.ts";
import { ENGINES } from "../../harness/engines.ts";
import { MEMORY_BYTES, programs } from "../../harness/generate.ts";
import { assembled, programOf } from "../../harness/programs.ts";

const host = createEmbeddedHost();
const memories = fc.uint8Array({ minLength: MEMORY_BYTES, maxLength: MEMORY_BYTES });

for (const [what, branching, numRuns] of [
  ["straight-line programs", false, 500],
  ["programs that branch, loop and jump into loops", true, 700],
] as const) {
  test(what, (t) => {
    fc.assert(fc.property(programs(branching), memories, checkAgreement), { numRuns, seed: 7 });
    t.pass();
  });
}

test("the generator makes irreducible graphs, which the dispatch loop runs", (t) => {
  const samples = fc.sample(programs(true), { numRuns: 200, seed: 3 });
  const dispatched = samples.filter((instructions) =>
    lowerProgram(programOf(instructions)).functions[0]!.body.some(([opcode]) => opcode === "br_table"),
  );
  t.true(dispatched.length > 10, `${dispatched.length} of 200`);
});

test("functions: arguments, frames of their own, callee-saved registers, nesting, calls by register", (t) => {
  const text = `
    r6 = 100
    r1 = 7
    *(u64 *)(r10 - 8) = r1
    r2 = r10
    call add
    r6 += r0
    r2 = subprog[add]
    r1 = 3
    r3 = r2
    r2 = r10
    callx r3
    r0 += r6
    r1 = *(u64 *)(r10 - 8)
    r0 += r1
    exit
    add:
    r6 = *(u64 *)(r2 - 8)
    *(u64 *)(r10 - 8) = r1
    r6 += r1
    r1 = r6
    call double
    r1 = *(u64 *)(r10 - 8)
    r0 += r1
    exit
    double:
    r0 = r1
    r0 += r0
    exit
  `;
  const program = assembled(text, { rawMemorySizeBytes: 0 });
  for (const engine of ENGINES) {
    const loaded = host.load(compile(program, engine), []);
    // (7 + 7) * 2 + 7 = 35; (7 + 3) * 2 + 3 = 23; 100 + 35 + 23 + 7
    t.is(loaded.run({ data: new Uint8Array(0) }).returnValue, 165n, engine);
  }
});
