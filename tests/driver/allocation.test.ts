// Every allocation of every request fails once, in its turn: the request says so or does without, nothing is kept, and everything is
// as it was. A row a request, or a way that one can take; a request without a row fails the test.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { loadObject } from "../../core/elf/object.ts";
import { encode } from "../../core/isa/encode.ts";
import { parse } from "../../core/isa/parse.ts";
import { buildProgram } from "../../core/program/build.ts";
import { certify } from "../../core/verifier/certify.ts";
import {
  countAllocations,
  countBytes,
  enterEpoch,
  exitEpoch,
  failAllocation,
  failureIsDue,
  STATUS,
  setProcessor,
} from "../harness/driver.ts";
import {
  ask,
  type Client,
  closeClient,
  initiate,
  openClient,
  terminate,
  tryOpenClient,
} from "../harness/driver-client.ts";
import { HOOKS, setPresent } from "../harness/driver-hook.ts";
import { MAP_TYPES, type MapDefinition } from "../harness/driver-maps.ts";
import { type Answer, CODES, field, handleOf } from "../harness/driver-requests.ts";
import { FRAMES } from "../harness/frames.ts";

// The dispatch is one for the process, so these tests come one after the other.
const check = test.serial;

const ENGINE = { any: 0, interpreter: 1 } as const;
const [PROGRAM, MAP, LINK] = [1, 2, 3];
const REASON_MEMORY = 3;
const XDP = 1;
const SAMPLE = join(import.meta.dirname, "../../samples/droppacket.o");
const sample = buildProgram(loadObject(readFileSync(SAMPLE), "droppacket.o"), undefined);
const droppacket = encode(sample.instructions);
const certified = certify(sample);
const certificate = certified.kind === "certified" ? certified.bytes : new Uint8Array(0);

const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);
const assemble = (text: string): Uint8Array => encode(parse(text));
const map = (type: keyof typeof MAP_TYPES, valueSizeBytes = 8, maxEntries = 4): MapDefinition => {
  const ring = type === "ringbuf" || type === "perf_event_array";
  const keyless = ring || type === "queue" || type === "stack";
  if (type === "prog_array") return { type: MAP_TYPES[type], keySizeBytes: 4, valueSizeBytes: 4, maxEntries };
  return {
    type: MAP_TYPES[type],
    keySizeBytes: keyless ? 0 : 4,
    valueSizeBytes: ring ? 0 : valueSizeBytes,
    maxEntries: ring ? 4096 : maxEntries,
  };
};

/** What there is before each request. */
interface World {
  readonly client: Client;
  readonly hash: number;
  readonly percpu: number;
  readonly lru: number;
  readonly programs: number;
  readonly ring: number;
  readonly program: number;
  readonly other: number;
  readonly link: number;
  readonly ids: { readonly program: number; readonly link: number };
}

function build(): World {
  setProcessor(0);
  for (const hook of HOOKS) setPresent(hook, true);
  const client = openClient();
  const make = (definition: MapDefinition): number => handleOf(ask.createMap(client, definition, "map"));
  const load = (text: string): number => handleOf(ask.createProgram(client, assemble(text)));
  const ring = make(map("ringbuf"));
  const program = load("r0 = 2\nexit");
  const made = {
    ...{ client, ring, program },
    hash: make(map("hash")),
    percpu: make(map("percpu_hash")),
    lru: make(map("lru_hash")),
    programs: make(map("prog_array")),
    other: load("r0 = 1\nexit"),
    link: handleOf(ask.createLink(client, program, XDP, 7)),
  };
  const idOf = (handle: number): number => field(ask.info(client, handle), 2);
  const world = { ...made, ids: { program: idOf(program), link: idOf(made.link) } };
  for (const handle of [world.hash, world.lru]) ask.update(client, handle, u32(1), new Uint8Array(8).fill(3));
  ask.update(client, world.percpu, u32(1), new Uint8Array(field(ask.info(client, world.percpu), 8)));
  return world;
}

