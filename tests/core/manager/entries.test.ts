import { createSocket } from "node:dgram";
import { once } from "node:events";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import * as v from "valibot";
import { EbpfError } from "../../../core/base/error.ts";
import type { MapEntryRecord } from "../../../core/manager/records.ts";
import { connectService, type ServiceClient } from "../../../core/service/client.ts";
import { METHODS } from "../../../core/service/methods.ts";
import {
  localService,
  pathsOf,
  ROOT,
  sourceScript,
  startCommand,
  temporaryFolder,
} from "../../harness/service.ts";

const OBJECT = join(ROOT, "tests", "fixtures", "c", "service-maps.o");

async function mapsOf(client: ServiceClient, persistent = false): Promise<Record<string, number>> {
  const program = await client.call("program.add", { file: OBJECT, persistent });
  const maps = await client.call("map.list", {});
  const own = maps.filter((map) => map.programIds.includes(program.id));
  return Object.fromEntries(own.map((map) => [map.name, map.id]));
}

async function client(t: ExecutionContext): Promise<ServiceClient> {
  return (await localService(t)).connect();
}

test("entries by type: structs, text, booleans; deleted again", async (t) => {
  const service = await client(t);
  const { flows: id = 0 } = await mapsOf(service);
  const key = { address: 7, port: 53, zone: 0 };
  const value = { packets: 9, label: "dns", noted: true };
  const written = await service.call("map.update", { id, key, value });
  t.deepEqual(written, {
    mapId: id,
    map: "flows",
    key,
    value,
    keyHex: "0x0700000035000000",
    valueHex: `0x0900000000000000${Buffer.from("dns").toString("hex")}000000000001${"00".repeat(7)}`,
  });
  t.deepEqual(await service.call("map.lookup", { id, key: written.keyHex }), written);
  t.deepEqual(await service.call("map.dump", { id }), [written]);
  const deleted = await service.call("map.delete", { id, key });
  t.deepEqual(deleted, written);
  t.true(v.is(METHODS["map.delete"].result, deleted));
  t.deepEqual(await service.call("map.dump", { id }), []);
});

test("numbers beyond JSON's are strings of digits", async (t) => {
  const service = await client(t);
  const { flows: id = 0 } = await mapsOf(service);
  const key = { address: 1, port: 1 };
  const largest = "18446744073709551615";
  const entry = await service.call("map.update", { id, key, value: { packets: largest } });
  t.like(entry.value, { packets: largest });
});

test("per-CPU values are a list, as long as what was written", async (t) => {
  const service = await client(t);
  const { per_cpu: id = 0 } = await mapsOf(service);
  t.deepEqual((await service.call("map.lookup", { id, key: 0 })).value, [0]);
  await service.call("map.update", { id, key: 0, value: [1, 2, 3] });
  t.deepEqual((await service.call("map.lookup", { id, key: 0 })).value, [1, 2, 3]);
  await service.call("map.update", { id, key: 0, value: 0 });
  t.deepEqual((await service.call("map.lookup", { id, key: 0 })).value, [0]);
});

const WRONG: readonly (readonly [string, object, EbpfError["code"]])[] = [
  ["no such member", { key: { address: 1, gate: 2 }, value: {} }, "MapValueInvalid"],
  ["out of range", { key: { address: 1, port: 65_536 }, value: {} }, "MapValueInvalid"],
  ["hex of another size", { key: "0x00", value: {} }, "MapValueInvalid"],
  ["hex that is none", { key: "0xzz", value: {} }, "HexInvalid"],
  [
    "text that is too long",
    { key: { address: 1 }, value: { label: "longer than eight" } },
    "MapValueInvalid",
  ],
  ["a list for a struct", { key: [1], value: {} }, "MapValueInvalid"],
  [
    "nested without end",
    { key: JSON.parse(`${"[".repeat(100)}${"]".repeat(100)}`), value: {} },
    "MapValueInvalid",
  ],
  ["exist, but it does not", { key: { address: 9 }, value: {}, mode: "exist" }, "MapKeyNotFound"],
];

for (const [what, params, code] of WRONG) {
  test(`refused: ${what}`, async (t) => {
    const service = await client(t);
    const { flows: id = 0 } = await mapsOf(service);
    const call = service.call("map.update", { id, ...params } as never);
    const error = await t.throwsAsync(call, { instanceOf: EbpfError });
    t.is(error.code, code, error.message);
    t.deepEqual(await service.call("map.dump", { id }), []);
  });
}

test("a full map, and a key that is there already", async (t) => {
  const service = await client(t);
  const { flows: id = 0 } = await mapsOf(service, true);
  for (let address = 0; address < 4; address++) {
    await service.call("map.update", { id, key: { address }, value: { packets: address }, mode: "noexist" });
  }
  const before = await service.call("map.dump", { id });
  const full = service.call("map.update", { id, key: { address: 4 }, value: {} });
  t.is((await t.throwsAsync(full, { instanceOf: EbpfError })).code, "MapFull");
  const twice = service.call("map.update", { id, key: { address: 1 }, value: {}, mode: "noexist" });
  t.is((await t.throwsAsync(twice, { instanceOf: EbpfError })).code, "MapKeyExists");
  t.deepEqual(await service.call("map.dump", { id }), before);
});

/** What a program wrote itself reaches the state with the next checkpoint, at most a few seconds later. */
test("persistent maps keep what packets wrote, through kill -9", async (t) => {
  t.timeout(120_000);
  const home = temporaryFolder(t);
  const start = async () => {
    const child = startCommand(sourceScript, ["service", "run"], { EBPF_HOME: home });
    t.teardown(() => child.kill("SIGKILL"));
    await once(child.stderr as NodeJS.ReadableStream, "data");
    const connected = await connectService({ paths: pathsOf(home), start: false });
    t.teardown(() => connected.close());
    return { child, connected };
  };
  const first = await start();
  const added = await first.connected.call("interface.add", {
    kind: "gateway",
    settings: { listen: "127.0.0.1:0", to: "127.0.0.1:9" },
  });
  const maps = await mapsOf(first.connected, true);
  const [program] = await first.connected.call("program.list", {});
  await first.connected.call("link.attach", { programId: program?.id ?? 0, interface: added.name });
  const [host = "", port = ""] = String(added.settings.listen).split(":");
  const socket = createSocket("udp4");
  t.teardown(() => socket.close());
  const dump = async (service: ServiceClient): Promise<MapEntryRecord[][]> =>
    Promise.all(Object.values(maps).map((id) => service.call("map.dump", { id })));
  for (let sent = 0; sent < 5; sent++) {
    await new Promise((resolve) => socket.send("x", Number(port), host, resolve));
  }
  const counted = async (service: ServiceClient): Promise<unknown> =>
    (await service.call("map.lookup", { id: maps.flows ?? 0, key: { address: 1, port: 53 } })).value;
  for (let wait = 0; wait < 100; wait++) {
    const [stats] = await first.connected.call("interface.list", {});
    if (stats?.counters.received === 5) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  t.like(await counted(first.connected), { packets: 5, label: "first" });
  const before = await dump(first.connected);
  await new Promise((resolve) => setTimeout(resolve, 3500));
  first.child.kill("SIGKILL");
  await once(first.child, "exit");
  const second = await start();
  t.deepEqual(await dump(second.connected), before);
  t.like(await counted(second.connected), { packets: 5, label: "first" });
});
