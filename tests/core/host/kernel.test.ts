// The kernel host on the driver's portable core: engines and why, programs with data sections, links, what others have in the
// driver, a driver that is stopped, restarted, or of another version.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { EbpfError, type ErrorCode, InternalError } from "../../../core/base/error.ts";
import { createKernelHost, type KernelHost, type KernelProgram } from "../../../core/host/kernel/host.ts";
import type { KernelEngine } from "../../../core/image/image.ts";
import { parse } from "../../../core/isa/parse.ts";
import { load, unload } from "../../../core/manager/load.ts";
import { ATTACH_TYPES } from "../../../core/platform/windows/types.ts";
import { countAllocations, failAllocation, setProcessor } from "../../harness/driver.ts";
import { HOOKS, invokeXdp, setPresent } from "../../harness/driver-hook.ts";
import { FRAME_NAMES, FRAMES } from "../../harness/frames.ts";
import { type LibrarySystem, librarySystem } from "../../harness/kernel-system.ts";
import { trust } from "../../harness/programs.ts";

// The driver is one for the process.
const check = test.serial;

const ROOT = join(import.meta.dirname, "..", "..", "..");
const DROPPACKET = join(ROOT, "samples", "droppacket.o");
const DATA = join(ROOT, "tests", "fixtures", "c", "object-data.o");
const XDP = ATTACH_TYPES.find(({ name }) => name === "xdp")!;
const DROP = 2;

const loadFile = (host: KernelHost, file: string, engine: KernelEngine = "kernel-jit"): KernelProgram =>
  load(host, readFileSync(file), { file, engine, proof: "required" }, () => {}) as KernelProgram;

/** A driver, started, with a host; nothing may be left in it when `body` has ended what it has begun. */
function withHost(
  t: { is(a: unknown, b: unknown, message?: string): void },
  body: (host: KernelHost, library: LibrarySystem) => void,
): void {
  const before = countAllocations();
  const library = librarySystem({ Ethernet: 7 });
  setProcessor(0);
  for (const hook of HOOKS) setPresent(hook, true);
  body(createKernelHost(library.system), library);
  t.is(library.clients(), 0, "the device is closed when nothing of ours is in the driver");
  for (const hook of HOOKS) setPresent(hook, false);
  library.stop();
  t.is(countAllocations(), before);
}

function throwsCode(t: { is(a: unknown, b: unknown): void }, body: () => unknown, code: ErrorCode): void {
  let thrown: unknown;
  try {
    body();
  } catch (error) {
    thrown = error;
  }
  t.is(thrown instanceof EbpfError ? thrown.code : thrown, code);
}

check("droppacket is proved, compiled, drops and counts as in the host embedded", (t) => {
  withHost(t, (host) => {
    const program = loadFile(host, DROPPACKET);
    t.like(program, { engine: "kernel-jit", certified: true, engineReason: undefined });
    const dropped = FRAME_NAMES.filter((name) => program.run({ data: FRAMES[name] }).action === "drop");
    t.deepEqual(dropped, ["emptyUdp", "emptyUdpToEcho", "emptyUdpWithOptions"]);
    const { returnValue, data, context, nanoseconds } = program.run({ data: FRAMES.udp, repeat: 100 });
    t.is(returnValue, 1n);
    t.deepEqual(data, FRAMES.udp);
    t.deepEqual(context, new Uint8Array(32));
    t.true(nanoseconds > 0);
    const [map] = program.maps;
    t.deepEqual(map?.lookup(new Uint8Array(4)), new Uint8Array([3, 0, 0, 0, 0, 0, 0, 0]));
    t.is(map?.count(), 1);
    t.true(host.memoryBytes() > 0);
    unload(program);
    t.is(host.memoryBytes(), 0);
  });
});

