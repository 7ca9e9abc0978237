// Maps of the driver: an EbpfMap over a handle. Values are copies; those of per-CPU maps are all processors', each padded to 8.
import { setTimeout as sleep } from "node:timers/promises";
import { EbpfError } from "../../base/error.ts";
import { mapForKernel } from "../../program/for-kernel.ts";
import type { MapSpec } from "../../spec.ts";
import { checkMapFlags, type EbpfMap, type MapEntry, type RingBuffer } from "../host.ts";
import { type About, replyError } from "./errors.ts";
import { layoutOf, sizeOf } from "./structure.ts";
import { closeHandle, type Driver, type Tail } from "./transact.ts";
import { MAXIMUM, plainName, STRUCTURES } from "./wire.ts";

export interface KernelMap extends EbpfMap {
  readonly handle: number;
  /** Whether the driver has been stopped since. */
  isLost(): boolean;
}

interface Opened {
  readonly driver: Driver;
  readonly handle: number;
  readonly about: About;
  readonly spec: MapSpec;
}

/** Array, array of programs, per-CPU array (core/platform/windows.ts). */
const INDEXED_TYPES: ReadonlySet<number> = new Set([2, 3, 5]);

/** -E2BIG, as programs are told. */
const TOO_BIG = -7;

const UPDATE_MODE = { any: 0, noexist: 1, exist: 2 } as const;

/** Of one answer; more only if one place of the map needs it. */
const BATCH_BYTES = 65_536;

/** MapTypeUnsupported, MapDefinitionInvalid or MemoryExhausted if the driver cannot have it. */
export function createKernelMap(driver: Driver, given: MapSpec): KernelMap {
  checkMapFlags(given);
  const spec = mapForKernel(given);
  const about: About = { what: "map", name: spec.name };
  const { type, keySizeBytes: keyBytes, valueSizeBytes: valueBytes, maxEntries, flags } = spec;
  const map = { type, keyBytes, valueBytes, maxEntries, flags };
  const { handle, id } = driver.transact(about, "MAP_CREATE", { map, name: plainName(spec.name) }).reply;
  const opened = { driver, handle, about, spec: given };
  try {
    if (given.data !== undefined) writeData(opened, given.data.bytes, given.data.readOnly);
    return openKernelMap(opened, id);
  } catch (error) {
    closeHandle(driver, handle);
    throw error;
  }
}

/** The one value of a data section; a constant one is frozen, as its certificate says of it. */
function writeData(opened: Opened, bytes: Uint8Array, readOnly: boolean): void {
  const { driver, handle, about, spec } = opened;
  const value = new Uint8Array(spec.valueSizeBytes);
  value.set(bytes.subarray(0, value.length));
  update(opened, new Uint8Array(spec.keySizeBytes), value, 0);
  if (readOnly) driver.transact(about, "MAP_FREEZE", { handle });
}

function update(opened: Opened, key: Uint8Array, value: Uint8Array, flags: number): void {
  const { driver, handle, about, spec } = opened;
  const fields = { handle, flags, keyBytes: key.length, valueBytes: value.length };
  const { error } = driver.ask("MAP_UPDATE", fields, { parts: [key, value] });
  if (error === "MapKeyNotFound" && INDEXED_TYPES.has(spec.type)) {
    const text = `the key is beyond the last index of map '${spec.name}'`;
    throw new EbpfError("MapKeyNotFound", text, { target: spec.name, details: { error: TOO_BIG } });
  }
  if (error !== "None") throw replyError(error, about);
}

/** A map that has a handle already, which close() gives up. */
export function openKernelMap(opened: Opened, id: number): KernelMap {
  const { driver, handle, about, spec } = opened;
  const { mapCopyBytes } = infoOf(opened);
  const ring = hasRing(opened) ? ringOf(opened) : undefined;

  function ofKey(key: Uint8Array): { handle: number; flags: number; keyBytes: number; valueBytes: number } {
    return { handle, flags: 0, keyBytes: key.length, valueBytes: 0 };
  }
  /** Undefined if there is no such entry. */
  function lookup(key: Uint8Array): Uint8Array | undefined {
    const tail: Tail = { parts: [key], capacityBytes: mapCopyBytes };
    const { error, reply, data } = driver.ask("MAP_LOOKUP", ofKey(key), tail);
    if (error === "MapKeyNotFound") return undefined;
    if (error !== "None") throw replyError(error, about);
    return data.slice(0, reply.dataBytes);
  }
  return {
    id,
    spec,
    handle,
    copySizeBytes: mapCopyBytes,
    ...(ring === undefined ? {} : { ring }),
    lookup,
    update: (key, value, mode = "any") => update(opened, key, value, UPDATE_MODE[mode]),
    delete(key) {
      const { error } = driver.ask("MAP_DELETE", ofKey(key), { parts: [key] });
      if (error !== "None" && error !== "MapKeyNotFound") throw replyError(error, about);
      return error === "None";
    },
    entries: () => readEntries(opened, mapCopyBytes),
    count: () => infoOf(opened).mapEntries,
    isLost: () => !driver.isOpen(),
    close: () => closeHandle(driver, handle),
  };
}

