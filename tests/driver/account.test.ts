// What clients have of memory that is never paged out: charged before it is allocated, bounded for each and for all, refunded.
import test from "ava";
import { encode } from "../../core/isa/encode.ts";
import { parse } from "../../core/isa/parse.ts";
import { countAllocations, countBytes } from "../harness/driver.ts";
import { ask, type Client, closeClient, initiate, openClient, terminate } from "../harness/driver-client.ts";
import { MAP_TYPES, type MapDefinition } from "../harness/driver-maps.ts";
import { type Answer, field, handleOf, readInfo, readMemory } from "../harness/driver-requests.ts";

// The dispatch is one for the process, so these tests come one after the other.
const check = test.serial;

const KIB = 1024;
const MIB = 1024 * KIB;
const MAP = 2;
const ARRAY: MapDefinition = { type: MAP_TYPES.array, keySizeBytes: 4, valueSizeBytes: 8, maxEntries: 1 };
const program = encode(parse("r0 = 2\nexit"));
const arrayOf = (sizeBytes: number): MapDefinition => ({ ...ARRAY, valueSizeBytes: sizeBytes });
const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);

const memoryOf = (client: Client) => readMemory(ask.status(client));

/** Definitions of every type, small and large. */
const DEFINITIONS: readonly MapDefinition[] = Object.entries(MAP_TYPES).flatMap(([name, type]) => {
  const ring = name === "ringbuf" || name === "perf_event_array";
  const keyless = ring || name === "queue" || name === "stack";
  const sizes: readonly (readonly [value: number, entries: number])[] =
    name === "prog_array"
      ? [
          [4, 1],
          [4, 5000],
        ]
      : ring
        ? [
            [0, 4096],
            [0, 65536],
          ]
        : [
            [1, 1],
            [24, 9],
            [8, 5000],
            [3000, 70],
          ];
  return sizes.map(([valueSizeBytes, maxEntries]) => ({
    ...{ type, keySizeBytes: keyless ? 0 : 4, valueSizeBytes, maxEntries },
  }));
});

check("what is charged for a map or a program is what it allocates, or may allocate later", (t) => {
  initiate(true);
  const client = openClient();
  // Room for handles, so that what follows is the objects' own.
  const first = handleOf(ask.createMap(client, ARRAY));
  const measure = (create: () => Answer): void => {
    const before = countBytes();
    const answer = create();
    const { memoryBytes } = readInfo(ask.info(client, handleOf(answer)));
    const allocated = countBytes() - before;
    const name = `${memoryBytes} charged, ${allocated} allocated`;
    t.true(allocated <= memoryBytes + 128, name);
    // Hash maps may add entries while others wait for their epoch to end.
    t.true(memoryBytes <= allocated + 128 + 63 * 65536, name);
    t.is(ask.close(client, field(answer, 1)).error, "None");
    t.is(countBytes(), before);
  };
  for (const definition of DEFINITIONS) measure(() => ask.createMap(client, definition));
  const long = encode(parse(`${"r0 = 2\n".repeat(5000)}exit`));
  for (const engine of [0, 1])
    for (const code of [program, long]) measure(() => ask.createProgram(client, code, { engine }));
  t.is(ask.close(client, first).error, "None");
  closeClient(client);
  terminate();
});

check("a hash map that grows stays within what was charged", (t) => {
  initiate();
  const client = openClient();
  const before = countBytes();
  const definition = { ...ARRAY, type: MAP_TYPES.hash, maxEntries: 2 };
  const map = handleOf(ask.createMap(client, definition));
  const { memoryBytes } = readInfo(ask.info(client, map));
  for (let key = 0; key < 10_000; key++) {
    t.is(ask.update(client, map, u32(key), new Uint8Array(8)).error, "None");
    t.is(ask.delete(client, map, u32(key)).error, "None");
  }
  t.true(countBytes() - before <= memoryBytes + 16 * 64 + 1024);
  closeClient(client);
  terminate();
});

check(
  "a client has no more than it may, all clients together neither; what is given up can be had again",
  (t) => {
    const before = countAllocations();
    initiate(false, 2 * MIB, 3 * MIB);
    const [first, second, third] = [openClient(), openClient(), openClient()] as const;
    t.deepEqual(memoryOf(first), { client: 0, clientLimit: 2 * MIB, total: 0, totalLimit: 3 * MIB });
    const large = handleOf(ask.createMap(first, arrayOf(1.5 * MIB)));
    t.true(memoryOf(first).client >= 1.5 * MIB);
    t.is(ask.createMap(first, arrayOf(0.6 * MIB)).error, "MemoryExhausted");
    // Others still get what they may, up to the bound of all.
    handleOf(ask.createMap(second, arrayOf(1.2 * MIB)));
    t.is(ask.createMap(third, arrayOf(0.5 * MIB)).error, "MemoryExhausted");
    handleOf(ask.createMap(third, arrayOf(64 * KIB)));
    t.is(ask.close(first, large).error, "None");
    handleOf(ask.createMap(third, arrayOf(0.5 * MIB)));
    t.is(
      memoryOf(third).total,
      [first, second, third].reduce((sum, client) => sum + memoryOf(client).client, 0),
    );
    closeClient(second);
    handleOf(ask.createMap(third, arrayOf(1 * MIB)));
    for (const client of [first, third]) closeClient(client);
    const last = openClient();
    t.is(memoryOf(last).total, 0);
    closeClient(last);
    terminate();
    t.is(countAllocations(), before);
  },
);

check("who created an object is charged for it as long as anybody holds it, even when he is gone", (t) => {
  const before = countAllocations();
  initiate(false, MIB, 2 * MIB);
  const [maker, holder] = [openClient(), openClient()];
  const made = ask.createMap(maker, arrayOf(0.9 * MIB));
  handleOf(ask.open(holder, MAP, field(made, 2)));
  closeClient(maker);
  t.true(memoryOf(holder).client < 64 * KIB);
  t.true(memoryOf(holder).total >= 0.9 * MIB);
  closeClient(holder);
  const last = openClient();
  t.is(memoryOf(last).total, 0);
  closeClient(last);
  terminate();
  t.is(countAllocations(), before);
});

check(
  "programs, requests and handles are charged too: each ends in a clear error, and leaves nothing",
  (t) => {
    const before = countAllocations();
    initiate(false, 40 * KIB, MIB);
    const client = openClient();
    const code = encode(parse(`${"r0 = 2\n".repeat(999)}exit`));
    const kept: number[] = [];
    let answer = ask.createProgram(client, code);
    for (; answer.error === "None"; answer = ask.createProgram(client, code)) kept.push(handleOf(answer));
    t.true(kept.length >= 1);
    t.true(answer.error === "MemoryExhausted" || answer.status === (0xc0000017 | 0));
    const used = memoryOf(client).client;
    // The copy of the request is the client's as well.
    t.is(ask.createProgram(client, encode(parse(`${"r0 = 2\n".repeat(6000)}exit`))).status, 0xc0000017 | 0);
    t.is(memoryOf(client).client, used);
    for (const handle of kept.slice(1)) t.is(ask.close(client, handle).error, "None");
    const id = field(ask.next(client, 1, 0), 1);
    let opened = ask.open(client, 1, id);
    while (opened.error === "None") opened = ask.open(client, 1, id);
    t.is(opened.error, "MemoryExhausted");
    closeClient(client);
    terminate();
    t.is(countAllocations(), before);
  },
);
