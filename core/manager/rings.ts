// Records of ring buffers as people and programs of people read them: JSON by a type of the object, or hex. What is read is gone.
import { setImmediate } from "node:timers/promises";
import { EbpfError } from "../base/error.ts";
import { printHex } from "../base/hex.ts";
import { sizeOfType } from "../btf/resolve.ts";
import type { BtfTypes } from "../btf/types.ts";
import { readValue } from "../btf/value.ts";
import type { RingBuffer } from "../host/host.ts";
import { numberOfOther } from "./others.ts";
import type { RingRecord } from "./records.ts";
import type { LiveMap, Registry } from "./registry.ts";

export interface ReadRing {
  readonly id: number;
  /** At most so many records. */
  readonly limit?: number;
  /** How long to wait for the first one; without it, not at all. */
  readonly milliseconds?: number;
  /** Name of the record's type in the object's BTF. */
  readonly type?: string;
}

const LIMIT = 256;
/** An answer holds no more than about that, whatever was asked for; the rest stays. */
const LIMIT_BYTES = 1 << 20;
/** Taken at once. */
const STEP = 64;

/** MapOperationUnsupported if the map is no ring buffer, or another process has it in the driver, ArgumentInvalid if the object has no such type. */
export async function readRing(
  registry: Registry,
  request: ReadRing,
  signal: AbortSignal,
): Promise<RingRecord> {
  const { id, limit = LIMIT, milliseconds = 0, type } = request;
  if (numberOfOther(id) !== undefined) throw anothers(id);
  const live = registry.map(id);
  const { name } = live.map.spec;
  const { ring } = live.map;
  if (ring === undefined) {
    const text = `map ${name} is of type ${live.type.name}: only ring buffers have records`;
    throw new EbpfError("MapOperationUnsupported", text, { target: name });
  }
  const typeId = type === undefined ? undefined : typeNamed(live, type);
  let taken = take(ring, limit);
  if (taken.length === 0 && milliseconds > 0) {
    await ring.wait(milliseconds);
    // So that who went before the record came is known to have gone.
    await setImmediate();
    // It may have been removed meanwhile; or whoever asked has gone, and what is taken would be lost.
    if (registry.map(id) === live && !signal.aborted) taken = take(ring, limit);
  }
  return {
    mapId: id,
    map: name,
    dropped: ring.dropped(),
    records: taken.map((bytes) => {
      const hex = `0x${printHex(bytes)}`;
      const value = typeId === undefined ? undefined : readValue(live.btf!, typeId, bytes);
      return { value: value ?? hex, hex };
    }),
  };
}

function anothers(id: number): EbpfError {
  const text = `map ${id} is another process's: records that are read here would be missing there`;
  return new EbpfError("MapOperationUnsupported", text, { target: String(id) });
}

function take(ring: RingBuffer, limit: number): Uint8Array[] {
  const records: Uint8Array[] = [];
  for (let sizeBytes = 0; records.length < limit && sizeBytes < LIMIT_BYTES; ) {
    const taken = ring.take(Math.min(limit - records.length, STEP));
    if (taken.length === 0) break;
    records.push(...taken);
    sizeBytes += taken.reduce((sum, { length }) => sum + length, 0);
  }
  return records;
}

function typeNamed({ btf, map }: LiveMap, name: string): number {
  const index = btf === undefined ? -1 : find(btf, name);
  if (index >= 0) return index;
  throw new EbpfError("ArgumentInvalid", `the object of map ${map.spec.name} has no type ${name}`, {
    target: name,
  });
}

/** "struct event" and "event" are the same. */
function find(btf: BtfTypes, name: string): number {
  const bare = name.replace(/^(struct|union|enum) /, "");
  return btf.types.findIndex(
    (type, id) => "name" in type && type.name === bare && sizeOfType(btf, id) !== undefined,
  );
}
