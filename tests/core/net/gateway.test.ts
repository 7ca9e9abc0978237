import { setTimeout as sleep } from "node:timers/promises";
import test from "ava";
import { EbpfError } from "../../../core/base/error.ts";
import type { Interface } from "../../../core/host/host.ts";
import { hasPosix } from "../../../core/net/posix.ts";
import { ENGINES } from "../../harness/engines.ts";
import { collect, openStage, portOf, type Stage, textOf, until } from "./harness.ts";

/** With the system's batches where there are any, and without. */
const PATHS = hasPosix() ? [false, true] : [true];
const LOOPBACK = ["127.0.0.1", "::1"] as const;

const DROP_ALL = "r0 = 2\nexit";

/** Answers with XDP_TX after the first payload byte of an IPv4 datagram was replaced by "!". */
const ANSWER = `
  r0 = 1
  r2 = *(u64 *)(r1 + 8)
  r1 = *(u64 *)(r1 + 0)
  r3 = r1
  r3 += 43
  if r3 > r2 goto out
  r3 = 33
  *(u8 *)(r1 + 42) = r3
  r0 = 3
  out:
  exit
`;

/** Passes IPv4 datagrams after it has shortened them by one byte, in the UDP and the IP header. */
const SHORTEN = `
  r0 = 1
  r2 = *(u64 *)(r1 + 8)
  r1 = *(u64 *)(r1 + 0)
  r3 = r1
  r3 += 43
  if r3 > r2 goto out
  r3 = *(u8 *)(r1 + 39)
  r3 += -1
  *(u8 *)(r1 + 39) = r3
  r3 = *(u8 *)(r1 + 17)
  r3 += -1
  *(u8 *)(r1 + 17) = r3
  out:
  exit
`;

/** Reads beyond the context's end: a fault in any engine that checks. */
const BROKEN = "r1 = 1\nr0 = *(u64 *)(r1 + 0)\nexit";

/** A server that answers every datagram, a gateway in front of it, and a client. */
async function setUp(
  stage: Stage,
  address: string,
  settings: Record<string, unknown> = {},
): Promise<{ gateway: Interface; atServer: string[]; atClient: string[]; send(text: string): void }> {
  const server = await stage.bind(address);
  const client = await stage.bind(address);
  const atServer = collect(server);
  server.on("message", (message, sender) => server.send(`re ${message}`, sender.port, sender.address));
  const listen = address.includes(":") ? `[${address}]:0` : `${address}:0`;
  const gateway = await stage.add({
    name: "gateway",
    kind: "gateway",
    settings: { listen, to: textOf(server), ...settings },
  });
  const send = (text: string): void => client.send(text, portOf(gateway), address);
  return { gateway, atServer, atClient: collect(client), send };
}