interface Row {
  readonly request: string;
  /** Tells ways apart that a request can take. */
  readonly way?: string;
  readonly send: (world: World) => Answer;
  /** Brings back what was before a request that succeeded. */
  readonly undo?: (world: World, answer: Answer) => Answer | undefined;
  /** The request may also succeed without that memory: then it says so. */
  readonly does?: (answer: Answer) => boolean;
}

const close = ({ client }: World, answer: Answer): Answer => ask.close(client, field(answer, 1));
const MAPS = Object.keys(MAP_TYPES) as readonly (keyof typeof MAP_TYPES)[];
const interpreted = (answer: Answer): boolean => field(answer, 4) === REASON_MEMORY;

const ROWS: readonly Row[] = [
  { request: "STATUS", send: ({ client }) => ask.status(client) },
  { request: "OBJECT_NEXT", send: ({ client }) => ask.next(client, MAP, 0) },
  {
    request: "OBJECT_OPEN",
    send: ({ client, ids }) => ask.open(client, LINK, ids.link),
    undo: close,
  },
  { request: "OBJECT_INFO", way: "program", send: ({ client, program }) => ask.info(client, program) },
  { request: "OBJECT_INFO", way: "map", send: ({ client, hash }) => ask.info(client, hash) },
  { request: "OBJECT_INFO", way: "link", send: ({ client, link }) => ask.info(client, link) },
  { request: "STATISTICS", send: ({ client }) => ask.statistics(client, 0) },
  ...MAPS.map(
    (name): Row => ({
      request: "MAP_CREATE",
      way: name,
      send: ({ client }) => ask.createMap(client, map(name), "made"),
      undo: close,
    }),
  ),
  { request: "MAP_LOOKUP", send: ({ client, hash }) => ask.lookup(client, hash, u32(1)) },
  { request: "MAP_LOOKUP", way: "percpu", send: ({ client, percpu }) => ask.lookup(client, percpu, u32(1)) },
  {
    request: "MAP_UPDATE",
    way: "a new entry",
    send: ({ client, hash }) => ask.update(client, hash, u32(2), new Uint8Array(8)),
    undo: ({ client, hash }) => ask.delete(client, hash, u32(2)),
  },
  {
    request: "MAP_UPDATE",
    way: "an entry that is there",
    send: ({ client, lru }) => ask.update(client, lru, u32(1), new Uint8Array(8).fill(3)),
  },
  {
    request: "MAP_UPDATE",
    way: "a program",
    send: ({ client, programs, ids }) => ask.update(client, programs, u32(1), u32(ids.program)),
    undo: ({ client, programs }) => ask.delete(client, programs, u32(1)),
  },
  {
    request: "MAP_DELETE",
    send: ({ client, hash }) => ask.delete(client, hash, u32(1)),
    undo: ({ client, hash }) => ask.update(client, hash, u32(1), new Uint8Array(8).fill(3)),
  },
  { request: "MAP_NEXT_KEY", send: ({ client, hash }) => ask.nextKey(client, hash, undefined) },
  { request: "MAP_LOOKUP_BATCH", send: ({ client, hash }) => ask.lookupBatch(client, hash) },
  {
    request: "PROGRAM_CREATE",
    way: "interpreted",
    send: ({ client, hash }) =>
      ask.createProgram(client, assemble("call f\nr1 = map[0]\nr0 = 2\nexit\nf:\nr0 = 1\nexit"), {
        ...{ maps: [hash], engine: ENGINE.interpreter, name: "made" },
      }),
    undo: close,
  },
  {
    request: "PROGRAM_CREATE",
    way: "compiled",
    send: ({ client }) => ask.createProgram(client, assemble("call f\nr0 = 2\nexit\nf:\nr0 = 1\nexit")),
    undo: close,
    does: interpreted,
  },
  {
    request: "PROGRAM_CREATE",
    way: "certified",
    send: ({ client }) => {
      // The sample's own map; the program holds it when its handle is closed.
      const own = ask.createMap(client, map("array", 8, 1));
      if (own.error !== "None") return own;
      const answer = ask.createProgram(client, droppacket, { maps: [field(own, 1)], certificate });
      const due = failureIsDue();
      failAllocation(0);
      ask.close(client, field(own, 1));
      if (due) failAllocation(1_000_000);
      return answer;
    },
    undo: close,
    does: interpreted,
  },
  { request: "PROGRAM_RUN", send: ({ client, program }) => ask.run(client, program, FRAMES.udp) },
  { request: "LOG_READ", send: ({ client }) => ask.readLog(client) },
  { request: "HOOK_NEXT", send: ({ client }) => ask.nextHook(client, 0) },
  {
    request: "LINK_CREATE",
    send: ({ client, program }) => ask.createLink(client, program, XDP, 9),
    undo: close,
  },
  {
    request: "LINK_REPLACE",
    send: ({ client, link, other }) => ask.replaceLink(client, link, other),
    undo: ({ client, link, program }) => ask.replaceLink(client, link, program),
  },
];
/** These cannot be taken back: what they work on is made before, and goes after. */
const ENDINGS: readonly (Row & { readonly make: (world: World) => number })[] = [
  {
    request: "OBJECT_CLOSE",
    make: ({ client }) => handleOf(ask.createMap(client, map("array"))),
    send: ({ client }) => ask.close(client, subject),
  },
  {
    request: "MAP_FREEZE",
    make: ({ client }) => handleOf(ask.createMap(client, { ...map("array"), flags: 0x80 })),
    send: ({ client }) => ask.freeze(client, subject),
  },
  {
    request: "LINK_DETACH",
    make: ({ client, program }) => handleOf(ask.createLink(client, program, XDP, 11)),
    send: ({ client }) => ask.detachLink(client, subject),
  },
  ...(["ringbuf", "perf_event_array"] as const).map((name) => ({
    request: "RING_WAIT",
    way: name,
    make: ({ client }: World) => handleOf(ask.createMap(client, map(name))),
    send: ({ client }: World) => ask.waitForRing(client, subject),
  })),
  ...(["ringbuf", "perf_event_array"] as const).map((name) => ({
    request: "RING_READ",
    way: name,
    make: (world: World) => {
      const ring = handleOf(ask.createMap(world.client, map(name)));
      const output =
        name === "ringbuf"
          ? "r1 = map[0]\nr2 = r10\nr2 += -8\nr3 = 8\nr4 = 0\ncall 11"
          : "r2 = map[0]\nr3 = 0xffffffff ll\nr4 = r10\nr4 += -8\nr5 = 8\ncall 32";
      const code = assemble(`*(u64 *)(r10 - 8) = 5\n${output}\nexit`);
      const program = handleOf(ask.createProgram(world.client, code, { maps: [ring] }));
      if (field(ask.run(world.client, program, FRAMES.udp), 4) !== 0) throw new Error("nothing was written");
      ask.close(world.client, program);
      return ring;
    },
    send: ({ client }: World) => ask.readRing(client, subject),
  })),
];
let subject = 0;

