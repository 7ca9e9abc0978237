// The plugin that bpf_conformance starts (tests/driver/plugin.c): program on the standard input, memory as an argument, r0 on the
// standard output, for each conformance program by both engines.
import { spawnSync } from "node:child_process";
import test from "ava";
import { printHex } from "../../core/base/hex.ts";
import { encode } from "../../core/isa/encode.ts";
import { parse } from "../../core/isa/parse.ts";
import { buildDriver } from "../../scripts/driver.ts";
import { memoryOf, programOf, readFixtures, resultOf, skipReason } from "../harness/fixture.ts";

const ENGINES = [
  { name: "kernel-interpreter", options: [] },
  { name: "kernel-jit", options: ["--jit"] },
] as const;

const start = (input: string, ...args: readonly string[]) =>
  spawnSync(buildDriver("plugin"), args, { input, encoding: "utf8" });

for (const { name, options } of ENGINES) {
  test(`${name}: the plugin answers every conformance program`, (t) => {
    const fixtures = readFixtures("conformance").filter((fixture) => skipReason(fixture, name) === undefined);
    t.true(fixtures.length > 300);
    for (const fixture of fixtures) {
      const memory = printHex(memoryOf(fixture));
      const { status, stdout, stderr } = start(
        printHex(encode(programOf(fixture))),
        ...options,
        ...(memory === "" ? [] : [memory]),
      );
      t.is(status, 0, `${fixture.name}: ${stderr}`);
      t.is<bigint | undefined, bigint | undefined>(
        BigInt(`0x${stdout.trim()}`),
        resultOf(fixture),
        fixture.name,
      );
    }
  });
}

/** A program in text, by both engines. */
const answers = (text: string) =>
  ENGINES.map(({ options }) => {
    const { status, stdout, stderr } = start(printHex(encode(parse(text))), ...options);
    return status === 0 ? BigInt(`0x${stdout.trim()}`) : stderr.trim();
  });

test("callx calls the helper whose number is in a register, in both engines", (t) => {
  const same = (answer: unknown) => [answer, answer];
  for (const register of [2, 3, 4, 5]) {
    const text = `r1 = 77\nr${register} = 5\ncallx r${register}\nr0 += 1\nexit`;
    t.deepEqual(answers(text), same(78n), text);
  }
  t.deepEqual(answers("r1 = 5\ncallx r1\nexit"), same(5n));
  // Its own number is not to be called so, nor what is no helper, nor a helper with memory that is not the program's.
  for (const number of ["0x1002", "999", "0x100000005 ll", "-1", "6\nr2 <<= 32"])
    t.deepEqual(
      answers(`r1 = 1\nr2 = ${number}\ncallx r2\nexit`),
      same("callx called no helper (slot 0)"),
      number,
    );
  t.deepEqual(answers("r1 = 1\nr2 = 29\ncallx r2\nexit"), same("callx called no helper (slot 0)"));
  // No helper is given r6.
  t.deepEqual(answers("r1 = 1\nr6 = 5\ncallx r6\nexit"), same("the program is refused (slot 2)"));
  // The second slot of a wide immediate is no instruction.
  t.deepEqual(answers("r1 = 0x200000000 ll\nr0 = r1\nexit"), same(0x2_0000_0000n));
});

test("helpers are called with the stack aligned, whatever the program has set up and however deep it is", (t) => {
  const setups = [
    "",
    "*(u64 *)(r10 - 8) = 1\n",
    "r6 = 3\nround:\nr6 -= 1\nif r6 != 0 goto round\n",
    "r9 = r10\nr8 = 1\n",
  ];
  for (const setup of setups) {
    for (let depth = 0; depth < 5; depth++) {
      const calls = Array.from(
        { length: depth },
        (_, at) => `call f${at}\nexit\nf${at}:\nr1 = 7\nr7 = ${at}\n`,
      );
      const text = `r1 = 7\n${setup}${calls.join("")}call 5\nexit`;
      t.deepEqual(answers(text), [7n, 7n], text);
    }
  }
});

test("what is no program, or not safe, is an error with its slot", (t) => {
  const rows = [
    ["xyz", /no hex/],
    ["b7 00 00 00 00 00 00", /no hex/],
    ["b7 00 00 00 01 00 00 00", /refused \(slot 0\)/],
    ["61 00 00 00 00 00 00 00  95 00 00 00 00 00 00 00", /ended \(slot 0\)/],
  ] as const;
  for (const [input, message] of rows) {
    const { status, stderr } = start(input);
    t.is(status, 1, input);
    t.regex(stderr, message);
  }
});