for (const plain of PATHS) {
  const path = plain ? "plain sockets" : "batches";

  for (const address of LOOPBACK) {
    test.serial(`relays there and back: ${address}, ${path}`, async (t) => {
      const stage = openStage();
      t.teardown(() => stage.close());
      const { gateway, atServer, atClient, send } = await setUp(stage, address, { plain });
      for (const text of ["one", "", "three", "x".repeat(2000)]) send(text);
      t.true(await until(() => atClient.length === 4));
      t.deepEqual(atServer, ["one", "", "three", "x".repeat(2000)]);
      t.deepEqual(atClient, ["re one", "re ", "re three", `re ${"x".repeat(2000)}`]);
      const headers = address === "::1" ? 62 : 42;
      t.like(gateway.counters(), { received: 4, receivedBytes: 4 * headers + 2008, passed: 4, errors: 0 });
      t.deepEqual(gateway.state(), { kind: "open" });
      t.is(
        gateway.settings.listen,
        address === "::1" ? `[::1]:${portOf(gateway)}` : `127.0.0.1:${portOf(gateway)}`,
      );
    });
  }

  for (const engine of ENGINES) {
    test.serial(
      `droppacket sees true frames: empty datagrams are dropped, others pass: ${path}, ${engine}`,
      async (t) => {
        const stage = openStage();
        t.teardown(() => stage.close());
        const { gateway, atClient, atServer, send } = await setUp(stage, "127.0.0.1", { plain });
        const { program, dropped } = stage.loadDropPacket(engine);
        await gateway.attach(program);
        t.is(gateway.attached, program);
        for (let count = 0; count < 50; count++) send(count % 2 === 0 ? "" : `query ${count}`);
        t.true(await until(() => atClient.length === 25));
        t.is(atServer.length, 25);
        t.false(atServer.includes(""));
        t.is(dropped(), 25n);
        t.like(gateway.counters(), { received: 50, passed: 25, dropped: 25, aborted: 0, errors: 0 });
        await gateway.attach(undefined);
        t.is(gateway.attached, undefined);
        send("");
        t.true(await until(() => atServer.includes("")));
      },
    );
  }

  test.serial(`attaching and detaching under traffic loses no datagram: ${path}`, async (t) => {
    const stage = openStage();
    t.teardown(() => stage.close());
    const { gateway, atServer, send } = await setUp(stage, "127.0.0.1", { plain });
    const drop = stage.load(DROP_ALL);
    const total = 6000;
    let swaps = 0;
    for (let number = 0; number < total; number++) {
      send(String(number));
      // The system's own buffer must not overflow, or the test would count what it never showed the gateway.
      if (number % 50 === 0) await until(() => gateway.counters().received > number - 50);
      if (number % 300 === 0) {
        await gateway.attach(swaps % 2 === 0 ? drop : undefined);
        swaps += 1;
      }
    }
    t.true(await until(() => gateway.counters().received === total));
    const { passed, dropped, aborted, errors } = gateway.counters();
    t.is(passed + dropped, total);
    t.is(aborted + errors, 0);
    t.true(passed > 0 && dropped > 0, `${passed} passed, ${dropped} dropped`);
    t.true(await until(() => atServer.length === passed), `${atServer.length} of ${passed} at the server`);
    const numbers = atServer.map(Number);
    t.deepEqual(
      numbers,
      [...numbers].sort((left, right) => left - right),
    );
    t.is(new Set(numbers).size, passed);
  });

  test.serial(`TX answers the sender with what the program wrote: ${path}`, async (t) => {
    const stage = openStage();
    t.teardown(() => stage.close());
    const { gateway, atServer, atClient, send } = await setUp(stage, "127.0.0.1", { plain });
    await gateway.attach(stage.load(ANSWER));
    send("?ping");
    t.true(await until(() => atClient.length === 1));
    t.deepEqual(atClient, ["!ping"]);
    t.deepEqual(atServer, []);
    t.like(gateway.counters(), { received: 1, transmitted: 1 });
  });

  test.serial(`a datagram that the program shortens is relayed shortened: ${path}`, async (t) => {
    const stage = openStage();
    t.teardown(() => stage.close());
    const { gateway, atServer, send } = await setUp(stage, "127.0.0.1", { plain });
    await gateway.attach(stage.load(SHORTEN));
    send("query!");
    t.true(await until(() => atServer.length === 1));
    t.deepEqual(atServer, ["query"]);
  });

  test.serial(`what a program does wrong is aborted, and nothing passes: ${path}`, async (t) => {
    const stage = openStage();
    t.teardown(() => stage.close());
    const { gateway, atServer, send } = await setUp(stage, "127.0.0.1", { plain });
    await gateway.attach(stage.load(BROKEN));
    send("a");
    t.true(await until(() => gateway.counters().aborted === 1));
    await gateway.attach(stage.load("r0 = 77\nexit"));
    send("b");
    t.true(await until(() => gateway.counters().aborted === 2));
    t.deepEqual(atServer, []);
  });

  test.serial(`answers find their clients, and the table is bounded: ${path}`, async (t) => {
    const stage = openStage();
    t.teardown(() => stage.close());
    const { gateway } = await setUp(stage, "127.0.0.1", { plain, clients: 4 });
    for (let number = 0; number < 12; number++) {
      const client = await stage.bind("127.0.0.1");
      const answers = collect(client);
      client.send(`from ${number}`, portOf(gateway), "127.0.0.1");
      t.true(await until(() => answers.length === 1));
      t.deepEqual(answers, [`re from ${number}`]);
    }
    t.like(gateway.counters(), { received: 12, passed: 12, errors: 0 });
  });

  test.serial(`idle clients are forgotten: ${path}`, async (t) => {
    const stage = openStage();
    t.teardown(() => stage.close());
    const server = await stage.bind("127.0.0.1");
    const ports = new Set<number>();
    server.on("message", (_, sender) => ports.add(sender.port));
    const gateway = await stage.add({
      name: "gateway",
      kind: "gateway",
      settings: { listen: "127.0.0.1:0", to: textOf(server), idleSeconds: "1", plain },
    });
    const client = await stage.bind("127.0.0.1");
    client.send("a", portOf(gateway), "127.0.0.1");
    client.send("b", portOf(gateway), "127.0.0.1");
    t.true(await until(() => gateway.counters().passed === 2));
    await sleep(3200);
    client.send("c", portOf(gateway), "127.0.0.1");
    t.true(await until(() => ports.size === 2));
  });

  test.serial(`a server that is not there costs nobody else: ${path}`, async (t) => {
    const stage = openStage();
    t.teardown(() => stage.close());
    const { gateway, send } = await setUp(stage, "127.0.0.1", { plain, to: "127.0.0.1:9" });
    for (let count = 0; count < 5; count++) {
      send("x");
      await sleep(10);
    }
    t.true(await until(() => gateway.counters().received === 5));
    t.deepEqual(gateway.state(), { kind: "open" });
  });

  test.serial(`a port in use is AddressInUse, and the lane is given back: ${path}`, async (t) => {
    const stage = openStage();
    t.teardown(() => stage.close());
    const used = await stage.bind("127.0.0.1");
    const before = stage.host.memoryBytes();
    const error = await t.throwsAsync(
      stage.add({
        name: "second",
        kind: "gateway",
        settings: { listen: textOf(used), to: "127.0.0.1:9", plain },
      }),
      { instanceOf: EbpfError },
    );
    t.is(error.code, "AddressInUse");
    t.is(error.data.target, textOf(used));
    t.is(stage.host.memoryBytes(), before);
  });
}

