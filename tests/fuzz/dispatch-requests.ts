// What a client of the driver asks at random: requests of the structures of driver/ioctl.h, made from handles, sizes and programs
// that mostly fit. Who sends them, and what must hold of the answers, is in dispatch.ts.
import { encode } from "../../core/isa/encode.ts";
import { forKernel } from "../../core/program/for-kernel.ts";
import type { Program } from "../../core/program/program.ts";
import type { MapSpec } from "../../core/spec.ts";
import { certify } from "../../core/verifier/certify.ts";
import { MAP_TYPES } from "../harness/driver-maps.ts";
import { nameBytes, request } from "../harness/driver-requests.ts";
import { FRAME_NAMES, FRAMES } from "../harness/frames.ts";
import { mutate } from "../harness/mutate.ts";
import { generateFor, generateForHost } from "./generate.ts";
import { sharedXdp } from "./scenario.ts";

/** Below its argument. */
export type Next = (below: number) => number;

/** A handle, and what it is of: the definition of a map, as text; of others nothing. */
export interface Held {
  readonly handle: number;
  readonly what: string;
  /** Of a map: those that were written, of which some are there still. */
  readonly keys: Uint8Array[];
}
/** What a client was given. */
export interface Handles {
  readonly maps: Held[];
  readonly programs: Held[];
  readonly links: Held[];
  /** Objects that were listed, whoever has them: their types and numbers. */
  readonly listed: (readonly [type: number, id: number])[];
}

export const pick = <T>(next: Next, values: readonly T[]): T => values[next(values.length)] as T;
export const concat = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
const bytesOf = (next: Next, length: number): Uint8Array => Uint8Array.from({ length }, () => next(4));

const RINGS = new Set<number>([MAP_TYPES.ringbuf, MAP_TYPES.perf_event_array]);
const EDGES = [0, 1, 2, 3, 0xffff, 0x1_0000, 0x7fff_ffff, 0xffff_ffff] as const;
const TYPES = [...Object.values(MAP_TYPES), 0, 99];
/** Programs are those of xdp; as others they end in faults, mostly. */
const OTHER_TYPES = [2, 3, 4, 5] as const;
const CONTEXT_BYTES = [32, 56, 64, 8] as const;

/** A number that mostly is one of those, else anything. */
const often = (next: Next, values: readonly number[]): number =>
  next(12) === 0 || values.length === 0 ? pick(next, EDGES) : pick(next, values);
const anyOf = (next: Next, held: readonly Held[]): number =>
  often(
    next,
    held.map(({ handle }) => handle),
  );

/** What a certificate and a definition are held to: type, sizes, entries, flags. */
export const definitionOf = (...numbers: readonly number[]): string => numbers.join("/");

/** Mostly one. */
const nameOf = (next: Next): Uint8Array =>
  next(9) === 0 ? bytesOf(next, 64) : nameBytes(pick(next, ["", "counts", "größe"]));

interface Sample {
  readonly program: Program;
  readonly code: Uint8Array;
  /** Empty: nothing proves it. */
  readonly certificate: Uint8Array;
  readonly maps: readonly MapSpec[];
}

/** How many programs there are to choose from: each is proved once for the process. */
export const SAMPLES = 64;
const samples = new Map<number, Sample>();

const SHARED = sharedXdp("windows");
const WRITES = new Set(
  SHARED.platform.helpers.filter(({ name }) => /^ringbuf_(output|submit)$/.test(name)).map(({ id }) => id),
);

/** A program that writes into a ring, for RING_READ to have something to read. */
function writer(index: number): Program {
  for (let seed = index; ; seed += SAMPLES) {
    const program = generateFor(seed, SHARED);
    const writes = program.instructions.some(
      ({ kind, ...rest }) =>
        kind === "call" && "target" in rest && rest.target.kind === "helper" && WRITES.has(rest.target.id),
    );
    if (writes) return program;
  }
}

export function sampleAt(index: number): Sample {
  const known = samples.get(index);
  if (known !== undefined) return known;
  const program = forKernel(index % 2 === 0 ? generateForHost(index) : writer(index));
  const certified = certify(program, { maximumSteps: 2_000 });
  const certificate = certified.kind === "none" ? new Uint8Array(0) : certified.bytes;
  const maps = program.maps.map(({ spec }) => spec);
  const sample = { program, code: encode(program.instructions), certificate, maps };
  samples.set(index, sample);
  return sample;
}

