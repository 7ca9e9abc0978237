// The hooks of sockets of EbpfCore.sys under Wine: programs compiled from C, with their certificates, are attached by requests,
// and binds, connections and flows are played by another driver, which stands for Windows' filtering platform, through the
// classify functions that EbpfCore.sys has registered with it.
import test from "ava";
import { buildSys } from "../../../scripts/driver.ts";
import { hookNumbers } from "../../harness/driver-attach.ts";
import type { HookName } from "../../harness/driver-hook.ts";
import { compiledProgram } from "../../harness/driver-object.ts";
import { dataOf, field, handleOf, make } from "../../harness/driver-requests.ts";
import { countsOf, shim } from "../../harness/shim.ts";
import {
  type PlayedSocket,
  SOCKET_RESULT_BYTES,
  socketBytes,
  socketResult,
  type WHAT,
} from "../../harness/shim-sockets.ts";
import { openWine, type WindowsClient, type Wine } from "../../harness/wine.ts";

const check = test.serial;

const JIT = 2;

let wine: Wine;
test.before(async () => {
  wine = await openWine([buildSys()]);
});
test.after.always(() => wine?.close());

const sc = (...args: readonly string[]) => wine.run("sc", ...args);

interface Clients {
  readonly core: WindowsClient;
  readonly system: WindowsClient;
}

/** The first rule that was broken; empty too if the shim is gone with the driver. */
async function violation({ system }: Clients): Promise<string> {
  const { reply } = await system.ask(shim.violation());
  return Buffer.from(reply.buffer, reply.byteOffset, reply.byteLength).toString();
}

/** Runs with both devices open; no rule of the filtering platform may have been broken then. */
async function withClients(
  t: { is(a: unknown, b: unknown): void },
  body: (clients: Clients) => Promise<void>,
) {
  const clients = { core: await wine.connect(), system: await wine.connect("EbpfShim") };
  await body(clients);
  t.is(await violation(clients), "");
  for (const client of [clients.core, clients.system]) {
    await client.close();
    await client.kill();
  }
}

/** Loads a program, which is compiled since it is proved, and attaches it: the link, and the handles of its maps. */
async function attach({ core }: Clients, hook: HookName, file: string, name: string) {
  const { bytecode, section, certificate, maps } = compiledProgram(`tests/fixtures/c/${file}.o`, name);
  const { attachType, type } = hookNumbers(hook);
  const handles: number[] = [];
  for (const map of maps) handles.push(handleOf(await core.ask(make.createMap(map))));
  const program = await core.ask(make.createProgram(bytecode, { maps: handles, type, section, certificate }));
  if (field(program, 3) !== JIT) throw new Error(`not compiled: ${program.error}`);
  const link = handleOf(await core.ask(make.createLink(handleOf(program), attachType)));
  return { link, maps: Object.fromEntries(maps.map((map, index) => [map.name, handles[index] ?? 0])) };
}

async function play({ system }: Clients, what: keyof typeof WHAT, socket: PlayedSocket) {
  const answer = await system.ask(shim.socket(socketBytes(what, socket)));
  if (answer.status !== 0) throw new Error(`Windows error ${answer.status}`);
  return socketResult(dataOf(answer, 0).slice(0, SOCKET_RESULT_BYTES));
}

async function flows({ system }: Clients): Promise<number> {
  const { reply } = await system.ask(shim.count());
  return countsOf(new Uint32Array(reply.buffer.slice(reply.byteOffset, reply.byteOffset + 28))).flows;
}

const words = (...values: readonly number[]) => new Uint8Array(Uint32Array.from(values).buffer);
const swap = (port: number) => ((port & 0xff) << 8) | (port >> 8);

async function value({ core }: Clients, map: number | undefined, ...key: readonly number[]): Promise<number> {
  const answer = await core.ask(make.lookup(map ?? 0, words(...key)));
  return Number(Buffer.from(dataOf(answer)).readBigUInt64LE());
}

const set = async ({ core }: Clients, map: number | undefined, key: Uint8Array, to: Uint8Array) =>
  (await core.ask(make.update(map ?? 0, key, to))).error;

const SOCKET: PlayedSocket = {
  local: { address: [10, 0, 0, 5], port: 8080 },
  remote: { address: [192, 0, 2, 7], port: 443 },
  processId: 77,
  endpoint: 0x1000,
  app: "\\device\\harddiskvolume2\\web\\server.exe",
};
/** As a program reads it. */
const SERVER = 0x070200c0;

