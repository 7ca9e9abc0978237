// EbpfCore.sys again and again under Wine: started, loaded, attached, flooded with frames, detached, stopped; clients that are killed in
// the middle of each request; two clients at once; a file kept open while the driver goes. EBPF_CYCLES=1000 for as many cycles.
import { readdirSync, readFileSync } from "node:fs";
import test from "ava";
import { encode } from "../../../core/isa/encode.ts";
import { parse } from "../../../core/isa/parse.ts";
import { buildSys } from "../../../scripts/driver.ts";
import { compiledProgram } from "../../harness/driver-object.ts";
import {
  type Answer,
  CODES,
  dataOf,
  field,
  handleOf,
  make,
  type Request,
  readMemory,
} from "../../harness/driver-requests.ts";
import { FRAME_NAMES, FRAMES } from "../../harness/frames.ts";
import { countsOf, shim, VERDICT_BYTES, verdictOf } from "../../harness/shim.ts";
import { opened, openWine, type WindowsClient, type Wine } from "../../harness/wine.ts";

const check = test.serial;

const CYCLES = Number(process.env.EBPF_CYCLES ?? 6);
/** Rounds while the driver stays, and what its process may grow by in the later half of them. */
const ROUNDS = 16 * CYCLES;
const MOST_GROWN_KIB = 128;
const EMPTY = ["emptyUdp", "emptyUdpToEcho", "emptyUdpWithOptions"];
const ARRAY = { type: 2, keySizeBytes: 4, valueSizeBytes: 8, maxEntries: 1 };
const KEY = new Uint8Array(4);
const SHIM = "EbpfShim";
const JIT = 2;

const { bytecode: droppacket, certificate } = compiledProgram("samples/droppacket.o", "DropPacket");

let wine: Wine;
test.before(async () => {
  wine = await openWine([buildSys()]);
  const binPath = "C:\\ebpf\\EbpfCore.sys";
  const args = ["create", "EbpfCore", "type=", "kernel", "start=", "demand", "binPath=", binPath];
  if (wine.run("sc", ...args).status !== 0) throw new Error("sc does not create the service");
});
// One that failed may have left it running.
test.afterEach.always(() => {
  if (wine.run("sc", "query", "EbpfCore").output.includes("RUNNING")) wine.run("sc", "stop", "EbpfCore");
});
test.after.always(() => wine?.close());

const control = (verb: "start" | "stop"): void => {
  const { status, output } = wine.run("sc", verb, "EbpfCore");
  if (status !== 0) throw new Error(`sc ${verb}: ${status} ${output}`);
};
const start = (): void => control("start");
const stop = (): void => control("stop");

const numbersOf = ({ reply }: Answer, bytes: number): Uint32Array =>
  new Uint32Array(reply.buffer.slice(reply.byteOffset, reply.byteOffset + bytes));

async function isBlocked(frames: WindowsClient, bytes: Uint8Array): Promise<boolean> {
  const answer = await frames.ask(shim.play({ bytes, cuts: [20] }));
  if (answer.status !== 0) throw new Error(`Windows error ${answer.status}`);
  return verdictOf(numbersOf(answer, VERDICT_BYTES), dataOf(answer, VERDICT_BYTES)).action === "block";
}

/** What there is: programs, maps, clients, and all memory that is charged. */
async function standing(client: WindowsClient): Promise<readonly number[]> {
  const status = await client.ask(make.status());
  return [4, 5, 6].map((index) => field(status, index)).concat(readMemory(status).total);
}

/** Loads droppacket, proved, and attaches it. */
async function attach(core: WindowsClient) {
  const map = handleOf(await core.ask(make.createMap(ARRAY, "dropped")));
  const program = await core.ask(make.createProgram(droppacket, { maps: [map], certificate, name: "drop" }));
  if (field(program, 3) !== JIT) throw new Error("it is not compiled");
  return {
    map,
    program: handleOf(program),
    link: handleOf(await core.ask(make.createLink(handleOf(program)))),
  };
}

/** Plays all frames, all at once under way; the names of those that were dropped. */
async function flood(frames: WindowsClient): Promise<readonly string[]> {
  const dropped = await Promise.all(FRAME_NAMES.map((name) => isBlocked(frames, FRAMES[name])));
  return FRAME_NAMES.filter((_name, index) => dropped[index]);
}

