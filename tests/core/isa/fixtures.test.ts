import test from "ava";
import { parseHex, printHex } from "../../../core/base/hex.ts";
import { decode } from "../../../core/isa/decode.ts";
import { encode } from "../../../core/isa/encode.ts";
import { findOpcode, OPCODES, opcodeName } from "../../../core/isa/opcode.ts";
import { parse } from "../../../core/isa/parse.ts";
import { print } from "../../../core/isa/print.ts";
import { programOf, readFixtures, resultOf, sectionText } from "../../harness/fixture.ts";

const isa = readFixtures("isa");
const conformance = readFixtures("conformance");

for (const fixture of isa) {
  test(`${fixture.name}: text and bytes are the same program, both ways`, (t) => {
    const lines = (sectionText(fixture, "asm") ?? "").trim().split("\n");
    const bytes = (sectionText(fixture, "bytes") ?? "").trim().split("\n");
    t.is(lines.length, bytes.length);
    for (const [index, line] of lines.entries()) {
      const hex = (bytes[index] as string).replaceAll(" ", "");
      t.is(printHex(encode(parse(line))), hex, line);
      t.deepEqual(
        decode(parseHex(hex)).map((instruction) => print(instruction)),
        [line],
      );
    }
  });
}

test("the fixtures have every legal opcode", (t) => {
  const seen = new Set(isa.flatMap((fixture) => programOf(fixture).map(findOpcode)));
  t.deepEqual(OPCODES.filter((row) => !seen.has(row)).map(opcodeName), []);
});

/** What needs a packet, maps, BTF or helpers to run is not for programs on bare memory. */
const NEEDS_MORE = /^(?:loadPacket|call (?:helper|kfunc|register)|loadImmediate (?!number))/;

test("every program of the conformance fixtures encodes, and together they run every opcode that needs no more than memory", (t) => {
  const seen = new Set<unknown>();
  for (const fixture of conformance) {
    const program = programOf(fixture);
    t.deepEqual(decode(encode(program)), program, fixture.name);
    for (const instruction of program) seen.add(findOpcode(instruction));
    t.true(resultOf(fixture) !== undefined || sectionText(fixture, "failure") !== undefined, fixture.name);
  }
  const missing = OPCODES.filter((row) => !seen.has(row)).map(opcodeName);
  t.deepEqual(
    missing.filter((name) => !NEEDS_MORE.test(name)),
    [],
  );
});