check("sc starts the driver, and its callouts are registered", async (t) => {
  const binPath = "C:\\ebpf\\EbpfCore.sys";
  t.is(sc("create", "EbpfCore", "type=", "kernel", "start=", "demand", "binPath=", binPath).status, 0);
  t.is(sc("start", "EbpfCore").status, 0);
});

check("a program refuses a port to who binds it, until it is detached", async (t) => {
  await withClients(t, async (clients) => {
    const { link, maps } = await attach(clients, "bind", "hook-bind", "guard_ports");
    const bind = async (port: number) =>
      (await play(clients, "bind", { ...SOCKET, local: { ...SOCKET.local, port } })).action;
    t.is(await set(clients, maps.refused_ports, words(8080), words(0, 0)), "None");
    t.deepEqual([await bind(8080), await bind(8081)], ["block", "permit"]);
    t.is((await play(clients, "unbind", SOCKET)).action, "permit");
    t.is(await value(clients, maps.refused_ports, 8080), 1);
    const process = Buffer.from(
      dataOf(await clients.core.ask(make.lookup(maps.processes ?? 0, words(77, 0)))),
    );
    t.is(process.toString("latin1", 8, 18), "server.exe");
    t.is((await clients.core.ask(make.detachLink(link))).error, "None");
    t.is(await bind(8080), "permit");
  });
});

check("a program sends connections to a proxy, with data for it, or refuses them", async (t) => {
  await withClients(t, async (clients) => {
    const { link, maps } = await attach(clients, "connect4", "hook-connect", "route4");
    const from = words(SERVER, swap(443));
    t.like(await play(clients, "connect", SOCKET), { action: "permit", redirected: false });
    t.is(await set(clients, maps.routes4, from, words(0x0100007f, swap(8443))), "None");
    t.like(await play(clients, "connect", SOCKET), {
      ...{ action: "permit", final: true, redirected: true, context: "c000020701bb0000" },
      to: { address: [127, 0, 0, 1], port: 8443 },
    });
    t.like(await play(clients, "connect", { ...SOCKET, redirectState: 1 }), { redirected: false });
    t.is(await set(clients, maps.routes4, from, words(0, 0)), "None");
    t.like(await play(clients, "connect", SOCKET), { action: "block", redirected: false });
    t.is(await value(clients, maps.asked, 0), 3);
    t.is((await clients.core.ask(make.detachLink(link))).error, "None");
    t.like(await play(clients, "connect", SOCKET), { action: "permit", redirected: false });
  });
});

check("a program lets nobody in from an address", async (t) => {
  await withClients(t, async (clients) => {
    const { maps } = await attach(clients, "recv_accept4", "hook-accept", "gate4");
    t.is((await play(clients, "accept", SOCKET)).action, "permit");
    t.is(await set(clients, maps.blocked, words(SERVER), words(0, 0)), "None");
    t.like(await play(clients, "accept", SOCKET), { action: "block", final: true });
    t.is(await value(clients, maps.blocked, SERVER), 1);
  });
  // The client has gone, and its link with it.
  await withClients(t, async (clients) => {
    t.is((await play(clients, "accept", SOCKET)).action, "permit");
  });
});

check("a program counts flows that begin and end; sc stops the driver while some are open", async (t) => {
  await withClients(t, async (clients) => {
    const { maps } = await attach(clients, "sockops", "hook-flow", "watch");
    for (const flow of [5, 6, 7]) await play(clients, "establish", { ...SOCKET, flow, inbound: flow === 6 });
    await play(clients, "end", { ...SOCKET, flow: 5 });
    const counted = [0, 1, 2].map((key) => value(clients, maps.events, key));
    t.deepEqual(await Promise.all(counted), [2, 1, 1]);
    t.is(await flows(clients), 2);
    t.is(await violation(clients), "");
    t.is(sc("stop", "EbpfCore").status, 0);
  });
  t.is(sc("start", "EbpfCore").status, 0);
  await withClients(t, async (clients) => {
    t.is(await flows(clients), 0);
    t.is((await play(clients, "bind", SOCKET)).action, "permit");
  });
  t.is(sc("stop", "EbpfCore").status, 0);
  t.is(sc("delete", "EbpfCore").status, 0);
});