/** What of the filtering platform is not as it should be. Filters are taken away in the driver's own time. */
async function rest(frames: WindowsClient, detached: boolean): Promise<string> {
  for (let tries = 0; ; tries++) {
    const counts = countsOf(numbersOf(await frames.ask(shim.count()), 24));
    const { violations, lists, filters } = counts;
    if (violations === 0 && lists === 0 && (!detached || filters === 0)) return "";
    if (violations > 0 || tries === 100) return JSON.stringify(counts);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Resident memory of the processes of the prefix that play the kernel, in KiB. */
function kernelMemory(): number {
  let sum = 0;
  for (const id of readdirSync("/proc")) {
    if (!/^\d+$/.test(id)) continue;
    try {
      if (!readFileSync(`/proc/${id}/cmdline`, "utf8").includes("winedevice.exe")) continue;
      if (!readFileSync(`/proc/${id}/environ`, "utf8").includes(`WINEPREFIX=${wine.env.WINEPREFIX}\0`))
        continue;
      sum += Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${id}/status`, "utf8"))?.[1] ?? 0);
    } catch {
      // It has just ended, or is another user's.
    }
  }
  return sum;
}

check(
  `${CYCLES} cycles of load, attach, flood, detach, unload: each begins with nothing and drops what it should`,
  async (t) => {
    t.timeout(10_000_000);
    const [core, frames] = [wine.startClient(), wine.startClient()];
    for (let cycle = 1; cycle <= CYCLES; cycle++) {
      start();
      await opened(core);
      await opened(frames, SHIM);
      const none = await standing(core);
      if (none.join() !== "0,0,1,0") return t.fail(`cycle ${cycle}: ${none}`);
      const { map, link } = await attach(core);
      const dropped = await flood(frames);
      const counted = Buffer.from(dataOf(await core.ask(make.lookup(map, KEY)))).readBigUInt64LE();
      if (dropped.join() !== EMPTY.join() || counted !== BigInt(EMPTY.length))
        return t.fail(`cycle ${cycle}: ${dropped}, ${counted} counted`);
      // Each third one is detached by the driver's end, each third by that of the file.
      if (cycle % 3 === 0) handleOf(await core.ask(make.createMap(ARRAY)));
      else if (cycle % 3 === 1) t.is((await core.ask(make.detachLink(link))).error, "None");
      else await core.close();
      if (cycle % 3 !== 0 && (await flood(frames)).length > 0) return t.fail(`cycle ${cycle}: dropped still`);
      const left = await rest(frames, cycle % 3 !== 0);
      if (left !== "") return t.fail(`cycle ${cycle}: ${left}`);
      if (cycle % 3 !== 2) await core.close();
      await frames.close();
      stop();
    }
    for (const client of [core, frames]) await client.kill();
  },
);

check(
  `${ROUNDS} rounds of load, attach, flood, detach while it stays leave nothing in the kernel's memory`,
  async (t) => {
    t.timeout(10_000_000);
    start();
    const [core, frames] = [await wine.connect(), await wine.connect(SHIM)];
    const measured: number[] = [];
    for (let round = 1; round <= ROUNDS; round++) {
      const { map, program, link } = await attach(core);
      const dropped = await flood(frames);
      if (dropped.join() !== EMPTY.join()) return t.fail(`round ${round}: ${dropped}`);
      for (const handle of [map, program, link]) t.is((await core.ask(make.close(handle))).error, "None");
      if (round === ROUNDS / 2 || round === ROUNDS) measured.push(kernelMemory());
    }
    const [half = 0, end = 0] = measured;
    t.log(`${half} KiB half way, ${end} KiB at the end`);
    t.true(half > 0 && end - half < MOST_GROWN_KIB);
    t.deepEqual((await standing(core)).slice(0, 3), [0, 0, 1]);
    for (const client of [core, frames]) await client.kill();
    stop();
  },
);

check("it stops while frames are played and a program is attached, and starts again", async (t) => {
  for (let round = 0; round < 3; round++) {
    start();
    const [core, frames] = [await wine.connect(), await wine.connect(SHIM)];
    await attach(core);
    // These wait in the client's input, and go on one after the other while the driver is stopped.
    const played = Array.from({ length: 300 }, () => frames.ask(shim.play({ bytes: FRAMES.emptyUdp })));
    stop();
    const answers = await Promise.all(played);
    t.is(answers.length, 300);
    for (const client of [core, frames]) await client.kill();
  }
});

interface World {
  readonly map: number;
  readonly ring: number;
  readonly program: number;
  readonly link: number;
}

const SPIN = encode(parse("r0 = 0\nagain:\nr0 += 1\nif r0 < 100000 goto again\nexit"));
/** A request of each kind, some of which take long. */
const REQUESTS: Readonly<Record<string, (world: World) => Request>> = {
  STATUS: () => make.status(),
  OBJECT_NEXT: () => make.next(2, 0),
  OBJECT_OPEN: () => make.open(2, 1),
  OBJECT_INFO: ({ program }) => make.info(program),
  OBJECT_CLOSE: ({ program }) => make.close(program),
  STATISTICS: () => make.statistics(0),
  MAP_CREATE: () => make.createMap({ ...ARRAY, valueSizeBytes: 1 << 20, maxEntries: 64 }),
  MAP_LOOKUP: ({ map }) => make.lookup(map, KEY),
  MAP_UPDATE: ({ map }) => make.update(map, KEY, new Uint8Array(8)),
  MAP_DELETE: ({ map }) => make.delete(map, KEY),
  MAP_NEXT_KEY: ({ map }) => make.nextKey(map, undefined),
  MAP_LOOKUP_BATCH: ({ map }) => make.lookupBatch(map),
  MAP_FREEZE: ({ map }) => make.freeze(map),
  RING_READ: ({ ring }) => make.readRing(ring),
  RING_WAIT: ({ ring }) => make.waitForRing(ring, 10_000),
  PROGRAM_CREATE: ({ map }) => make.createProgram(droppacket, { maps: [map], certificate }),
  PROGRAM_RUN: ({ program }) => make.run(program, FRAMES.udp, 100_000),
  HOOK_NEXT: () => make.nextHook(0),
  LINK_CREATE: ({ program }) => make.createLink(program, 1, 9),
  LINK_REPLACE: ({ link, program }) => make.replaceLink(link, program),
  LINK_DETACH: ({ link }) => make.detachLink(link),
  LOG_READ: () => make.readLog(),
};

/** Until what a killed client had is given up. */
async function settled(core: WindowsClient, expected: string): Promise<string> {
  let now = "";
  for (let tries = 0; tries < 100 && now !== expected; tries++) {
    if (tries > 0) await new Promise((resolve) => setTimeout(resolve, 50));
    now = (await standing(core)).join();
  }
  return now;
}

check("a client that is killed in the middle of a request leaves nothing, whatever it asked", async (t) => {
  t.deepEqual(
    [...CODES.keys()].filter((name) => !(name in REQUESTS)),
    [],
  );
  start();
  const core = await wine.connect();
  const kept = handleOf(await core.ask(make.createMap(ARRAY)));
  const before = (await standing(core)).join();
  for (const [name, request] of Object.entries(REQUESTS)) {
    const other = await wine.connect();
    const map = handleOf(await other.ask(make.createMap({ ...ARRAY, flags: 0x80 })));
    const ring = handleOf(
      await other.ask(make.createMap({ type: 13, keySizeBytes: 0, valueSizeBytes: 0, maxEntries: 4096 })),
    );
    const program = handleOf(await other.ask(make.createProgram(SPIN)));
    const link = handleOf(await other.ask(make.createLink(program, 1, 8)));
    const asked = Array.from({ length: 20 }, () => other.ask(request({ map, ring, program, link })));
    // Some are answered, one is under way, the rest are never sent.
    await asked[0];
    for (const one of asked) one.catch(() => undefined);
    await other.kill();
    t.is(await settled(core, before), before, name);
    t.is((await core.ask(make.lookup(kept, KEY))).error, "None", name);
  }
  await core.kill();
  stop();
});

check("two clients load, attach, look at each other's and detach at once", async (t) => {
  start();
  const frames = await wine.connect(SHIM);
  const clients = await Promise.all([1, 2].map(() => wine.connect()));
  const work = async (core: WindowsClient, point: number): Promise<number> => {
    let seen = 0;
    for (let round = 0; round < 8; round++) {
      const map = handleOf(await core.ask(make.createMap(ARRAY)));
      const program = handleOf(await core.ask(make.createProgram(droppacket, { maps: [map], certificate })));
      const link = handleOf(await core.ask(make.createLink(program, 1, point)));
      for (let id = 0; ; ) {
        id = field(await core.ask(make.next(2, id)), 1);
        if (id === 0) break;
        // It may be gone by now: then it is told so.
        const other = await core.ask(make.open(2, id));
        if (other.error === "MapNotFound") continue;
        if (dataOf(await core.ask(make.lookup(handleOf(other), KEY))).length === 8) seen++;
        t.is((await core.ask(make.close(handleOf(other)))).error, "None");
      }
      t.is((await core.ask(make.run(program, FRAMES.emptyUdp))).error, "None");
      t.is((await core.ask(make.detachLink(link))).error, "None");
      for (const handle of [link, program, map]) t.is((await core.ask(make.close(handle))).error, "None");
    }
    return seen;
  };
  const [first = 0, second = 0] = await Promise.all(clients.map((client, index) => work(client, 5 + index)));
  t.true(first >= 8 && second >= 8);
  const { clientLimit, totalLimit } = readMemory(await clients[0]!.ask(make.status()));
  t.true(clientLimit >= 2 ** 26);
  t.true(Math.abs(totalLimit - 2 * clientLimit) <= 1);
  t.deepEqual(await standing(clients[0]!), [0, 0, 2, (await standing(clients[0]!))[3] ?? 0]);
  for (const client of clients) await client.kill();
  const last = await wine.connect();
  t.is(await settled(last, "0,0,1,0"), "0,0,1,0");
  for (const client of [frames, last]) await client.kill();
  stop();
});

check("a file that was open when the driver went is worth nothing to the next one", async (t) => {
  start();
  const old = await wine.connect();
  const { map, program } = await attach(old);
  stop();
  start();
  const core = await wine.connect();
  t.deepEqual(await standing(core), [0, 0, 1, 0]);
  // Numbers and handles are given again; this file has none of them.
  const again = await attach(core);
  for (const request of [
    make.status(),
    make.lookup(map, KEY),
    make.run(program, FRAMES.udp),
    make.close(again.link),
  ])
    t.not((await old.ask(request)).status, 0);
  t.is((await core.ask(make.lookup(again.map, KEY))).error, "None");
  await old.close();
  t.is((await core.ask(make.info(again.link))).error, "None");
  for (const client of [old, core]) await client.kill();
  stop();
});
