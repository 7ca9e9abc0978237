// The plugin that bpf_conformance starts (tests/driver/plugin.c): program on the standard input, memory as an argument, r0 on the
// standard output, for each conformance program by both engines.
import { spawnSync } from "node:child_process";
import test from "ava";
import { printHex } from "../../core/base/hex.ts";
import { encode } from "../../core/isa/encode.ts";
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
