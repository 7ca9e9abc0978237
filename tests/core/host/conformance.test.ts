// Every program of tests/fixtures/conformance is verified, then run in every engine, and gives its result.
import test from "ava";
import { createEmbeddedHost } from "../../../core/host/embedded/host.ts";
import { compile } from "../../../core/image/compile.ts";
import { RAW } from "../../../core/platform/raw.ts";
import { verify } from "../../../core/verifier/verify.ts";
import { ENGINES } from "../../harness/engines.ts";
import { memoryOf, programOf, readFixtures, resultOf, skipReason } from "../../harness/fixture.ts";
import { linked } from "../../harness/programs.ts";

const host = createEmbeddedHost();

for (const fixture of readFixtures("conformance")) {
  test(fixture.name, (t) => {
    const memory = memoryOf(fixture);
    const verdict = verify(linked(programOf(fixture), { platform: RAW, rawMemorySizeBytes: memory.length }));
    if (verdict.kind === "rejected") return t.fail(verdict.failures[0].message);
    const expected = resultOf(fixture);
    if (expected === undefined) return t.fail("the fixture has no result");
    for (const engine of ENGINES) {
      if (skipReason(fixture, engine) !== undefined) continue;
      const program = host.load(compile(verdict.program, engine), []);
      const { returnValue } = program.run({ data: memory });
      t.is(returnValue, expected, engine);
      program.close();
    }
  });
}
