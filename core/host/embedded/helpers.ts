// The helpers that the embedded host implements, one row a name; platform tables give the numbers and the prototypes.
// Arguments and results travel as image/abi.ts says. Arguments were proved right by the verifier.
import { Buffer } from "node:buffer";
import { uptime } from "node:os";
import { EbpfError, InternalError } from "../../base/error.ts";
import { fromHalves } from "../../base/int.ts";
import type { ContextDescriptor, Helper } from "../../platform/platform.ts";
import { createAdjustHead } from "./adjust-head.ts";
import type { Lane } from "./lane.ts";
import { MAP_ERROR, type MapAccess, type RingAccess } from "./maps/map.ts";
import { ringOf } from "./maps/ring.ts";
import type { MemoryViews } from "./memory.ts";
import type { TailCalls } from "./tail-calls.ts";
import { formatTrace, openTraceWriter } from "./trace.ts";

export interface HelperEnvironment {
  readonly views: MemoryViews;
  readonly lane: Lane;
  /** Of the program's type. */
  readonly context: ContextDescriptor;
  /** By index in the program. */
  readonly maps: readonly MapAccess[];
  readonly tailCalls?: TailCalls;
}

export type HelperFunction = (...halves: number[]) => number;

interface Results {
  /** A number of at most 32 bits that C widens with its sign. */
  signed(value: number): number;
  unsigned(value: number): number;
  wide(value: bigint): number;
}

type HelperMaker = (environment: HelperEnvironment, results: Results) => HelperFunction;

/** memcpy_s and its kin answer with C's error numbers: EINVAL, ERANGE. */
const EINVAL = 22;
const ERANGE = 34;

const HELPERS: Readonly<Record<string, HelperMaker>> = {
  map_lookup_elem: ({ maps }) => {
    return (map, key) => maps[map - 1]!.lookup(key);
  },
  map_update_elem: ({ maps }, { signed }) => {
    return (map, key, value, flags, flagsHigh) =>
      signed(flagsHigh === 0 ? maps[map - 1]!.update(key, value, flags) : MAP_ERROR.invalid);
  },
  map_delete_elem: ({ maps }, { signed }) => {
    return (map, key) => signed(maps[map - 1]!.remove(key));
  },
  tail_call: ({ maps, tailCalls }, { signed }) => {
    return (_context, map, index) =>
      signed(tailCalls === undefined ? MAP_ERROR.notFound : tailCalls.request(maps[map - 1]!, index));
  },
  map_push_elem: ({ maps }, { signed }) => {
    return (map, value, flags, flagsHigh) =>
      signed(flagsHigh === 0 ? maps[map - 1]!.queue!.push(value, flags) : MAP_ERROR.invalid);
  },
  map_pop_elem: ({ maps }, { signed }) => {
    return (map, value) => signed(maps[map - 1]!.queue!.take(value, true));
  },
  map_peek_elem: ({ maps }, { signed }) => {
    return (map, value) => signed(maps[map - 1]!.queue!.take(value, false));
  },
  ringbuf_output: ({ maps }, { signed }) => {
    return (map, data, size, flags, flagsHigh) =>
      signed(flagsHigh === 0 ? maps[map - 1]!.ring!.output(data, size >>> 0, flags) : MAP_ERROR.invalid);
  },
  ringbuf_reserve: ({ maps }) => {
    return (map, size, flags, flagsHigh) =>
      (flags | flagsHigh) === 0 ? maps[map - 1]!.ring!.reserve(size >>> 0) : 0;
  },
  ringbuf_submit: (environment, { signed }) => {
    return (record, flags) => {
      ringHolding(environment, record).submit(record, flags);
      return signed(0);
    };
  },
  ringbuf_discard: (environment, { signed }) => {
    return (record, flags) => {
      ringHolding(environment, record).discard(record, flags);
      return signed(0);
    };
  },
  ringbuf_query: ({ maps }, { wide }) => {
    return (map, what) => wide(maps[map - 1]!.ring!.query(what));
  },
  xdp_adjust_head: ({ views, lane, context }, { signed }) => {
    const adjust = createAdjustHead(views, lane, context);
    return (address, delta) => signed(adjust(address, delta));
  },
  ktime_get_ns: (_, { wide }) => {
    return () => wide(process.hrtime.bigint());
  },
  ktime_get_boot_ns: (_, { wide }) => {
    return () => wide(BigInt(Math.round(uptime() * 1e9)));
  },
  ktime_get_ms: (_, { wide }) => {
    return () => wide(process.hrtime.bigint() / 1_000_000n);
  },
  ktime_get_boot_ms: (_, { wide }) => {
    return () => wide(BigInt(Math.round(uptime() * 1e3)));
  },
  get_prandom_u32: (_, { unsigned }) => {
    return () => unsigned(Math.floor(Math.random() * 2 ** 32) | 0);
  },
  get_smp_processor_id: ({ lane }, { unsigned }) => {
    return () => unsigned(lane.index);
  },
  get_current_pid_tgid: ({ lane }, { wide }) => {
    const value = (BigInt(process.pid) << 32n) | BigInt(process.pid + lane.index);
    return () => wide(value);
  },
  csum_diff: ({ views }, { wide }) => {
    return (from, fromSize, to, toSize, seed) =>
      wide(BigInt(checksumDifference(views.data, from, fromSize, to, toSize, seed)));
  },
  memcpy_s: ({ views }, { signed }) => copy(views.bytes, signed, "disjoint"),
  memmove_s: ({ views }, { signed }) => copy(views.bytes, signed, "any"),
  memset: ({ views }, { unsigned }) => {
    return (destination, size, value) => {
      views.bytes.fill(value, destination, destination + size);
      return unsigned(destination);
    };
  },
  memcmp_s: ({ views }, { signed }) => {
    return (left, leftSize, right, rightSize) =>
      signed(compare(views.bytes, left, leftSize, right, rightSize));
  },
  strncpy_s: ({ views }, { signed }) => {
    return (destination, size, source, count) =>
      signed(copyString(views.bytes, destination, size, 0, source, count));
  },
  strncat_s: ({ views }, { signed }) => {
    return (destination, size, source, count) => {
      const end = stringLength(views.bytes, destination, size);
      return signed(copyString(views.bytes, destination, size, end, source, count));
    };
  },
  strnlen_s: ({ views }, { unsigned }) => {
    return (text, size) => unsigned(stringLength(views.bytes, text, size));
  },
  trace_printk: printf,
  trace_printk2: printf,
  trace_printk3: printf,
  trace_printk4: printf,
  trace_printk5: printf,
};

