// Runs the cases of tests/fixtures/maps in any place where programs with maps run: each engine of each host. A case has maps,
// one or several programs (`-- asm name=main`), and steps, one a line; what follows "=" is what must come of it:
//
//   put MAP KEY VALUE [exist | noexist]     the value of a program array is a program's name
//   delete MAP KEY                          = missing | exists | full | invalid: the error; without it, none
//   read MAP KEY = VALUE | missing          the sum of all processors' values
//   keys MAP = KEY KEY ...                  in rising order
//   run PROGRAM [PACKET in hex] = R0        the packet is 1, 2, 3 ... 32 if none is given
//   take MAP = RECORD in hex | missing      the oldest record of a ring buffer
//   dropped MAP = COUNT                     records that a ring buffer had no room for
//   repeat COUNT STEP
//
// A `*` in what must come stands for anything. Keys are 32-bit numbers, values numbers of the map's size.
import { parseHex, printHex } from "../../core/base/hex.ts";
import type { Program } from "../../core/program/program.ts";
import type { MapSpec } from "../../core/spec.ts";
import { verify } from "../../core/verifier/verify.ts";
import { mapsOf, type PLATFORMS, testProgram } from "../core/verifier/programs.ts";
import { type Fixture, sectionText } from "./fixture.ts";

export const MAP_ERRORS = { "-2": "missing", "-7": "full", "-17": "exists", "-22": "invalid" } as const;
export type MapOutcome = (typeof MAP_ERRORS)[keyof typeof MAP_ERRORS] | "";

export interface WorldMap {
  put(key: Uint8Array, value: Uint8Array, mode: "any" | "noexist" | "exist"): MapOutcome;
  delete(key: Uint8Array): MapOutcome;
  /** One value, or each processor's. */
  read(key: Uint8Array): readonly Uint8Array[] | undefined;
  keys(): Iterable<Uint8Array>;
  take(): Uint8Array | undefined;
  dropped(): number;
}

export interface WorldProgram {
  /** The value of an entry of a program array. */
  readonly id: number;
  /** r0, and what is left of the packet. */
  run(packet: Uint8Array): { readonly result: bigint; readonly after: Uint8Array };
}

/** A place where programs run. What it makes ends with it. */
export interface World {
  createMap(spec: MapSpec, kind: string): WorldMap;
  /** `maps` in the order of the program's. */
  load(program: Program, maps: readonly WorldMap[]): WorldProgram;
  close(): void;
}

interface Case {
  readonly maps: ReadonlyMap<string, { readonly spec: MapSpec; readonly map: WorldMap }>;
  readonly programs: ReadonlyMap<string, WorldProgram>;
}

/** Whether the case is for this platform: the driver has Windows' alone. */
export function platformOf(fixture: Fixture): keyof typeof PLATFORMS {
  const name = fixture.sections.find((row) => row.name === "asm")?.attributes.platform ?? "windows";
  return name as keyof typeof PLATFORMS;
}

/** Throws where a step does not end as it must. */
export function runMapFixture(fixture: Fixture, world: World): void {
  try {
    const set = setUp(fixture, world);
    for (const line of (sectionText(fixture, "steps") ?? "").split("\n")) {
      const text = line.replace(/#.*/, "").trim();
      if (text === "") continue;
      const [, , times = "1", step = ""] = /^(repeat (\d+) )?(.*)$/.exec(text) ?? [];
      for (let count = 0; count < Number(times); count++) check(set, step);
    }
  } finally {
    world.close();
  }
}

function setUp(fixture: Fixture, world: World): Case {
  const platform = platformOf(fixture);
  const rows = mapsOf(sectionText(fixture, "maps") ?? "", platform);
  const maps = rows.map(({ spec, type }) => ({ spec, map: world.createMap(spec, type.name) }));
  const programs = fixture.sections
    .filter(({ name }) => name === "asm")
    .map(({ text, attributes }): [string, WorldProgram] => {
      const { name = "main", type } = attributes;
      const typed = type === undefined ? {} : { type };
      const program = testProgram({ code: text, platform, maps: rows, ...typed });
      const verdict = verify(program, { strict: true });
      if (verdict.kind === "rejected") throw new Error(`${name}: ${verdict.failures[0].message}`);
      const loaded = world.load(
        verdict.program,
        maps.map(({ map }) => map),
      );
      return [name, loaded];
    });
  return { maps: new Map(maps.map((row) => [row.spec.name, row])), programs: new Map(programs) };
}

function check(set: Case, step: string): void {
  const [asked = "", expected = ""] = step.split("=").map((part) => part.trim());
  const outcome = perform(set, asked.split(/\s+/));
  const pattern = new RegExp(`^${expected.replaceAll("*", ".*")}$`);
  if (!pattern.test(outcome)) throw new Error(`${asked}: ${outcome || "done"}, not ${expected || "done"}`);
}

function perform({ maps, programs }: Case, [verb = "", name = "", ...rest]: readonly string[]): string {
  if (verb === "run") {
    const packet =
      rest[0] === undefined ? Uint8Array.from({ length: 32 }, (_, at) => at + 1) : parseHex(rest[0]);
    return String(BigInt.asIntN(64, found(programs.get(name), name).run(packet).result));
  }
  const { spec, map } = found(maps.get(name), name);
  const [key = "0", value = "0", mode = "any"] = rest;
  const keyBytes = bytesOf(BigInt(key), spec.keySizeBytes);
  switch (verb) {
    case "put": {
      const number = programs.get(value)?.id ?? value;
      if (mode !== "any" && mode !== "exist" && mode !== "noexist") throw new Error(`no mode ${mode}`);
      return map.put(keyBytes, bytesOf(BigInt(number), spec.valueSizeBytes), mode);
    }
    case "delete":
      return map.delete(keyBytes);
    case "read": {
      const values = map.read(keyBytes);
      return values === undefined ? "missing" : String(values.reduce((sum, one) => sum + numberOf(one), 0n));
    }
    case "keys": {
      const keys = [...map.keys()].map(numberOf).sort((a, b) => Number(a - b));
      return keys.join(" ");
    }
    case "take": {
      const record = map.take();
      return record === undefined ? "missing" : printHex(record);
    }
    case "dropped":
      return String(map.dropped());
    default:
      throw new Error(`no step ${verb}`);
  }
}

function found<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new Error(`the case has no ${name}`);
  return value;
}

function bytesOf(number: bigint, sizeBytes: number): Uint8Array {
  return Uint8Array.from({ length: sizeBytes }, (_, at) => Number((number >> BigInt(8 * at)) & 0xffn));
}

function numberOf(bytes: Uint8Array): bigint {
  return bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}
