// Random requests to the driver: two clients, what they ask made by the structures of driver/ioctl.h from handles, sizes and
// programs that mostly fit, then damaged half of the time; and frames at what is attached. What must hold: no request harms the process, a reply keeps to
// its size, an error is one of the table, and when the clients are gone so is all they had.
import { encode } from "../../core/isa/encode.ts";
import type { Program } from "../../core/program/program.ts";
import { certify } from "../../core/verifier/certify.ts";
import { countAllocations, STATUS } from "../harness/driver.ts";
import { type Client, call, closeClient, initiate, openClient, terminate } from "../harness/driver-client.ts";
import { invokeXdp, setPresent } from "../harness/driver-hook.ts";
import { MAP_TYPES } from "../harness/driver-maps.ts";
import {
  ACCESS,
  type Answer,
  CODES,
  codeOf,
  ERRORS,
  field,
  nameBytes,
  REPLY,
  request,
} from "../harness/driver-requests.ts";
import { FRAME_NAMES, FRAMES } from "../harness/frames.ts";
import { generator, mutate } from "../harness/mutate.ts";
import { generateForHost } from "./generate.ts";

type Next = (below: number) => number;

const REQUESTS = 60;
const TYPES = [...Object.values(MAP_TYPES), 0, 99];
/** Programs are those of xdp; as others they end in faults, mostly. */
const OTHER_TYPES = [2, 3, 4, 5] as const;
const CONTEXT_BYTES = [0, 0, 0, 0, 32, 56, 64, 8] as const;
const EDGES = [0, 1, 2, 3, 0xffff, 0x1_0000, 0x7fff_ffff, 0xffff_ffff] as const;

/** What a client was given. */
interface Handles {
  readonly maps: number[];
  readonly programs: number[];
  readonly links: number[];
}

interface Session {
  readonly client: Client;
  readonly access: number;
  readonly handles: Handles;
}

interface Request {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly capacity: number;
}

/** Not the low bits as they come: those of one draw tell those of the next, and some requests would never be made. */
const spread =
  (next: Next): Next =>
  (below) =>
    Math.floor(((Math.imul(next(2 ** 32), 0x9e37_79b1) >>> 0) / 2 ** 32) * below);

const pick = <T>(next: Next, values: readonly T[]): T => values[next(values.length)] as T;
const bytesOf = (next: Next, length: number): Uint8Array => Uint8Array.from({ length }, () => next(4));
const concat = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

/** A number that mostly is one of those, else anything. */
const often = (next: Next, values: readonly number[]): number =>
  next(8) === 0 || values.length === 0 ? pick(next, EDGES) : pick(next, values);

/** Mostly one. */
const nameOf = (next: Next): Uint8Array =>
  next(9) === 0 ? bytesOf(next, 64) : nameBytes(pick(next, ["", "counts", "größe"]));

function mapDefinition(next: Next): Uint8Array {
  const type = pick(next, TYPES);
  const ring = type === MAP_TYPES.ringbuf || type === MAP_TYPES.perf_event_array;
  const keyless = ring || type === MAP_TYPES.queue || type === MAP_TYPES.stack;
  const valueBytes = ring ? 0 : pick(next, [4, 4, 8, 1, 100]);
  const entries = ring ? 4096 : often(next, [1, 4, 16]) % 0x2000;
  return concat(
    request(type, keyless ? 0 : often(next, [4]), valueBytes, entries, pick(next, [0, 0, 0x80, 1])),
    nameOf(next),
  );
}

function keyRequest(next: Next, { maps }: Handles, value: boolean): Uint8Array {
  const key = bytesOf(next, pick(next, [4, 4, 4, 4, 0, 1, 64]));
  // Arrays are small.
  if (next(2) === 0) key.fill(0, 1);
  const data = bytesOf(next, value ? pick(next, [4, 8, 1, 100, 16, 0]) : 0);
  return concat(request(often(next, maps), next(4) === 0 ? next(4) : 0, key.length, data.length), key, data);
}

/** Mostly none; else the program's own, if it has one, whole or damaged. */
function certificateOf(next: Next, program: Program): Uint8Array {
  if (next(4) !== 0) return new Uint8Array(0);
  const certified = certify(program, { maximumSteps: 2_000 });
  if (certified.kind === "none") return bytesOf(next, 40);
  return next(3) === 0 ? mutate(certified.bytes, next(2 ** 31)) : certified.bytes;
}

