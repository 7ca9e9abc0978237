// A service whose kernel host is the driver's portable core: which host a program goes to, links to hooks of the kernel, what a
// restart of the service and of the driver brings back, and what others have in the driver.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import test, { type ExecutionContext } from "ava";
import { EbpfError, type ErrorCode } from "../../../core/base/error.ts";
import { openError } from "../../../core/host/kernel/errors.ts";
import { createKernelHost, type KernelProgram } from "../../../core/host/kernel/host.ts";
import { load, unload } from "../../../core/manager/load.ts";
import { ATTACH_TYPES } from "../../../core/platform/windows/types.ts";
import type { ServiceClient } from "../../../core/service/client.ts";
import { countAllocations, setProcessor } from "../../harness/driver.ts";
import { HOOKS, invokeXdp, setPresent } from "../../harness/driver-hook.ts";
import { FRAMES } from "../../harness/frames.ts";
import { type LibrarySystem, librarySystem } from "../../harness/kernel-system.ts";
import { type LocalService, localService, ROOT, SAMPLE, temporaryFolder } from "../../harness/service.ts";

const XDP = ATTACH_TYPES.find(({ name }) => name === "xdp")!;

// The driver is one for the process.
const check = test.serial;

const DATA = join(ROOT, "tests", "fixtures", "c", "object-data.o");
const RINGS = join(ROOT, "tests", "fixtures", "c", "service-rings.o");
const [PASS, DROP] = [1, 2];

interface World {
  readonly library: LibrarySystem;
  readonly home: string;
  start(): Promise<{ readonly service: LocalService; readonly client: ServiceClient }>;
}

/** Nothing may be left in the driver when `body` has ended and the service is stopped. */
async function withDriver(t: ExecutionContext, body: (world: World) => Promise<void>): Promise<void> {
  const before = countAllocations();
  const library = librarySystem({ Ethernet: 7 });
  setProcessor(0);
  for (const hook of HOOKS) setPresent(hook, true);
  const home = temporaryFolder(t);
  const services: LocalService[] = [];
  await body({
    library,
    home,
    async start() {
      await services.at(-1)?.stop();
      const service = await localService(t, home, library.system);
      services.push(service);
      return { service, client: await service.connect() };
    },
  });
  await services.at(-1)?.stop();
  t.is(library.clients(), 0);
  for (const hook of HOOKS) setPresent(hook, false);
  library.stop();
  t.is(countAllocations(), before);
}

async function throwsCode(t: ExecutionContext, call: Promise<unknown>, code: ErrorCode): Promise<void> {
  const error = await t.throwsAsync(call, { instanceOf: EbpfError });
  t.is(error?.code, code);
}

/** Until it holds; bounded. */
async function until(t: ExecutionContext, holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if (await holds()) return;
    await sleep(100);
  }
  t.fail("it never came to that");
}

check("where the driver runs a program goes there; what is named otherwise decides", async (t) => {
  await withDriver(t, async ({ start, library }) => {
    const { client } = await start();
    const added = await client.call("program.add", { file: SAMPLE });
    t.like(added, { host: "kernel", engine: "kernel-jit", certified: true, engineReason: undefined });
    t.like(await client.call("program.add", { file: SAMPLE, host: "embedded" }), {
      host: "embedded",
      engine: "wasm",
    });
    t.like(await client.call("program.add", { file: SAMPLE, engine: "wasm" }), { host: "embedded" });
    t.like(await client.call("program.add", { file: SAMPLE, engine: "interpreter" }), {
      host: "kernel",
      engine: "kernel-interpreter",
      engineReason: "the interpreter was asked for",
    });
    await client.call("interface.add", {
      kind: "gateway",
      name: "dns",
      settings: { listen: "127.0.0.1:0", to: "127.0.0.1:9" },
    });
    const filter = await client.call("program.add", { file: SAMPLE, interface: "dns" });
    t.like(filter, { host: "embedded", interfaces: ["dns"] });
    await throwsCode(t, client.call("program.add", { file: SAMPLE, engine: "turbo" }), "EngineUnknown");
    await throwsCode(
      t,
      client.call("program.add", { file: SAMPLE, engine: "wasm", host: "kernel" }),
      "EngineUnknown",
    );
    // A hook that this Windows does not have is left to the service's interfaces.
    setPresent("xdp", false);
    t.like(await client.call("program.add", { file: SAMPLE, hook: "xdp", replace: true }), {
      host: "embedded",
      interfaces: ["dns"],
    });
    const asked = client.call("program.add", { file: SAMPLE, hook: "xdp", host: "kernel" });
    await throwsCode(t, asked, "HookUnavailable");
    setPresent("xdp", true);
    library.stop();
    await throwsCode(t, client.call("program.add", { file: SAMPLE, host: "kernel" }), "DriverNotRunning");
    t.like(await client.call("program.add", { file: SAMPLE }), { host: "embedded" });
    library.start();
  });
});