check("the interpreter runs what is to be interpreted, and what cannot be compiled; each says why", (t) => {
  withHost(t, (host, library) => {
    const asked = loadFile(host, DROPPACKET, "kernel-interpreter");
    t.like(asked, { engine: "kernel-interpreter", engineReason: "the interpreter was asked for" });
    const { image } = asked;
    const bare = host.load({ ...image, engine: "kernel-jit" }, asked.maps);
    t.like(bare, { engine: "kernel-interpreter", certified: false, engineReason: "it has no certificate" });
    const forged = host.load({ ...image, engine: "kernel-jit" }, asked.maps, new Uint8Array(40));
    t.like(forged, { engine: "kernel-interpreter", certified: false });
    t.regex(forged.engineReason ?? "", /does not take its certificate: .*another program/);
    for (const program of [bare, forged]) program.close();
    unload(asked);
    library.stop();
    library.start(true);
    t.true(host.status().allowUncertified);
    const again = loadFile(host, DROPPACKET);
    const allowed = host.load(again.image, again.maps);
    t.like(allowed, { engine: "kernel-jit", certified: false });
    allowed.close();
    unload(again);
  });
});

check("where memory does not become executable the interpreter takes over, and says so", (t) => {
  withHost(t, (host, library) => {
    library.stop();
    library.start(true);
    const program = loadFile(host, DROPPACKET);
    const reasons = new Set<string | undefined>();
    // One of the allocations is that of code.
    for (let number = 1; number < 40; number++) {
      failAllocation(number);
      try {
        const other = host.load(program.image, program.maps);
        if (other.engine === "kernel-interpreter") reasons.add(other.engineReason);
        other.close();
      } catch (error) {
        t.is((error as EbpfError).code, "MemoryExhausted");
      }
      failAllocation(0);
    }
    t.deepEqual([...reasons], ["Windows does not let memory become executable"]);
    unload(program);
  });
});

check("flags of a map are taken and refused as by the embedded host", (t) => {
  withHost(t, (host) => {
    const spec = {
      ...{ name: "m", type: 1, keySizeBytes: 4, valueSizeBytes: 4, maxEntries: 2, pinning: 0 },
    };
    for (const flags of [0, 1, 2, 4, 0x80, 0x87]) host.createMap({ ...spec, flags }, "hash").close();
    for (const flags of [8, 0x10, 0x100, 0x400, 0x8000_0000, 0x89])
      throwsCode(t, () => host.createMap({ ...spec, flags }, "hash"), "MapDefinitionInvalid");
    const array = host.createMap({ ...spec, type: 2, flags: 0 }, "array");
    const beyond = new Uint8Array([2, 0, 0, 0]);
    throwsCode(t, () => array.update(beyond, new Uint8Array(4)), "MapKeyNotFound");
    array.close();
  });
});

check("constants are frozen and part of the proof, variables are arrays as any other", (t) => {
  withHost(t, (host) => {
    const program = loadFile(host, DATA);
    t.like(program, { engine: "kernel-jit", certified: true });
    program.run({ data: FRAMES.udp, repeat: 60 });
    t.is(program.maps[0]?.lookup(new Uint8Array(4))?.[0], 67);
    const constants = program.maps.find(({ spec }) => spec.data?.readOnly === true);
    const { valueSizeBytes = 0 } = constants?.spec ?? {};
    const write = () => constants?.update(new Uint8Array(4), new Uint8Array(valueSizeBytes));
    throwsCode(t, write, "MapOperationUnsupported");
    unload(program);
  });
});

check("programs are attached to hooks, replaced and detached; what cannot be is told", (t) => {
  withHost(t, (host) => {
    t.like(
      host.hooks().find(({ name }) => name === "xdp"),
      { attachType: 1, present: true, point: "interface", maximumLinks: 1, linkCount: 0 },
    );
    const [first, second] = [loadFile(host, DROPPACKET), loadFile(host, DROPPACKET)];
    const link = host.attach(first, XDP, 7);
    t.deepEqual([invokeXdp(7, FRAMES.emptyUdp), invokeXdp(8, FRAMES.emptyUdp)], [DROP, 1]);
    throwsCode(t, () => host.attach(second, XDP, 7), "HookBusy");
    link.replace(second);
    t.is(invokeXdp(7, FRAMES.emptyUdp), DROP);
    const counts = [first, second].map(({ maps }) => maps[0]?.lookup(new Uint8Array(4))?.[0]);
    t.deepEqual(counts, [1, 1]);
    link.close();
    t.is(invokeXdp(7, FRAMES.emptyUdp), 1);
    setPresent("xdp", false);
    throwsCode(t, () => host.attach(first, XDP, 0), "HookUnavailable");
    setPresent("xdp", true);
    for (const program of [first, second]) unload(program);
  });
});