/** HelperUnsupported if this host does not implement the helper. */
export function bindHelper(helper: Helper, environment: HelperEnvironment): HelperFunction {
  const maker = HELPERS[helper.name];
  if (maker === undefined) throw unsupported(helper);
  return maker(environment, resultsOf(environment));
}

export function isHelperSupported(helper: Helper): boolean {
  return HELPERS[helper.name] !== undefined;
}

export function unsupported(helper: Helper): EbpfError {
  return new EbpfError("HelperUnsupported", `helper ${helper.name} is not implemented by the embedded host`, {
    target: helper.name,
    details: { id: helper.id },
  });
}

/** A record says itself which map it is of. */
function ringHolding({ views, maps }: HelperEnvironment, record: number): RingAccess {
  const address = ringOf(views, record);
  const ring = maps.find(({ descriptor }) => descriptor.address === address)?.ring;
  if (ring === undefined) throw new InternalError("a record of no map of the program");
  return ring;
}

/** Leaves the high half where the engines look for it. */
function resultsOf({ views, lane }: HelperEnvironment): Results {
  const { words } = views;
  const high = (lane.resultAddress + 4) >>> 2;
  return {
    signed(value) {
      words[high] = value >> 31;
      return value | 0;
    },
    unsigned(value) {
      words[high] = 0;
      return value | 0;
    },
    wide(value) {
      words[high] = Number(BigInt.asIntN(32, value >> 32n));
      return Number(BigInt.asIntN(32, value));
    },
  };
}

/** C11 K.3.7.1.1: on a constraint violation the destination is zeroed, and the answer says why. */
function copy(
  bytes: Uint8Array,
  signed: (value: number) => number,
  overlap: "disjoint" | "any",
): HelperFunction {
  return (destination, destinationSize, source, sourceSize) => {
    const overlaps = destination < source + sourceSize && source < destination + destinationSize;
    if (sourceSize > destinationSize || (overlap === "disjoint" && overlaps && sourceSize > 0)) {
      bytes.fill(0, destination, destination + destinationSize);
      return signed(sourceSize > destinationSize ? ERANGE : EINVAL);
    }
    bytes.copyWithin(destination, source, source + sourceSize);
    return signed(0);
  };
}

/** As memcmp over the shorter length; where that is equal, the shorter one is less. */
function compare(
  bytes: Uint8Array,
  left: number,
  leftSize: number,
  right: number,
  rightSize: number,
): number {
  const common = Math.min(leftSize, rightSize);
  for (let index = 0; index < common; index++) {
    const difference = bytes[left + index]! - bytes[right + index]!;
    if (difference !== 0) return difference;
  }
  return leftSize - rightSize;
}

/** Appends to the `end` bytes there are; C11 K.3.7.1.4: what does not fit, with its zero, leaves an empty string. */
function copyString(
  bytes: Uint8Array,
  destination: number,
  size: number,
  end: number,
  source: number,
  count: number,
): number {
  if (size === 0) return EINVAL;
  const length = stringLength(bytes, source, count);
  if (end + length >= size) {
    bytes[destination] = 0;
    return end === size ? EINVAL : ERANGE;
  }
  bytes.copyWithin(destination + end, source, source + length);
  bytes[destination + end + length] = 0;
  return 0;
}

/** Answers how many bytes were printed. */
function printf({ views, lane }: HelperEnvironment, { signed }: Results): HelperFunction {
  const writer = openTraceWriter(views, lane);
  return (format, size, ...halves) => {
    const length = stringLength(views.bytes, format, size);
    const text = Buffer.from(views.bytes.slice(format, format + length)).toString("latin1");
    const values: bigint[] = [];
    for (let index = 0; index + 1 < halves.length; index += 2) {
      values.push(fromHalves(halves[index] ?? 0, halves[index + 1] ?? 0));
    }
    const line = formatTrace(text, values);
    writer.write(line);
    return signed(line.length);
  };
}

function stringLength(bytes: Uint8Array, text: number, size: number): number {
  for (let length = 0; length < size; length++) if (bytes[text + length] === 0) return length;
  return size;
}

/**
 * The ones' complement sum of `to` minus that of `from`, plus the seed, folded to 16 bits (RFC 1624); -EINVAL if a
 * length is no multiple of 4. A null pointer stands for no bytes.
 */
function checksumDifference(
  data: DataView,
  from: number,
  fromSize: number,
  to: number,
  toSize: number,
  seed: number,
): number {
  if ((fromSize & 3) !== 0 || (toSize & 3) !== 0) return -EINVAL;
  let sum = seed >>> 0;
  if (to !== 0) for (let at = to; at < to + toSize; at += 2) sum += data.getUint16(at, true);
  if (from !== 0) for (let at = from; at < from + fromSize; at += 2) sum += 0xffff - data.getUint16(at, true);
  while (sum > 0xffff) sum = Math.floor(sum / 0x10000) + (sum % 0x10000);
  return sum;
}
