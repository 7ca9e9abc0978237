// Of the fixtures that go out of bounds, at least three of four have an example. Those without are told by name: of some no
// run goes wrong (the verifier knows less than is true), of others none is found.
import test from "ava";
import { findExample } from "../../../core/example/example.ts";
import { readFixtures, sectionText } from "../../harness/fixture.ts";
import { isStrictFixture, programOfFixture, verifyFixture } from "../verifier/fixtures.ts";

const BOUNDS = ["PacketOutOfBounds", "MapValueOutOfBounds", "StackOutOfBounds", "ContextOutOfBounds"];

test("at least three of four rejections for bounds have an example", (t) => {
  const fixtures = readFixtures("verifier").filter((row) =>
    BOUNDS.includes(sectionText(row, "failure")?.trim() ?? ""),
  );
  const without = fixtures.filter((fixture) => {
    const verdict = verifyFixture(fixture);
    if (verdict.kind === "accepted") return true;
    const [failure] = verdict.failures;
    return findExample(programOfFixture(fixture), failure, isStrictFixture(fixture)) === undefined;
  });
  const found = fixtures.length - without.length;
  t.log(`${found} of ${fixtures.length}; without: ${without.map(({ name }) => name).join(", ")}`);
  t.true(4 * found >= 3 * fixtures.length);
});