function programRequest(next: Next, handles: Handles): Uint8Array {
  const program = generateForHost(next(1000));
  const code = encode(program.instructions);
  const length = next(8) === 0 ? next(4) : program.maps.length;
  const maps = Array.from({ length }, () => often(next, handles.maps));
  const damaged = next(3) === 0;
  const section = new TextEncoder().encode(next(9) === 0 ? "xdp/other" : program.section);
  const certificate = certificateOf(next, program);
  return concat(
    request(
      next(9) === 0 ? pick(next, OTHER_TYPES) : 1,
      next(3),
      maps.length,
      code.length >> 3,
      section.length,
      certificate.length,
    ),
    nameOf(next),
    request(...maps),
    damaged ? mutate(code, next(2 ** 31)).slice(0, code.length) : code,
    section,
    certificate,
  );
}

function runRequest(next: Next, { programs }: Handles): Uint8Array {
  const packet = FRAMES[pick(next, FRAME_NAMES)];
  const budget = pick(next, [1_000, 10_000, 0, 0xffff_ffff]);
  const context = bytesOf(next, pick(next, CONTEXT_BYTES));
  const length = next(3) === 0 ? 0 : packet.length;
  return concat(
    request(often(next, programs), length, next(2), next(4), budget, context.length),
    packet.subarray(0, length),
    context,
  );
}

/** By code: how a request that mostly makes sense is made. */
const MAKERS: Readonly<Record<string, (next: Next, handles: Handles) => Uint8Array>> = {
  STATUS: () => new Uint8Array(0),
  OBJECT_NEXT: (next) => request(next(4), next(40)),
  OBJECT_OPEN: (next) => request(next(4), next(200)),
  OBJECT_INFO: (next, { maps, programs, links }) => request(often(next, [...maps, ...programs, ...links])),
  OBJECT_CLOSE: (next, { maps, programs, links }) =>
    request(often(next, pick(next, [maps, programs, links]))),
  STATISTICS: (next) => request(next(3)),
  MAP_CREATE: mapDefinition,
  MAP_LOOKUP: (next, handles) => keyRequest(next, handles, false),
  MAP_UPDATE: (next, handles) => keyRequest(next, handles, true),
  MAP_DELETE: (next, handles) => keyRequest(next, handles, false),
  MAP_NEXT_KEY: (next, handles) => keyRequest(next, handles, false),
  MAP_FREEZE: (next, { maps }) => request(often(next, maps)),
  RING_READ: (next, { maps }) => request(often(next, maps)),
  PROGRAM_CREATE: programRequest,
  PROGRAM_RUN: runRequest,
  HOOK_NEXT: (next) => request(next(9)),
  LINK_CREATE: (next, { programs }) =>
    request(often(next, programs), often(next, [1, 1, 1, 2, 5]), next(3), next(9) === 0 ? 1 : 0),
  LINK_REPLACE: (next, { links, programs }) => request(often(next, links), often(next, programs)),
  LINK_DETACH: (next, { links }) => request(often(next, links)),
  LOG_READ: () => new Uint8Array(0),
};
/** More of what makes something than of what looks at it. */
const NAMES = [
  ...Object.keys(MAKERS),
  "MAP_CREATE",
  "MAP_CREATE",
  "MAP_UPDATE",
  "MAP_LOOKUP",
  "MAP_LOOKUP",
  "PROGRAM_CREATE",
  "PROGRAM_RUN",
  "PROGRAM_CREATE",
  "LINK_CREATE",
  "LINK_CREATE",
  "LINK_REPLACE",
  "LINK_REPLACE",
];

function takesLong(bytes: Uint8Array): boolean {
  if (bytes.length !== 84) return false;
  const [, key = 0, value = 0, entries = 0] = new Uint32Array(bytes.buffer, bytes.byteOffset, 5);
  const total = Math.max(1, key + value) * entries;
  return total > 2 ** 22 && total <= 2 ** 30;
}