check("hooks of the kernel: attached, refused, replaced, detached", async (t) => {
  await withDriver(t, async ({ start }) => {
    const { client } = await start();
    const hooks = await client.call("platform.hooks", {});
    t.true(hooks.some(({ name, available }) => name === "connect4" && available));
    const request = { file: SAMPLE, hook: "xdp", interface: "Ethernet" };
    const first = await client.call("program.add", request);
    t.like(first, { host: "kernel", interfaces: ["Ethernet"] });
    t.deepEqual([invokeXdp(7, FRAMES.emptyUdp), invokeXdp(8, FRAMES.emptyUdp)], [DROP, PASS]);
    await throwsCode(t, client.call("program.add", request), "HookBusy");
    await throwsCode(
      t,
      client.call("program.add", { ...request, interface: "Wi-Fi", host: "kernel" }),
      "InterfaceNotFound",
    );
    const second = await client.call("program.add", { ...request, replace: true });
    t.deepEqual(
      (await client.call("program.list", {})).map(({ id }) => id),
      [second.id],
    );
    t.is(invokeXdp(7, FRAMES.emptyUdp), DROP);
    const [map] = await client.call("map.list", {});
    t.like((await client.call("map.dump", { id: map?.id ?? 0 }))[0], { value: 1 });
    const every = await client.call("link.attach", { programId: second.id });
    t.like(every, { hook: "xdp", interface: "*" });
    t.is(invokeXdp(8, FRAMES.emptyUdp), DROP);
    await client.call("link.detach", { id: every.id });
    t.is(invokeXdp(8, FRAMES.emptyUdp), PASS);
    t.like(await client.call("link.attach", { programId: second.id, interface: "9" }), { interface: "9" });
    t.is(invokeXdp(9, FRAMES.emptyUdp), DROP);
    await client.call("program.remove", { id: second.id });
    t.deepEqual([invokeXdp(7, FRAMES.emptyUdp), invokeXdp(9, FRAMES.emptyUdp)], [PASS, PASS]);
    t.deepEqual(await client.call("link.list", {}), []);
  });
});

check("entries of maps in the driver, by their types; constants stay what they are", async (t) => {
  await withDriver(t, async ({ start }) => {
    const { client } = await start();
    const program = await client.call("program.add", { file: DATA, host: "kernel" });
    t.like(program, { engine: "kernel-jit", certified: true });
    const maps = await client.call("map.list", {});
    const constants = maps.find(({ name }) => name.includes("rodata"));
    const variables = maps.find(({ name }) => name.endsWith(".bss") || name.endsWith(".data"));
    const read = await client.call("map.dump", { id: variables?.id ?? 0 });
    t.is(read.length, 1);
    const written = await client.call("map.update", {
      id: variables?.id ?? 0,
      key: read[0]?.keyHex ?? "",
      value: read[0]?.valueHex ?? "",
    });
    t.deepEqual(written, read[0]);
    const [constant] = await client.call("map.dump", { id: constants?.id ?? 0 });
    const change = client.call("map.update", {
      id: constants?.id ?? 0,
      key: constant?.keyHex ?? "",
      value: constant?.valueHex ?? "",
    });
    await throwsCode(t, change, "MapOperationUnsupported");
  });
});

check("program arrays and ring buffers in the driver, and again after a restart", async (t) => {
  await withDriver(t, async ({ start }) => {
    const { client } = await start();
    const add = (program: string, interfaceName?: string) =>
      client.call("program.add", {
        ...{ file: RINGS, program, persistent: true, host: "kernel" as const },
        ...(interfaceName === undefined ? {} : { interface: interfaceName }),
      });
    const drop = await add("drop");
    const entry = await add("entry", "7");
    const idOf = async (name: string, programId: number) =>
      (await client.call("map.list", {})).find(
        (map) => map.name === name && map.programIds.includes(programId),
      )?.id ?? 0;
    const jumps = await idOf("jumps", entry.id);
    const events = await idOf("events", entry.id);
    t.is(invokeXdp(7, FRAMES.udp), PASS);
    const put = await client.call("map.update", { id: jumps, key: 0, value: "drop" });
    t.like(put, { key: 0, value: drop.id });
    t.is(invokeXdp(7, FRAMES.udp), DROP);
    const read = await client.call("map.read", { id: events, milliseconds: 1000, type: "event" });
    t.deepEqual(
      read.records.map(({ value }) => (value as { program: number }).program),
      [1, 1],
    );
    t.is(read.dropped, 0);
    // A program of the other host has other numbers.
    const other = await client.call("program.add", { file: SAMPLE, host: "embedded" });
    await throwsCode(t, client.call("map.update", { id: jumps, key: 1, value: other.id }), "MapValueInvalid");
    const { client: again } = await start();
    t.is(invokeXdp(7, FRAMES.udp), DROP);
    t.deepEqual(await again.call("map.dump", { id: jumps }), [put]);
    await again.call("program.remove", { id: drop.id });
    t.is(invokeXdp(7, FRAMES.udp), PASS);
    t.deepEqual(await again.call("map.dump", { id: jumps }), []);
    await again.call("program.remove", { id: entry.id });
  });
});

