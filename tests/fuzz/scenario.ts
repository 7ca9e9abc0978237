// What a random program is made for: a platform, a program type and maps of every kind that the platform has. The same
// choices give the same scenario, so that a seed is a case.
import {
  findMapType,
  findProgramType,
  type MapKind,
  type Platform,
  type ProgramType,
} from "../../core/platform/platform.ts";
import type { ProgramMap } from "../../core/program/program.ts";
import type { MapSpec } from "../../core/spec.ts";
import { PLATFORMS } from "../core/verifier/programs.ts";

export interface Scenario {
  readonly platform: Platform;
  readonly type: ProgramType;
  readonly maps: readonly ProgramMap[];
  /** Of a raw program: the size of its memory. */
  readonly memory?: number;
}

/** Name, kind, sizes of key and value, entries. The first three are used by pieces of their own. */
const MAPS: readonly (readonly [string, MapKind, number, number, number])[] = [
  ["values", "array", 4, 16, 4],
  ["counts", "hash", 8, 8, 16],
  [".data", "array", 4, 16, 1],
  [".rodata", "array", 4, 16, 1],
  ["cpus", "percpu_array", 4, 24, 2],
  ["recent", "lru_hash", 4, 40, 8],
  ["routes", "lpm_trie", 8, 4, 8],
  ["calls", "prog_array", 4, 4, 4],
  ["records", "ringbuf", 0, 0, 4096],
  ["waiting", "queue", 0, 8, 4],
  ["events", "perf_event_array", 4, 4, 4],
  ["outer", "array_of_maps", 4, 4, 4],
];

const RODATA = Uint8Array.of(4, 0, 0, 0, 12, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 127);

function mapOf(
  platform: Platform,
  [name, kind, key, value, entries]: (typeof MAPS)[number],
): ProgramMap | undefined {
  const type = platform.mapTypes.find((row) => row.name === kind);
  if (type === undefined) return undefined;
  const spec: MapSpec = {
    name,
    type: type.id,
    keySizeBytes: key,
    valueSizeBytes: value,
    maxEntries: entries,
    flags: 0,
    pinning: 0,
  };
  const found = findMapType(platform, type.id) ?? type;
  if (name === ".rodata" || name === ".data") {
    const data = { section: name, bytes: RODATA, readOnly: name === ".rodata" };
    return { spec: { ...spec, data }, type: found };
  }
  if (kind !== "array_of_maps") return { spec, type: found };
  const array = platform.mapTypes.find((row) => row.name === "array");
  const inner: MapSpec = { ...spec, name: "inner", type: array?.id ?? 0, valueSizeBytes: 16 };
  return { spec: { ...spec, inner }, type: found };
}

const known = new Map<Platform, readonly ProgramMap[]>();

function mapsOf(platform: Platform): readonly ProgramMap[] {
  let maps = known.get(platform);
  if (maps === undefined) {
    maps = MAPS.map((row) => mapOf(platform, row)).filter((map) => map !== undefined);
    known.set(platform, maps);
  }
  return maps;
}

const WINDOWS_XDP: Scenario = scenarioOf(PLATFORMS.windows, "xdp");

const DETERMINISTIC: ReadonlySet<string> = new Set([
  "map_lookup_elem",
  "map_update_elem",
  "map_delete_elem",
  "csum_diff",
  "memcpy_s",
  "memmove_s",
  "memcmp_s",
  "memset",
  "strncpy_s",
  "strncat_s",
  "strnlen_s",
  "xdp_adjust_head",
]);

/** What the embedded host can run, and runs alike each time. */
export const HOST_XDP: Scenario = {
  ...WINDOWS_XDP,
  platform: {
    ...PLATFORMS.windows,
    helpers: PLATFORMS.windows.helpers.filter((row) => DETERMINISTIC.has(row.name)),
  },
  maps: WINDOWS_XDP.maps.slice(0, 6),
};

/** Maps that both hosts have, and those that programs hand over to others and to user mode by. */
const SHARED: ReadonlySet<string> = new Set([
  ...["values", "counts", ".data", ".rodata", "cpus", "recent"],
  ...["calls", "records", "waiting"],
]);

/** By which programs hand something over, to each other or to user mode. */
export const HANDING_OVER = /^(tail_call|ringbuf_.*|map_(push|pop|peek)_elem)$/;

/** For several programs with the same maps, on every host that has the platform. */
export function sharedXdp(platform: "windows" | "linux"): Scenario {
  const scenario = scenarioOf(PLATFORMS[platform], "xdp");
  // Those more often than all others.
  const helpers = scenario.platform.helpers.flatMap((row) =>
    HANDING_OVER.test(row.name) ? Array(5).fill(row) : DETERMINISTIC.has(row.name) ? row : [],
  );
  return {
    ...scenario,
    platform: { ...scenario.platform, helpers },
    maps: scenario.maps.filter(({ spec }) => SHARED.has(spec.name)),
  };
}

function scenarioOf(platform: Platform, type: string): Scenario {
  const row = findProgramType(platform, type);
  if (row === undefined) throw new Error(`${platform.name} has no program type ${type}`);
  return { platform, type: row, maps: mapsOf(platform) };
}

/** xdp of both platforms half of the time, else any type of any platform. */
export function chooseScenario(next: (below: number) => number): Scenario {
  const choice = next(20);
  if (choice < 5) return WINDOWS_XDP;
  if (choice < 10) return scenarioOf(PLATFORMS.linux, "xdp");
  if (choice < 12) {
    const memory = [0, 1, 8, 64, 200][next(5)] ?? 0;
    return { ...scenarioOf(PLATFORMS.raw, "raw"), memory };
  }
  const platform = choice < 15 ? PLATFORMS.windows : PLATFORMS.linux;
  const type = platform.programTypes[next(platform.programTypes.length)];
  return scenarioOf(platform, type?.name ?? "xdp");
}