/** As MAP_CREATE has it. */
export const numbersOf = (spec: MapSpec): readonly number[] => [
  ...[spec.type, spec.keySizeBytes, spec.valueSizeBytes, spec.maxEntries, spec.flags],
];

export const createMap = (name: Uint8Array, definition: readonly number[]): Uint8Array =>
  concat(request(...definition), name);

function mapDefinition(next: Next): readonly number[] {
  const type = pick(next, TYPES);
  const ring = RINGS.has(type);
  const keyless = ring || type === MAP_TYPES.queue || type === MAP_TYPES.stack;
  const valueBytes = ring ? 0 : pick(next, [4, 4, 8, 1, 100]);
  const entries = ring ? 4096 : often(next, [1, 4, 16]) % 0x2000;
  return [type, keyless ? 0 : often(next, [4]), valueBytes, entries, pick(next, [0, 0, 0, 0x80, 1])];
}

function keyFor(next: Next, held: Held | undefined, sizeBytes: number): Uint8Array {
  if (held !== undefined && held.keys.length > 0 && next(2) === 0) return pick(next, held.keys);
  const key = bytesOf(next, next(8) === 0 ? pick(next, [0, 1, 64]) : Math.min(sizeBytes, 64));
  // Arrays are small.
  return next(2) === 0 ? key.fill(0, 1) : key;
}

/** With sizes that are those of the map, mostly. */
function keyRequest(next: Next, { maps }: Handles, value: boolean): Uint8Array {
  const written = maps.filter(({ keys }) => keys.length > 0);
  const among = written.length > 0 && next(3) !== 0 ? written : maps;
  const held = among.length === 0 || next(12) === 0 ? undefined : pick(next, among);
  const [, keyBytes = 4, valueBytes = 8] = held?.what.split("/").map(Number) ?? [];
  const key = keyFor(next, held, keyBytes);
  const size = next(8) === 0 ? pick(next, [0, 1, 16, 100]) : Math.min(valueBytes, 256);
  const data = bytesOf(next, value ? size : 0);
  const flags = value && next(4) === 0 ? next(4) : 0;
  return concat(request(held?.handle ?? pick(next, EDGES), flags, key.length, data.length), key, data);
}

/** A map for a program: one of that definition, if there is one. */
function mapFor(next: Next, definition: readonly number[], maps: readonly Held[]): number {
  const fitting = maps.filter(({ what }) => what === definitionOf(...definition));
  return anyOf(next, fitting.length > 0 && next(16) !== 0 ? fitting : maps);
}

/** Bytes are changed, which mostly ends its form, or its last ones are missing: its form holds, and it proves less. */
function damaged(certificate: Uint8Array, next: (below: number) => number): Uint8Array {
  return next(2) === 0
    ? mutate(certificate, next(2 ** 31))
    : certificate.slice(0, certificate.length - 1 - next(Math.min(3, certificate.length)));
}

function programRequest(next: Next, { maps }: Handles, favourites: readonly number[]): Uint8Array {
  const sample = sampleAt(next(8) === 0 ? next(SAMPLES) : pick(next, favourites));
  const { program, code, certificate } = sample;
  const list = sample.maps.map((spec) => mapFor(next, numbersOf(spec), maps));
  if (next(12) === 0) list.push(anyOf(next, maps));
  const given = next(4) === 0 ? mutate(code, next(2 ** 31)).slice(0, code.length) : code;
  const section = new TextEncoder().encode(next(16) === 0 ? "xdp/other" : program.section);
  const proof =
    next(3) === 0
      ? new Uint8Array(0)
      : next(3) === 0 && certificate.length > 0
        ? damaged(certificate, next)
        : certificate;
  const type = next(9) === 0 ? pick(next, OTHER_TYPES) : 1;
  return concat(
    request(type, next(16) === 0 ? 2 : next(2), list.length, code.length >> 3, section.length, proof.length),
    nameOf(next),
    request(...list),
    given,
    section,
    proof,
  );
}

function runRequest(next: Next, { programs }: Handles): Uint8Array {
  const frame = FRAMES[pick(next, FRAME_NAMES)];
  const budget = next(8) === 0 ? pick(next, [0, 0xffff_ffff]) : pick(next, [1_000, 10_000, 100]);
  const context = bytesOf(next, next(6) === 0 ? pick(next, CONTEXT_BYTES) : 0);
  const packet = next(6) === 0 ? frame.subarray(0, next(frame.length)) : frame;
  return concat(
    request(anyOf(next, programs), packet.length, next(2), 1 + next(3), budget, context.length),
    packet,
    context,
  );
}

