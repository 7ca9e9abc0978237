// The requests of driver/ioctl.h and their replies, as bytes; who sends them is another matter. Codes and errors are read from
// the header itself.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { MapDefinition } from "./driver-maps.ts";

const HEADER = readFileSync(join(import.meta.dirname, "..", "..", "driver", "ioctl.h"), "utf8");

function constant(name: string): number {
  const [, text = ""] = new RegExp(`^#define ${name} (0x[0-9A-F]+|\\d+)`, "m").exec(HEADER) ?? [];
  if (text === "") throw new Error(`driver/ioctl.h does not define ${name}`);
  return Number(text);
}

/** Bits of the access that a client has, or that a code asks for. */
export const ACCESS = { READ: 1, WRITE: 2 } as const;

const DEVICE = constant("EBPF_DEVICE_TYPE");
const CODE_ROW = /^#define EBPF_IOCTL_(\w+) EBPF_IOCTL\((\d+), EBPF_ACCESS_(READ|WRITE)\)$/gm;

/** Control codes by name, as CTL_CODE makes them. */
export const CODES: ReadonlyMap<string, number> = new Map(
  [...HEADER.matchAll(CODE_ROW)].map(([, name = "", number, access]) => {
    const bits = ACCESS[access as keyof typeof ACCESS];
    return [name, ((DEVICE << 16) | (bits << 14) | ((0x800 + Number(number)) << 2)) >>> 0];
  }),
);

/** Names of errors by number. */
export const ERRORS: readonly string[] = [...HEADER.matchAll(/^ +ROW\((\d+), (\w+)\)/gm)].map(
  ([, number, name = ""], index) => {
    if (Number(number) !== index) throw new Error(`error ${name} is not number ${index}`);
    return name;
  },
);

export const MAXIMUM_BUDGET = constant("EBPF_MAXIMUM_BUDGET");

/** Fixed parts of replies, in bytes. */
export const REPLY = {
  error: 4,
  handle: 12,
  next: 8,
  status: 32,
  info: 424,
  hook: 64,
  data: 16,
  create: 32,
  run: 48,
} as const;

export function codeOf(name: string): number {
  const code = CODES.get(name);
  if (code === undefined) throw new Error(`driver/ioctl.h has no ${name}`);
  return code;
}

export const request = (...fields: readonly number[]): Uint8Array =>
  new Uint8Array(Uint32Array.from(fields).buffer);

const join2 = (...parts: readonly Uint8Array[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => [...part]));

export interface Request {
  readonly code: number;
  readonly bytes: Uint8Array;
  /** How many bytes the reply may have. */
  readonly capacity: number;
}

const ask = (code: string, bytes: Uint8Array, capacity: number): Request => ({
  code: codeOf(code),
  bytes,
  capacity,
});

export const NAME_BYTES = constant("EBPF_NAME_BYTES");

/** A name as a request has it. Throws if it is too long for one. */
export function nameBytes(name: string): Uint8Array {
  const bytes = new Uint8Array(NAME_BYTES);
  bytes.set(new TextEncoder().encode(name));
  return bytes;
}

/** Where OBJECT_INFO has what is no field of 32 bits. */
const INFO = { runs: 320, nanoseconds: 328, faults: 336, name: 344 } as const;

/** The rest of OBJECT_INFO: the name, and what was counted. */
export function readInfo({ reply }: Answer) {
  const bytes = new Uint8Array(reply.buffer, reply.byteOffset + INFO.name, NAME_BYTES);
  return {
    name: new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0))),
    runs: Number(reply.getBigUint64(INFO.runs, true)),
    nanoseconds: Number(reply.getBigUint64(INFO.nanoseconds, true)),
    faults: Number(reply.getBigUint64(INFO.faults, true)),
  };
}

