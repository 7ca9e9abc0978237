// A while of the comparison with the Linux kernel in every test run, always of the same programs: another kernel may have
// words that no row explains yet, which is no reason for a test to fail by chance. `npm run fuzz -- kernel` takes others.
import test from "ava";
import { assembleProgram } from "../../../core/program/assemble.ts";
import { isBpfPermitted } from "./bpf.ts";
import { compareGenerated } from "./compare.ts";
import { openSession } from "./load.ts";
import { findReason } from "./reasons.ts";
import { defectOf, rowOf } from "./table.ts";

const SECONDS = 10;
/** However slow the machine is. */
const LEAST = 300;
const FIRST_SEED = 188_000_000;

test("what we accept and the kernel rejects is explained", (t) => {
  if (!isBpfPermitted()) {
    t.log("not compared: bpf(2) is not permitted here");
    t.true(process.env.CI === undefined, "bpf(2) must be permitted where CI is set");
    return;
  }
  t.log(`first seed ${FIRST_SEED}`);
  const rows = new Map<string, number>();
  const end = performance.now() + SECONDS * 1000;
  let compared = 0;
  for (let seed = FIRST_SEED; performance.now() < end || compared < LEAST; seed++) {
    for (const comparison of compareGenerated(seed)) {
      compared += 1;
      t.is(defectOf(comparison), undefined, `seed ${seed}`);
      const row = rowOf(comparison);
      rows.set(row, (rows.get(row) ?? 0) + 1);
    }
  }
  for (const [row, times] of [...rows].sort((a, b) => b[1] - a[1])) t.log(`${times} ${row}`);
  t.true((rows.get("both accept") ?? 0) > 100, "too few mutants that both accept");
  t.true((rows.get("both reject") ?? 0) > 10, "too few mutants that both reject");
});

/** Programs of which the kernel's reason is known, and what it comes to: undefined is a defect if we accept them. */
const CASES: readonly (readonly [text: string, says: RegExp, name: string | undefined])[] = [
  ["*(u32 *)(r10 - 7) = 1\nr0 = 0\nexit", /^misaligned stack access/, "misaligned access"],
  ["r0 = 0\nexit\nr0 = 1\nexit", /^unreachable insn/, "unreachable instruction"],
  ["r0 = 1\nr0 <<= 64\nexit", /^invalid shift/, "shift by the width or more"],
  [
    "*(u32 *)(r10 - 4) = 1\nr2 = r10\nr2 += -4\nr1 = map[0]\ncall 1\nr0 = *(u8 *)(r0 + 0)\nexit",
    /^R0 invalid mem access 'map_value_or_null'/,
    undefined,
  ],
  [
    "r2 = *(u32 *)(r1 + 0)\nr3 = *(u32 *)(r1 + 4)\nr4 = r2\nr4 += 13\nr0 = 1\nif r4 > r3 goto +1\nr0 = *(u8 *)(r2 + 13)\nexit",
    /^R2 offset is outside of the packet/,
    undefined,
  ],
];

test("the kernel's reasons are found in its log, and a defect is not explained away", (t) => {
  if (!isBpfPermitted()) return t.pass();
  const hash = {
    name: "hash",
    type: 1,
    keySizeBytes: 4,
    valueSizeBytes: 8,
    maxEntries: 4,
    flags: 0,
    pinning: 0,
  };
  for (const [text, says, name] of CASES) {
    const program = assembleProgram(text, { platform: "linux", type: "xdp", maps: [hash] });
    const session = openSession(program);
    try {
      const { accepted, reason: said, log } = session.judge(program.instructions, true);
      t.false(accepted, text);
      t.regex(said, says);
      t.is(findReason({ said, log, mutant: program })?.name, name, text);
    } finally {
      session.close();
    }
  }
});
