// The core's bundle on Windows' Node, under Wine: commands that need no service, the service with its named pipe and its state, koffi,
// and EbpfCore.sys itself: programs are given to the driver and run there, by the command line and by the service, whose programs
// come back with it and with the driver. tests/core/host/kernel.test.ts has the
// details, on the driver's portable core.
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import test from "ava";
import { encode } from "../../core/isa/encode.ts";
import { parse } from "../../core/isa/parse.ts";
import type { MapEntryRecord, MapRecord, ProgramRecord, RunRecord } from "../../core/manager/records.ts";
import { buildSys } from "../../scripts/driver.ts";
import { dataOf, make } from "../harness/driver-requests.ts";
import { FRAMES } from "../harness/frames.ts";
import { shim, VERDICT_BYTES, verdictOf } from "../harness/shim.ts";
import { openWine, type Wine } from "../harness/wine.ts";
import { openWindowsNode, type WindowsNode } from "../harness/wine-node.ts";

const check = test.serial;
const SAMPLES = join(import.meta.dirname, "..", "..", "samples");
const OBJECT = "C:\\ebpf\\droppacket.o";
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

let wine: Wine;
let node: WindowsNode;
test.before(async () => {
  wine = await openWine([buildSys()]);
  node = await openWindowsNode(wine);
  copyFileSync(join(SAMPLES, "droppacket.o"), join(wine.folder, "droppacket.o"));
});
test.after.always(() => {
  node?.ebpf("service", "stop");
  wine?.close();
});

const sc = (...args: readonly string[]): number | null => wine.run("sc", ...args).status;
const programs = (...args: readonly string[]) => node.json("program", "list", ...args) as ProgramRecord[];
const run = (...args: readonly string[]) =>
  node.json("run", OBJECT, "--host", "kernel", "--hex", hexOf(FRAMES.emptyUdp), ...args) as RunRecord;

/** What the command says on stderr, with its code; it must fail. */
function refusal(...args: readonly string[]): string {
  const { status, err } = node.ebpf(...args, "--json");
  if (status === 0) throw new Error(`ebpf ${args.join(" ")} did not fail`);
  return (JSON.parse(err) as { error: { code: string } }).error.code;
}

check("koffi calls Windows", (t) => {
  const { status, out, err } = node.script(`
    import koffi from "koffi";
    const kernel32 = koffi.load("kernel32.dll");
    const id = kernel32.func("uint32 __stdcall GetCurrentProcessId()")();
    console.log(process.platform, id === process.pid);
  `);
  t.deepEqual([status, out, err], [0, "win32 true\n", ""]);
});

check("a program is verified and run without a service", (t) => {
  t.is(node.ebpf("verify", OBJECT).status, 0);
  const ran = node.json("run", OBJECT, "--hex", "00".repeat(64)) as RunRecord;
  t.like(ran, { engine: "wasm", returnName: "XDP_PASS" });
});

check("without the driver the kernel host says so, and programs go to the embedded one", (t) => {
  t.is(refusal("run", OBJECT, "--host", "kernel"), "DriverNotRunning");
  t.is(refusal("program", "add", OBJECT, "--host", "kernel"), "DriverNotRunning");
  const added = node.json("program", "add", OBJECT) as ProgramRecord;
  t.like(added, { host: "embedded", engine: "wasm" });
  node.json("service", "stop");
  t.deepEqual(programs(), [added]);
  node.json("program", "remove", String(added.id));
});

check("a program runs in the driver: proved and compiled, or interpreted", (t) => {
  t.is(sc("create", "EbpfCore", "type=", "kernel", "binPath=", "C:\\ebpf\\EbpfCore.sys"), 0);
  t.is(sc("start", "EbpfCore"), 0);
  t.like(run("--repeat", "100"), { engine: "kernel-jit", returnName: "XDP_DROP", action: "drop" });
  t.like(run("--engine", "interpreter"), { engine: "kernel-interpreter", returnName: "XDP_DROP" });
});

let program: ProgramRecord;
check("the service gives a program to the driver, whose maps are read and written", (t) => {
  program = node.json("program", "add", OBJECT, "--persistent") as ProgramRecord;
  t.like(program, { host: "kernel", engine: "kernel-jit", certified: true, engineReason: undefined });
  t.deepEqual(programs("--host", "kernel"), [program]);
  const [map] = node.json("map", "list") as MapRecord[];
  t.like(map, { type: "array", entries: 1, programIds: [program.id] });
  const entries = () => node.json("map", "dump", String(map?.id)) as MapEntryRecord[];
  t.deepEqual(
    entries().map(({ key, value }) => [key, value]),
    [[0, 0]],
  );
  node.json("map", "update", String(map?.id), "0", "41");
  t.deepEqual(entries()[0]?.valueHex, "0x2900000000000000");
});

