// Examples held against the model machine of the soundness net, which is written apart from the interpreter that found
// them: on the same packet and context it faults at the same instruction. Fixtures that call nothing, since what the model's
// helpers answer is its own choice.
import test from "ava";
import { findExample } from "../../../core/example/example.ts";
import { ModelFault } from "../../fuzz/model/fault.ts";
import { Machine } from "../../fuzz/model/machine.ts";
import { readFixtures, sectionText } from "../../harness/fixture.ts";
import { isStrictFixture, programOfFixture, verifyFixture } from "../verifier/fixtures.ts";

test("the model machine faults where the example says", (t) => {
  let held = 0;
  for (const fixture of readFixtures("verifier")) {
    const code = sectionText(fixture, "failure")?.trim();
    // The model's results have ranges too, and it sees them at the end of the run, not at an instruction.
    if (code === undefined || code === "ReturnValue") continue;
    const program = programOfFixture(fixture);
    if (program.instructions.some((row) => row.kind === "call" && row.target.kind !== "local")) continue;
    const verdict = verifyFixture(fixture);
    if (verdict.kind === "accepted") continue;
    const [failure] = verdict.failures;
    const strict = isStrictFixture(fixture) || program.platform.name !== "linux";
    const example = findExample(program, failure, isStrictFixture(fixture));
    if (example === undefined) continue;
    const machine = new Machine({
      program,
      strict,
      next: () => 0,
      firstAddress: 0x1000_0000n,
      packet: Buffer.from(example.packetHex ?? "", "hex"),
      metadataBytes: 0,
      maximumSteps: 10_000,
    });
    // Of a raw program that is its memory.
    machine.packet.bytes.set(Buffer.from(example.packetHex ?? "", "hex"));
    const context = Buffer.from(example.contextHex ?? "", "hex");
    machine.context.bytes.set(context.subarray(0, machine.context.bytes.length));
    for (const { map, valueHex } of example.maps ?? []) {
      const index = program.maps.findIndex(({ spec }) => spec.name === map);
      machine.value(index, false, 0).bytes.set(Buffer.from(valueHex ?? "", "hex"));
    }
    const fault = t.throws(() => machine.run(), { instanceOf: ModelFault }, fixture.name);
    t.is(fault?.instruction, failure.instruction, `${fixture.name}: ${fault?.message} / ${example.observed}`);
    held += 1;
  }
  t.log(`${held} examples`);
  t.true(held >= 40);
});
