// Maps of the driver: random operations against a model in JavaScript, bounds, what a running program may still see, and
// two threads at once.
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import test from "ava";
import fc from "fast-check";
import { encode } from "../../core/isa/encode.ts";
import { parse } from "../../core/isa/parse.ts";
import {
  countAllocations,
  createProgram,
  type DriverMap,
  enterEpoch,
  exitEpoch,
  failAllocation,
  library,
  loadProgram,
  release,
  runProgram,
  STATUS,
  share,
} from "../harness/driver.ts";
import {
  createMap,
  entriesOf,
  erase,
  keysOf,
  lookup,
  MAP,
  MAP_TYPES,
  type MapDefinition,
  queue,
  read,
  ring,
  tryCreateMap,
  write,
} from "../harness/driver-maps.ts";

// Allocations are counted for the whole process, so these tests come one after the other.
const check = test.serial;

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);

const ENTRIES = 5;

interface Operation {
  readonly kind: "read" | "write" | "erase" | "lookup";
  readonly key: number;
  readonly fill: number;
  readonly flags: number;
}

const operations = fc.array(
  fc.record<Operation>({
    kind: fc.constantFrom("read", "write", "write", "write", "erase", "lookup"),
    key: fc.nat(9),
    fill: fc.nat(255),
    flags: fc.constantFrom(0, 0, 0, 0, 1, 2, 3),
  }),
  { maxLength: 60 },
);

/** What a map of the kind does with one operation: the answer, as text. Entries are in the order of their turns. */
class Model {
  readonly entries = new Map<string, { value: string; used: boolean }>();
  readonly kind: "array" | "hash" | "lru";

  constructor(kind: "array" | "hash" | "lru", value: string) {
    this.kind = kind;
    if (kind === "array")
      for (let key = 0; key < ENTRIES; key++) this.entries.set(hex(u32(key)), { value, used: false });
  }

  apply({ kind, flags }: Operation, key: string, value: string): string {
    const entry = this.entries.get(key);
    switch (kind) {
      case "read":
        return entry?.value ?? `${MAP.NOT_FOUND}`;
      case "lookup":
        if (entry !== undefined) entry.used = true;
        return `${entry !== undefined}`;
      case "erase":
        if (this.kind === "array") return `${MAP.INVALID}`;
        return `${this.entries.delete(key) ? MAP.OK : MAP.NOT_FOUND}`;
      case "write":
        return `${this.write(key, value, flags)}`;
    }
  }

  private write(key: string, value: string, flags: number): number {
    const entry = this.entries.get(key);
    if (this.kind === "array" && flags === 1) return MAP.EXISTS;
    if (flags > 2) return MAP.INVALID;
    if (entry !== undefined) {
      if (flags === 1) return MAP.EXISTS;
      entry.value = value;
      entry.used = true;
      return MAP.OK;
    }
    if (this.kind === "array") return MAP.TOO_BIG;
    if (flags === 2) return MAP.NOT_FOUND;
    if (this.entries.size === ENTRIES) {
      if (this.kind === "hash") return MAP.TOO_BIG;
      this.evict();
    }
    this.entries.set(key, { value, used: false });
    return MAP.OK;
  }

  /** A second chance for who was used: the entry goes to the end of the row. */
  private evict(): void {
    for (;;) {
      const [[key, entry]] = this.entries as unknown as [[string, { value: string; used: boolean }]];
      this.entries.delete(key);
      if (!entry.used) return;
      this.entries.set(key, { value: entry.value, used: false });
    }
  }
}

const KINDS = [
  ["array", "array"],
  ["percpu_array", "array"],
  ["hash", "hash"],
  ["percpu_hash", "hash"],
  ["lru_hash", "lru"],
  ["lru_percpu_hash", "lru"],
] as const;

function apply(map: DriverMap, operation: Operation, key: Uint8Array, value: Uint8Array): string {
  switch (operation.kind) {
    case "read": {
      const result = read(map, key);
      return typeof result === "number" ? `${result}` : hex(result);
    }
    case "lookup": {
      const token = enterEpoch();
      const found = lookup(map, key) !== 0n;
      exitEpoch(token);
      return `${found}`;
    }
    case "erase":
      return `${erase(map, key)}`;
    case "write":
      return `${write(map, key, value, operation.flags)}`;
  }
}