check("runs are counted while that is asked for, faults always", (t) => {
  withHost(t, (host) => {
    const program = loadFile(host, DROPPACKET);
    program.run({ data: FRAMES.udp });
    t.like(program.counts?.(), { runs: 0, faults: 0 });
    host.countRuns(true);
    t.true(host.status().statistics);
    program.run({ data: FRAMES.udp, repeat: 5 });
    const counted = program.counts?.();
    t.like(counted, { runs: 5, faults: 0 });
    t.true((counted?.nanoseconds ?? 0) > 0);
    host.countRuns(false);
    unload(program);
  });
});

check("what others have in the driver is found, described and read", (t) => {
  withHost(t, (host, library) => {
    const other = createKernelHost(library.system);
    const theirs = loadFile(other, DROPPACKET);
    theirs.run({ data: FRAMES.emptyUdp });
    const [program, ...more] = host.programs();
    t.is(more.length, 0);
    t.like(program, { id: theirs.id, name: "DropPacket", type: 1, engine: "kernel-jit", certified: true });
    t.deepEqual(program?.mapIds, [theirs.maps[0]?.id]);
    const [map] = host.allMaps();
    t.like(map?.spec, { name: theirs.maps[0]?.spec.name, type: 2, valueSizeBytes: 8, maxEntries: 1 });
    const opened = host.openMap(map?.id ?? 0);
    t.is(opened.lookup(new Uint8Array(4))?.[0], 1);
    t.deepEqual(
      [...opened.entries()].map(({ key }) => key),
      [new Uint8Array(4)],
    );
    opened.close();
    throwsCode(t, () => host.openMap(4711), "MapNotFound");
    unload(theirs);
    t.deepEqual([host.programs(), host.allMaps()], [[], []]);
  });
});

check("a driver that stops takes all along; what is loaded after its next start is there", (t) => {
  withHost(t, (host, library) => {
    const program = loadFile(host, DROPPACKET);
    const [map] = program.maps;
    library.stop();
    t.false(host.isRunning());
    throwsCode(t, () => program.run({ data: FRAMES.udp }), "DriverNotRunning");
    t.true(program.isLost?.());
    throwsCode(t, () => map?.lookup(new Uint8Array(4)), "DriverNotRunning");
    throwsCode(t, () => loadFile(host, DROPPACKET), "DriverNotRunning");
    library.start();
    t.true(host.isRunning());
    const again = loadFile(host, DROPPACKET);
    // What was lost does not close what is there now.
    unload(program);
    t.is(again.run({ data: FRAMES.emptyUdp }).action, "drop");
    unload(again);
  });
});

check("only what says that there is no driver for us is taken as one that does not run", (t) => {
  const asked = (error: Error): boolean =>
    createKernelHost({
      open() {
        throw error;
      },
      interfaceIndex: () => undefined,
    }).isRunning();
  const none = [
    "DriverNotRunning",
    "DriverUnsupported",
    "ElevationNeeded",
    "DriverContractMismatch",
  ] as const;
  for (const code of none) t.false(asked(new EbpfError(code, "")), code);
  for (const code of ["DriverFailed", "MemoryExhausted"] as const) {
    throwsCode(t, () => asked(new EbpfError(code, "")), code);
  }
  for (const error of [new InternalError("no reply"), new TypeError("no function")]) {
    t.is(
      t.throws(() => asked(error), { any: true }),
      error,
    );
  }
});

check("entries are counted by the driver; names that it refuses are made plain", (t) => {
  withHost(t, (host) => {
    const spec = { keySizeBytes: 4, valueSizeBytes: 8, maxEntries: 4, flags: 0, pinning: 0 };
    for (const [type, kind] of [
      [1, "hash"],
      [8, "lru_hash"],
    ] as const) {
      const name = `a\u001b[2J${"b".repeat(80)}`;
      const map = host.createMap({ name, type, ...spec }, kind);
      for (const key of [1, 2, 3, 2]) map.update(Uint8Array.of(key, 0, 0, 0), new Uint8Array(8));
      t.is(map.count(), 3);
      t.true(map.delete(Uint8Array.of(2, 0, 0, 0)));
      t.false(map.delete(Uint8Array.of(2, 0, 0, 0)));
      t.is(map.count(), 2);
      t.is(host.allMaps()[0]?.spec.name, `a_[2J${"b".repeat(58)}`);
      t.throws(() => map.update(new Uint8Array(3), new Uint8Array(8)), { message: /other sizes/ });
      map.close();
    }
  });
});

