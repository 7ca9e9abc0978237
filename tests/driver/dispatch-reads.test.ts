// Requests that read much: all entries of a map, records of rings, and requests that wait for one.
import test from "ava";
import { decodeReply } from "../../core/host/kernel/wire.ts";
import { encode } from "../../core/isa/encode.ts";
import { parse } from "../../core/isa/parse.ts";
import { release, STATUS, setProcessor } from "../harness/driver.ts";
import {
  ask,
  type Client,
  call,
  callWaiting,
  countWakes,
  wake,
  withClient,
  withClientLong,
} from "../harness/driver-client.ts";
import { createMap, MAP_TYPES, type MapDefinition, ring } from "../harness/driver-maps.ts";
import {
  codeOf,
  dataOf,
  field,
  handleOf,
  make,
  REPLY,
  recordsOf,
  request,
} from "../harness/driver-requests.ts";

// The dispatch is one for the process, so these tests come one after the other.
const check = test.serial;

const ARRAY: MapDefinition = { type: MAP_TYPES.array, keySizeBytes: 4, valueSizeBytes: 8, maxEntries: 2 };
const HASH: MapDefinition = { ...ARRAY, type: MAP_TYPES.hash };

const u32 = (value: number): Uint8Array => request(value);
const u64 = (value: number): Uint8Array => request(value, 0);
const assemble = (text: string): Uint8Array => encode(parse(text));

/** All entries of a map by MAP_LOOKUP_BATCH, as hex, and how many requests that took. */
function readAll(client: Client, map: number, entryBytes: number, capacity?: number) {
  const entries: string[] = [];
  for (let [cursor, requests] = [0n, 1]; ; requests++) {
    const answer = ask.lookupBatch(client, map, cursor, capacity);
    const data = dataOf(answer, REPLY.batch);
    const bytes = new Uint8Array(answer.reply.buffer, answer.reply.byteOffset, answer.reply.byteLength);
    const reply = decodeReply("MAP_LOOKUP_BATCH", bytes)?.reply;
    if (answer.error !== "None" || reply === undefined) throw new Error(answer.error);
    if (reply.dataBytes !== data.length || data.length !== reply.count * entryBytes)
      throw new Error(`${reply.count} entries in ${data.length} bytes, said to be ${reply.dataBytes}`);
    for (let at = 0; at < data.length; at += entryBytes)
      entries.push(Buffer.from(data.subarray(at, at + entryBytes)).toString("hex"));
    cursor = reply.cursor;
    if (cursor === 0n) return { entries: entries.sort(), requests };
  }
}

const hexOf = (...parts: readonly Uint8Array[]): string => Buffer.concat(parts).toString("hex");

check("entries of a map, many at once: each once, however little room there is", (t) => {
  withClient(t, false, (client) => {
    const entries = 1000;
    const hash = handleOf(ask.createMap(client, { ...HASH, maxEntries: entries }));
    t.deepEqual(readAll(client, hash, 12), { entries: [], requests: 1 });
    const expected = Array.from({ length: entries }, (_, key) => hexOf(u32(key), u64(key * 3)));
    for (let key = 0; key < entries; key++) ask.update(client, hash, u32(key), u64(key * 3));
    t.deepEqual(readAll(client, hash, 12, 20_000), { entries: expected.sort(), requests: 1 });
    const some = readAll(client, hash, 12, 300);
    t.deepEqual(some.entries, expected);
    t.true(some.requests >= entries / 25 && some.requests < entries / 10, `${some.requests}`);
  });
});

check("entries at once of maps of all types: arrays, values of all processors, programs", (t) => {
  withClient(t, false, (client) => {
    const array = handleOf(ask.createMap(client, ARRAY));
    ask.update(client, array, u32(1), u64(7));
    t.deepEqual(readAll(client, array, 12).entries, [hexOf(u32(0), u64(0)), hexOf(u32(1), u64(7))]);
    const { percpu_array, percpu_hash, lru_hash, lru_percpu_hash, prog_array } = MAP_TYPES;
    for (const type of [percpu_array, percpu_hash, lru_percpu_hash]) {
      const map = handleOf(ask.createMap(client, { ...ARRAY, type, maxEntries: 1, valueSizeBytes: 5 }));
      const copyBytes = field(ask.info(client, map), 8);
      const value = Uint8Array.from({ length: copyBytes }, (_, at) => (at % 8 < 5 ? at + 1 : 0));
      t.is(ask.update(client, map, u32(0), value).error, "None");
      t.deepEqual(readAll(client, map, 4 + copyBytes).entries, [hexOf(u32(0), value)]);
      t.is(ask.lookupBatch(client, map, 0n, copyBytes + 3).error, "ArgumentInvalid");
    }
    const lru = handleOf(ask.createMap(client, { ...HASH, type: lru_hash }));
    for (const key of [1, 2, 3]) ask.update(client, lru, u32(key), u64(key));
    t.deepEqual(readAll(client, lru, 12).entries, [hexOf(u32(2), u64(2)), hexOf(u32(3), u64(3))]);
    const programs = handleOf(ask.createMap(client, { ...ARRAY, type: prog_array, valueSizeBytes: 4 }));
    t.deepEqual(readAll(client, programs, 8).entries, []);
    const program = ask.createProgram(client, assemble("r0 = 1\nexit"));
    ask.update(client, programs, u32(1), u32(field(program, 2)));
    t.deepEqual(readAll(client, programs, 8).entries, [hexOf(u32(1), u32(field(program, 2)))]);
  });
});