function makeRequest(next: Next, handles: Handles): Request {
  const name = pick(next, NAMES);
  const bytes = MAKERS[name]?.(next, handles) ?? new Uint8Array(0);
  const damaged = bytes.length >= 8 && next(4) === 0 ? mutate(bytes, next(2 ** 31)) : bytes;
  // What would be zeroed for long is not asked for: it is memory, and nothing else.
  if (name === "MAP_CREATE" && takesLong(damaged)) return { name, bytes, capacity: 4096 };
  return { name, bytes: damaged, capacity: next(6) === 0 ? pick(next, [432, 64, 48, 16, 8, 4, 0]) : 4096 };
}

const STATUSES = new Set<number>([
  ...[STATUS.SUCCESS, STATUS.INVALID_PARAMETER, STATUS.NO_MEMORY, STATUS.BUFFER_TOO_SMALL],
  ...[STATUS.ACCESS_DENIED, STATUS.INVALID_DEVICE_REQUEST],
]);

/** What is wrong about an answer. */
function fault(
  { status, error, reply }: Answer,
  { name, capacity }: Request,
  access: number,
): string | undefined {
  if (!STATUSES.has(status)) return `status ${(status >>> 0).toString(16)}`;
  if (status !== STATUS.SUCCESS) return reply.byteLength === 0 ? undefined : "a failure with a reply";
  if (reply.byteLength > capacity) return `a reply of ${reply.byteLength} bytes`;
  if (error === undefined || !ERRORS.includes(error)) return error ?? "no error";
  const needed = (codeOf(name) >> 14) & 3;
  return (access & needed) === needed ? undefined : "a right that the client has not";
}

function sendOne(next: Next, sessions: readonly Session[]): string {
  if (next(4) === 0) invokeXdp(next(3), FRAMES[pick(next, FRAME_NAMES)]);
  const session = pick(next, sessions);
  const handles = pick(next, [...sessions.map(({ handles }) => handles), session.handles, session.handles]);
  const sent = makeRequest(next, handles);
  const code = next(50) === 0 ? next(2 ** 31) : codeOf(sent.name);
  const answer = call(session.client, code, sent.bytes, sent.capacity);
  const wrong = code === codeOf(sent.name) ? fault(answer, sent, session.access) : undefined;
  if (wrong !== undefined) throw new Error(`${sent.name}: ${wrong}`);
  if (answer.error === "None" && code === codeOf(sent.name)) {
    if (sent.name === "MAP_CREATE") session.handles.maps.push(field(answer, 1));
    if (sent.name === "PROGRAM_CREATE") session.handles.programs.push(field(answer, 1));
    if (sent.name === "LINK_CREATE") session.handles.links.push(field(answer, 1));
    if (sent.name === "OBJECT_OPEN")
      [session.handles.programs, session.handles.maps, session.handles.links][(sent.bytes[0] ?? 0) - 1]?.push(
        field(answer, 1),
      );
  }
  return `${sent.name} ${answer.error ?? (answer.status >>> 0).toString(16)}`;
}

/** One case; how its requests ended. Throws if something is wrong. */
export function dispatchCase(seed: number): readonly string[] {
  const next = spread(generator(seed));
  const before = countAllocations();
  initiate();
  setPresent("xdp", true);
  const sessions = [ACCESS.READ | ACCESS.WRITE, next(4) === 0 ? ACCESS.READ : ACCESS.READ | ACCESS.WRITE].map(
    (access): Session => ({
      client: openClient(access),
      access,
      handles: { maps: [], programs: [], links: [] },
    }),
  );
  // Most programs ask for maps of the types they were written for; these are there from the start.
  for (const session of sessions) {
    for (const type of [MAP_TYPES.array, MAP_TYPES.hash]) {
      const wanted = concat(request(type, 4, 8, 4, 0), nameBytes("map"));
      const answer = call(session.client, codeOf("MAP_CREATE"), wanted, REPLY.handle);
      if (answer.error === "None") session.handles.maps.push(field(answer, 1));
    }
  }
  const outcomes = Array.from({ length: REQUESTS }, () => sendOne(next, sessions));
  // Who closes its file, and who is cut off.
  if (next(2) === 0) for (const { client } of sessions) closeClient(client);
  terminate();
  const left = countAllocations() - before;
  if (left !== 0) throw new Error(`${left} allocations are left`);
  return outcomes;
}

/** Every code has a maker here. */
export const makersAreComplete = (): boolean =>
  [...CODES.keys()].every((name) => name in MAKERS) && CODES.size === Object.keys(MAKERS).length;