/** Sizes that are no multiple of 8 too; array keys have 4 bytes. */
const sizes = fc.record({ key: fc.constantFrom(1, 3, 4, 8, 13), value: fc.constantFrom(1, 4, 8, 11, 24) });

for (const [name, kind] of KINDS) {
  check(`${name}: random operations are as in the model`, (t) => {
    fc.assert(
      fc.property(sizes, operations, (size, list) => {
        const keySizeBytes = kind === "array" ? 4 : size.key;
        const definition = {
          type: MAP_TYPES[name],
          keySizeBytes,
          valueSizeBytes: size.value,
          maxEntries: ENTRIES,
        };
        const map = createMap(definition);
        const stride = Math.ceil(size.value / 8) * 8;
        const copies = name.includes("percpu") ? map.copySizeBytes / stride : 1;
        // What lies between the values of two processors is written as anything and read as zeros.
        const bytesOf = (fill: number, between: number): Uint8Array =>
          Uint8Array.from({ length: map.copySizeBytes }, (_, at) =>
            copies > 1 && at % stride >= size.value ? between : (fill * (1 + Math.floor(at / stride))) & 255,
          );
        const model = new Model(kind, hex(bytesOf(0, 0)));
        for (const operation of list) {
          const key =
            kind === "array" ? u32(operation.key) : new Uint8Array(keySizeBytes).fill(operation.key + 1);
          const expected = model.apply(operation, hex(key), hex(bytesOf(operation.fill, 0)));
          t.is(apply(map, operation, key, bytesOf(operation.fill, 0xee)), expected);
        }
        t.deepEqual(keysOf(map).map(hex).sort(), [...model.entries.keys()].sort());
        const expected = [...model.entries].map(([key, { value }]) => key + value).sort();
        for (const room of [ENTRIES, ENTRIES + 2])
          t.deepEqual(
            entriesOf(map, room * (keySizeBytes + map.copySizeBytes))
              .map(hex)
              .sort(),
            expected,
          );
        release(map);
      }),
      { numRuns: share(150), seed: 31 },
    );
  });
}

check("what cannot be a map is refused, and leaves nothing behind", (t) => {
  const before = countAllocations();
  const hash = { type: MAP_TYPES.hash, keySizeBytes: 4, valueSizeBytes: 4, maxEntries: 4 };
  const cases: readonly (readonly [MapDefinition, number])[] = [
    [{ ...hash, type: 99 }, STATUS.NOT_SUPPORTED],
    [{ ...hash, keySizeBytes: 0 }, STATUS.INVALID_PARAMETER],
    [{ ...hash, keySizeBytes: 0x10001 }, STATUS.INVALID_PARAMETER],
    [{ ...hash, valueSizeBytes: 0 }, STATUS.INVALID_PARAMETER],
    [{ ...hash, maxEntries: 0 }, STATUS.INVALID_PARAMETER],
    [{ ...hash, flags: 1 }, STATUS.INVALID_PARAMETER],
    [{ ...hash, valueSizeBytes: 0xffff_ffff, maxEntries: 0xffff_ffff }, STATUS.INVALID_PARAMETER],
    [{ ...hash, type: MAP_TYPES.array, keySizeBytes: 8 }, STATUS.INVALID_PARAMETER],
    [
      { ...hash, type: MAP_TYPES.array, valueSizeBytes: 0xffff_ffff, maxEntries: 0xffff_ffff },
      STATUS.INVALID_PARAMETER,
    ],
    [{ ...hash, type: MAP_TYPES.prog_array, valueSizeBytes: 8 }, STATUS.INVALID_PARAMETER],
    [
      { type: MAP_TYPES.ringbuf, keySizeBytes: 0, valueSizeBytes: 0, maxEntries: 5000 },
      STATUS.INVALID_PARAMETER,
    ],
    [
      { type: MAP_TYPES.ringbuf, keySizeBytes: 0, valueSizeBytes: 0, maxEntries: 2048 },
      STATUS.INVALID_PARAMETER,
    ],
  ];
  for (const [definition, status] of cases)
    t.is(tryCreateMap(definition), status, JSON.stringify(definition));
  t.is(countAllocations(), before);
});

