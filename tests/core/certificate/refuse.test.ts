// What the verifier rejects the checker refuses: it follows every path of each rejected fixture to the defect, or to the
// end of its steps, without any certificate.
import test from "ava";
import { Follower } from "../../../core/certificate/follow.ts";
import { checkShape, Refusal } from "../../../core/certificate/program.ts";
import { readFixtures, sectionText } from "../../harness/fixture.ts";
import { mapsOf, testProgram } from "../verifier/programs.ts";

const STEPS = 50_000;
/** The verifier looks at every instruction, the checker at those that are reached. */
const NEVER_REACHED: readonly string[] = ["verifier/registers: r10 is written where nothing ever comes"];

for (const fixture of readFixtures("verifier")) {
  const asm = fixture.sections.find((section) => section.name === "asm");
  const { platform = "windows", type, memory, strict } = asm?.attributes ?? {};
  if (!fixture.sections.some((section) => section.name === "failure")) continue;
  test(`${fixture.name} is refused`, (t) => {
    const program = testProgram({
      code: asm?.text ?? "",
      platform,
      maps: mapsOf(sectionText(fixture, "maps") ?? "", platform),
      ...(type === undefined ? {} : { type }),
      ...(memory === undefined ? {} : { memory: Number(memory) }),
    });
    const follow = (): void => {
      checkShape(program);
      new Follower(program, strict === "yes", { steps: STEPS }).enter(() => undefined);
    };
    if (NEVER_REACHED.includes(fixture.name)) t.notThrows(follow);
    else t.throws(follow, { instanceOf: Refusal });
  });
}
