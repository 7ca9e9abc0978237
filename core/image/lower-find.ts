// The look-up in one hash map as a WebAssembly function: (i32 keyAddress) -> i32 value address, or 0. It does what
// host/embedded/maps/table.ts does (HalfSipHash-1-3, then the chain, between two reads of the lock's number), with all
// sizes known; where a writer interferes, or an entry must change, it leaves the answer to the imported helper.
import type { MapKind } from "../platform/platform.ts";
import type { ProgramMap } from "../program/program.ts";
import { LANE_COUNT, MODULE_NAMES, mapHandle, mapName } from "./abi.ts";
import type { Scope } from "./locals.ts";
import {
  ENTRY,
  ENTRY_HEAD_BYTES,
  HEADER,
  TABLE_HEADER_BYTES,
  type TableLayout,
  tableLayout,
} from "./table-layout.ts";
import type { WasmFunction, WasmInstruction } from "./wasm.ts";

/** Longer keys are left to the helper: the code would grow with them. */
const MAXIMUM_KEY_WORDS = 16;

const HASHES: Partial<Record<MapKind, { readonly perCpu: boolean; readonly lru: boolean }>> = {
  hash: { perCpu: false, lru: false },
  percpu_hash: { perCpu: true, lru: false },
  lru_hash: { perCpu: false, lru: true },
  lru_percpu_hash: { perCpu: true, lru: true },
};

export function hasFinder({ spec, type }: ProgramMap): boolean {
  return HASHES[type.name] !== undefined && Math.ceil(spec.keySizeBytes / 4) <= MAXIMUM_KEY_WORDS;
}

/** Parameter 0 is the key's address; the words of the key follow these. */
const LOCAL = { key: 0, a: 1, b: 2, c: 3, d: 4, before: 5, entry: 6, at: 7, steps: 8, words: 9 } as const;

/** `helperIndex` is the function that is asked instead. */
export function lowerFinder(scope: Scope, map: number, helperIndex: number): WasmFunction {
  const row = scope.program.maps[map]!;
  const { keySizeBytes, maxEntries } = row.spec;
  const { perCpu = false, lru = false } = HASHES[row.type.name] ?? {};
  const layout = tableLayout(row.spec, perCpu ? LANE_COUNT : 1);
  const keyWords = Math.ceil(keySizeBytes / 4);
  const table: WasmInstruction = ["global.get", scope.constantIndex(mapName(map))];
  const lock: WasmInstruction[] = [table, ["i32.atomic.load", 2, HEADER.lock * 4]];
  return {
    name: `find${map}`,
    type: { parameters: ["i32"], results: ["i32"] },
    locals: Array.from({ length: LOCAL.words - 1 + keyWords }, () => "i32" as const),
    body: [
      ...readKey(keySizeBytes),
      ...hashKey(table, keySizeBytes, keyWords),
      ["block"],
      ...lock,
      ["local.tee", LOCAL.before],
      ["i32.const", 1],
      ["i32.and"],
      ["br_if", 0],
      ["i32.const", maxEntries | 0],
      ["local.set", LOCAL.steps],
      ...firstOfChain(table, layout),
      ["block"],
      ["loop"],
      ["local.get", LOCAL.entry],
      ["i32.eqz"],
      ["br_if", 1],
      // A chain that changes under us could lead round and round: give up after as many steps as there are entries.
      ["local.get", LOCAL.steps],
      ["i32.eqz"],
      ["br_if", 2],
      ...entryAddress(table, layout),
      ...isEntry(keyWords),
      ["br_if", 1],
      ["local.get", LOCAL.at],
      ["i32.atomic.load", 2, ENTRY.next * 4],
      ["local.set", LOCAL.entry],
      ["local.get", LOCAL.steps],
      ["i32.const", 1],
      ["i32.sub"],
      ["local.set", LOCAL.steps],
      ["br", 0],
      ["end"],
      ["end"],
      ...(lru ? isOlder(table) : []),
      ...lock,
      ["local.get", LOCAL.before],
      ["i32.ne"],
      ["br_if", 0],
      ...valueAddress(scope, layout),
      ["i32.const", 0],
      ["local.get", LOCAL.entry],
      ["select"],
      ["return"],
      ["end"],
      ["i32.const", mapHandle(map)],
      ["local.get", LOCAL.key],
      ["call", helperIndex],
    ],
  };
}

/** The key's words, the last one padded with zeros; the key may lie at any address. */
function readKey(keySizeBytes: number): WasmInstruction[] {
  const code: WasmInstruction[] = [];
  const whole = keySizeBytes >>> 2;
  for (let word = 0; word < whole; word++) {
    code.push(["local.get", LOCAL.key], ["i32.load", 0, word * 4], ["local.set", LOCAL.words + word]);
  }
  const rest = keySizeBytes & 3;
  if (rest === 0) return code;
  if (rest !== 1) code.push(["local.get", LOCAL.key], ["i32.load16_u", 0, whole * 4]);
  if (rest !== 2) code.push(["local.get", LOCAL.key], ["i32.load8_u", 0, keySizeBytes - 1]);
  if (rest === 3) code.push(["i32.const", 16], ["i32.shl"], ["i32.or"]);
  code.push(["local.set", LOCAL.words + whole]);
  return code;
}

