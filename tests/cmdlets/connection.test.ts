// The module's end of the wire against a service that does what the real one should not: it is silent, it ends, it
// sends damage, it is of another protocol. Also progress and Ctrl-C, for which the real one is too fast.
import { mkdtemp, rename, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { servicePaths } from "../../core/service/paths.ts";
import { MANIFEST, type ModuleSession, openModule } from "../harness/module.ts";
import { quote, runPowerShell } from "../harness/powershell.ts";

interface Request {
  readonly id?: number;
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}

type Answer = (socket: Socket, request: Request) => void;

interface Peer {
  readonly seen: readonly Request[];
  close(): Promise<void>;
}

function frame(message: object): Buffer {
  const body = Buffer.from(JSON.stringify({ jsonrpc: "2.0", ...message }));
  return Buffer.concat([Buffer.from(`Content-Length: ${body.length}\r\n\r\n`), body]);
}

function* requestsIn(state: { buffer: Buffer }): Generator<Request> {
  for (;;) {
    const end = state.buffer.indexOf("\r\n\r\n");
    if (end < 0) return;
    const size = Number(/content-length: (\d+)/i.exec(state.buffer.toString("latin1", 0, end))?.[1]);
    if (state.buffer.length < end + 4 + size) return;
    yield JSON.parse(state.buffer.toString("utf8", end + 4, end + 4 + size));
    state.buffer = state.buffer.subarray(end + 4 + size);
  }
}

/** Greets as the service does, then leaves each request to `answer`. */
async function listen(home: string, answer: Answer): Promise<Peer> {
  const { socket: path } = servicePaths({
    platform: process.platform,
    env: { EBPF_HOME: home },
    homeFolder: home,
    userName: "test",
  });
  const seen: Request[] = [];
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    const state = { buffer: Buffer.alloc(0) };
    open.add(socket);
    socket.on("error", () => {}).on("close", () => open.delete(socket));
    socket.on("data", (chunk: Buffer) => {
      state.buffer = Buffer.concat([state.buffer, chunk]);
      for (const request of requestsIn(state)) {
        seen.push(request);
        if (request.method !== "initialize") answer(socket, request);
        else socket.write(frame({ id: request.id, result: { protocol: 1, version: "0", processId: 1 } }));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    seen,
    close: () =>
      new Promise((resolve) => {
        for (const socket of open) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

let session: ModuleSession;
test.before(async () => {
  session = await openModule();
});
test.after.always(() => session?.close());

async function withPeer(t: ExecutionContext, answer: Answer): Promise<Peer> {
  const peer = await listen(session.home, answer);
  t.teardown(() => peer.close());
  return peer;
}

const PROGRAM = {
  id: 7,
  name: "gr\u00fc\u00df",
  type: "xdp",
  platform: "windows",
  file: "/a.o",
  section: "xdp",
  engine: "wasm",
  host: "embedded",
  instructions: 2,
  mapIds: [],
  interfaces: [],
  persistent: false,
  loadedAt: "2026-01-02T03:04:05.678Z",
};

test.serial("an answer in pieces, after another's answer and a notification, is read whole", async (t) => {
  await withPeer(t, (socket, { id }) => {
    socket.write(frame({ method: "$/other", params: {} }));
    socket.write(frame({ id: 999, result: [] }));
    const bytes = frame({ id, result: [PROGRAM] });
    for (const byte of bytes.subarray(0, 40)) socket.write(Buffer.from([byte]));
    setTimeout(() => socket.write(bytes.subarray(40)), 50);
  });
  t.is(await session.value("(Get-EbpfProgram).Name"), PROGRAM.name);
  t.is(
    await session.value("(Get-EbpfProgram).LoadedAt.ToUniversalTime().ToString('o')"),
    "2026-01-02T03:04:05.6780000Z",
  );
  t.deepEqual(await session.value("(Get-EbpfProgram).MapIds.GetType().Name"), "Object[]");
});

test.serial("a long answer of many records comes through", async (t) => {
  const result = Array.from({ length: 3000 }, (_, index) => ({ ...PROGRAM, id: index + 1 }));
  await withPeer(t, (socket, { id }) => socket.write(frame({ id, result })));
  t.is(await session.value("@(Get-EbpfProgram)[-1].Id"), 3000);
});

const DAMAGE: readonly (readonly [what: string, answer: Answer, id: string])[] = [
  ["no frame", (socket) => socket.write(`${"x".repeat(5000)}`), "ProtocolMismatch"],
  ["no length", (socket) => socket.write("Content-Type: text/plain\r\n\r\n{}"), "ProtocolMismatch"],
  ["no JSON", (socket) => socket.write("Content-Length: 3\r\n\r\n{]}"), "ProtocolMismatch"],
  [
    "an error without data",
    (socket, { id }) => socket.write(frame({ id, error: { code: -32603, message: "broken" } })),
    "InternalError",
  ],
  [
    "an error about what it could not read",
    (socket) => socket.write(frame({ id: null, error: { code: -32700, message: "not JSON" } })),
    "InternalError",
  ],
];

for (const [what, answer, id] of DAMAGE) {
  test.serial(`a service that answers with ${what} is an error`, async (t) => {
    await withPeer(t, answer);
    const [error, ...more] = await session.errors("Get-EbpfProgram");
    t.is(error?.id, `${id},Get-EbpfProgram`, error?.message);
    t.is(more.length, 0);
  });
}

test.serial(
  "what may have changed something is not asked twice when the service ends; what only asks is",
  async (t) => {
    const peer = await withPeer(t, (socket, { id, method }) => {
      if (method === "interface.list") socket.write(frame({ id, result: [] }));
      else socket.destroy();
    });
    const [error] = await session.errors("New-EbpfInterface pcap -InputPath a.pcap");
    t.is(error?.id, "ServiceNotRunning,New-EbpfInterface");
    t.is(peer.seen.filter(({ method }) => method === "interface.add").length, 1);
    const [again] = await session.errors("$null = Get-EbpfInterface; Get-EbpfProgram");
    t.is(again?.id, "ServiceNotRunning,Get-EbpfProgram");
    t.is(peer.seen.filter(({ method }) => method === "program.list").length, 2);
  },
);

test.serial("a socket that nothing listens on any more is no service", async (t) => {
  if (process.platform === "win32") return t.pass("a pipe goes with its server");
  const peer = await listen(session.home, () => {});
  const path = join(session.home, "service.sock");
  // Closing removes the socket by its name; what a killed service leaves behind is a socket of that name.
  await rename(path, `${path}.kept`);
  await peer.close();
  await rename(`${path}.kept`, path);
  t.teardown(() => rm(path));
  t.is(await session.value("(Get-EbpfService).Status"), "Stopped");
});

/** A runspace whose streams can be looked at, with the cmdlets this session has beside the engine's. */
const OTHER_RUNSPACE = `
  $state = [initialsessionstate]::CreateDefault2();
  foreach ($cmdlet in Get-Command -CommandType Cmdlet) {
    if (-not $cmdlet.ModuleName) { $state.Commands.Add([System.Management.Automation.Runspaces.SessionStateCmdletEntry]::new($cmdlet.Name, $cmdlet.ImplementingType, $null)) }
  };
  $ps = [powershell]::Create($state);`;

test.serial("progress of the service is shown on the pipeline, and ends", async (t) => {
  await withPeer(t, (socket, { id, params }) => {
    const progress = (value: object) =>
      frame({ method: "$/progress", params: { token: params.progressToken, value } });
    socket.write(progress({ message: "reading" }));
    socket.write(progress({ message: "verifying", done: 1, total: 4 }));
    socket.write(frame({ id, result: [] }));
  });
  const shown = await session.value(`${OTHER_RUNSPACE}
    $null = $ps.AddScript({ param($manifest) Import-Module $manifest; Test-EbpfProgram $manifest }).AddArgument(${quote(MANIFEST)}).Invoke();
    , @($ps.Streams.Progress | ForEach-Object { "$($_.Activity)|$($_.StatusDescription)|$($_.PercentComplete)|$($_.RecordType)" })`);
  t.deepEqual(shown, [
    "Verifying ebpf.psd1|reading|-1|Processing",
    "Verifying ebpf.psd1|verifying|25|Processing",
    "Verifying ebpf.psd1|Done|-1|Completed",
  ]);
});

test.serial("Ctrl-C tells the service to stop what it does", async (t) => {
  if (process.platform === "win32") return t.pass("Windows has no SIGINT to send");
  const home = await mkdtemp(join(tmpdir(), "ebpf-ps-"));
  t.teardown(() => rm(home, { recursive: true, force: true }));
  const { promise: asking, resolve } = Promise.withResolvers<void>();
  const peer = await listen(home, (_socket, { method }) => {
    if (method === "program.list") resolve();
  });
  t.teardown(() => peer.close());
  const command = `Import-Module ${quote(MANIFEST)}; 'started'; Get-EbpfProgram; 'not reached'`;
  const result = await runPowerShell(["-NoProfile", "-NonInteractive", "-Command", command], {
    environment: { EBPF_HOME: home },
    interruptOn: asking,
  });
  t.regex(result.stdout, /^started\s*$/);
  const asked = peer.seen.find(({ method }) => method === "program.list");
  t.truthy(asked);
  t.deepEqual(peer.seen.at(-1), {
    jsonrpc: "2.0",
    method: "$/cancelRequest",
    params: { id: asked?.id },
  } as unknown as Request);
});
