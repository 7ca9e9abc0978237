// Ring buffers and program arrays as clients of a service see them: on packets of an interface, whose loop is another thread's.
import { createSocket } from "node:dgram";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import * as v from "valibot";
import { EbpfError } from "../../../core/base/error.ts";
import type { ServiceClient } from "../../../core/service/client.ts";
import { METHODS } from "../../../core/service/methods.ts";
import { localService, ROOT, runCommand, sourceScript, temporaryFolder } from "../../harness/service.ts";

const OBJECT = join(ROOT, "tests", "fixtures", "c", "service-rings.o");

async function add(
  service: ServiceClient,
  program: "entry" | "drop",
  options: { readonly persistent?: boolean; readonly interface?: string } = {},
): Promise<{ readonly id: number; readonly maps: Readonly<Record<string, number>> }> {
  const hook = options.interface === undefined ? {} : { hook: "xdp" };
  const { id } = await service.call("program.add", { file: OBJECT, program, ...hook, ...options });
  const maps = (await service.call("map.list", {})).filter((map) => map.programIds.includes(id));
  return { id, maps: Object.fromEntries(maps.map((map) => [map.name, map.id])) };
}

/** A gateway's address, and a way to send it datagrams. */
async function gateway(t: ExecutionContext, service: ServiceClient) {
  const settings = { listen: "127.0.0.1:0", to: "127.0.0.1:9" };
  const { name, settings: shown } = await service.call("interface.add", { kind: "gateway", settings });
  const [host = "", port = ""] = String(shown.listen).split(":");
  const socket = createSocket("udp4");
  t.teardown(() => socket.close());
  return { name, send: (text: string) => socket.send(text, Number(port), host) };
}

const codeOf = async (t: ExecutionContext, call: Promise<unknown>): Promise<string> =>
  (await t.throwsAsync(call, { instanceOf: EbpfError })).code;

test("records are read as they come, by type; a tail call goes where the array says, by id or by name", async (t) => {
  t.timeout(120_000);
  const service = await (await localService(t)).connect();
  const { name, send } = await gateway(t, service);
  const entry = await add(service, "entry", { interface: name });
  const drop = await add(service, "drop");
  const { jumps = 0, events: id = 0 } = entry.maps;
  const { drops = 0 } = drop.maps;
  const read = (ring: number) => service.call("map.read", { id: ring, milliseconds: 10_000, type: "event" });

  const waiting = read(id);
  send("hello");
  // Ethernet, IPv4 and UDP before five bytes.
  const event = { length: 47, program: 1, where: "in" };
  const hex = `0x2f0000000000000001000000${Buffer.from("in\0\0").toString("hex")}`;
  const first = await waiting;
  t.deepEqual(first, { mapId: id, map: "events", dropped: 0, records: [{ value: event, hex }] });
  t.true(v.is(METHODS["map.read"].result, first));

  t.deepEqual(await service.call("map.dump", { id: jumps }), []);
  const put = await service.call("map.update", { id: jumps, key: 0, value: "drop" });
  t.like(put, { key: 0, value: drop.id, keyHex: "0x00000000" });
  send("bye");
  t.like(await read(drops), { records: [{ value: { length: 45, program: 2, where: "out" } }] });
  t.deepEqual((await read(id)).records.length, 1);
  t.deepEqual(await service.call("map.update", { id: jumps, key: 3, value: drop.id }), {
    ...put,
    key: 3,
    keyHex: "0x03000000",
  });
  t.like(await service.call("map.lookup", { id: jumps, key: 3 }), { value: drop.id });
  t.like(await service.call("map.delete", { id: jumps, key: 3 }), { value: drop.id });
  t.like(await service.call("map.get", { id: jumps }), { entries: 1, type: "prog_array" });

  await service.call("program.remove", { id: drop.id });
  t.deepEqual(await service.call("map.dump", { id: jumps }), []);
  send("again");
  t.is((await read(id)).records.length, 1);
  const stats = await service.call("program.stats", { id: entry.id });
  t.like(stats.interfaces[0]?.counters, { received: 3, dropped: 1, passed: 2, aborted: 0 });

  t.is(await codeOf(t, service.call("map.update", { id: jumps, key: 0, value: "drop" })), "ProgramNotFound");
  t.is(await codeOf(t, service.call("map.update", { id: jumps, key: 0, value: drop.id })), "ProgramNotFound");
  const beyond = service.call("map.update", { id: jumps, key: 4, value: entry.id });
  t.is(await codeOf(t, beyond), "MapKeyNotFound");
  t.is(await codeOf(t, service.call("map.read", { id: jumps })), "MapOperationUnsupported");
  t.is(await codeOf(t, service.call("map.read", { id, type: "nothing" })), "ArgumentInvalid");
  t.is(await codeOf(t, service.call("map.dump", { id: 999 })), "MapNotFound");
  t.deepEqual(await service.call("map.dump", { id }), []);
});