/** Leaves the hash in `b`. */
function hashKey(table: WasmInstruction, keySizeBytes: number, keyWords: number): WasmInstruction[] {
  const { a, b, c, d } = LOCAL;
  const mix = (target: number, value: readonly WasmInstruction[]): WasmInstruction[] => [
    ["local.get", target],
    ...value,
    ["i32.xor"],
    ["local.set", target],
  ];
  const add = (target: number, other: number): WasmInstruction[] => [
    ["local.get", target],
    ["local.get", other],
    ["i32.add"],
    ["local.set", target],
  ];
  const rotate = (target: number, bits: number): WasmInstruction[] => [
    ["local.get", target],
    ["i32.const", bits],
    ["i32.rotl"],
    ["local.set", target],
  ];
  const rotateAndMix = (target: number, bits: number, other: number): WasmInstruction[] => [
    ["local.get", target],
    ["i32.const", bits],
    ["i32.rotl"],
    ["local.get", other],
    ["i32.xor"],
    ["local.set", target],
  ];
  const round: WasmInstruction[] = [
    ...add(a, b),
    ...rotateAndMix(b, 5, a),
    ...rotate(a, 16),
    ...add(c, d),
    ...rotateAndMix(d, 8, c),
    ...add(a, d),
    ...rotateAndMix(d, 7, a),
    ...add(c, b),
    ...rotateAndMix(b, 13, c),
    ...rotate(c, 16),
  ];
  const words: WasmInstruction[] = Array.from({ length: keyWords }, (_, word) => [
    "local.get",
    LOCAL.words + word,
  ]);
  const key = (name: "keyLow" | "keyHigh"): WasmInstruction[] => [table, ["i32.load", 2, HEADER[name] * 4]];
  return [
    ...key("keyLow"),
    ["local.tee", a],
    ["i32.const", 0x6c796765],
    ["i32.xor"],
    ["local.set", c],
    ...key("keyHigh"),
    ["local.tee", b],
    ["i32.const", 0x74656462],
    ["i32.xor"],
    ["local.set", d],
    ...[...words, ["i32.const", keySizeBytes << 24] as const].flatMap((word) => [
      ...mix(d, [word]),
      ...round,
      ...mix(a, [word]),
    ]),
    ...mix(c, [["i32.const", 0xff]]),
    ...round,
    ...round,
    ...round,
    ...mix(b, [["local.get", d]]),
  ];
}

function firstOfChain(table: WasmInstruction, { bucketCount }: TableLayout): WasmInstruction[] {
  return [
    ["local.get", LOCAL.b],
    ["i32.const", (bucketCount - 1) | 0],
    ["i32.and"],
    ["i32.const", 2],
    ["i32.shl"],
    table,
    ["i32.add"],
    ["i32.atomic.load", 2, TABLE_HEADER_BYTES],
    ["local.set", LOCAL.entry],
  ];
}

function entryAddress(table: WasmInstruction, layout: TableLayout): WasmInstruction[] {
  return [
    ["local.get", LOCAL.entry],
    ["i32.const", layout.entrySizeBytes],
    ["i32.mul"],
    table,
    ["i32.add"],
    ["i32.const", layout.entriesOffset - layout.entrySizeBytes],
    ["i32.add"],
    ["local.set", LOCAL.at],
  ];
}

/** 1 if hash and key of the entry are those looked for. */
function isEntry(keyWords: number): WasmInstruction[] {
  const differs = (byteOffset: number, local: number): WasmInstruction[] => [
    ["local.get", LOCAL.at],
    ["i32.atomic.load", 2, byteOffset],
    ["local.get", local],
    ["i32.xor"],
  ];
  const words = Array.from({ length: keyWords }, (_, word) => [
    ...differs(ENTRY_HEAD_BYTES + word * 4, LOCAL.words + word),
    ["i32.or"] as const,
  ]);
  return [...differs(ENTRY.hash * 4, LOCAL.b), ...words.flat(), ["i32.eqz"]];
}

/** In an LRU map a look-up changes the order, unless it finds the newest entry: branches to where the helper is asked. */
function isOlder(table: WasmInstruction): WasmInstruction[] {
  return [
    ["local.get", LOCAL.entry],
    ["i32.const", 0],
    ["i32.ne"],
    ["local.get", LOCAL.entry],
    table,
    ["i32.atomic.load", 2, HEADER.newest * 4],
    ["i32.ne"],
    ["i32.and"],
    ["br_if", 0],
  ];
}

function valueAddress(scope: Scope, layout: TableLayout): WasmInstruction[] {
  const ofEntry: WasmInstruction[] = [
    ["local.get", LOCAL.at],
    ["i32.const", layout.valueOffset],
    ["i32.add"],
  ];
  if (layout.copies === 1) return ofEntry;
  return [
    ...ofEntry,
    ["global.get", scope.constantIndex(MODULE_NAMES.lane)],
    ["i32.const", layout.valueStride],
    ["i32.mul"],
    ["i32.add"],
  ];
}
