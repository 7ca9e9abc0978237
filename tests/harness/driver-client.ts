// A client of the driver as user mode sees it: requests of driver/ioctl.h, answered by the dispatch of the portable core,
// which is compiled for this machine. Codes and errors are read from the header itself.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { library, STATUS } from "./driver.ts";
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
  info: 316,
  data: 16,
  create: 32,
  run: 48,
} as const;

const dispatchInitiate = library.func("void DispatchInitiate(const void*)");
const dispatchTerminate = library.func("void DispatchTerminate()");
const dispatchCall = library.func("int32 DispatchCall(void*, uint32, void*, uint32, uint32, _Out_ uint32*)");
const clientOpen = library.func("void *ClientOpen(uint32)");
const clientClose = library.func("void ClientClose(void*)");

/** Starts the dispatch anew. */
export function initiate(allowUncertified = false): void {
  dispatchInitiate(Uint8Array.of(allowUncertified ? 1 : 0));
}

/** What unloading does: closes what is open and frees what can be freed. */
export const terminate: () => void = dispatchTerminate;

export interface Client {
  readonly address: bigint;
}

/** Undefined if there was no memory. */
export function tryOpenClient(access: number = ACCESS.READ | ACCESS.WRITE): Client | undefined {
  const address = clientOpen(access) as bigint | null;
  return address === null ? undefined : { address };
}

export function openClient(access?: number): Client {
  const client = tryOpenClient(access);
  if (client === undefined) throw new Error("no memory for a client");
  return client;
}

export const closeClient = (client: Client): void => clientClose(client.address);

export interface Answer {
  readonly status: number;
  /** Of a request that was one. */
  readonly error?: string;
  readonly reply: DataView;
}

/** Memory of exactly that size, outside of the engine's own heap, so that AddressSanitizer sees its ends. */
const allocate = (sizeBytes: number): Uint8Array => new Uint8Array(new ArrayBuffer(sizeBytes));

/** One request, whose reply may have `capacity` bytes. */
export function call(client: Client, code: number, request: Uint8Array, capacity: number): Answer {
  const buffer = allocate(Math.max(request.length, capacity, 8));
  // What the I/O manager has there is not zeros.
  buffer.fill(0xa5);
  buffer.set(request);
  const size = [0];
  const status = dispatchCall(client.address, code, buffer, request.length, capacity, size);
  const reply = new DataView(buffer.buffer, 0, size[0]);
  if (status !== STATUS.SUCCESS) return { status, reply };
  const number = reply.getUint32(0, true);
  return { status, error: ERRORS[number] ?? `unknown error ${number}`, reply };
}

export function codeOf(name: string): number {
  const code = CODES.get(name);
  if (code === undefined) throw new Error(`driver/ioctl.h has no ${name}`);
  return code;
}

export const request = (...fields: readonly number[]): Uint8Array =>
  new Uint8Array(Uint32Array.from(fields).buffer);

const join2 = (...parts: readonly Uint8Array[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => [...part]));

/** Requests by what they ask; each answers as `call` does. */
export const ask = {
  status: (client: Client) => call(client, codeOf("STATUS"), new Uint8Array(0), REPLY.status),
  next: (client: Client, type: number, id: number) =>
    call(client, codeOf("OBJECT_NEXT"), request(type, id), REPLY.next),
  open: (client: Client, type: number, id: number) =>
    call(client, codeOf("OBJECT_OPEN"), request(type, id), REPLY.handle),
  info: (client: Client, handle: number) => call(client, codeOf("OBJECT_INFO"), request(handle), REPLY.info),
  close: (client: Client, handle: number) =>
    call(client, codeOf("OBJECT_CLOSE"), request(handle), REPLY.error),
  createMap: (client: Client, { type, keySizeBytes, valueSizeBytes, maxEntries, flags = 0 }: MapDefinition) =>
    call(
      client,
      codeOf("MAP_CREATE"),
      request(type, keySizeBytes, valueSizeBytes, maxEntries, flags),
      REPLY.handle,
    ),
  lookup: (client: Client, handle: number, key: Uint8Array, capacity = 4096) =>
    call(client, codeOf("MAP_LOOKUP"), join2(request(handle, 0, key.length, 0), key), REPLY.data + capacity),
  update: (client: Client, handle: number, key: Uint8Array, value: Uint8Array, flags = 0) =>
    call(
      client,
      codeOf("MAP_UPDATE"),
      join2(request(handle, flags, key.length, value.length), key, value),
      REPLY.error,
    ),
  delete: (client: Client, handle: number, key: Uint8Array) =>
    call(client, codeOf("MAP_DELETE"), join2(request(handle, 0, key.length, 0), key), REPLY.error),
  nextKey: (client: Client, handle: number, key: Uint8Array | undefined, capacity = 64) =>
    call(
      client,
      codeOf("MAP_NEXT_KEY"),
      join2(request(handle, 0, key?.length ?? 0, 0), key ?? new Uint8Array(0)),
      REPLY.data + capacity,
    ),
  readRing: (client: Client, handle: number, capacity = 256) =>
    call(client, codeOf("RING_READ"), request(handle), REPLY.data + capacity),
  readLog: (client: Client) => call(client, codeOf("LOG_READ"), new Uint8Array(0), REPLY.data + 256),
  createProgram: (
    client: Client,
    bytecode: Uint8Array,
    {
      maps = [],
      engine = 0,
      type = 1,
      certificate = new Uint8Array(0),
    }: { maps?: readonly number[]; engine?: number; type?: number; certificate?: Uint8Array } = {},
  ) =>
    call(
      client,
      codeOf("PROGRAM_CREATE"),
      join2(
        request(type, engine, maps.length, bytecode.length >> 3, certificate.length, 0),
        request(...maps),
        bytecode,
        certificate,
      ),
      REPLY.create,
    ),
  run: (client: Client, handle: number, packet: Uint8Array, repeat = 1, budget = MAXIMUM_BUDGET) =>
    call(
      client,
      codeOf("PROGRAM_RUN"),
      join2(request(handle, packet.length, 7, repeat, budget, 0), packet),
      REPLY.run + packet.length,
    ),
} as const;

/** The field at a place of the reply; of MAP_CREATE, OBJECT_OPEN, PROGRAM_CREATE 1 is the handle and 2 the number. */
export const field = ({ reply }: Answer, index: number): number => reply.getUint32(index * 4, true);

/** What follows the fixed part of a reply with data. */
export const dataOf = ({ reply }: Answer, fixed: number = REPLY.data): Uint8Array =>
  new Uint8Array(reply.buffer, reply.byteOffset + fixed, reply.byteLength - fixed).slice();
