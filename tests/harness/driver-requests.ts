// Requests of the driver for tests that ask it anything, also what no client of the core asks, as bytes; who sends them is
// another matter. What the bytes mean is in the core's wire.ts.

import { layoutOf, type Structure } from "../../core/host/kernel/structure.ts";
import {
  ERRORS as DRIVER_ERRORS,
  decodeReply,
  encodeRequest,
  type Fields,
  MAXIMUM,
  NAME_BYTES,
  REQUESTS,
  type RequestName,
  replyBytes,
  STRUCTURES,
} from "../../core/host/kernel/wire.ts";
import type { MapDefinition } from "./driver-maps.ts";

export { ACCESS } from "../../core/host/kernel/wire.ts";

/** Names of errors by number. */
export const ERRORS: readonly string[] = DRIVER_ERRORS;

/** Control codes by name. */
export const CODES: ReadonlyMap<string, number> = new Map(
  Object.entries(REQUESTS).map(([name, { code }]) => [name, code]),
);

export const MAXIMUM_BUDGET: number = MAXIMUM.BUDGET;

/** Fixed parts of replies, in bytes. */
export const REPLY = {
  error: replyBytes("OBJECT_CLOSE"),
  handle: replyBytes("OBJECT_OPEN"),
  next: replyBytes("OBJECT_NEXT"),
  status: replyBytes("STATUS"),
  info: replyBytes("OBJECT_INFO"),
  hook: replyBytes("HOOK_NEXT"),
  data: replyBytes("MAP_LOOKUP"),
  ring: replyBytes("RING_READ"),
  batch: replyBytes("MAP_LOOKUP_BATCH"),
  create: replyBytes("PROGRAM_CREATE"),
  run: replyBytes("PROGRAM_RUN"),
} as const;

export function codeOf(name: string): number {
  const code = CODES.get(name);
  if (code === undefined) throw new Error(`there is no request ${name}`);
  return code;
}

/** Numbers of 4 bytes, of which requests are made. */
export const request = (...fields: readonly number[]): Uint8Array =>
  new Uint8Array(Uint32Array.from(fields).buffer);

export interface Request {
  readonly code: number;
  readonly bytes: Uint8Array;
  /** How many bytes the reply may have. */
  readonly capacity: number;
}

/** `more` is how many bytes may follow the reply's fixed part. */
const ask = <R extends RequestName>(
  name: R,
  fields: Fields<R>,
  parts: readonly Uint8Array[] = [],
  more = 0,
): Request => ({
  code: REQUESTS[name].code,
  bytes: encodeRequest(name, fields, parts),
  capacity: replyBytes(name) + more,
});

const NONE: Uint8Array = new Uint8Array(0);
const ofKey = (handle: number, key: Uint8Array, value: Uint8Array = NONE, flags = 0) => ({
  ...{ handle, flags, keyBytes: key.length, valueBytes: value.length },
});

/** A name as a request has it, also one that the driver refuses; throws if there is no room for it. */
export function nameBytes(name: string): Uint8Array {
  const bytes = new Uint8Array(NAME_BYTES);
  bytes.set(new TextEncoder().encode(name));
  return bytes;
}

/** The same request with that name, as it is. */
function named(name: string, structure: Structure, made: Request): Request {
  made.bytes.set(nameBytes(name), layoutOf(structure).get("name")?.offset);
  return made;
}

