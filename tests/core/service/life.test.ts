import { execFileSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { EbpfError, type ErrorCode } from "../../../core/base/error.ts";
import { connectService, type ServiceClient } from "../../../core/service/client.ts";
import { startService } from "../../../core/service/main.ts";
import {
  killServiceAtEnd,
  localService,
  pathsOf,
  runCommand,
  SAMPLE,
  sourceScript,
  startCommand,
  temporaryFolder,
} from "../../harness/service.ts";

/** A service as a process of its own, that ends with the test; `stopped` resolves with its exit code. */
async function processService(t: ExecutionContext, home: string) {
  const child = startCommand(sourceScript, ["service", "run"], { EBPF_HOME: home });
  const stopped = once(child, "exit").then(([status]) => status as number | null);
  t.teardown(() => child.kill("SIGKILL"));
  let err = "";
  child.stderr?.on("data", (chunk) => {
    err += chunk;
  });
  for (let wait = 0; wait < 1000 && !err.includes("listening"); wait++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return { child, stopped, text: () => err };
}

async function connected(t: ExecutionContext, home: string): Promise<ServiceClient> {
  const client = await connectService({ paths: pathsOf(home), start: false });
  t.teardown(() => client.close());
  return client;
}

async function failsWith(t: ExecutionContext, home: string, code: ErrorCode): Promise<EbpfError> {
  const paths = pathsOf(home);
  const error = await t.throwsAsync(startService({ paths, log: () => {} }), { instanceOf: EbpfError });
  t.is(error.code, code, error.message);
  return error;
}

/** A server to be relayed to; nothing is sent to it. */
async function udpPort(t: ExecutionContext): Promise<number> {
  const socket = createSocket("udp4");
  t.teardown(() => socket.close());
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return socket.address().port;
}

test("after kill -9 all is back: interfaces, programs, links, persistent maps, ids", async (t) => {
  const home = temporaryFolder(t);
  const first = await processService(t, home);
  const before = await connected(t, home);
  const to = `127.0.0.1:${await udpPort(t)}`;
  await before.call("interface.add", {
    kind: "gateway",
    name: "dns",
    settings: { listen: "127.0.0.1:0", to },
  });
  const kept = await before.call("program.add", { file: SAMPLE, hook: "xdp", persistent: true });
  const other = await before.call("program.add", { file: SAMPLE, name: "other", engine: "interpreter" });
  const removed = await before.call("program.add", { file: SAMPLE });
  await before.call("program.remove", { id: removed.id });
  await before.call("map.update", { id: kept.mapIds[0] ?? 0, key: 0, value: 1234 });
  await before.call("map.update", { id: other.mapIds[0] ?? 0, key: 0, value: 1234 });
  const [programs, interfaces, links] = [
    await before.call("program.list", {}),
    await before.call("interface.list", {}),
    await before.call("link.list", {}),
  ];
  first.child.kill("SIGKILL");
  await first.stopped;
  const error = await t.throwsAsync(before.call("program.list", {}), { instanceOf: EbpfError });
  t.is(error.code, "ServiceNotRunning");
  t.true(existsSync(pathsOf(home).socket), "a killed service leaves its socket");

  await processService(t, home);
  const after = await connected(t, home);
  t.deepEqual(await after.call("program.list", {}), programs);
  t.deepEqual(await after.call("interface.list", {}), interfaces);
  t.deepEqual(await after.call("link.list", {}), links);
  t.like(await after.call("map.lookup", { id: kept.mapIds[0] ?? 0, key: 0 }), { value: 1234 });
  t.like(await after.call("map.lookup", { id: other.mapIds[0] ?? 0, key: 0 }), { value: 0 });
  const next = await after.call("program.add", { file: SAMPLE });
  t.true(next.id > removed.id, "no id is given twice");
});

test("a client that needs a service starts one, once, however many ask at the same time", async (t) => {
  const home = join(temporaryFolder(t), "made", "when-needed");
  killServiceAtEnd(t, home);
  const paths = pathsOf(home);
  const clients = await Promise.all(Array.from({ length: 4 }, () => connectService({ paths })));
  const processes = await Promise.all(clients.map((client) => client.call("service.status", {})));
  t.is(new Set(processes.map((status) => status.processId)).size, 1);
  t.not(processes[0]?.processId, process.pid);
  for (const client of clients) client.close();
  // Its starter may be killed: the service is a process group of its own.
  const stat = readFileSync(`/proc/${processes[0]?.processId}/stat`, "utf8");
  t.is(stat.split(") ")[1]?.split(" ")[2], String(processes[0]?.processId));
});

test("a second service on the same folder is refused and changes nothing", async (t) => {
  const home = temporaryFolder(t);
  const service = await localService(t, home);
  const second = startCommand(sourceScript, ["service", "run"], { EBPF_HOME: home });
  let err = "";
  second.stderr?.on("data", (chunk) => {
    err += chunk;
  });
  const [status] = await once(second, "exit");
  t.is(status, 1);
  t.regex(err, /^ebpf: ServiceRunning: /m);
  const client = await service.connect();
  t.is((await client.call("service.status", {})).processId, process.pid);
});

test("a client that is killed changes nothing", async (t) => {
  const home = temporaryFolder(t);
  const service = await localService(t, home);
  const client = startCommand(sourceScript, ["program", "add", SAMPLE], { EBPF_HOME: home });
  await once(client.stdout as NodeJS.ReadableStream, "data");
  client.kill("SIGKILL");
  const other = await service.connect();
  t.is((await other.call("program.list", {})).length, 1);
  t.deepEqual(
    service.lines.filter((line) => line.startsWith("defect")),
    [],
  );
});

test("SIGTERM ends it in order: exit code 0, no socket, no process file", async (t) => {
  const home = temporaryFolder(t);
  const service = await processService(t, home);
  service.child.kill("SIGTERM");
  t.is(await service.stopped, 0);
  t.false(existsSync(pathsOf(home).socket));
  t.false(existsSync(pathsOf(home).processFile));
});

test("a file in place of the state folder", async (t) => {
  const home = join(temporaryFolder(t), "file");
  writeFileSync(home, "");
  await failsWith(t, home, "StateUnwritable");
  const paths = pathsOf(home);
  const error = await t.throwsAsync(connectService({ paths }), { instanceOf: EbpfError });
  t.true(["StateUnwritable", "SocketUnusable"].includes(error.code), error.code);
});

test("a state folder where no folder can be made ends the start, with cause and remedy", async (t) => {
  for (const home of ["/proc/ebpf", "/proc/self/ebpf/state"]) {
    const error = await failsWith(t, home, "StateUnwritable");
    t.regex(error.message, /no folder can be made in \/proc(\/self)?$/);
  }
  const paths = pathsOf("/proc/ebpf");
  await t.throwsAsync(connectService({ paths }), { instanceOf: EbpfError, code: "StateUnwritable" });
  const { status, out, err } = await runCommand(sourceScript, ["service", "start"], {
    EBPF_HOME: paths.home,
  });
  t.deepEqual([status, out], [1, ""]);
  t.regex(err, /StateUnwritable.*no folder can be made in \/proc.*EBPF_HOME/s);
});

test("a folder that others may enter is closed to them", async (t) => {
  const home = temporaryFolder(t);
  chmodSync(home, 0o755);
  await localService(t, home);
  t.is(statSync(home).mode & 0o777, 0o700);
});

test("a damaged state is told and left as it is", async (t) => {
  const home = temporaryFolder(t);
  const { database } = pathsOf(home);
  writeFileSync(database, "this is no database, but long enough to be looked at as one ".repeat(20));
  const before = readFileSync(database);
  const error = await failsWith(t, home, "StateInvalid");
  t.is(error.data.file, database);
  t.deepEqual(readFileSync(database), before);
  const client = connectService({ paths: pathsOf(home) });
  const told = await t.throwsAsync(client, { instanceOf: EbpfError });
  t.like(
    told,
    { code: "StateInvalid", message: error.message },
    "a client that starts the service says why it cannot",
  );
});

test("pages of the state overwritten", async (t) => {
  const home = temporaryFolder(t);
  const service = await localService(t, home);
  const client = await service.connect();
  for (let count = 0; count < 8; count++) await client.call("program.add", { file: SAMPLE });
  await service.stop();
  const { database } = pathsOf(home);
  const bytes = readFileSync(database);
  bytes.fill(0x5a, 8192, bytes.length - 4096);
  writeFileSync(database, bytes);
  await failsWith(t, home, "StateInvalid");
  t.deepEqual(readFileSync(database), bytes);
});

test("a state of a later version", async (t) => {
  const home = temporaryFolder(t);
  const { DatabaseSync } = await import("node:sqlite");
  const database = new DatabaseSync(pathsOf(home).database);
  database.exec("PRAGMA user_version = 99");
  database.close();
  await failsWith(t, home, "StateInvalid");
});

test("somebody else's socket in the folder is not taken", async (t) => {
  const home = temporaryFolder(t);
  const server = createServer().listen(pathsOf(home).socket);
  t.teardown(() => server.close());
  await once(server, "listening");
  await failsWith(t, home, "ServiceRunning");
});

/** Mounting needs root; as another user these two cases are not there. */
const asRoot: (title: string, body: (t: ExecutionContext) => Promise<void>) => void =
  process.geteuid?.() === 0 ? (title, body) => test.serial(title, body) : () => {};

/** A file system of that size in memory, as only root can mount one. */
function tinyDisk(t: ExecutionContext, kilobytes: number): string {
  const folder = join(temporaryFolder(t), "disk");
  mkdirSync(folder);
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${kilobytes}k`, "ebpf-test", folder]);
  t.teardown(() => execFileSync("umount", ["-l", folder]));
  return folder;
}

asRoot("a full disk: the change is refused, all is as before, and goes on when there is room", async (t) => {
  const home = tinyDisk(t, 512);
  const service = await localService(t, home);
  const client = await service.connect();
  const first = await client.call("program.add", { file: SAMPLE, persistent: true });
  const [mapId = 0] = first.mapIds;
  await client.call("map.update", { id: mapId, key: 0, value: 1 });
  await client.call("interface.add", {
    kind: "gateway",
    name: "dns",
    settings: { listen: "127.0.0.1:0", to: `127.0.0.1:${await udpPort(t)}` },
  });
  const filler = join(home, "filler");
  const fill = () => {
    try {
      for (;;) appendFileSync(filler, Buffer.alloc(4096));
    } catch {
      // Full.
    }
  };
  fill();
  let value = 1;
  const changes: (() => Promise<unknown>)[] = [
    () => client.call("program.add", { file: SAMPLE, hook: "xdp" }),
    () =>
      client.call("interface.add", {
        kind: "gateway",
        settings: { listen: "127.0.0.1:0", to: "127.0.0.1:9" },
      }),
    () => client.call("map.update", { id: mapId, key: 0, value: ++value }),
  ];
  for (const change of changes) {
    let error: unknown;
    // What SQLite has room for in its log is taken; then nothing is.
    for (let count = 0; count < 200 && error === undefined; count++) {
      const state = await snapshot(client);
      error = await change().then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      if (error !== undefined) t.deepEqual(await snapshot(client), state);
      else if (count > 0) fill();
      const added = await client.call("link.list", {});
      for (const link of added)
        if (error === undefined) await client.call("link.detach", { id: link.id }).catch(() => {});
    }
    t.true(error instanceof EbpfError && error.code === "StateUnwritable", String(error));
  }
  execFileSync("rm", [filler]);
  await client.call("map.update", { id: mapId, key: 0, value: 2 });
  await service.stop();
  const again = await localService(t, home);
  const later = await again.connect();
  t.like(await later.call("map.lookup", { id: mapId, key: 0 }), { value: 2 });
});

async function snapshot(client: ServiceClient): Promise<unknown> {
  const maps = await client.call("map.list", {});
  return {
    programs: await client.call("program.list", {}),
    links: await client.call("link.list", {}),
    interfaces: await client.call("interface.list", {}),
    maps,
    entries: await Promise.all(maps.map(({ id }) => client.call("map.dump", { id }))),
  };
}

asRoot("a disk that cannot be written", async (t) => {
  const home = tinyDisk(t, 512);
  const service = await localService(t, home);
  await service.stop();
  execFileSync("mount", ["-o", "remount,ro", home]);
  await failsWith(t, home, "StateUnwritable");
});

test("a port that is taken at the start is a problem, not an end; it is tried again", async (t) => {
  const home = temporaryFolder(t);
  const service = await localService(t, home);
  const client = await service.connect();
  const to = `127.0.0.1:${await udpPort(t)}`;
  const added = await client.call("interface.add", {
    kind: "gateway",
    name: "dns",
    settings: { listen: "127.0.0.1:0", to },
  });
  await client.call("program.add", { file: SAMPLE, hook: "xdp" });
  const [host = "", port = ""] = String(added.settings.listen).split(":");
  await service.stop();
  const taken = createSocket("udp4");
  await new Promise<void>((resolve) => taken.bind(Number(port), host, resolve));
  const again = await localService(t, home);
  const later = await again.connect();
  t.regex((await later.call("interface.list", {}))[0]?.problem ?? "", /AddressInUse/);
  t.is((await later.call("service.status", {})).problems.length, 1);
  taken.close();
  for (let wait = 0; wait < 100; wait++) {
    if ((await later.call("service.status", {})).problems.length === 0) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  t.like(await later.call("interface.list", {}), [{ name: "dns", program: "DropPacket", state: "open" }]);
});