check("each allocation that fails while a map is made is told, and nothing is kept", (t) => {
  const before = countAllocations();
  for (const [name, type] of Object.entries(MAP_TYPES)) {
    const keySizeBytes = ["ringbuf", "queue", "stack"].includes(name) ? 0 : 4;
    const [valueSizeBytes, maxEntries] = ["ringbuf", "perf_event_array"].includes(name) ? [0, 4096] : [4, 8];
    let failures = 0;
    for (let number = 1; ; number++) {
      failAllocation(number);
      const map = tryCreateMap({ type, keySizeBytes, valueSizeBytes, maxEntries });
      failAllocation(0);
      if (typeof map !== "number") {
        release(map);
        break;
      }
      failures++;
      t.is(map, STATUS.NO_MEMORY);
    }
    t.true(failures >= 2, name);
    t.is(countAllocations(), before, name);
  }
});

check("what a run may still see is not used for another key; when too much waits, there is no room", (t) => {
  const map = createMap({ type: MAP_TYPES.hash, keySizeBytes: 4, valueSizeBytes: 8, maxEntries: 1 });
  const value = new Uint8Array(8);
  write(map, u32(1), value);
  const token = enterEpoch();
  const first = lookup(map, u32(1));
  t.not(first, 0n);
  const seen = new Set([first]);
  let result = 0;
  for (let key = 2; key < 10_000; key++) {
    erase(map, u32(key - 1));
    result = write(map, u32(key), value);
    if (result !== MAP.OK) break;
    const address = lookup(map, u32(key));
    t.false(seen.has(address));
    seen.add(address);
  }
  t.is(result, MAP.NO_MEMORY);
  exitEpoch(token);
  // Two epochs later all of it is free again.
  for (let key = 0; key < 10_000; key++) {
    t.is(write(map, u32(key), value), MAP.OK);
    t.is(erase(map, u32(key)), MAP.OK);
  }
  release(map);
});

check("an object lives on for who saw it, and is freed after the epoch", (t) => {
  const before = countAllocations();
  const map = createMap({ type: MAP_TYPES.array, keySizeBytes: 4, valueSizeBytes: 8, maxEntries: 1 });
  const made = Number(library.func("uint64 LinuxCountAllocations()")());
  const token = enterEpoch();
  release(map);
  t.not(lookup(map, u32(0)), 0n);
  t.is(Number(library.func("uint64 LinuxCountAllocations()")()), made);
  exitEpoch(token);
  t.is(countAllocations(), before);
});

check("numbers of objects: found while they live, in order, never used again", (t) => {
  const find = library.func("void* ObjectFind(uint32, uint32)");
  const nextId = library.func("uint32 ObjectNextId(uint32, uint32)");
  const definition = { type: MAP_TYPES.array, keySizeBytes: 4, valueSizeBytes: 8, maxEntries: 1 };
  const ids = (): number[] => {
    const all: number[] = [];
    for (let id = nextId(1, 0); id !== 0; id = nextId(1, id)) all.push(id);
    return all;
  };
  const before = ids();
  const maps = [createMap(definition), createMap(definition)];
  const [first = 0, second = 0] = ids().slice(before.length);
  t.true(second > first && first > 0);
  t.is(find(1, first), maps[0]?.address);
  t.is(find(0, first), null);
  release(maps[0] as DriverMap);
  t.is(find(1, first), maps[0]?.address, "the reference that was found keeps it");
  for (let count = 0; count < 2; count++) release(maps[0] as DriverMap);
  t.is(find(1, first), null);
  const third = createMap(definition);
  t.deepEqual(ids().slice(before.length), [second, second + 1]);
  release(third);
  release(maps[1] as DriverMap);
});

