// Requests that wait (RING_WAIT) under Wine: pended IRPs of EbpfCore.sys that a record completes, or their time, or the end of the
// client, of its file or of the driver; by a client of ours, and by the service in Node for Windows.
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { encode } from "../../../core/isa/encode.ts";
import { parse } from "../../../core/isa/parse.ts";
import { buildSys } from "../../../scripts/driver.ts";
import { field, handleOf, make, recordsOf } from "../../harness/driver-requests.ts";
import { FRAMES } from "../../harness/frames.ts";
import { ROOT } from "../../harness/service.ts";
import { openWine, type WindowsClient, type Wine } from "../../harness/wine.ts";
import { openWindowsNode } from "../../harness/wine-node.ts";

const check = test.serial;

const RING = { type: 13, keySizeBytes: 0, valueSizeBytes: 0, maxEntries: 4096 };
const OUTPUT = encode(
  parse("*(u64 *)(r10 - 8) = 7\nr1 = map[0]\nr2 = r10\nr2 += -8\nr3 = 8\nr4 = 0\ncall 11\nr0 = 1\nexit"),
);
const [MAP, PROGRAM] = [2, 1];

let wine: Wine;
test.before(async () => {
  wine = await openWine([buildSys()]);
  const path = "C:\\ebpf\\EbpfCore.sys";
  if (wine.run("sc", "create", "EbpfCore", "type=", "kernel", "binPath=", path).status !== 0)
    throw new Error("no service");
});
test.after.always(() => wine?.close());

const sc = (verb: string): void => {
  if (wine.run("sc", verb, "EbpfCore").status !== 0) throw new Error(`sc ${verb} fails`);
};

/** A ring, a program that writes a record into it, and another client that has both. */
async function shared() {
  const [reader, writer] = [await wine.connect(), await wine.connect()];
  const ring = await reader.ask(make.createMap(RING));
  const program = await reader.ask(make.createProgram(OUTPUT, { maps: [handleOf(ring)] }));
  const open = async (client: WindowsClient, type: number, id: number) =>
    handleOf(await client.ask(make.open(type, id)));
  const theirs = await open(writer, PROGRAM, field(program, 2));
  return {
    ...{ reader, writer, ring: handleOf(ring) },
    ringOfWriter: await open(writer, MAP, field(ring, 2)),
    write: () => writer.ask(make.run(theirs, FRAMES.udp)),
  };
}

check("a record, or its time, ends a request that waits, while others are answered", async (t) => {
  sc("start");
  const { reader, writer, ring, ringOfWriter, write } = await shared();
  const took: number[] = [];
  for (let count = 0; count < 20; count++) {
    const waiting = reader.ask(make.waitForRing(ring, 10_000));
    // It waits by now.
    await new Promise((resolve) => setTimeout(resolve, 20));
    const began = performance.now();
    await write();
    t.is(field(await waiting, 1), 1);
    took.push(performance.now() - began);
    t.is(recordsOf(await reader.ask(make.readRing(ring))).length, 1);
  }
  took.sort((a, b) => a - b);
  t.log(`${took[10]?.toFixed(1)} ms from a run that writes to both answers, in the median`);
  const began = performance.now();
  t.is(field(await reader.ask(make.waitForRing(ring, 200)), 1), 0);
  const elapsed = performance.now() - began;
  t.true(elapsed >= 199 && elapsed < 5_000, `${elapsed} ms`);
  // Both wait for the same.
  const both = [
    reader.ask(make.waitForRing(ring, 10_000)),
    writer.ask(make.waitForRing(ringOfWriter, 5_000)),
  ];
  const third = await wine.connect();
  const id = field(await third.ask(make.next(PROGRAM, 0)), 1);
  t.is(
    (await third.ask(make.run(handleOf(await third.ask(make.open(PROGRAM, id))), FRAMES.udp))).error,
    "None",
  );
  for (const answer of await Promise.all(both)) t.is(field(answer, 1), 1);
  for (const client of [reader, writer, third]) await client.kill();
  sc("stop");
});

check(
  "a client that is killed while it waits leaves nothing; the driver stops while one waits",
  async (t) => {
    sc("start");
    const { reader, writer, ring } = await shared();
    reader.ask(make.waitForRing(ring, 10_000)).catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await reader.kill();
    await writer.kill();
    const core = await wine.connect();
    for (let tries = 0; tries < 100; tries++) {
      if (field(await core.ask(make.status()), 6) === 1) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const left = await core.ask(make.status());
    t.deepEqual(
      [4, 5, 6].map((index) => field(left, index)),
      [0, 0, 1],
    );
    const own = handleOf(await core.ask(make.createMap(RING)));
    const began = performance.now();
    const waiting = core.ask(make.waitForRing(own, 10_000));
    await new Promise((resolve) => setTimeout(resolve, 100));
    sc("stop");
    t.not((await waiting).status, 0);
    t.true(performance.now() - began < 9_000);
    await core.kill();
    sc("start");
    sc("stop");
  },
);

check("the service in Node for Windows waits for the records of a ring in the driver", async (t) => {
  t.timeout(600_000);
  sc("start");
  const node = await openWindowsNode(wine);
  copyFileSync(join(ROOT, "tests", "fixtures", "c", "service-rings.o"), join(wine.folder, "rings.o"));
  node.json("program", "add", "C:\\ebpf\\rings.o", "--program", "entry", "--host", "kernel");
  const writer = await wine.connect();
  const id = field(await writer.ask(make.next(PROGRAM, 0)), 1);
  const program = handleOf(await writer.ask(make.open(PROGRAM, id)));
  // The command keeps this process: who writes waits for a while first, for a record that never comes.
  const empty = handleOf(await writer.ask(make.createMap(RING)));
  const later = [writer.ask(make.waitForRing(empty, 8_000)), writer.ask(make.run(program, FRAMES.udp))];
  const { status, out, err } = node.ebpf(
    "map",
    "read",
    "events",
    "--follow",
    "--limit",
    "1",
    "--type",
    "event",
  );
  t.is(status, 0, err);
  t.regex(out, /"where":"in"/);
  for (const answer of await Promise.all(later)) t.is(answer.error, "None");
  await writer.kill();
  t.is(node.ebpf("service", "stop").status, 0);
  sc("stop");
});
