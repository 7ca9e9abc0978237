// What administrators find in the System log: the files that are made of its table, with Windows' own compiler of messages beside
// it; and that the driver writes an event when it should, once, and into its own log where there is no other.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { codeOf, EVENTS, SEVERITIES } from "../../core/driver/events.ts";
import { eventFiles, messageTable } from "../../scripts/driver-events.ts";
import { failAllocation } from "../harness/driver.ts";
import { ask, type Client, closeClient, initiate, openClient, terminate } from "../harness/driver-client.ts";
import { forbidCode, passSeconds, refuseEvents, takeEvents } from "../harness/driver-events.ts";
import { compiledProgram } from "../harness/driver-object.ts";
import { dataOf, field, handleOf } from "../harness/driver-requests.ts";

// The dispatch is one for the process, so these tests come one after the other.
const check = test.serial;
const ROOT = join(import.meta.dirname, "..", "..");
const JIT_AVAILABLE = 2;

test("the driver's header and its message table are what npm run fixtures makes", (t) => {
  for (const [path, bytes] of eventFiles()) t.true(readFileSync(join(ROOT, path)).equals(bytes), path);
});

test("each event has a number of its own, and its text has a place for each number that comes with it", (t) => {
  t.is(new Set(EVENTS.map(({ id }) => id)).size, EVENTS.length);
  for (const { name, text, intervalSeconds } of EVENTS) {
    const places = [...text.matchAll(/%(.)/g)].map(([, digit]) => Number(digit));
    t.deepEqual(
      places,
      places.map((_, index) => index + 2),
      name,
    );
    t.true(places.length <= 3, name);
    if (intervalSeconds !== undefined) t.true(places.length > 0, name);
    // A line of the driver's own log, with its longest numbers.
    t.true("EbpfCore: ".length + text.length + places.length * 20 <= 256, name);
  }
});

test("docs/driver.md lists the events", (t) => {
  const rows = readFileSync(join(ROOT, "docs", "driver.md"), "utf8").matchAll(
    /^\| (\d+) \| (information|warning|error) \| (.*) \|$/gm,
  );
  t.deepEqual(
    [...rows].map(([, id, severity, text]) => ({ id: Number(id), severity, text })),
    EVENTS.map(({ id, severity, text }) => ({ id, severity, text })),
  );
});

/** What windmc, a compiler of messages that is not ours, makes of the same table. */
function compiledMessages(folder: string): Buffer {
  const severities = Object.entries(SEVERITIES).map(([name, value]) => `${name}=0x${value}`);
  const head = [
    "MessageIdTypedef=NTSTATUS",
    `SeverityNames=(${severities.join(" ")})`,
    "FacilityNames=(Io=0x4)",
  ];
  const messages = EVENTS.flatMap(({ id, name, severity, text }) => [
    ...[`MessageId=${id}`, `Severity=${severity}`, "Facility=Io", `SymbolicName=EVENT_${name}`],
    ...["Language=English", text, "."],
  ]);
  const file = join(folder, "events.mc");
  writeFileSync(file, [...head, ...messages, ""].join("\n"));
  const { status, stderr } = spawnSync("x86_64-w64-mingw32-windmc", ["-h", folder, "-r", folder, file], {
    encoding: "utf8",
    // Without the sanitizers that this process may have.
    env: { ...process.env, LD_PRELOAD: "" },
  });
  if (status !== 0) throw new Error(stderr);
  return readFileSync(join(folder, "MSG00001.bin"));
}

/** Code -> text, of a message table. */
function readMessages(table: Buffer): ReadonlyMap<number, string> {
  const messages = new Map<number, string>();
  for (let index = 0; index < table.readUInt32LE(0); index++) {
    const [low = 0, high = 0, start = 0] = [4, 8, 12].map((place) => table.readUInt32LE(place + index * 12));
    let at = start;
    for (let code = low; code <= high; code++) {
      const length = table.readUInt16LE(at);
      messages.set(code, table.toString("utf16le", at + 4, at + length).replaceAll("\0", ""));
      at += length;
    }
  }
  return messages;
}

