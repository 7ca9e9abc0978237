// The driver's engines: every conformance program gives its result, every fault is found where it is, and a
// run spends exactly its budget.
import test from "ava";
import { encode } from "../../core/isa/encode.ts";
import { parse } from "../../core/isa/parse.ts";
import {
  countAllocations,
  createProgram,
  DRIVER_ENGINES,
  failAllocation,
  fixtureName,
  loadProgram,
  release,
  runOnMemory,
  runProgram,
  STATUS,
} from "../harness/driver.ts";
import { memoryOf, programOf, readFixtures, resultOf, sectionText, skipReason } from "../harness/fixture.ts";

for (const engine of DRIVER_ENGINES) {
  for (const fixture of readFixtures("conformance")) {
    test(`${engine}: ${fixture.name}`, (t) => {
      if (skipReason(fixture, fixtureName(engine)) !== undefined) return t.pass();
      const { result, fault } = runOnMemory(encode(programOf(fixture)), memoryOf(fixture), engine);
      t.is(fault, "None");
      t.is(result, resultOf(fixture) ?? t.fail("the fixture has no result"));
    });
  }

  for (const fixture of readFixtures("fault")) {
    // The JIT checks no memory: it is for programs that were proved.
    if (engine !== "interpreter" && !fixture.name.startsWith("fault/budget")) continue;
    test(`${engine}: ${fixture.name}`, (t) => {
      const { result, fault, faultSlot } = runOnMemory(encode(programOf(fixture)), memoryOf(fixture), engine);
      const at = fixture.sections.find(({ name }) => name === "failure")?.attributes.at;
      t.is<string | undefined, string | undefined>(fault, sectionText(fixture, "failure")?.trim());
      t.is(faultSlot, Number(at));
      t.is(result, 0n);
    });
  }

  test(`${engine}: the packet is memory apart from the context`, (t) => {
    const code = encode(
      parse("r7 = 2\nr0 = *(u8 *)skb[1]\nr6 = r0\nr0 = *(u16 *)skb[r7 + 0]\nr0 += r6\nexit"),
    );
    const program = loadProgram(code, [], engine);
    const packet = Uint8Array.of(1, 2, 3, 4);
    t.is(runProgram(program, { context: new Uint8Array(8), packet }).result, 0x306n);
    t.is(runProgram(program, { context: new Uint8Array(8), packet: packet.slice(0, 3) }).result, 0n);
    release(program);
  });

  test(`${engine}: budget: exactly what a loop and its calls cost`, (t) => {
    const text = "r6 = 0\nagain:\ncall f\nr6 += 1\nif r6 < 10 goto again\nr0 = r6\nexit\nf:\nr0 = 0\nexit";
    // Nine jumps back over three slots, ten calls of two.
    const cost = 9 * 3 + 10 * 2;
    const run = (budget: number) => runOnMemory(encode(parse(text)), new Uint8Array(0), engine, budget);
    t.like(run(cost), { fault: "None", result: 10n, budget: 0 });
    t.deepEqual(run(cost - 1), { fault: "Budget", result: 0n, budget: 1, faultSlot: 1 });
  });

  test(`${engine}: a fault deep in functions ends all of them`, (t) => {
    const text = "r6 = 5\ncall f\nexit\nf:\ncall g\nexit\ng:\nr0 = 0\nagain:\ngoto again";
    t.like(runOnMemory(encode(parse(text)), new Uint8Array(0), engine), { fault: "Budget", faultSlot: 6 });
  });
}

test("the stack of each function begins as zeros", (t) => {
  const text = `
    call dirty
    call sum
    exit
    dirty:
    *(u64 *)(r10 - 8) = -1
    *(u64 *)(r10 - 512) = -1
    r0 = 0
    exit
    sum:
    r0 = *(u64 *)(r10 - 8)
    r1 = *(u64 *)(r10 - 512)
    r0 |= r1
    exit`;
  t.is(runOnMemory(encode(parse(text)), new Uint8Array(0)).result, 0n);
});

test("a call of a helper that is not there is refused when the program is loaded", (t) => {
  t.like(createProgram(encode(parse("r0 = 0\ncall 9999\nexit"))), { finding: "HelperUnknown", slot: 1 });
});

test("each allocation that fails in loading is told, and nothing is kept", (t) => {
  const code = encode(parse("r0 = 0\nexit"));
  const before = countAllocations();
  for (let number = 1; ; number++) {
    failAllocation(number);
    const program = createProgram(code);
    if (!("status" in program)) {
      failAllocation(0);
      release(program);
      t.is(number, 9);
      break;
    }
    t.is(program.status, STATUS.NO_MEMORY);
    t.is(countAllocations(), before);
  }
  t.is(countAllocations(), before);
});