test("a client that goes while it waits takes no record", async (t) => {
  t.timeout(120_000);
  const local = await localService(t);
  const service = await local.connect();
  const { name, send } = await gateway(t, service);
  const { maps } = await add(service, "entry", { interface: name });
  const { events: id = 0 } = maps;
  for (let round = 0; round < 10; round++) {
    const other = await local.connect();
    const waiting = t.throwsAsync(other.call("map.read", { id, milliseconds: 10_000 }));
    // What is asked after it is answered: so it waits.
    await other.call("map.list", {});
    other.close();
    send("hello");
    t.is((await service.call("map.read", { id, milliseconds: 10_000 })).records.length, 1, `round ${round}`);
    await waiting;
  }
});

test("what is not read is lost when the ring is full, and counted; limits are kept", async (t) => {
  t.timeout(120_000);
  const service = await (await localService(t)).connect();
  const { name, send } = await gateway(t, service);
  const { id: program, maps } = await add(service, "entry", { interface: name });
  const { events: id = 0 } = maps;
  // 16 bytes take 24: 170 of them.
  let received = 0;
  while (received < 200) {
    send("x");
    await new Promise((resolve) => setTimeout(resolve, 1));
    received = (await service.call("program.stats", { id: program })).interfaces[0]?.counters.received ?? 0;
  }
  t.like(await service.call("map.get", { id }), { entries: 170 });
  const some = await service.call("map.read", { id, limit: 3 });
  t.is(some.records.length, 3);
  t.true(some.dropped >= 30);
  t.is((await service.call("map.read", { id })).records.length, 167);
});

test("arrays of persistent programs come back with the service, also where their programs come later", async (t) => {
  t.timeout(120_000);
  const home = temporaryFolder(t);
  const first = await localService(t, home);
  const service = await first.connect();
  const entry = await add(service, "entry", { persistent: true });
  const drop = await add(service, "drop", { persistent: true });
  const { jumps: id = 0 } = entry.maps;
  await service.call("map.update", { id, key: 2, value: drop.id });
  const dumped = await service.call("map.dump", { id });
  t.is(dumped.length, 1);
  service.close();
  await first.stop();
  const again = await (await localService(t, home)).connect();
  t.deepEqual(await again.call("map.dump", { id }), dumped);
  t.deepEqual((await again.call("service.status", {})).problems, []);
});

test("ebpf map update and ebpf map read", async (t) => {
  t.timeout(120_000);
  const home = temporaryFolder(t);
  const service = await localService(t, home);
  const client = await service.connect();
  const { name, send } = await gateway(t, client);
  await add(client, "entry", { interface: name });
  await add(client, "drop");
  const env = { EBPF_HOME: home };
  const ebpf = (line: string) => runCommand(sourceScript, line.split(" "), env);
  t.like(await ebpf("map update jumps 0 drop"), { status: 0, err: "" });
  t.regex((await ebpf("map dump jumps")).out, /^KEY +VALUE\n0 +\d+\n$/);
  t.regex((await ebpf("map dump events")).err, /'ebpf map read'/);
  const follow = ebpf("map read drops --follow --limit 2 --type event");
  const sending = setInterval(() => send("hello"), 50);
  const followed = await follow;
  clearInterval(sending);
  const line = '{"length":47,"program":2,"where":"out"}\n';
  t.deepEqual([followed.status, followed.out], [0, line.repeat(2)]);
  const [record] = JSON.parse((await ebpf("map read events --json --limit 1")).out);
  t.is(record.value, record.hex);
});