const isRing = ({ what }: Held): boolean => RINGS.has(Number(what.split("/")[0]));

type Maker = (next: Next, handles: Handles, favourites: readonly number[]) => Uint8Array;

const all = ({ maps, programs, links }: Handles): readonly Held[] => [...maps, ...programs, ...links];

/** By code: how a request that mostly makes sense is made, and how often it is. */
export const MAKERS: Readonly<Record<string, readonly [weight: number, make: Maker]>> = {
  STATUS: [1, () => new Uint8Array(0)],
  OBJECT_NEXT: [
    2,
    (next, { listed }) =>
      request(
        next(5),
        often(
          next,
          listed.map(([, id]) => id),
        ),
      ),
  ],
  OBJECT_OPEN: [
    2,
    (next, { listed }) =>
      listed.length === 0 || next(8) === 0 ? request(1 + next(4), next(60)) : request(...pick(next, listed)),
  ],
  OBJECT_INFO: [2, (next, handles) => request(anyOf(next, all(handles)))],
  OBJECT_CLOSE: [2, (next, handles) => request(anyOf(next, all(handles)))],
  STATISTICS: [1, (next) => request(next(3))],
  MAP_CREATE: [3, (next) => createMap(nameOf(next), mapDefinition(next))],
  MAP_LOOKUP: [3, (next, handles) => keyRequest(next, handles, false)],
  MAP_UPDATE: [4, (next, handles) => keyRequest(next, handles, true)],
  MAP_DELETE: [2, (next, handles) => keyRequest(next, handles, false)],
  MAP_NEXT_KEY: [2, (next, handles) => keyRequest(next, handles, false)],
  MAP_LOOKUP_BATCH: [
    3,
    (next, { maps }) =>
      request(anyOf(next, maps), next(12) === 0 ? 1 : 0, often(next, [0, 1, 3]), next(40) === 0 ? 1 : 0),
  ],
  // A map that is frozen takes no part in much of the rest.
  MAP_FREEZE: [1, (next, { maps }) => request(next(4) === 0 ? anyOf(next, maps) : pick(next, EDGES))],
  RING_READ: [
    2,
    (next, { maps }) =>
      request(anyOf(next, next(4) === 0 ? maps : maps.filter(isRing)), often(next, [1, 2, 100])),
  ],
  RING_WAIT: [
    1,
    (next, { maps }) =>
      request(anyOf(next, next(4) === 0 ? maps : maps.filter(isRing)), often(next, [0, 10_000])),
  ],
  PROGRAM_CREATE: [6, programRequest],
  PROGRAM_RUN: [6, runRequest],
  HOOK_NEXT: [1, (next) => request(next(9))],
  LINK_CREATE: [
    3,
    (next, { programs }) =>
      request(anyOf(next, programs), often(next, [1, 1, 1, 2, 5]), next(4), next(16) === 0 ? 1 : 0),
  ],
  LINK_REPLACE: [3, (next, { links, programs }) => request(anyOf(next, links), anyOf(next, programs))],
  LINK_DETACH: [1, (next, { links }) => request(anyOf(next, links))],
  LOG_READ: [1, () => new Uint8Array(0)],
};
const NAMES = Object.entries(MAKERS).flatMap(([name, [weight]]) => Array<string>(weight).fill(name));

export interface Request {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly capacity: number;
}

/** Would be zeroed for long: it is memory, and nothing else. */
function takesLong(bytes: Uint8Array): boolean {
  if (bytes.length !== 84) return false;
  const [, key = 0, value = 0, entries = 0] = new Uint32Array(bytes.buffer, bytes.byteOffset, 5);
  const total = Math.max(1, key + value) * entries;
  return total > 2 ** 22 && total <= 2 ** 30;
}

/** One request, some of them damaged, some with too little room for the reply. */
export function makeRequest(next: Next, handles: Handles, favourites: readonly number[]): Request {
  const name = pick(next, NAMES);
  const bytes = MAKERS[name]?.[1](next, handles, favourites) ?? new Uint8Array(0);
  const damaged = bytes.length >= 8 && next(8) === 0 ? mutate(bytes, next(2 ** 31)) : bytes;
  if (name === "MAP_CREATE" && takesLong(damaged)) return { name, bytes, capacity: 4096 };
  return { name, bytes: damaged, capacity: next(12) === 0 ? pick(next, [432, 64, 48, 16, 8, 4, 0]) : 4096 };
}
