// Loops whose rounds are taken together: those that end are accepted however long they are, in few steps, and those that do
// not, or that are unsafe in some round, never are. Random ones, if accepted, run to their end in the model machine.
import test from "ava";
import { DEFAULT_MAXIMUM_STEPS, verify } from "../../../core/verifier/verify.ts";
import { ENDING, loopProgram, NOT_ENDING, randomLoop } from "../../fuzz/loops.ts";
import { castNet } from "../../fuzz/net.ts";
import { generator } from "../../harness/mutate.ts";
import { checkClosed } from "./closed.ts";

const MOST_STEPS = 20_000;
for (const [name, code] of Object.entries(ENDING)) {
  test(`ends: ${name}`, (t) => {
    const verdict = verify(loopProgram(name, code));
    t.is(verdict.kind, "accepted");
    t.true(verdict.steps <= MOST_STEPS, `${verdict.steps} steps`);
    const closed = checkClosed(loopProgram(name, code), DEFAULT_MAXIMUM_STEPS);
    t.is(closed?.problem, undefined);
    t.true((closed?.steps ?? 0) <= MOST_STEPS, `${closed?.steps} steps to see that it is closed`);
  });
}

for (const [name, code] of Object.entries(NOT_ENDING)) {
  test(`not accepted: ${name}`, (t) => {
    t.is(verify(loopProgram(name, code)).kind, "rejected");
  });
}

const SECONDS = 15;

test("random loops that are accepted run to their end without a fault", (t) => {
  t.timeout(10 * SECONDS * 1000);
  const seed = Date.now() % 2 ** 31;
  t.log(`first seed ${seed}`);
  const end = performance.now() + SECONDS * 1000;
  let accepted = 0;
  let programs = 0;
  for (; performance.now() < end; programs++) {
    const program = loopProgram("random", randomLoop(generator(seed + programs)));
    if (castNet(program, seed + programs).outcome === "accepted") accepted += 1;
  }
  t.log(`${programs} programs, ${accepted} accepted`);
  t.true(accepted * 4 >= programs);
});