check("entries at once: what does not fit is told, and any cursor is harmless", (t) => {
  withClient(t, false, (client) => {
    const large = handleOf(ask.createMap(client, { ...HASH, maxEntries: 1, valueSizeBytes: 100 }));
    ask.update(client, large, u32(1), new Uint8Array(100));
    const small = ask.lookupBatch(client, large, 0n, 103);
    t.deepEqual(
      [small.error, field(small, 1), small.reply.byteLength],
      ["ArgumentInvalid", 104, REPLY.batch],
    );
    t.is(ask.lookupBatch(client, large, 0n, 104).error, "None");
    for (const cursor of [1n, 2n ** 32n, 2n ** 64n - 1n]) {
      const none = ask.lookupBatch(client, large, cursor);
      t.deepEqual([none.error, field(none, 2), field(none, 4), field(none, 5)], ["None", 0, 0, 0]);
    }
    const code = codeOf("MAP_LOOKUP_BATCH");
    t.is(call(client, code, request(large, 1, 0, 0), 200).error, "ArgumentInvalid");
    t.is(call(client, code, request(large, 0, 0), 200).status, STATUS.INVALID_PARAMETER);
    t.is(call(client, code, request(large, 0, 0, 0, 0), 200).status, STATUS.INVALID_PARAMETER);
    t.is(call(client, code, request(large, 0, 0, 0), REPLY.batch - 1).status, STATUS.BUFFER_TOO_SMALL);
    t.is(ask.lookupBatch(client, large + 1000).error, "MapNotFound");
    const ring = { type: MAP_TYPES.ringbuf, keySizeBytes: 0, valueSizeBytes: 0, maxEntries: 4096 };
    t.is(ask.lookupBatch(client, handleOf(ask.createMap(client, ring))).error, "MapOperationUnsupported");
    // Few entries in a map with many places: a request ends before it has seen them all.
    const sparse = handleOf(ask.createMap(client, { ...HASH, maxEntries: 1 << 21, valueSizeBytes: 1 }));
    ask.update(client, sparse, u32(5), Uint8Array.of(6));
    const { entries, requests } = readAll(client, sparse, 5);
    t.deepEqual([entries, requests], [["0500000006"], 2]);
  });
});

/** A program that writes the begin of its packet as a record. */
const outputOf = (sizeBytes: number): string =>
  `r6 = *(u64 *)(r1 + 0)\nr1 = map[0]\nr2 = r6\nr3 = ${sizeBytes}\nr4 = 0\ncall 11\nexit`;

check("records of a ring: as many as are asked for and have room, in order; what has none stays", (t) => {
  withClient(t, false, (client) => {
    const ringMap = { type: MAP_TYPES.ringbuf, keySizeBytes: 0, valueSizeBytes: 0, maxEntries: 4096 };
    const map = handleOf(ask.createMap(client, ringMap));
    const write = (...sizes: readonly number[]): void => {
      for (const size of sizes) {
        const program = handleOf(ask.createProgram(client, assemble(outputOf(size)), { maps: [map] }));
        const packet = Uint8Array.from({ length: size + 1 }, (_, at) => size + at);
        t.is(field(ask.run(client, program, packet), 4), 0);
        ask.close(client, program);
      }
    };
    const read = (capacity: number, most: number) =>
      recordsOf(ask.readRing(client, map, capacity, most)).map(
        ({ data }) => `${data.length} ${data[0] ?? ""}`,
      );
    t.deepEqual(read(256, 5), []);
    write(3, 8, 1, 17, 0);
    t.deepEqual(read(256, 0), []);
    t.deepEqual(read(256, 1), ["3 3"]);
    // 16 bytes each, with their heads.
    t.deepEqual(read(39, 9), ["8 8", "1 1"]);
    const small = ask.readRing(client, map, 31, 9);
    t.deepEqual([small.error, field(small, 1), small.reply.byteLength], ["ArgumentInvalid", 32, REPLY.ring]);
    t.deepEqual(read(32, 9), ["17 17"]);
    t.deepEqual(read(8, 9), ["0 "]);
    t.deepEqual(read(8, 9), []);
    const code = codeOf("RING_READ");
    t.is(call(client, code, request(map), 64).status, STATUS.INVALID_PARAMETER);
    t.is(call(client, code, request(map, 1), REPLY.ring - 1).status, STATUS.BUFFER_TOO_SMALL);
    t.is(ask.readRing(client, map + 1000).error, "MapNotFound");
  });
});