test.serial("a wildcard address: frames show the true destination, answers come from it", async (t) => {
  const stage = openStage();
  t.teardown(() => stage.close());
  const server = await stage.bind("127.0.0.1");
  server.on("message", (message, sender) => server.send(message, sender.port, sender.address));
  const gateway = await stage.add({
    name: "gateway",
    kind: "gateway",
    settings: { listen: "0.0.0.0:0", to: textOf(server) },
  });
  // Drops all but what is for 127.0.0.9 (bytes 30 to 33 of the frame).
  await gateway.attach(
    stage.load(`
      r0 = 2
      r2 = *(u64 *)(r1 + 8)
      r1 = *(u64 *)(r1 + 0)
      r3 = r1
      r3 += 42
      if r3 > r2 goto out
      r3 = *(u8 *)(r1 + 33)
      if r3 != 9 goto out
      r0 = 1
      out:
      exit
    `),
  );
  const client = await stage.bind("127.0.0.1");
  const senders: string[] = [];
  client.on("message", (_, sender) => senders.push(sender.address));
  client.send("a", portOf(gateway), "127.0.0.1");
  client.send("b", portOf(gateway), "127.0.0.9");
  t.true(await until(() => senders.length === 1));
  t.deepEqual(senders, ["127.0.0.9"]);
  t.like(gateway.counters(), { received: 2, passed: 1, dropped: 1 });
});

test.serial("an idle gateway costs nothing", async (t) => {
  const stage = openStage();
  t.teardown(() => stage.close());
  await setUp(stage, "127.0.0.1");
  await sleep(300);
  const before = process.cpuUsage();
  await sleep(1000);
  const { user, system } = process.cpuUsage(before);
  t.true(user + system < 100_000, `${user + system} us of one second`);
});