/** Requests by what they ask. */
export const make = {
  status: () => ask("STATUS", {}),
  next: (type: number, id: number) => ask("OBJECT_NEXT", { type, id }),
  open: (type: number, id: number) => ask("OBJECT_OPEN", { type, id }),
  info: (handle: number) => ask("OBJECT_INFO", { handle }),
  close: (handle: number) => ask("OBJECT_CLOSE", { handle }),
  statistics: (enabled: number) => ask("STATISTICS", { enabled }),
  createMap: ({ type, keySizeBytes, valueSizeBytes, maxEntries, flags = 0 }: MapDefinition, name = "") =>
    named(
      name,
      STRUCTURES.MAP_CREATE_REQUEST,
      ask("MAP_CREATE", {
        map: { type, keyBytes: keySizeBytes, valueBytes: valueSizeBytes, maxEntries, flags },
        name: "",
      }),
    ),
  lookup: (handle: number, key: Uint8Array, capacity = 4096) =>
    ask("MAP_LOOKUP", ofKey(handle, key), [key], capacity),
  update: (handle: number, key: Uint8Array, value: Uint8Array, flags = 0) =>
    ask("MAP_UPDATE", ofKey(handle, key, value, flags), [key, value]),
  delete: (handle: number, key: Uint8Array) => ask("MAP_DELETE", ofKey(handle, key), [key]),
  nextKey: (handle: number, key: Uint8Array | undefined, capacity = 64) =>
    ask("MAP_NEXT_KEY", ofKey(handle, key ?? NONE), [key ?? NONE], capacity),
  lookupBatch: (handle: number, cursor = 0n, capacity = 4096) =>
    ask("MAP_LOOKUP_BATCH", { handle, reserved: 0, cursor }, [], capacity),
  freeze: (handle: number) => ask("MAP_FREEZE", { handle }),
  nextHook: (attachType: number) => ask("HOOK_NEXT", { attachType }),
  createLink: (program: number, attachType = 1, point = 0) =>
    ask("LINK_CREATE", { programHandle: program, attachType, point, reserved: 0 }),
  replaceLink: (link: number, program: number) =>
    ask("LINK_REPLACE", { handle: link, programHandle: program }),
  detachLink: (link: number) => ask("LINK_DETACH", { handle: link }),
  readRing: (handle: number, capacity = 256, maximumRecords = 1) =>
    ask("RING_READ", { handle, maximumRecords }, [], capacity),
  waitForRing: (handle: number, milliseconds = 0) => ask("RING_WAIT", { handle, milliseconds }),
  readLog: () => ask("LOG_READ", {}, [], 256),
  createProgram: (
    bytecode: Uint8Array,
    {
      maps = [],
      engine = 0,
      type = 1,
      section = "xdp",
      certificate = NONE,
      name = "",
    }: {
      maps?: readonly number[];
      engine?: number;
      type?: number;
      section?: string;
      certificate?: Uint8Array;
      name?: string;
    } = {},
  ) =>
    named(
      name,
      STRUCTURES.PROGRAM_CREATE_REQUEST,
      ask(
        "PROGRAM_CREATE",
        {
          programType: type,
          engine,
          mapCount: maps.length,
          slotCount: bytecode.length >> 3,
          sectionBytes: section.length,
          certificateBytes: certificate.length,
          name: "",
        },
        [request(...maps), bytecode, new TextEncoder().encode(section), certificate],
      ),
    ),
  run: (handle: number, packet: Uint8Array, repeat = 1, budget = MAXIMUM_BUDGET) =>
    ask(
      "PROGRAM_RUN",
      { handle, packetBytes: packet.length, interfaceIndex: 7, repeat, budget, contextBytes: 0 },
      [packet],
      packet.length + MAXIMUM.HEADROOM_BYTES,
    ),
  runOn: (handle: number, context: Uint8Array, packet: Uint8Array = NONE) =>
    ask(
      "PROGRAM_RUN",
      {
        ...{ handle, packetBytes: packet.length, interfaceIndex: 0, repeat: 1 },
        ...{ budget: MAXIMUM_BUDGET, contextBytes: context.length },
      },
      [packet, context],
      packet.length + context.length,
    ),
} as const;

/** What came back: a status of the system, and if that is success a reply. */
export interface Answer {
  readonly status: number;
  /** Of a request that was one. */
  readonly error?: string;
  readonly reply: DataView;
}

export function answerOf(status: number, reply: DataView): Answer {
  if (status !== 0) return { status, reply };
  const bytes = new Uint8Array(reply.buffer, reply.byteOffset, reply.byteLength);
  // Every reply begins with its error.
  const number = decodeReply("OBJECT_CLOSE", bytes)?.reply.error ?? -1;
  return { status, error: ERRORS[number] ?? `unknown error ${number}`, reply };
}

/** The field at a place of the reply; of MAP_CREATE, OBJECT_OPEN, PROGRAM_CREATE 1 is the handle and 2 the number. */
export const field = ({ reply }: Answer, index: number): number => reply.getUint32(index * 4, true);

/** The handle of an answer that must be one. */
export function handleOf(answer: Answer): number {
  if (answer.error !== "None") throw new Error(answer.error ?? `status ${answer.status}`);
  return field(answer, 1);
}

/** What follows the fixed part of a reply with data. */
export const dataOf = ({ reply }: Answer, fixed: number = REPLY.data): Uint8Array =>
  new Uint8Array(reply.buffer, reply.byteOffset + fixed, reply.byteLength - fixed).slice();

/** Records of a reply of RING_READ. */
export function recordsOf(answer: Answer): { readonly processor: number; readonly data: Uint8Array }[] {
  const bytes = dataOf(answer, REPLY.ring);
  const view = new DataView(bytes.buffer);
  const records = [];
  for (let at = 0; at < bytes.length; ) {
    const [size, processor] = [view.getUint32(at, true), view.getUint32(at + 4, true)];
    records.push({ processor, data: bytes.slice(at + 8, at + 8 + size) });
    at += 8 + Math.ceil(size / 8) * 8;
  }
  if (records.length !== field(answer, 2))
    throw new Error(`${records.length} records, said ${field(answer, 2)}`);
  return records;
}

/** What STATUS says of memory, in bytes: this client's and all clients', and how much each may be. */
export function readMemory({ reply }: Answer) {
  const bytes = new Uint8Array(reply.buffer, reply.byteOffset, reply.byteLength);
  const status = decodeReply("STATUS", bytes)?.reply;
  if (status === undefined) throw new Error("no reply of STATUS");
  return {
    client: Number(status.clientMemoryBytes),
    clientLimit: Number(status.clientMemoryLimitBytes),
    total: Number(status.memoryBytes),
    totalLimit: Number(status.memoryLimitBytes),
  };
}

/** The name of OBJECT_INFO, and what was counted. */
export function readInfo({ reply }: Answer) {
  const bytes = new Uint8Array(reply.buffer, reply.byteOffset, reply.byteLength);
  const info = decodeReply("OBJECT_INFO", bytes)?.reply;
  if (info === undefined) throw new Error("no reply of OBJECT_INFO");
  const { name, runCount, runNanoseconds, faultCount, memoryBytes } = info;
  return {
    name,
    runs: Number(runCount),
    nanoseconds: Number(runNanoseconds),
    faults: Number(faultCount),
    memoryBytes: Number(memoryBytes),
  };
}