check("counts of runs in the driver", async (t) => {
  await withDriver(t, async ({ start }) => {
    const { client } = await start();
    const { id } = await client.call("program.add", { file: SAMPLE, hook: "xdp" });
    invokeXdp(1, FRAMES.udp);
    const off = await client.call("program.stats", { id });
    t.deepEqual(off.counts, { runs: 0, nanoseconds: 0, faults: 0, counting: false });
    t.deepEqual(await client.call("program.countRuns", { enabled: true }), { enabled: true });
    invokeXdp(1, FRAMES.udp);
    t.like((await client.call("program.stats", { id })).counts, { runs: 1, faults: 0, counting: true });
    await client.call("program.countRuns", { enabled: false });
  });
});

check(
  "after a restart of the service programs, links and persistent maps are in the driver again",
  async (t) => {
    await withDriver(t, async ({ start }) => {
      const { client } = await start();
      const request = { file: SAMPLE, hook: "xdp", interface: "Ethernet", persistent: true };
      const program = await client.call("program.add", request);
      invokeXdp(7, FRAMES.emptyUdp);
      const { client: again, service } = await start();
      t.deepEqual(
        service.lines.filter((line) => line.includes("program")),
        [],
      );
      t.deepEqual(await again.call("program.list", {}), [program]);
      t.is(invokeXdp(7, FRAMES.emptyUdp), DROP);
      const [map] = await again.call("map.list", {});
      t.like((await again.call("map.dump", { id: map?.id ?? 0 }))[0], { value: 2 });
      await again.call("program.remove", { id: program.id });
      t.is(invokeXdp(7, FRAMES.emptyUdp), PASS);
    });
  },
);

check("a driver that stops, and starts again: what was in it is shown as gone, and comes back", async (t) => {
  await withDriver(t, async ({ start, library }) => {
    const { client } = await start();
    const request = { file: SAMPLE, hook: "xdp", interface: "Ethernet" };
    const program = await client.call("program.add", request);
    library.stop();
    t.deepEqual(await client.call("map.list", {}), []);
    const [lost] = await client.call("program.list", {});
    t.like(lost, { id: program.id, host: "kernel" });
    t.regex(lost?.problem ?? "", /driver has been stopped/);
    t.is((await client.call("service.status", {})).problems.length, 1);
    library.start();
    for (const hook of HOOKS) setPresent(hook, true);
    await until(t, async () => (await client.call("program.list", {}))[0]?.problem === undefined);
    t.deepEqual(await client.call("program.list", {}), [program]);
    t.is(invokeXdp(7, FRAMES.emptyUdp), DROP);
  });
});

check("a service lets go of the driver, and has its programs in it again when that runs", async (t) => {
  await withDriver(t, async ({ start, library }) => {
    const { client } = await start();
    const { id } = await client.call("program.add", { file: SAMPLE, hook: "xdp", interface: "Ethernet" });
    t.is(library.clients(), 1);
    t.is((await client.call("driver.release", {})).programs, 0);
    t.is(library.clients(), 0, "nobody has the device open");
    t.is(invokeXdp(7, FRAMES.emptyUdp), PASS);
    library.stop();
    const [gone] = await client.call("program.list", {});
    t.regex(gone?.problem ?? "", /the driver has been stopped/);
    library.start();
    await until(t, async () => (await client.call("program.get", { id })).problem === undefined);
    t.is(invokeXdp(7, FRAMES.emptyUdp), DROP);
    t.is((await client.call("driver.release", {})).programs, 0);
    await client.call("program.remove", { id });
  });
});

check(
  "a service that may not open the driver says so to whoever means it, and is of use without",
  async (t) => {
    const denied = {
      ...librarySystem().system,
      open: () => {
        throw openError(5);
      },
    };
    const client = await (await localService(t, temporaryFolder(t), denied)).connect();
    t.like(await client.call("program.add", { file: SAMPLE }), { host: "embedded" });
    for (const hook of ["xdp", "connect4"]) {
      const error = await t.throwsAsync(client.call("program.add", { file: SAMPLE, hook }), {
        instanceOf: EbpfError,
      });
      t.is(error?.code, "ElevationNeeded");
      t.regex(
        error?.message ?? "",
        /^(there is no interface|no interface of this service).*start it as administrator/,
      );
    }
    const settings = { listen: "127.0.0.1:0", to: "127.0.0.1:9" };
    const { name } = await client.call("interface.add", { kind: "gateway", settings });
    t.like(await client.call("program.add", { file: SAMPLE, hook: "xdp" }), {
      host: "embedded",
      interfaces: [name],
    });
  },
);

