// Two network namespaces and a TAP wire between them: an attacker and a defender with kernels' counters of their own.
// Needs root and /dev/net/tun; where they are missing the tests fail and say so.
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { EbpfError } from "../../../core/base/error.ts";
import type { Interface } from "../../../core/host/host.ts";
import { hasPosix } from "../../../core/net/posix.ts";
import { ENGINES } from "../../harness/engines.ts";
import { insertHead, openStage, type Stage, until } from "./harness.ts";

const run = (...command: readonly string[]): string =>
  execFileSync(command[0]!, command.slice(1), { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

const ROOT = join(import.meta.dirname, "..", "..", "..");
const tag = `e${process.pid % 100_000}`;
let wires = 0;

interface Wire {
  readonly outside: string;
  readonly inside: string;
  readonly outsideNamespace: string;
  readonly insideNamespace: string;
}

function makeNamespaces(t: ExecutionContext): Wire {
  if (!hasPosix() || process.getuid?.() !== 0 || !existsSync("/dev/net/tun")) {
    throw new Error("the tests of the tap interface need Linux, root and /dev/net/tun");
  }
  wires += 1;
  const wire = {
    outside: `${tag}o${wires}`,
    inside: `${tag}i${wires}`,
    outsideNamespace: `${tag}-out${wires}`,
    insideNamespace: `${tag}-in${wires}`,
  };
  for (const namespace of [wire.outsideNamespace, wire.insideNamespace]) {
    run("ip", "netns", "add", namespace);
    t.teardown(() => run("ip", "netns", "delete", namespace));
  }
  return wire;
}

/** 10.77.0.1 outside, 10.77.0.2 inside. */
function setAddresses(wire: Wire): void {
  const link = (namespace: string, device: string, own: string): void => {
    run("ip", "-n", namespace, "addr", "add", `${own}/24`, "dev", device);
    run("ip", "-n", namespace, "link", "set", device, "up");
  };
  link(wire.outsideNamespace, wire.outside, "10.77.0.1");
  link(wire.insideNamespace, wire.inside, "10.77.0.2");
}

/** A UDP counter of the defender's kernel. */
function udpCounter(namespace: string, name: string): number {
  const lines = run("ip", "netns", "exec", namespace, "cat", "/proc/net/snmp").split("\n");
  const [names = "", values = ""] = lines.filter((line) => line.startsWith("Udp:"));
  return Number(values.split(" ")[names.split(" ").indexOf(name)]);
}

/** Not connected: a socket that is would hear that nobody listens, and not send the next. */
const SEND = `
  const [count, text] = process.argv.slice(1);
  const socket = require("node:dgram").createSocket("udp4");
  let left = Number(count);
  const next = () => (left-- > 0 ? socket.send(text, 5353, "10.77.0.2", () => setImmediate(next)) : socket.close());
  next();
`;

async function send(wire: Wire, count: number, text: string): Promise<void> {
  const child = spawn(
    "ip",
    ["netns", "exec", wire.outsideNamespace, process.execPath, "-e", SEND, String(count), text],
    { stdio: "inherit" },
  );
  await once(child, "exit");
}

async function openWire(t: ExecutionContext, stage: Stage, plain: boolean): Promise<[Wire, Interface]> {
  const wire = makeNamespaces(t);
  const added = await stage.add({ name: "wire", kind: "tap", settings: { ...wire, plain } });
  setAddresses(wire);
  return [wire, added];
}

const arrived = (wire: Wire): number =>
  udpCounter(wire.insideNamespace, "NoPorts") + udpCounter(wire.insideNamespace, "InDatagrams");

for (const plain of [false, true]) {
  const path = plain ? "frame by frame" : "batches";
  for (const engine of ENGINES) {
    test.serial(`droppacket stops empty datagrams between two kernels: ${path}, ${engine}`, async (t) => {
      const stage = openStage();
      t.teardown(() => stage.close());
      const [wire, added] = await openWire(t, stage, plain);
      await send(wire, 300, "");
      t.true(await until(() => arrived(wire) === 300));

      // Before the second device was up, neighbour discovery of the first may have found it closed.
      const { errors: errorsBefore } = added.counters();
      const { program, dropped } = stage.loadDropPacket(engine);
      await added.attach(program);
      await send(wire, 300, "");
      await send(wire, 20, "query");
      t.true(await until(() => arrived(wire) === 320));
      t.is(dropped(), 300n);
      t.is(added.counters().dropped, 300);

      await added.attach(undefined);
      await send(wire, 50, "");
      t.true(await until(() => arrived(wire) === 370));
      const { received, passed, errors, aborted } = added.counters();
      t.is(received, passed + 300);
      t.is(aborted, 0);
      t.is(errors, errorsBefore);
    });
  }
}

test.serial("the inside answers what it is asked, ARP first", async (t) => {
  const stage = openStage();
  t.teardown(() => stage.close());
  const [wire] = await openWire(t, stage, false);
  const ECHO = `
    const socket = require("node:dgram").createSocket("udp4");
    socket.on("message", (message, { port, address }) => socket.send("re " + message, port, address));
    socket.bind(5353, "10.77.0.2", () => console.log("ready"));
  `;
  const server = spawn("ip", ["netns", "exec", wire.insideNamespace, process.execPath, "-e", ECHO]);
  t.teardown(() => server.kill());
  await once(server.stdout, "data");
  const ASK = `
    const socket = require("node:dgram").createSocket("udp4");
    socket.on("message", (message) => { console.log(String(message)); socket.close(); });
    socket.send("hello", 5353, "10.77.0.2");
  `;
  t.is(run("ip", "netns", "exec", wire.outsideNamespace, process.execPath, "-e", ASK).trim(), "re hello");
});

test.serial("TX sends a frame back to the outside", async (t) => {
  const stage = openStage();
  t.teardown(() => stage.close());
  const [wire, added] = await openWire(t, stage, false);
  await send(wire, 1, "x");
  await added.attach(stage.load("r0 = 3\nexit"));
  const before = arrived(wire);
  await send(wire, 10, "x");
  t.true(await until(() => added.counters().transmitted >= 10));
  t.is(arrived(wire), before);
});

test.serial("a frame that a program makes longer is one to the inside", async (t) => {
  const stage = openStage();
  t.teardown(() => stage.close());
  const [wire, added] = await openWire(t, stage, false);
  await send(wire, 1, "x");
  t.true(await until(() => arrived(wire) === 1));
  await added.attach(stage.loadXdp(insertHead(1)));
  await send(wire, 10, "query");
  t.true(await until(() => arrived(wire) === 11));
  await added.attach(stage.loadXdp(insertHead(2)));
  await send(wire, 10, "query");
  t.true(await until(() => added.counters().dropped >= 10));
  t.is(arrived(wire), 11);
});

test.serial("devices go when the interface goes, and are taken up again after a crash", async (t) => {
  const stage = openStage();
  t.teardown(() => stage.close());
  const wire = makeNamespaces(t);
  const crash = `
    import { createEmbeddedHost } from "./core/host/embedded/host.ts";
    import { createInterface } from "./core/net/interfaces.ts";
    await createInterface(createEmbeddedHost(), { name: "w", kind: "tap", settings: ${JSON.stringify(wire)} });
    process.kill(process.pid, "SIGKILL");
  `;
  const child = spawnSync(process.execPath, ["--input-type=module", "-e", crash], {
    cwd: ROOT,
    encoding: "utf8",
  });
  t.is(child.signal, "SIGKILL", child.stderr);
  setAddresses(wire);
  const added = await stage.add({ name: "wire", kind: "tap", settings: { ...wire } });
  await send(wire, 5, "still there");
  t.true(await until(() => arrived(wire) === 5));
  await added.close();
  t.notRegex(run("ip", "-n", wire.insideNamespace, "link"), new RegExp(wire.inside));
});

test.serial("a wire whose device is taken away has failed, and says so", async (t) => {
  const stage = openStage();
  t.teardown(() => stage.close());
  const [wire, added] = await openWire(t, stage, false);
  run("ip", "-n", wire.outsideNamespace, "link", "delete", wire.outside);
  t.true(await until(() => added.state().kind === "failed"));
  const state = added.state();
  t.is(state.kind === "failed" ? state.error.code : undefined, "InterfaceFailed");
  const error = await t.throwsAsync(added.attach(undefined), { instanceOf: EbpfError });
  t.is(error.data.target, wire.outside);
});

test.serial("without /dev/net/tun it is TapUnavailable, with the remedy", (t) => {
  makeNamespaces(t);
  const source = `
    import { createEmbeddedHost } from "./core/host/embedded/host.ts";
    import { createInterface } from "./core/net/interfaces.ts";
    const request = { name: "w", kind: "tap", settings: { outside: "${tag}x", inside: "${tag}y" } };
    await createInterface(createEmbeddedHost(), request).catch(({ code, message, remedy }) =>
      console.log(JSON.stringify({ code, message, remedy })));
  `;
  // In a mount namespace of its own the folder of the device is empty.
  const script = 'mount -t tmpfs none /dev/net && exec "$0" "$@"';
  const command = [
    "unshare",
    "--mount",
    "sh",
    "-c",
    script,
    process.execPath,
    "--input-type=module",
    "-e",
    source,
  ];
  const child = spawnSync(command[0]!, command.slice(1), { cwd: ROOT, encoding: "utf8" });
  const { code, message, remedy } = JSON.parse(child.stdout) as Record<string, string>;
  t.is(code, "TapUnavailable", child.stderr);
  t.regex(message!, /\/dev\/net\/tun cannot be opened: ENOENT/);
  t.regex(remedy!, /modprobe tun/);
});

test.serial("what cannot be had is refused with its reason, and nothing is left behind", async (t) => {
  const stage = openStage();
  t.teardown(() => stage.close());
  const wire = makeNamespaces(t);
  const cases = [
    { settings: { ...wire, outside: "lo" }, code: "DeviceBusy" },
    { settings: { ...wire, inside: "lo" }, code: "DeviceBusy" },
    { settings: { ...wire, insideNamespace: "not-there" }, code: "ArgumentInvalid" },
    { settings: { ...wire, outside: "a/b" }, code: "ArgumentInvalid" },
    { settings: { outside: "same", inside: "same" }, code: "ArgumentInvalid" },
  ] as const;
  for (const { settings, code } of cases) {
    const error = await t.throwsAsync(stage.add({ name: "wire", kind: "tap", settings }), {
      instanceOf: EbpfError,
    });
    t.is(error.code, code, error.message);
  }
  t.is(stage.host.memoryBytes(), 0);
  t.notRegex(run("ip", "-n", wire.outsideNamespace, "link"), new RegExp(wire.outside));
});