/** As many entries a request as have room in its reply. */
function* readEntries({ driver, handle, about, spec }: Opened, valueBytes: number): Generator<MapEntry> {
  let [cursor, capacityBytes] = [0n, BATCH_BYTES];
  for (;;) {
    const fields = { handle, reserved: 0, cursor };
    const { error, reply, data } = driver.ask("MAP_LOOKUP_BATCH", fields, { capacityBytes });
    if (error === "ArgumentInvalid" && reply.dataBytes > capacityBytes) {
      capacityBytes = reply.dataBytes;
      continue;
    }
    // Ring buffers, queues and stacks have none to be looked at.
    if (error === "MapOperationUnsupported") return;
    if (error !== "None") throw replyError(error, about);
    const entryBytes = spec.keySizeBytes + valueBytes;
    for (let at = 0; at < reply.count * entryBytes; at += entryBytes) {
      const value = at + spec.keySizeBytes;
      yield { key: data.slice(at, value), value: data.slice(value, at + entryBytes) };
    }
    cursor = reply.cursor;
    if (cursor === 0n) return;
  }
}

/** Of eBPF for Windows (core/platform/windows.ts). */
const RING_TYPE = 13;
const hasRing = ({ spec }: Opened): boolean => spec.type === RING_TYPE;

const infoOf = ({ driver, handle, about }: Opened) => driver.transact(about, "OBJECT_INFO", { handle }).reply;

/** Of one answer; more only for a record that needs it. */
const RECORDS_BYTES = 65_536;
/** Where as many wait as may. */
const POLL_MILLISECONDS = 20;

function ringOf(opened: Opened): RingBuffer {
  const { driver, handle, about } = opened;
  function take(maximumRecords: number, capacityBytes = RECORDS_BYTES): Uint8Array[] {
    const { error, reply, data } = driver.ask("RING_READ", { handle, maximumRecords }, { capacityBytes });
    if (error === "ArgumentInvalid" && reply.dataBytes > capacityBytes)
      return take(maximumRecords, reply.dataBytes);
    if (error !== "None") throw replyError(error, about);
    return recordsOf(data.subarray(0, reply.dataBytes));
  }
  /** Whether there is a record; that there is none is told when so long is over, or earlier. */
  async function isReady(milliseconds: number): Promise<boolean> {
    const asked = driver.askWaiting("RING_WAIT", { handle, milliseconds });
    if (asked === undefined) await sleep(POLL_MILLISECONDS);
    const { error, reply } = (await asked) ?? driver.ask("RING_WAIT", { handle, milliseconds: 0 });
    if (error !== "None") throw replyError(error, about);
    return reply.ready !== 0;
  }
  return {
    take: (most) => take(most),
    async wait(milliseconds) {
      const end = performance.now() + milliseconds;
      for (let left = milliseconds; ; left = end - performance.now()) {
        const ready = await isReady(Math.min(Math.ceil(Math.max(0, left)), MAXIMUM.WAIT_MILLISECONDS));
        if (ready || performance.now() >= end) return;
      }
    },
    dropped: () => Number(infoOf(opened).mapDropped),
  };
}

const HEAD_BYTES = sizeOf(STRUCTURES.RECORD);
const SIZE_AT = layoutOf(STRUCTURES.RECORD).get("dataBytes")?.offset ?? 0;

/** Copies of what follows a reply of RING_READ. */
function recordsOf(data: Uint8Array): Uint8Array[] {
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const records: Uint8Array[] = [];
  for (let at = 0; at < data.length; ) {
    const dataBytes = view.getUint32(at + SIZE_AT, true);
    const begin = at + HEAD_BYTES;
    records.push(data.slice(begin, begin + dataBytes));
    at = begin + Math.ceil(dataBytes / 8) * 8;
  }
  return records;
}