check("a request that waits for a record: answered at once, later, or when its time is over", async (t) => {
  await withClientLong(t, async (client) => {
    const ringMap = { type: MAP_TYPES.ringbuf, keySizeBytes: 0, valueSizeBytes: 0, maxEntries: 4096 };
    for (const type of [MAP_TYPES.ringbuf, MAP_TYPES.perf_event_array]) {
      const map = handleOf(ask.createMap(client, { ...ringMap, type }));
      const perf = "r2 = map[0]\nr3 = 0xffffffff ll\nr4 = *(u64 *)(r1 + 0)\nr5 = 4\ncall 32\nexit";
      const text = type === MAP_TYPES.ringbuf ? outputOf(4) : perf;
      const program = handleOf(ask.createProgram(client, assemble(text), { maps: [map] }));
      const ready = (milliseconds: number) =>
        callWaiting(client, make.waitForRing(map, milliseconds), () => true).then(
          (answer) => answer && [answer.error, field(answer, 1)],
        );
      t.is(field(ask.waitForRing(client, map, 10_000), 1), 0);
      const began = performance.now();
      t.deepEqual(await ready(60), ["None", 0]);
      t.true(performance.now() - began >= 59);
      const waiting = Promise.all([ready(10_000), ready(10_000)]);
      ask.run(client, program, new Uint8Array(8));
      t.deepEqual(await waiting, [
        ["None", 1],
        ["None", 1],
      ]);
      t.deepEqual(await ready(0), ["None", 1]);
      t.is(recordsOf(ask.readRing(client, map, 256, 9)).length, 1);
      t.deepEqual(await ready(0), ["None", 0]);
      // The handle is looked up again each time.
      const closed = ready(10_000);
      ask.close(client, map);
      wake();
      t.is((await closed)?.[0], "MapNotFound");
    }
    const map = handleOf(ask.createMap(client, ARRAY));
    t.is(ask.waitForRing(client, map).error, "MapOperationUnsupported");
    t.is(ask.waitForRing(client, map, 10_001).error, "ArgumentInvalid");
    t.is(ask.waitForRing(client, map + 1000).error, "MapNotFound");
    const code = codeOf("RING_WAIT");
    t.is(call(client, code, request(map), 64).status, STATUS.INVALID_PARAMETER);
    t.is(call(client, code, request(map, 0), REPLY.error).status, STATUS.BUFFER_TOO_SMALL);
  });
});

check("a record that is given up lets who waits have what came after it", async (t) => {
  const map = createMap({ type: MAP_TYPES.ringbuf, keySizeBytes: 0, valueSizeBytes: 0, maxEntries: 4096 });
  const first = ring.reserve(map, 8);
  t.is(ring.output(map, Uint8Array.of(1)), 0);
  t.false(ring.await(map));
  const before = countWakes();
  ring.discard(first);
  t.is(countWakes(), before + 1);
  t.true(ring.await(map));
  t.deepEqual(ring.read(map), Uint8Array.of(1));
  // Nobody waits any more but who has just asked.
  ring.output(map, Uint8Array.of(2));
  const now = countWakes();
  ring.output(map, Uint8Array.of(3));
  t.is(countWakes(), now);
  release(map);
});

check("records of processors: of each in its turn, and whose they are", (t) => {
  withClient(t, false, (client) => {
    const perf = { type: MAP_TYPES.perf_event_array, keySizeBytes: 0, valueSizeBytes: 0, maxEntries: 4096 };
    const map = handleOf(ask.createMap(client, perf));
    const text = "r2 = map[0]\nr3 = 0xffffffff ll\nr4 = *(u64 *)(r1 + 0)\nr5 = 2\ncall 32\nexit";
    const program = handleOf(ask.createProgram(client, assemble(text), { maps: [map] }));
    for (const [processor, byte] of [
      [1, 10],
      [0, 20],
      [1, 11],
    ] as const) {
      setProcessor(processor);
      ask.run(client, program, Uint8Array.of(byte, byte));
    }
    const records = recordsOf(ask.readRing(client, map, 256, 9));
    t.deepEqual(
      records.map(({ processor, data }) => [processor, ...data]),
      [
        [0, 20, 20],
        [1, 10, 10],
        [1, 11, 11],
      ],
    );
  });
});