check("a program array holds its programs, by number", (t) => {
  const before = countAllocations();
  const map = createMap({ type: MAP_TYPES.prog_array, keySizeBytes: 4, valueSizeBytes: 4, maxEntries: 3 });
  const program = loadProgram(encode(parse("r0 = 7\nexit")));
  const id = u32(library.func("uint32 ObjectNextId(uint32, uint32)")(0, 0));
  t.is(write(map, u32(1), id), MAP.OK);
  t.is(write(map, u32(3), id), MAP.TOO_BIG);
  t.is(write(map, u32(0), u32(0x7fff_ffff)), MAP.INVALID);
  release(program);
  t.deepEqual(read(map, u32(1)), id);
  t.is(read(map, u32(0)), MAP.NOT_FOUND);
  t.deepEqual(keysOf(map), [u32(1)]);
  t.is(erase(map, u32(1)), MAP.OK);
  t.is(erase(map, u32(1)), MAP.NOT_FOUND);
  t.is(write(map, u32(1), id), MAP.INVALID, "the program is gone");
  release(map);
  t.is(countAllocations(), before);
});

check("ring buffer: random records are as in the model", (t) => {
  const actions = fc.array(
    fc.record({
      kind: fc.constantFrom("output", "output", "reserve", "finish", "read", "read"),
      size: fc.oneof(fc.nat(100), fc.nat(2100)),
      discard: fc.boolean(),
    }),
    { maxLength: 80 },
  );
  fc.assert(
    fc.property(actions, (list) => {
      const map = createMap({
        type: MAP_TYPES.ringbuf,
        keySizeBytes: 0,
        valueSizeBytes: 0,
        maxEntries: 4096,
      });
      const rows: { state: "busy" | "done" | "gone"; bytes: Uint8Array; record: bigint }[] = [];
      let dropped = 0;
      let fill = 0;
      for (const { kind, size, discard } of list) {
        if (kind === "output") {
          const bytes = new Uint8Array(size).fill(++fill);
          const result = ring.output(map, bytes);
          if (result === MAP.OK) rows.push({ state: "done", bytes, record: 0n });
          else dropped++;
          t.true(result === MAP.OK || (result === MAP.AGAIN && (size > 2040 || rows.length > 0)));
        } else if (kind === "reserve") {
          const record = ring.reserve(map, size);
          if (record === 0n) dropped++;
          // What is read of it later is what was there; only its place in the order matters here.
          else rows.push({ state: "busy", bytes: new Uint8Array(size), record });
        } else if (kind === "finish") {
          const row = rows.find(({ state }) => state === "busy");
          if (row === undefined) continue;
          row.state = discard ? "gone" : "done";
          if (discard) ring.discard(row.record);
          else ring.submit(row.record);
        } else {
          while (rows[0]?.state === "gone") rows.shift();
          const result = ring.read(map);
          if (rows[0]?.state !== "done") t.is(result, MAP.NOT_FOUND);
          else if (typeof result === "number") t.fail(`${result}`);
          else {
            const row = rows.shift();
            t.is(result.length, row?.bytes.length ?? -1);
            if (row?.record === 0n) t.deepEqual(result, row.bytes);
          }
        }
      }
      t.is(ring.dropped(map), dropped);
      release(map);
    }),
    { numRuns: share(200), seed: 41 },
  );
});

check("ring buffer: a record that does not fit stays", (t) => {
  const map = createMap({ type: MAP_TYPES.ringbuf, keySizeBytes: 0, valueSizeBytes: 0, maxEntries: 4096 });
  t.is(ring.output(map, new Uint8Array(10).fill(3)), MAP.OK);
  t.is(ring.read(map, 9), MAP.TOO_BIG);
  t.deepEqual(ring.read(map, 10), new Uint8Array(10).fill(3));
  t.is(ring.read(map), MAP.NOT_FOUND);
  release(map);
});

