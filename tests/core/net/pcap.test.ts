import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { EbpfError } from "../../../core/base/error.ts";
import { udpFrame } from "../../harness/programs.ts";
import { pcapngOf, pcapOf } from "./captures.ts";
import { openStage, type Stage, until } from "./harness.ts";

function setUp(t: ExecutionContext): { readonly stage: Stage; readonly folder: string } {
  const stage = openStage();
  const folder = mkdtempSync(join(tmpdir(), "ebpf-pcap-"));
  t.teardown(async () => {
    await stage.close();
    rmSync(folder, { recursive: true });
  });
  return { stage, folder };
}

const MICRO = { bigEndian: false, nanoseconds: false };
const NANO = { bigEndian: false, nanoseconds: true };

/** Empty datagrams and others by turns, one a millisecond. */
function frames(count: number): { time: bigint; bytes: Uint8Array; originalBytes: number }[] {
  return Array.from({ length: count }, (_, index) => {
    const bytes = udpFrame(index % 2 === 0 ? 0 : 20);
    return {
      time: 1_700_000_000_000_000_000n + BigInt(index) * 1_000_000n,
      bytes,
      originalBytes: bytes.length,
    };
  });
}

test("nothing runs until a program is attached; then all of it, and the verdicts tell", async (t) => {
  const { stage, folder } = setUp(t);
  const [input, output, verdicts] = ["in.pcap", "out.pcap", "verdicts.jsonl"].map((name) =>
    join(folder, name),
  );
  const all = frames(1000);
  writeFileSync(input!, pcapOf(all, MICRO));
  const capture = await stage.add({ name: "capture", kind: "pcap", settings: { input, output, verdicts } });
  t.deepEqual(capture.state(), { kind: "open", progress: 0 });
  t.is(capture.counters().received, 0);

  const { program, dropped } = stage.loadDropPacket();
  await capture.attach(program);
  t.true(await until(() => capture.state().kind === "done"));
  t.like(capture.counters(), { received: 1000, passed: 500, dropped: 500, errors: 0 });
  t.is(dropped(), 500n);
  t.deepEqual(
    readFileSync(output!),
    Buffer.from(
      pcapOf(
        all.filter((frame) => frame.bytes.length > 42),
        NANO,
      ),
    ),
  );
  const lines = readFileSync(verdicts!, "utf8").trim().split("\n");
  t.is(lines.length, 1000);
  t.deepEqual(JSON.parse(lines[999]!), {
    frame: 1000,
    time: "1700000000.999000000",
    bytes: 62,
    action: "pass",
  });
  t.is(JSON.parse(lines[0]!).action, "drop");
});

test("done is done until another program is attached: then it runs again", async (t) => {
  const { stage, folder } = setUp(t);
  const input = join(folder, "in.pcapng");
  const output = join(folder, "out.pcap");
  writeFileSync(input, pcapngOf(frames(10), NANO));
  const capture = await stage.add({ name: "capture", kind: "pcap", settings: { input, output } });
  await capture.attach(stage.load("r0 = 2\nexit"));
  t.true(await until(() => capture.state().kind === "done"));
  t.is(statSync(output).size, 24);
  await capture.attach(undefined);
  t.is(capture.counters().received, 10);
  await capture.attach(stage.load("r0 = 1\nexit"));
  t.true(await until(() => capture.state().kind === "done" && capture.counters().received === 20));
  t.like(capture.counters(), { dropped: 10, passed: 10 });
  t.true(statSync(output).size > 24);
});

test("detaching in the middle waits there; memory stays small however long the capture", async (t) => {
  const { stage, folder } = setUp(t);
  const input = join(folder, "in.pcap");
  const part = Buffer.from(pcapOf(frames(20_000), MICRO).subarray(24));
  const header = pcapOf([], MICRO);
  writeFileSync(input, Buffer.concat([header, ...Array.from({ length: 20 }, () => part)]));
  const capture = await stage.add({ name: "capture", kind: "pcap", settings: { input } });
  await capture.attach(stage.load("r0 = 1\nexit"));
  await capture.attach(undefined);
  const { received } = capture.counters();
  t.true(received < 400_000);
  const before = process.memoryUsage.rss();
  await capture.attach(stage.load("r0 = 2\nexit"));
  t.true(await until(() => capture.state().kind === "done", 60_000));
  const counters = capture.counters();
  t.is(counters.received, 400_000);
  t.is(counters.passed, received);
  t.is(counters.dropped, 400_000 - received);
  t.true(process.memoryUsage.rss() - before < 100 << 20);
});

test("damage in the middle: what came before counts, the state says where", async (t) => {
  const { stage, folder } = setUp(t);
  const input = join(folder, "in.pcap");
  const bytes = pcapOf(frames(100), MICRO);
  writeFileSync(input, bytes.subarray(0, bytes.length - 1));
  const capture = await stage.add({ name: "capture", kind: "pcap", settings: { input } });
  await capture.attach(stage.load("r0 = 1\nexit"));
  t.true(await until(() => capture.state().kind === "failed"));
  const state = capture.state();
  t.is(capture.counters().received, 99);
  if (state.kind !== "failed") return t.fail();
  t.is(state.error.code, "PcapInvalid");
  t.is(state.error.data.offset, bytes.length - 62);
});

test("files that cannot be read or written are told", async (t) => {
  const { stage, folder } = setUp(t);
  const input = join(folder, "in.pcap");
  writeFileSync(input, pcapOf(frames(1), MICRO));
  const text = join(folder, "text");
  writeFileSync(text, "no capture");
  const cases = [
    { settings: { input: join(folder, "missing") }, code: "FileNotFound" },
    { settings: { input: folder }, code: "FileUnreadable" },
    { settings: { input: text }, code: "PcapInvalid" },
    { settings: { input, output: input }, code: "ArgumentInvalid" },
    { settings: {}, code: "ArgumentInvalid" },
  ] as const;
  for (const { settings, code } of cases) {
    const error = await t.throwsAsync(stage.add({ name: "capture", kind: "pcap", settings }), {
      instanceOf: EbpfError,
    });
    t.is(error.code, code, error.message);
  }
  const output = join(folder, "missing", "out.pcap");
  const capture = await stage.add({ name: "capture", kind: "pcap", settings: { input, output } });
  await capture.attach(stage.load("r0 = 1\nexit"));
  t.true(await until(() => capture.state().kind === "failed"));
  const state = capture.state();
  t.is(state.kind === "failed" ? state.error.code : undefined, "FileUnwritable");
});
