// Several random programs with the same maps, in one place after the other: tail calls from one to the other, ring buffers that are
// read now and then, packets. What each place answers is text, which must be the same everywhere.
import { Buffer } from "node:buffer";
import type { Program } from "../../core/program/program.ts";
import { verify } from "../../core/verifier/verify.ts";
import type { World, WorldMap, WorldProgram } from "../harness/map-fixture.ts";
import { generator } from "../harness/mutate.ts";
import { generateFor } from "./generate.ts";
import { endsUnrolled, listing } from "./net.ts";
import { HANDING_OVER, type Scenario } from "./scenario.ts";

const PROGRAMS = 3;
const CANDIDATES = 12;
const ACTIONS = 16;

/** Accepted programs of a seed; fewer than PROGRAMS if most of what was made is refused. */
export function programsOf(seed: number, scenario: Scenario): readonly Program[] {
  const accepted: Program[] = [];
  for (let made = 0; made < CANDIDATES && accepted.length < PROGRAMS; made++) {
    const program = generateFor((seed * CANDIDATES + made) % 2 ** 31, scenario);
    const options = { maximumSteps: 20_000, strict: true };
    if (verify(program, options).kind === "accepted" && endsUnrolled(program, true)) accepted.push(program);
  }
  return accepted;
}

const hex = (bytes: Uint8Array | undefined): string =>
  bytes === undefined ? "none" : Buffer.from(bytes).toString("hex");
const key = (index: number): Uint8Array => new Uint8Array(Uint32Array.of(index).buffer);

/** What is done, and what comes of it. */
export function transcript(
  seed: number,
  programs: readonly Program[],
  scenario: Scenario,
  world: World,
): string {
  const next = generator(seed ^ 0x2545f491);
  const maps = scenario.maps.map(({ spec, type }) => world.createMap(spec, type.name));
  const loaded = programs.map((program) => world.load(program, maps));
  const mapNamed = (name: string): WorldMap =>
    maps[scenario.maps.findIndex(({ spec }) => spec.name === name)]!;
  const [calls, records] = [mapNamed("calls"), mapNamed("records")];
  const any = (): WorldProgram => loaded[next(loaded.length)]!;
  const act = (): string => {
    switch (next(6)) {
      case 0:
      case 1: {
        const value = key(any().id);
        return `put ${calls.put(key(next(5)), value, "any")}`;
      }
      case 2:
        return next(3) === 0
          ? `delete ${calls.delete(key(next(4)))}`
          : `record ${hex(records.take())}, ${records.dropped()} lost`;
      default: {
        const packet = Uint8Array.from({ length: next(100) }, () => (next(4) === 0 ? 255 : next(256)));
        const { result, after } = any().run(packet);
        return `r0 ${result.toString(16)}, packet ${hex(after)}`;
      }
    }
  };
  const lines = Array.from({ length: ACTIONS }, act);
  for (let record = records.take(); record !== undefined; record = records.take()) lines.push(hex(record));
  lines.push(`${records.dropped()} lost`);
  for (const [index, { spec, type }] of scenario.maps.entries()) {
    if (type.key === "none" || type.name === "prog_array") continue;
    const map = maps[index]!;
    // Of a map with a value for each processor, the first one's.
    const entries = [...map.keys()].map((name) => `${spec.name} ${hex(name)}: ${hex(map.read(name)?.[0])}`);
    lines.push(...entries.sort());
  }
  return lines.join("\n");
}

/** Throws if one of the places answers differently than the first. */
export function checkSharedMaps(
  seed: number,
  scenario: Scenario,
  worlds: Readonly<Record<string, () => World>>,
): readonly string[] {
  const programs = programsOf(seed, scenario);
  if (programs.length === 0) return ["refused"];
  let expected: string | undefined;
  for (const [name, open] of Object.entries(worlds)) {
    const world = open();
    const found = transcript(seed, programs, scenario, world);
    world.close();
    expected ??= found;
    if (found === expected) continue;
    const texts = programs.map(listing).join("\n--\n");
    throw new Error(`seed ${seed}, ${name}\n${found}\n--\n${expected}\n--\n${texts}`);
  }
  return ["agreed", ...featuresOf(programs)];
}

/** What the programs of a case do, so that a test can tell that it is done at all. */
function featuresOf(programs: readonly Program[]): string[] {
  const called = programs.flatMap(({ instructions, platform }) =>
    instructions.flatMap((one) =>
      one.kind === "call" && one.target.kind === "helper"
        ? platform.helpers.filter(({ id }) => one.target.kind === "helper" && id === one.target.id)
        : [],
    ),
  );
  const names = new Set(called.map(({ name }) => name));
  return [...names].filter((name) => HANDING_OVER.test(name)).sort();
}