/** Requests by what they ask. */
export const make = {
  status: () => ask("STATUS", new Uint8Array(0), REPLY.status),
  next: (type: number, id: number) => ask("OBJECT_NEXT", request(type, id), REPLY.next),
  open: (type: number, id: number) => ask("OBJECT_OPEN", request(type, id), REPLY.handle),
  info: (handle: number) => ask("OBJECT_INFO", request(handle), REPLY.info),
  close: (handle: number) => ask("OBJECT_CLOSE", request(handle), REPLY.error),
  statistics: (enabled: number) => ask("STATISTICS", request(enabled), REPLY.error),
  createMap: ({ type, keySizeBytes, valueSizeBytes, maxEntries, flags = 0 }: MapDefinition, name = "") =>
    ask(
      "MAP_CREATE",
      join2(request(type, keySizeBytes, valueSizeBytes, maxEntries, flags), nameBytes(name)),
      REPLY.handle,
    ),
  lookup: (handle: number, key: Uint8Array, capacity = 4096) =>
    ask("MAP_LOOKUP", join2(request(handle, 0, key.length, 0), key), REPLY.data + capacity),
  update: (handle: number, key: Uint8Array, value: Uint8Array, flags = 0) =>
    ask("MAP_UPDATE", join2(request(handle, flags, key.length, value.length), key, value), REPLY.error),
  delete: (handle: number, key: Uint8Array) =>
    ask("MAP_DELETE", join2(request(handle, 0, key.length, 0), key), REPLY.error),
  nextKey: (handle: number, key: Uint8Array | undefined, capacity = 64) =>
    ask(
      "MAP_NEXT_KEY",
      join2(request(handle, 0, key?.length ?? 0, 0), key ?? new Uint8Array(0)),
      REPLY.data + capacity,
    ),
  freeze: (handle: number) => ask("MAP_FREEZE", request(handle), REPLY.error),
  readRing: (handle: number, capacity = 256) => ask("RING_READ", request(handle), REPLY.data + capacity),
  nextHook: (attachType: number) => ask("HOOK_NEXT", request(attachType), REPLY.hook),
  createLink: (program: number, attachType = 1, point = 0) =>
    ask("LINK_CREATE", request(program, attachType, point, 0), REPLY.handle),
  replaceLink: (link: number, program: number) => ask("LINK_REPLACE", request(link, program), REPLY.error),
  detachLink: (link: number) => ask("LINK_DETACH", request(link), REPLY.error),
  readLog: () => ask("LOG_READ", new Uint8Array(0), REPLY.data + 256),
  createProgram: (
    bytecode: Uint8Array,
    {
      maps = [],
      engine = 0,
      type = 1,
      section = "xdp",
      certificate = new Uint8Array(0),
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
    ask(
      "PROGRAM_CREATE",
      join2(
        request(type, engine, maps.length, bytecode.length >> 3, section.length, certificate.length),
        nameBytes(name),
        request(...maps),
        bytecode,
        new TextEncoder().encode(section),
        certificate,
      ),
      REPLY.create,
    ),
  run: (handle: number, packet: Uint8Array, repeat = 1, budget = MAXIMUM_BUDGET) =>
    ask(
      "PROGRAM_RUN",
      join2(request(handle, packet.length, 7, repeat, budget, 0), packet),
      REPLY.run + packet.length,
    ),
  runOn: (handle: number, context: Uint8Array, packet: Uint8Array = new Uint8Array(0)) =>
    ask(
      "PROGRAM_RUN",
      join2(request(handle, packet.length, 0, 1, MAXIMUM_BUDGET, context.length), packet, context),
      REPLY.run + packet.length + context.length,
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
  const number = reply.getUint32(0, true);
  return { status, error: ERRORS[number] ?? `unknown error ${number}`, reply };
}

/** The field at a place of the reply; of MAP_CREATE, OBJECT_OPEN, PROGRAM_CREATE 1 is the handle and 2 the number. */
export const field = ({ reply }: Answer, index: number): number => reply.getUint32(index * 4, true);

/** What follows the fixed part of a reply with data. */
export const dataOf = ({ reply }: Answer, fixed: number = REPLY.data): Uint8Array =>
  new Uint8Array(reply.buffer, reply.byteOffset + fixed, reply.byteLength - fixed).slice();