check("a program that another process has in the driver is listed beside", async (t) => {
  const client = wine.startClient();
  try {
    t.is(await client.open(), 0);
    const bytecode = encode(parse("r0 = 1\nexit"));
    t.is((await client.ask(make.createProgram(bytecode, { name: "theirs" }))).error, "None");
    const [own, theirs, ...more] = programs("--host", "kernel");
    t.deepEqual([own, more], [program, []]);
    t.like(theirs, { name: "theirs", engine: "kernel-interpreter", engineReason: "it has no certificate" });
    t.deepEqual(programs(), [program]);
  } finally {
    await client.kill();
  }
});

check("after a restart of the service the program and its map are in the driver again", (t) => {
  node.json("service", "stop");
  t.is(run().returnName, "XDP_DROP");
  t.deepEqual(programs(), [program]);
  const [map] = node.json("map", "list") as MapRecord[];
  t.deepEqual((node.json("map", "dump", String(map?.id)) as MapEntryRecord[])[0]?.value, 41);
});

check("after a restart of the driver they are too", async (t) => {
  t.is(sc("stop", "EbpfCore"), 0);
  let [shown] = programs();
  for (let tries = 0; tries < 50 && shown?.problem === undefined; tries++) {
    await sleep(100);
    [shown] = programs();
  }
  t.regex(shown?.problem ?? "", /stopped/);
  t.is(sc("start", "EbpfCore"), 0);
  for (let tries = 0; tries < 50 && shown?.problem !== undefined; tries++) {
    await sleep(100);
    [shown] = programs();
  }
  t.deepEqual(shown, program);
});

check(
  "attached to xdp it decides about Windows' frames: of all interfaces, or of one by number or name",
  async (t) => {
    const frames = wine.startClient();
    t.is(await frames.open("EbpfShim"), 0);
    const isDropped = async (interfaceIndex: number): Promise<boolean> => {
      const answer = await frames.ask(shim.play({ bytes: FRAMES.emptyUdp, interfaceIndex }));
      const numbers = answer.reply.buffer.slice(
        answer.reply.byteOffset,
        answer.reply.byteOffset + VERDICT_BYTES,
      );
      return verdictOf(new Uint32Array(numbers), dataOf(answer, VERDICT_BYTES)).action === "block";
    };
    const add = (...args: readonly string[]) =>
      node.json("program", "add", OBJECT, "--hook", "xdp", ...args) as ProgramRecord;
    const all = add();
    t.like(all, { host: "kernel", engine: "kernel-jit", interfaces: ["*"] });
    t.deepEqual([await isDropped(3), await isDropped(4)], [true, true]);
    const [map] = node.json("map", "dump", String(all.mapIds[0])) as MapEntryRecord[];
    t.is(map?.value, 2);
    t.is(refusal("program", "add", OBJECT, "--hook", "xdp"), "HookBusy");
    const next = add("--replace");
    t.true(await isDropped(3));
    node.json("program", "remove", String(next.id));
    t.false(await isDropped(3));
    const one = add("--interface", "3");
    t.deepEqual([await isDropped(3), await isDropped(4)], [true, false]);
    t.is(refusal("link", "attach", String(one.id), "nosuch"), "InterfaceNotFound");
    const { out: name } = node.script(
      'import { networkInterfaces } from "node:os"; process.stdout.write(Object.keys(networkInterfaces())[0]);',
    );
    t.like(node.json("link", "attach", String(one.id), name), { hook: "xdp", interface: name });
    node.json("program", "remove", String(one.id));
    t.deepEqual(node.json("link", "list"), []);
    t.false(await isDropped(3));
    await frames.kill();
  },
);

check("a program that is removed leaves nothing, and the driver stops and goes", (t) => {
  node.json("program", "remove", String(program.id));
  t.deepEqual(programs("--host", "kernel"), []);
  const status = node.json("driver", "status") as { programs: number; maps: number; clients: number };
  t.like(status, { programs: 0, maps: 0, clients: 0 });
  t.is(sc("stop", "EbpfCore"), 0);
  t.is(sc("delete", "EbpfCore"), 0);
});