/** All that can be told from outside, and what is allocated. */
function stateOf({ client, ids: _ids, ...handles }: World): string {
  const hex = ({ reply }: Answer): string =>
    Buffer.from(reply.buffer, reply.byteOffset, reply.byteLength).toString("hex");
  const parts: unknown[] = [countAllocations(), countBytes(), hex(ask.status(client))];
  for (const type of [PROGRAM, MAP, LINK])
    for (let id = 0; ; ) {
      id = field(ask.next(client, type, id), 1);
      if (id === 0) break;
      parts.push(type, id);
    }
  for (const handle of Object.values(handles)) parts.push(hex(ask.info(client, handle)));
  for (const handle of [handles.hash, handles.percpu, handles.lru, handles.programs])
    for (let key: Uint8Array | undefined; ; ) {
      const next: Answer = ask.nextKey(client, handle, key);
      if (next.error !== "None") break;
      key = new Uint8Array(next.reply.buffer, next.reply.byteOffset + 16, 4).slice();
      parts.push(key, hex(ask.lookup(client, handle, key)));
    }
  return JSON.stringify(parts);
}

const label = ({ request, way = "" }: Row): string => `${request} ${way}`;

interface Asserts {
  is(a: unknown, b: unknown, message?: string): void;
  true(a: boolean, message?: string): void;
}

