// Reads tests/fixtures/**/*.data, the one format of all data-driven tests. Folders are walked: a new file is a new test.
//
//   # What the case shows; lines that begin with # before the first section are its description.
//   -- asm                         program text (core/isa/parse.ts); or `bytes` in hex, or `c`
//   r0 = 1
//   exit
//   -- mem                         the memory r1 points at, in hex
//   -- after                       what is left of it (tests/fixtures/packets, where `mem` is the packet)
//   -- result                      r0 at exit, any notation BigInt reads
//   0x1
//   -- maps                        the maps of the program, one a line: name, type, key, value, entries [readonly]
//   -- failure at=2                the code a verdict must have, and the instruction; none: it is accepted
//   -- pre | post | observe at=3   states, as the verifier prints them (tests/fixtures/transfer)
//   -- skip engine=wasm: reason
//   -- steps                       what is done with maps and programs, one after the other (tests/fixtures/maps, map-fixture.ts)
//
// A file of many cases begins each with `=== name`.
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { parseHex } from "../../core/base/hex.ts";
import { decode } from "../../core/isa/decode.ts";
import type { Instruction } from "../../core/isa/instruction.ts";
import { parse } from "../../core/isa/parse.ts";

const SECTIONS = [
  "asm",
  "bytes",
  "c",
  "mem",
  "after",
  "maps",
  "pre",
  "post",
  "observe",
  "result",
  "failure",
  "skip",
  "steps",
] as const;

export type SectionName = (typeof SECTIONS)[number];

export interface FixtureSection {
  readonly name: SectionName;
  /** What stands behind the name, as `at=3` or `engine=wasm`. */
  readonly attributes: Readonly<Record<string, string>>;
  /** What follows a colon on the section's line: the reason of a skip. */
  readonly note: string;
  readonly text: string;
}

export interface Fixture {
  /** Path below tests/fixtures without its ending, and the name of the case: "conformance/alu64: add". */
  readonly name: string;
  readonly description: string;
  readonly sections: readonly FixtureSection[];
}

export const FIXTURES = join(import.meta.dirname, "..", "fixtures");

/** Every case of every .data file in a folder below tests/fixtures, sorted by path. Throws if there is none. */
export function readFixtures(folder: string): readonly Fixture[] {
  const paths = readdirSync(join(FIXTURES, folder), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".data"))
    .sort();
  const fixtures = paths.flatMap((path) => {
    const name = relative(FIXTURES, join(FIXTURES, folder, path))
      .replaceAll("\\", "/")
      .replace(/\.data$/, "");
    return parseFixtures(readFileSync(join(FIXTURES, folder, path), "utf8"), name);
  });
  if (fixtures.length === 0) throw new Error(`no fixtures in ${folder}`);
  return fixtures;
}

export function parseFixtures(text: string, file: string): readonly Fixture[] {
  const [head = "", ...cases] = text.split(/^=== */m);
  if (cases.length === 0) return [parseFixture(head, file)];
  if (/^[^#\s]/m.test(head)) throw new Error(`${file}: sections stand before the first ===`);
  return cases.map((body) => {
    const end = body.indexOf("\n");
    return parseFixture(body.slice(end + 1), `${file}: ${body.slice(0, end).trim()}`);
  });
}

function parseFixture(text: string, name: string): Fixture {
  const [head = "", ...parts] = text.split(/^-- */m);
  const description = head
    .split("\n")
    .map((line) => line.replace(/^# ?/, ""))
    .join("\n")
    .trim();
  return { name, description, sections: parts.map((part) => parseSection(part, name)) };
}

function parseSection(part: string, fixture: string): FixtureSection {
  const end = part.indexOf("\n");
  const [head = "", note = ""] = splitOnce(part.slice(0, end < 0 ? undefined : end), ":");
  const [word, ...pairs] = head.trim().split(/\s+/);
  const name = SECTIONS.find((known) => known === word);
  if (name === undefined) throw new Error(`${fixture}: there is no section "${word}"`);
  const attributes = Object.fromEntries(pairs.map((pair) => splitOnce(pair, "=")));
  return { name, attributes, note: note.trim(), text: end < 0 ? "" : part.slice(end + 1) };
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

/** The text of the first section of that name; undefined if there is none. */
export function sectionText(fixture: Fixture, name: SectionName): string | undefined {
  return fixture.sections.find((section) => section.name === name)?.text;
}

/** The program, from `asm` or `bytes`. */
export function programOf(fixture: Fixture): readonly Instruction[] {
  const asm = sectionText(fixture, "asm");
  if (asm !== undefined) return parse(asm);
  const bytes = sectionText(fixture, "bytes");
  if (bytes === undefined) throw new Error(`${fixture.name}: neither asm nor bytes`);
  return decode(parseHex(withoutComments(bytes)));
}

/** The bytes of `mem`; none if it is absent. */
export function memoryOf(fixture: Fixture): Uint8Array<ArrayBuffer> {
  return parseHex(withoutComments(sectionText(fixture, "mem") ?? ""));
}

/** `result` as unsigned 64 bits; undefined if it is absent. */
export function resultOf(fixture: Fixture): bigint | undefined {
  const text = sectionText(fixture, "result");
  if (text === undefined) return undefined;
  const [, sign, digits = ""] = /^(-?)(.*)$/.exec(withoutComments(text).trim()) ?? [];
  return BigInt.asUintN(64, sign === "-" ? -BigInt(digits) : BigInt(digits));
}

/** Why this engine does not run the case; undefined if it does. */
export function skipReason(fixture: Fixture, engine: string): string | undefined {
  return fixture.sections.find((row) => row.name === "skip" && row.attributes.engine === engine)?.note;
}

function withoutComments(text: string): string {
  return text.replace(/[#;].*$/gm, "");
}
