import { statSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { dirname } from "node:path";
import test, { type ExecutionContext } from "ava";
import * as v from "valibot";
import { EbpfError, ERROR_CODES } from "../../../core/base/error.ts";
import { CLIENT_PROTOCOL } from "../../../core/service/client.ts";
import { describeMethods, METHODS, PROTOCOL_VERSION } from "../../../core/service/methods.ts";
import { generator, mutate } from "../../harness/mutate.ts";
import { localService, SAMPLE, UNSAFE_SAMPLE } from "../../harness/service.ts";

function frame(value: unknown): Buffer {
  const body = Buffer.from(JSON.stringify(value));
  return Buffer.concat([Buffer.from(`Content-Length: ${body.length}\r\n\r\n`), body]);
}

/** A client that sends what it likes. */
async function rawClient(t: ExecutionContext, path: string) {
  const socket: Socket = connect(path);
  t.teardown(() => socket.destroy());
  await new Promise((resolve) => socket.once("connect", resolve));
  socket.on("error", () => {});
  let text = "";
  socket.on("data", (chunk) => {
    text += chunk.toString("latin1");
  });
  return {
    socket,
    /** The next message, as long as it comes within a second. */
    async answer(): Promise<Record<string, unknown> | undefined> {
      for (let wait = 0; wait < 200; wait++) {
        const match = /^Content-Length: (\d+)\r\n(?:[^\r]*\r\n)?\r\n/.exec(text);
        const length = Number(match?.[1]);
        if (match !== null && text.length >= match[0].length + length) {
          const body = text.slice(match[0].length, match[0].length + length);
          text = text.slice(match[0].length + length);
          return JSON.parse(body) as Record<string, unknown>;
        }
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      return undefined;
    },
    closed: () =>
      new Promise<void>((resolve) => (socket.destroyed ? resolve() : socket.once("close", () => resolve()))),
  };
}

const BAD_REQUESTS: readonly (readonly [string, unknown, number])[] = [
  ["an unknown method", { jsonrpc: "2.0", id: 1, method: "program.frobnicate" }, -32601],
  ["a method of Object", { jsonrpc: "2.0", id: 1, method: "constructor" }, -32601],
  ["an unknown parameter", { jsonrpc: "2.0", id: 1, method: "program.list", params: { all: true } }, -32602],
  ["a missing parameter", { jsonrpc: "2.0", id: 1, method: "program.get", params: {} }, -32602],
  [
    "a parameter of another type",
    { jsonrpc: "2.0", id: 1, method: "program.get", params: { id: "1" } },
    -32602,
  ],
  ["parameters by position", { jsonrpc: "2.0", id: 1, method: "program.get", params: [1] }, -32602],
  ["a relative path", { jsonrpc: "2.0", id: 1, method: "object.sections", params: { file: "x.o" } }, -32602],
  [
    "a token of another type",
    { jsonrpc: "2.0", id: 1, method: "program.list", params: { progressToken: {} } },
    -32602,
  ],
  ["what is not there", { jsonrpc: "2.0", id: 1, method: "program.get", params: { id: 99 } }, -32000],
];

for (const [what, request, number] of BAD_REQUESTS) {
  test(`answered with an error: ${what}`, async (t) => {
    const service = await localService(t);
    const client = await rawClient(t, service.paths.socket);
    client.socket.write(frame(request));
    const answer = await client.answer();
    const error = answer?.error as { code: number; message: string; data: Record<string, unknown> };
    t.is(error.code, number);
    const code = error.data.code as keyof typeof ERROR_CODES;
    t.is(error.data.category, ERROR_CODES[code].category);
    t.is(error.data.remedy, ERROR_CODES[code].remedy);
    t.notRegex(error.message, /\n\s+at /);
  });
}

test("what is no message is answered without id; what is no frame ends the connection", async (t) => {
  const service = await localService(t);
  const client = await rawClient(t, service.paths.socket);
  client.socket.write(frame("nonsense"));
  t.like(await client.answer(), { id: null, error: { code: -32600, data: { code: "RequestInvalid" } } });
  client.socket.write("Content-Length: 99999999999\r\n\r\n");
  t.like(await client.answer(), { id: null, error: { code: -32700 } });
  await client.closed();
  t.pass();
});

test("20,000 damaged conversations end no service", async (t) => {
  t.timeout(120_000);
  const service = await localService(t);
  const good = Buffer.concat([
    frame({ jsonrpc: "2.0", id: 1, method: "initialize", params: { protocol: 1 } }),
    frame({ jsonrpc: "2.0", id: 2, method: "program.add", params: { file: "/none.o", hook: "xdp" } }),
    frame({ jsonrpc: "2.0", method: "$/cancelRequest", params: { id: 2 } }),
    frame({ jsonrpc: "2.0", id: 3, method: "map.update", params: { id: 1, key: [1], value: { a: "0x00" } } }),
    frame({ jsonrpc: "2.0", id: "4", method: "interface.remove", params: { name: "x", force: true } }),
    frame({ jsonrpc: "2.0", id: 5, result: {} }),
  ]);
  const total = 20_000;
  const next = generator(7);
  // Many cases share a connection as long as it lives, as one broken client would; the others come side by side.
  let done = 0;
  const worker = async (): Promise<void> => {
    while (done < total) {
      const socket = connect(service.paths.socket);
      socket.on("error", () => {});
      socket.resume();
      await new Promise((resolve) => socket.once("connect", resolve));
      const closed = new Promise<"closed">((resolve) => socket.once("close", () => resolve("closed")));
      for (let round = 0; round < 40 && done < total && socket.writable; round++, done++) {
        const bytes = mutate(good, done);
        const cut = next(bytes.length);
        socket.write(bytes.subarray(0, cut));
        socket.write(bytes.subarray(cut));
        await new Promise((resolve) => setImmediate(resolve));
      }
      socket.end();
      const late = setTimeout(() => socket.destroy(), 1000);
      await closed;
      clearTimeout(late);
    }
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
  t.true(done >= total);
  const client = await service.connect();
  t.is((await client.call("service.status", {})).processId, process.pid);
  t.deepEqual(
    service.lines.filter((line) => line.startsWith("defect")),
    [],
  );
});

test("the socket is for its user only", async (t) => {
  const { paths } = await localService(t);
  t.is(statSync(paths.socket).mode & 0o777, 0o600);
  t.is(statSync(paths.home).mode & 0o777, 0o700);
});

test("a client of another protocol is told", async (t) => {
  t.is(CLIENT_PROTOCOL, PROTOCOL_VERSION);
  const service = await localService(t);
  const client = await rawClient(t, service.paths.socket);
  client.socket.write(frame({ jsonrpc: "2.0", id: 1, method: "initialize", params: { protocol: 2 } }));
  t.like(await client.answer(), {
    error: { data: { code: "ProtocolMismatch", details: { service: PROTOCOL_VERSION, client: 2 } } },
  });
});

test("every method answers what its schema says", async (t) => {
  const service = await localService(t);
  const client = await service.connect();
  const added = await client.call("interface.add", {
    kind: "gateway",
    settings: { listen: "127.0.0.1:0", to: "127.0.0.1:9" },
  });
  const program = await client.call("program.add", { file: SAMPLE, hook: "xdp" });
  const [mapId = 0] = program.mapIds;
  const [link] = await client.call("link.list", {});
  const calls: [keyof typeof METHODS, object][] = [
    ["initialize", { protocol: PROTOCOL_VERSION }],
    ["service.status", {}],
    ["object.sections", { file: SAMPLE }],
    ["object.disassemble", { file: SAMPLE }],
    ["object.find", { folder: dirname(SAMPLE) }],
    ["object.verify", { file: SAMPLE }],
    ["object.verify", { file: UNSAFE_SAMPLE }],
    ["program.list", {}],
    ["program.get", { id: program.id }],
    ["program.stats", { id: program.id }],
    ["map.list", {}],
    ["map.get", { id: mapId }],
    ["map.update", { id: mapId, key: 0, value: 7 }],
    ["map.dump", { id: mapId }],
    ["map.lookup", { id: mapId, key: "0x00000000" }],
    ["link.list", {}],
    ["link.detach", { id: link?.id ?? 0 }],
    ["link.attach", { programId: program.id, interface: added.name }],
    ["interface.list", {}],
    ["platform.hooks", {}],
    ["driver.release", {}],
    ["service.describe", {}],
    ["program.remove", { id: program.id }],
    ["program.add", { file: SAMPLE }],
    ["interface.remove", { name: added.name }],
    [
      "interface.add",
      { kind: "gateway", name: "again", settings: { listen: "127.0.0.1:0", to: "127.0.0.1:9" } },
    ],
    ["service.stop", {}],
  ];
  for (const [name, params] of calls) {
    const result: unknown = await client.call(name, params as never);
    const checked = v.safeParse(METHODS[name].result as v.GenericSchema, result);
    t.true(checked.success, `${name}: ${JSON.stringify(checked.issues?.[0])}`);
  }
  const called = new Set(calls.map(([name]) => name));
  // An array's entry cannot be deleted, nor read as a ring buffer; tests/core/manager/entries.test.ts does that with a hash.
  t.deepEqual(
    Object.keys(METHODS).filter((name) => !called.has(name as never)),
    ["program.countRuns", "map.delete", "map.read"],
  );
});

test("a rejected program is an error with its failure", async (t) => {
  const client = await (await localService(t)).connect();
  const error = await t.throwsAsync(client.call("program.add", { file: UNSAFE_SAMPLE }), {
    instanceOf: EbpfError,
  });
  t.is(error.code, "ProgramRejected");
  t.like(error.data.details, { failure: { code: "PacketOutOfBounds", source: { line: 28 } } });
});

test("the table is its own documentation", (t) => {
  const add = describeMethods().find((row) => row.method === "program.add");
  t.is(add?.params.file, "string");
  t.is(add?.params.platform, '"windows" | "linux" (optional)');
  t.true(describeMethods().every((row) => row.description.endsWith(".")));
});

test("progress is told to who asks for it", async (t) => {
  const client = await (await localService(t)).connect();
  const seen: string[] = [];
  await client.call("program.add", { file: SAMPLE }, { onProgress: ({ message }) => seen.push(message) });
  t.deepEqual(
    seen.map((message) => message.split(" ")[0]),
    ["reading", "verifying", "certifying", "compiling"],
  );
});