check("a reader waits for a record of a ring buffer, or for so long", async (t) => {
  const library = librarySystem();
  const host = createKernelHost(library.system);
  const spec = {
    name: "ring",
    type: 13,
    keySizeBytes: 0,
    valueSizeBytes: 0,
    maxEntries: 4096,
    flags: 0,
    pinning: 0,
  };
  const map = host.createMap(spec, "ringbuf");
  const { ring } = map;
  const text =
    "r6 = r1\nr2 = r10\nr2 += -8\n*(u64 *)(r10 - 8) = 7\nr1 = map[0]\nr3 = SIZE\nr4 = 0\ncall 11\nr0 = 1\nexit";
  const template = loadFile(host, DROPPACKET, "kernel-interpreter");
  const writer = (sizeBytes: number): KernelProgram =>
    host.load(
      {
        ...template.image,
        program: trust({
          ...template.image.program,
          instructions: parse(text.replace("SIZE", String(sizeBytes))),
        }),
      },
      [map],
    );
  const began = performance.now();
  await ring?.wait(60);
  t.true(performance.now() - began >= 59);
  for (const sizeBytes of [8, 0]) {
    const program = writer(sizeBytes);
    const waiting = ring?.wait(60_000);
    program.run({ data: FRAMES.udp });
    await waiting;
    await ring?.wait(60_000);
    t.deepEqual(ring?.take(2), [new Uint8Array([7, 0, 0, 0, 0, 0, 0, 0].slice(0, sizeBytes))]);
    t.deepEqual(ring?.take(2), []);
    program.close();
  }
  // More wait than have threads of their own: the rest look now and then.
  const program = writer(8);
  const several = Array.from({ length: 5 }, () => ring?.wait(60_000));
  program.run({ data: FRAMES.udp });
  await Promise.all(several);
  t.is(ring?.take(5).length, 1);
  program.close();
  unload(template);
  map.close();
  t.is(library.clients(), 0);
  library.stop();
});

check("a request that waits ends when the device is closed or the driver stops", async (t) => {
  const library = librarySystem();
  const spec = { name: "ring", type: 13, keySizeBytes: 0, valueSizeBytes: 0, maxEntries: 4096 };
  for (const end of [(host: KernelHost) => host.close(), () => library.stop()]) {
    const host = createKernelHost(library.system);
    const map = host.createMap({ ...spec, flags: 0, pinning: 0 }, "ringbuf");
    const began = performance.now();
    const waiting = Array.from({ length: 3 }, () => map.ring?.wait(60_000));
    const ended = waiting.map((one) => t.throwsAsync(one ?? Promise.resolve(), { instanceOf: EbpfError }));
    await end(host);
    for (const error of await Promise.all(ended)) t.is(error?.code, "DriverNotRunning");
    t.true(performance.now() - began < 10_000);
  }
});

check("a driver of another version is not talked to", (t) => {
  withHost(t, (_host, library) => {
    for (const reply of [Uint32Array.of(0, 99), new Uint32Array(40), new Uint32Array(0)]) {
      const other = createKernelHost({
        ...library.system,
        open: () => ({
          call: () => ({ status: 0, reply: new Uint8Array(reply.buffer) }),
          callWaiting: async () => ({ status: 0, reply: new Uint8Array(reply.buffer) }),
          close: () => {},
        }),
      });
      throwsCode(t, () => other.status(), "DriverContractMismatch");
    }
  });
});

check("a run that loops for too long is ended, and told as that", (t) => {
  withHost(t, (host) => {
    const program = loadFile(host, DROPPACKET);
    const text = "r0 = 1000000\nagain:\nr0 += -1\nif r0 != 0 goto again\nr0 = 1\nexit";
    const spinning = host.load(
      { ...program.image, program: trust({ ...program.image.program, instructions: parse(text) }) },
      program.maps,
    );
    throwsCode(t, () => spinning.run({ data: FRAMES.udp }), "BudgetExhausted");
    t.like(spinning.counts?.(), { faults: 1 });
    spinning.close();
    unload(program);
  });
});