check("a service that starts before the driver has its programs in it later, or gives them up", async (t) => {
  await withDriver(t, async ({ start, library }) => {
    const { client } = await start();
    const kept = await client.call("program.add", { file: SAMPLE });
    const removed = await client.call("program.add", { file: SAMPLE, name: "other" });
    library.stop();
    const { client: again } = await start();
    const listed = await again.call("program.list", {});
    t.deepEqual(
      listed.map(({ id, problem }) => [id, problem !== undefined]),
      [
        [kept.id, true],
        [removed.id, true],
      ],
    );
    t.like(await again.call("program.remove", { id: removed.id }), { id: removed.id, name: "other" });
    library.start();
    await until(t, async () => (await again.call("program.list", {}))[0]?.problem === undefined);
    t.deepEqual(await again.call("program.list", {}), [kept]);
  });
});

check("what others have in the driver is listed and read, and not the service's to remove", async (t) => {
  await withDriver(t, async ({ start, library }) => {
    const other = createKernelHost(library.system);
    const theirs = load(
      other,
      readFileSync(SAMPLE),
      { file: SAMPLE, engine: "kernel-jit", proof: "required" },
      () => {},
    ) as KernelProgram;
    theirs.run({ data: FRAMES.emptyUdp });
    const { client } = await start();
    const own = await client.call("program.add", { file: SAMPLE });
    const programs = await client.call("program.list", { host: "kernel" });
    t.deepEqual(
      programs.map(({ id }) => id),
      [own.id, 1_000_000_000 + theirs.id],
    );
    t.like(programs[1], { name: "DropPacket", type: "xdp", engine: "kernel-jit", certified: true, file: "" });
    t.deepEqual(await client.call("program.list", {}), [own]);
    const maps = await client.call("map.list", { host: "kernel" });
    const map = maps.find(({ programIds }) => programIds.includes(programs[1]?.id ?? 0));
    t.deepEqual(programs[1]?.mapIds, [map?.id]);
    const [entry] = await client.call("map.dump", { id: map?.id ?? 0 });
    t.like(entry, { keyHex: "0x00000000", valueHex: "0x0100000000000000" });
    const key = "0x00000000";
    const value = "0x0500000000000000";
    await client.call("map.update", { id: map?.id ?? 0, key, value });
    t.is(theirs.maps[0]?.lookup(new Uint8Array(4))?.[0], 5);
    const ringSpec = {
      name: "ring",
      type: 13,
      keySizeBytes: 0,
      valueSizeBytes: 0,
      maxEntries: 4096,
      flags: 0,
    };
    const ring = other.createMap({ ...ringSpec, pinning: 0 }, "ringbuf");
    const listed = await client.call("map.list", { host: "kernel" });
    t.like(listed.at(-1), { id: 1_000_000_000 + ring.id, name: "ring", type: "ringbuf", programIds: [] });
    t.deepEqual(await client.call("map.dump", { id: 1_000_000_000 + ring.id }), []);
    const taking = client.call("map.read", { id: 1_000_000_000 + ring.id });
    await throwsCode(t, taking, "MapOperationUnsupported");
    ring.close();
    const [first, second] = [other.attach(theirs, XDP, 9), other.attach(theirs, XDP, 0)];
    const mine = await client.call("link.attach", { programId: own.id, interface: "7" });
    const shared = { programId: 1_000_000_000 + theirs.id, program: "DropPacket", hook: "xdp" };
    t.deepEqual(await client.call("link.list", { host: "kernel" }), [
      mine,
      { ...shared, id: 1_000_000_000 + first.id, interface: "9" },
      { ...shared, id: 1_000_000_000 + second.id, interface: "*" },
    ]);
    t.deepEqual(await client.call("link.list", {}), [mine]);
    t.deepEqual(await client.call("link.list", { host: "embedded" }), []);
    await throwsCode(t, client.call("link.detach", { id: 1_000_000_000 + first.id }), "LinkNotFound");
    for (const link of [first, second]) link.close();
    t.deepEqual(await client.call("link.list", { host: "kernel" }), [mine]);
    await throwsCode(t, client.call("program.remove", { id: programs[1]?.id ?? 0 }), "ArgumentInvalid");
    unload(theirs);
    await throwsCode(t, client.call("map.dump", { id: map?.id ?? 0 }), "MapNotFound");
    await client.call("program.remove", { id: own.id });
  });
});
