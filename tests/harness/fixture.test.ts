import test from "ava";
import { memoryOf, parseFixtures, programOf, resultOf, sectionText, skipReason } from "./fixture.ts";

const TEXT = `# What it shows,
# in two lines.
-- asm
r0 = 1 # one
exit
-- mem
01 02  # two bytes
ff
-- result
-1
-- observe at=1
r0=1
-- skip engine=wasm: not yet: really
`;

test("a file of one case", (t) => {
  const [fixture, ...more] = parseFixtures(TEXT, "folder/one");
  t.is(more.length, 0);
  if (fixture === undefined) return t.fail();
  t.is(fixture.name, "folder/one");
  t.is(fixture.description, "What it shows,\nin two lines.");
  t.is(programOf(fixture).length, 2);
  t.deepEqual([...memoryOf(fixture)], [1, 2, 255]);
  t.is(resultOf(fixture), 2n ** 64n - 1n);
  t.is(sectionText(fixture, "pre"), undefined);
  t.deepEqual(fixture.sections[3], { name: "observe", attributes: { at: "1" }, note: "", text: "r0=1\n" });
  t.is(skipReason(fixture, "wasm"), "not yet: really");
  t.is(skipReason(fixture, "interpreter"), undefined);
});

test("a file of many cases, and bytes in place of text", (t) => {
  const text =
    "# both\n\n=== first\n-- bytes\n95 00 00 00 00 00 00 00 ; exit\n-- result\n0x10\n\n=== second case\n-- asm\nexit\n";
  const [first, second] = parseFixtures(text, "many");
  t.is(first?.name, "many: first");
  t.is(second?.name, "many: second case");
  if (first === undefined || second === undefined) return t.fail();
  t.deepEqual(programOf(first), [{ kind: "exit" }]);
  t.is(resultOf(first), 16n);
  t.is(resultOf(second), undefined);
  t.is(memoryOf(second).length, 0);
});

test("a misspelt section is an error, not a section that nobody reads", (t) => {
  t.throws(() => parseFixtures("-- results\n0\n", "bad"), { message: /bad: there is no section "results"/ });
  t.throws(() => parseFixtures("-- asm\nexit\n=== a\n-- asm\nexit\n", "bad"), {
    message: /before the first ===/,
  });
});
