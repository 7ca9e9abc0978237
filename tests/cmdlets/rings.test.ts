// Receive-EbpfRingBuffer against the real service: records of packets of a gateway, as they come.
import { createSocket } from "node:dgram";
import { join } from "node:path";
import test from "ava";
import { MANIFEST, type ModuleSession, openModule, ROOT } from "../harness/module.ts";
import { quote, runPowerShell } from "../harness/powershell.ts";

const OBJECT = "tests/fixtures/c/service-rings.o";

type Rows = readonly Readonly<Record<string, unknown>>[];

let ps: ModuleSession;
let port = 0;
const socket = createSocket("udp4");

test.before(async () => {
  ps = await openModule({ EBPF_CORE: join(ROOT, "core", "cli", "main.ts") });
  await ps.text(
    `Set-Location '${ROOT}'; $null = New-EbpfInterface gateway dns -Listen 127.0.0.1:0 -To 127.0.0.1:9`,
  );
  await ps.text(`$null = Add-EbpfProgram ${OBJECT} -Program entry -Hook xdp`);
  port = Number(String(await ps.value("(Get-EbpfInterface dns).Settings.listen")).split(":")[1]);
});
test.after.always(async () => {
  socket.close();
  await ps?.close();
});

const RECEIVED = "(Get-EbpfInterface dns).Received";

/** Datagrams, until all have gone through the program. */
async function send(...texts: readonly string[]): Promise<void> {
  const before = Number(await ps.value(RECEIVED));
  for (const text of texts) socket.send(text, port, "127.0.0.1");
  while (Number(await ps.value(RECEIVED)) < before + texts.length)
    await new Promise((resolve) => setTimeout(resolve, 20));
}

const SHOWN =
  "Select-Object Map, Hex, @{ n = 'Length'; e = { $_.Bytes.Length } }, @{ n = 'First'; e = { $_.Bytes[0] } }, Value";
const receive = async (command: string): Promise<Rows> =>
  (await ps.value(`, @(${command} 3>$null | ${SHOWN})`)) as Rows;
const hexOf = (length: number): string => `0x${length.toString(16)}0000000000000001000000696e0000`;

test.serial("the records that are there, and then none; types are structures, bytes are bytes", async (t) => {
  t.deepEqual(await receive("Receive-EbpfRingBuffer events"), []);
  await send("hello", "you");
  t.is(await ps.value("(Receive-EbpfRingBuffer events -Count 1).Time.GetType().Name"), "DateTime");
  const rest = await receive("Receive-EbpfRingBuffer events");
  t.deepEqual(
    rest,
    [{ Map: "events", Hex: hexOf(45), Length: 16, First: 45, Value: hexOf(45) }].map((row) => row),
  );
  await send("hello");
  const typed = await receive("Get-EbpfMap events | Receive-EbpfRingBuffer -Type event -TimeoutSeconds 0.2");
  t.deepEqual(
    typed.map(({ Value }) => Value),
    [{ length: 47, program: 1, where: "in" }],
  );
});

test.serial("it waits as long as it may, or until as many have come as are wanted", async (t) => {
  const began = performance.now();
  t.deepEqual(await receive("Receive-EbpfRingBuffer events -TimeoutSeconds 0.5"), []);
  t.true(performance.now() - began >= 500);
  for (const wait of ["-Wait", "-TimeoutSeconds 50"]) {
    const waiting = receive(`Receive-EbpfRingBuffer ev* ${wait} -Count 3`);
    for (let count = 0; count < 3; count++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      socket.send("x", port, "127.0.0.1");
    }
    t.is((await waiting).length, 3);
  }
});

test.serial(
  "several ring buffers in turns; a wildcard means those that are ring buffers, a name what it says",
  async (t) => {
    await send("hello");
    t.deepEqual(
      (await receive("Receive-EbpfRingBuffer * -TimeoutSeconds 0.1")).map((row) => row.Map),
      ["events"],
    );
    const [error] = await ps.errors("Receive-EbpfRingBuffer jumps");
    t.like(error, { id: "MapOperationUnsupported,Receive-EbpfRingBuffer", target: "jumps" });
    const [none] = await ps.errors("Receive-EbpfRingBuffer nosuch -Wait");
    t.like(none, { id: "MapNotFound,Receive-EbpfRingBuffer", target: "nosuch" });
    const [type] = await ps.errors("Receive-EbpfRingBuffer events -Type nosuch");
    t.like(type, { id: "ArgumentInvalid,Receive-EbpfRingBuffer", target: "nosuch" });
  },
);

test.serial("what was lost is told", async (t) => {
  // 16 bytes take 24: 170 of them.
  await send(...Array.from({ length: 100 }, () => "x"));
  await send(...Array.from({ length: 100 }, () => "x"));
  const text = await ps.text(
    "@(Receive-EbpfRingBuffer events 3>&1 | Where-Object { $_ -is [System.Management.Automation.WarningRecord] }).Message",
  );
  t.regex(text, /^\d+ records of ring buffer 'events' were lost/);
});

test.serial(
  "Ctrl+C while it waits ends it, and the record that comes then is there for the next",
  async (t) => {
    await send("hello");
    const script = `Import-Module ${quote(MANIFEST)}; Receive-EbpfRingBuffer events -Wait -WarningAction Ignore | ForEach-Object { 'got' }`;
    const { exitCode, stdout, stderr } = await runPowerShell(
      ["-NoProfile", "-NonInteractive", "-Command", script],
      {
        environment: { EBPF_HOME: ps.home },
        interruptAt: "got",
      },
    );
    t.not(exitCode, null);
    t.regex(stdout, /^got\s*$/);
    t.regex(stderr, /^\s*$/);
    await send("hello");
    await new Promise((resolve) => setTimeout(resolve, 1500));
    t.is((await receive("Receive-EbpfRingBuffer events")).length, 1);
  },
);