for (const name of ["queue", "stack"] as const) {
  check(`${name}: random values are as in the model`, (t) => {
    const actions = fc.array(
      fc.record({
        kind: fc.constantFrom("push", "push", "peek", "pop"),
        fill: fc.nat(255),
        flags: fc.constantFrom(0, 0, 2, 1, 4),
      }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(actions, fc.constantFrom(1, 7, 8), (list, size) => {
        const map = createMap({
          type: MAP_TYPES[name],
          keySizeBytes: 0,
          valueSizeBytes: size,
          maxEntries: 3,
        });
        const model: Uint8Array[] = [];
        for (const { kind, fill, flags } of list) {
          const value = new Uint8Array(size).fill(fill);
          if (kind === "push") {
            const full = model.length === 3;
            const expected =
              flags !== 0 && flags !== 2 ? MAP.INVALID : full && flags === 0 ? MAP.TOO_BIG : MAP.OK;
            t.is(queue.push(map, value, flags), expected);
            if (expected !== MAP.OK) continue;
            if (full) model.shift();
            model.push(value);
          } else {
            const expected = model.at(name === "queue" ? 0 : -1) ?? MAP.NOT_FOUND;
            t.deepEqual(queue.take(map, kind === "pop"), expected);
            if (kind === "pop") model.splice(name === "queue" ? 0 : -1, 1);
          }
        }
        release(map);
      }),
      { numRuns: share(150), seed: 51 },
    );
  });
}

check("a program works on an array's value where it lies; one that is read-only stays as it is", (t) => {
  const code = encode(
    parse("r1 = map[0][0] + 4\nr0 = *(u32 *)(r1 + 0)\nr0 += 1\n*(u32 *)(r1 + 0) = r0\nexit"),
  );
  for (const flags of [0, 0x80]) {
    const map = createMap({
      type: MAP_TYPES.array,
      keySizeBytes: 4,
      valueSizeBytes: 8,
      maxEntries: 1,
      flags,
    });
    write(map, u32(0), Uint8Array.of(1, 0, 0, 0, 5, 0, 0, 0));
    const program = loadProgram(code, [map]);
    const output = runProgram(program, {});
    if (flags === 0) t.like(output, { fault: "None", result: 6n });
    else t.like(output, { fault: "ReadOnly", faultSlot: 4 });
    t.deepEqual(read(map, u32(0)), Uint8Array.of(1, 0, 0, 0, flags === 0 ? 6 : 5, 0, 0, 0));
    release(program);
    release(map);
  }
});

check("values of several maps in turn, each with the rights of its own, and memory that is none's", (t) => {
  const maps = [0x80, 0, 0].map((flags) =>
    createMap({ type: MAP_TYPES.array, keySizeBytes: 4, valueSizeBytes: 8, maxEntries: 1, flags }),
  );
  const addresses = "r6 = map[0][0]\nr7 = map[1][0]\nr8 = map[2][0]";
  const run = (...lines: readonly string[]): string => {
    const program = loadProgram(encode(parse(`${addresses}\nr0 = 0\n${lines.join("\n")}\nexit`)), maps);
    const { fault, faultSlot } = runProgram(program, {});
    release(program);
    return fault === "None" ? fault : `${fault} at ${faultSlot - 7}`;
  };
  const [read0, write0] = ["r0 = *(u64 *)(r6 + 0)", "*(u32 *)(r6 + 0) = 1"];
  const [write1, write2] = ["*(u64 *)(r7 + 0) = r0", "*(u8 *)(r8 + 7) = r0"];
  t.is(run(read0, write1, write2, read0, write2, write1), "None");
  t.is(run(write1, read0, write0), "ReadOnly at 2");
  t.is(run(write2, write0), "ReadOnly at 1");
  t.is(run(write1, "*(u32 *)(r7 + 6) = 1"), "OutOfBounds at 1");
  t.is(run(write1, "r7 = 64", write1), "OutOfBounds at 2");
  t.is(
    run("*(u64 *)(r10 - 8) = 1", write1, "r1 = r10", "r0 = *(u64 *)(r1 - 8)", "r0 = *(u64 *)(r1 - 4)"),
    "OutOfBounds at 4",
  );
  for (const map of maps) release(map);
});

check("a program's access ends with the value; the next one is not part of it", (t) => {
  const map = createMap({ type: MAP_TYPES.array, keySizeBytes: 4, valueSizeBytes: 6, maxEntries: 2 });
  const at = (offset: number): string =>
    runProgram(loadProgram(encode(parse(`r1 = map[0][0]\nr0 = *(u16 *)(r1 + ${offset})\nexit`)), [map]), {})
      .fault;
  t.deepEqual([0, 4, 5, 6, 8, 12, 13, 16].map(at), [
    ...(["None", "None", "OutOfBounds", "OutOfBounds"] as const),
    ...(["None", "None", "OutOfBounds", "OutOfBounds"] as const),
  ]);
});

check("addresses of values: of arrays, and within a value", (t) => {
  const array = createMap({ type: MAP_TYPES.array, keySizeBytes: 4, valueSizeBytes: 6, maxEntries: 2 });
  const hash = createMap({ type: MAP_TYPES.hash, keySizeBytes: 4, valueSizeBytes: 6, maxEntries: 2 });
  const load = (map: DriverMap, index: number, offset: number) =>
    createProgram(encode(parse(`r0 = 0\nr1 = map[${index}][0] + ${offset}\nexit`)), [map]);
  t.like(load(array, 0, 7), { finding: "MapInvalid", slot: 1 });
  t.like(load(array, 1, 0), { finding: "MapInvalid", slot: 1 });
  t.like(load(hash, 0, 0), { finding: "MapInvalid", slot: 1 });
  t.true("address" in load(array, 0, 6));
});

check("two threads at once: every entry is one that was written whole, and the bound holds", async (t) => {
  for (const name of ["hash", "lru_hash", "percpu_hash"] as const) {
    const map = createMap({ type: MAP_TYPES[name], keySizeBytes: 4, valueSizeBytes: 8, maxEntries: 16 });
    // An LRU map keeps none for certain.
    const staying = name === "lru_hash" ? [] : [100, 101, 102, 103];
    for (const key of staying) {
      const words = Uint32Array.from({ length: map.copySizeBytes / 4 }, (_, at) => (at % 2 === 0 ? key : 1));
      t.is(write(map, u32(key), new Uint8Array(words.buffer)), MAP.OK);
    }
    const results = await Promise.all([1, 2].map((seed) => work(map, seed, staying)));
    for (const { problems, writes } of results) {
      t.deepEqual(problems, []);
      t.true(writes > share(500), `${writes}`);
    }
    t.true(keysOf(map).length <= 16);
    for (const key of keysOf(map)) t.is(erase(map, key), MAP.OK);
    t.deepEqual(keysOf(map), []);
    release(map);
  }
});

check(
  "a run sees the entry it looked up until it ends, while another thread deletes it and makes others",
  async (t) => {
    for (const engine of ["interpreter", "jit"] as const) {
      const map = createMap({ type: MAP_TYPES.hash, keySizeBytes: 4, valueSizeBytes: 8, maxEntries: 1 });
      const values = [1, 2].map((key) => new Uint8Array(BigUint64Array.of(BigInt(key)).buffer));
      let done: number[] | undefined;
      const worker = new Worker(join(import.meta.dirname, "run-worker.ts"), {
        workerData: { map, engine, milliseconds: share(1000) },
      });
      worker.once("message", (counts: number[]) => {
        done = counts;
      });
      const failed = new Promise<never>((_, reject) => worker.once("error", reject));
      while (done === undefined) {
        for (let count = 0; count < 1000; count++) {
          const key = 1 + (count & 1);
          write(map, u32(key), values[key - 1]!);
          erase(map, u32(key));
        }
        await Promise.race([new Promise(setImmediate), failed]);
      }
      const [missing = 0, same = 0, other = 0] = done;
      t.is(other, 0, `${engine}: ${done}`);
      t.true(same > 20 && missing > 20, `${engine}: ${done}`);
      release(map);
    }
  },
);

function work(
  map: DriverMap,
  seed: number,
  staying: readonly number[],
): Promise<{ problems: string[]; writes: number }> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(join(import.meta.dirname, "map-worker.ts"), {
      workerData: { map, seed, staying },
    });
    worker.once("message", resolve).once("error", reject);
  });
}