test("the message table is the one that a compiler of messages makes, but for the line ends", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "ebpf-messages-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const ours = readMessages(messageTable());
  const theirs = readMessages(compiledMessages(folder));
  t.is(theirs.size, EVENTS.length);
  t.deepEqual(
    [...ours].map(([code, text]) => [code, text.replace("\r\n", "\n")]),
    [...theirs],
  );
  for (const event of EVENTS) t.is(ours.get(codeOf(event)), `${event.text}\r\n`);
});

function withClient(allowUncertified: boolean, body: (client: Client) => void): void {
  initiate(allowUncertified);
  const client = openClient();
  try {
    body(client);
  } finally {
    closeClient(client);
    terminate();
  }
}

function linesOf(client: Client): string[] {
  const lines: string[] = [];
  for (let line = ask.readLog(client); field(line, 2) === 1; line = ask.readLog(client))
    lines.push(Buffer.from(dataOf(line)).toString());
  return lines;
}

/** Starts it where the first memory for code is refused; the flags of its status, and what it says in its own log. */
function startWithoutCode(): { readonly flags: number; readonly lines: readonly string[] } {
  let [flags, lines]: [number, readonly string[]] = [0, []];
  failAllocation(1);
  withClient(false, (client) => {
    flags = field(ask.status(client), 2);
    lines = linesOf(client);
  });
  return { flags, lines };
}

check("where all is well nothing is written", (t) => {
  withClient(false, (client) => {
    t.is(field(ask.status(client), 2), JIT_AVAILABLE);
    t.deepEqual(linesOf(client), []);
  });
  t.deepEqual(takeEvents(), []);
});

check("where memory may not become executable the interpreter takes over, and one event says why", (t) => {
  t.deepEqual(startWithoutCode(), { flags: 0, lines: [] });
  t.deepEqual(takeEvents(), [{ name: "CodeRefused", numbers: [] }]);
  forbidCode(true);
  t.deepEqual(startWithoutCode(), { flags: 0, lines: [] });
  t.deepEqual(takeEvents(), [{ name: "MemoryIntegrity", numbers: [] }]);
  forbidCode(false);
});

check("an event that the system's log does not take is a line of the driver's, once", (t) => {
  refuseEvents(true);
  const { lines } = startWithoutCode();
  refuseEvents(false);
  const [row] = EVENTS.filter(({ name }) => name === "CodeRefused");
  t.deepEqual(lines, [`EbpfCore: ${row?.text}`]);
  t.deepEqual(takeEvents(), []);
});

check("that AllowUncertified is set is an event of each start", (t) => {
  for (let round = 0; round < 2; round++) {
    withClient(true, () => {});
    t.deepEqual(takeEvents(), [{ name: "AllowUncertified", numbers: [] }]);
  }
});

const { bytecode, certificate } = compiledProgram("samples/droppacket.o", "DropPacket");

function refuseProof(t: ExecutionContext, client: Client, times: number): void {
  const array = { type: 2, keySizeBytes: 4, valueSizeBytes: 8, maxEntries: 1 };
  const maps = [handleOf(ask.createMap(client, array))];
  for (let count = 0; count < times; count++) {
    const answer = ask.createProgram(client, bytecode, { maps, certificate: certificate.slice(0, -1) });
    t.is(answer.error, "CertificateRefused");
  }
}

check(
  "a proof that does not hold is an event with its process; more of them in a minute are counted",
  (t) => {
    const process_ = String(process.pid);
    withClient(false, (client) => {
      refuseProof(t, client, 1);
      const [first, ...others] = takeEvents();
      t.is(first?.name, "CertificateRefused");
      t.like(first?.numbers, { 0: process_, 2: "0" });
      t.deepEqual(others, []);
      refuseProof(t, client, 3);
      t.deepEqual(takeEvents(), []);
      passSeconds(61);
      refuseProof(t, client, 2);
      const [next, ...more] = takeEvents();
      t.like(next?.numbers, { 0: process_, 2: "3" });
      t.deepEqual(more, []);
    });
  },
);

check("where the log takes none, that line has its numbers in their places", (t) => {
  passSeconds(61);
  refuseEvents(true);
  withClient(false, (client) => {
    refuseProof(t, client, 1);
    const [line = "", ...more] = linesOf(client);
    t.regex(
      line,
      new RegExp(
        `^EbpfCore: A program of process ${process.pid} was not loaded: .*\\(error \\d+ of .*: 1\\.$`,
      ),
    );
    t.deepEqual(more, []);
  });
  refuseEvents(false);
});