/** Sends it until no allocation of it is left to fail. */
function failEach(t: Asserts, world: World, row: Row): void {
  const before = stateOf(world);
  let failures = 0;
  for (let number = 1; ; number++) {
    failAllocation(number);
    const answer = row.send(world);
    const due = failureIsDue();
    failAllocation(0);
    const told = answer.status === STATUS.NO_MEMORY || answer.error === "MemoryExhausted";
    if (due) t.is(answer.error, "None", label(row));
    else {
      failures++;
      t.true(
        told || (answer.error === "None" && row.does?.(answer) === true),
        `${label(row)} ${answer.error}`,
      );
    }
    if (!told) t.true((row.undo?.(world, answer)?.error ?? "None") === "None", label(row));
    t.is(stateOf(world), before, `${label(row)} ${number}`);
    if (due) break;
  }
  // STATUS and others without a request have nothing to allocate.
  t.true(failures >= 1 || ["STATUS", "LOG_READ"].includes(row.request), label(row));
}

check("every request has its rows", (t) => {
  const tested = new Set([...ROWS, ...ENDINGS].map(({ request }) => request));
  t.deepEqual(
    [...CODES.keys()].filter((name) => !tested.has(name)),
    [],
  );
});

/** Runs in a world of its own, of which nothing may be left. */
function withWorld(t: Asserts, body: (world: World) => void): void {
  const before = countAllocations();
  initiate(true);
  try {
    body(build());
  } finally {
    failAllocation(0);
    terminate();
  }
  t.is(countAllocations(), before);
}

for (const group of [...new Set(ROWS.map(({ request }) => request))]) {
  check(`${group}: each allocation fails once`, (t) => {
    withWorld(t, (world) => {
      for (const row of ROWS) if (row.request === group) failEach(t, world, row);
    });
  });
}

for (const row of ENDINGS) {
  check(`${label(row)}: each allocation fails once`, (t) => {
    withWorld(t, (world) => {
      subject = row.make(world);
      for (let number = 1; ; number++) {
        const state = stateOf(world) + stateOfSubject(world);
        failAllocation(number);
        const answer = row.send(world);
        const due = failureIsDue();
        failAllocation(0);
        if (due) {
          t.is(answer.error, "None");
          t.true(number > 1);
          break;
        }
        t.true(answer.status === STATUS.NO_MEMORY || answer.error === "MemoryExhausted");
        t.is(stateOf(world) + stateOfSubject(world), state);
      }
    });
  });
}

const stateOfSubject = ({ client }: World): string => {
  const { reply } = ask.info(client, subject);
  return Buffer.from(reply.buffer, reply.byteOffset, reply.byteLength).toString("hex");
};

check("a map that must grow while entries wait for a run to end says so, and keeps what it has", (t) => {
  withWorld(t, ({ client, hash }) => {
    const value = new Uint8Array(8).fill(3);
    const token = enterEpoch();
    // No entry that is deleted can be had again until this epoch ends.
    for (let key = 10; key < 13; key++) t.is(ask.update(client, hash, u32(key), value).error, "None");
    for (let key = 10; key < 13; key++) t.is(ask.delete(client, hash, u32(key)).error, "None");
    failAllocation(2);
    t.is(ask.update(client, hash, u32(20), value).error, "MemoryExhausted");
    failAllocation(0);
    t.is(ask.lookup(client, hash, u32(20)).error, "MapKeyNotFound");
    t.is(ask.lookup(client, hash, u32(1)).error, "None");
    t.is(ask.update(client, hash, u32(20), value).error, "None");
    exitEpoch(token);
  });
});

check("a client that cannot be opened leaves nothing", (t) => {
  initiate();
  const before = countAllocations();
  for (let number = 1; ; number++) {
    failAllocation(number);
    const client = tryOpenClient();
    const due = failureIsDue();
    failAllocation(0);
    if (client !== undefined) {
      t.true(due && number > 2);
      closeClient(client);
      break;
    }
    t.is(countAllocations(), before);
  }
  terminate();
  t.is(countAllocations(), before);
});
