// Parts of the demonstration whose truth the whole rests on: which counters are added, how a rate comes of them, what is a
// DNS answer, and that everything is taken away again.
import test from "ava";
import { decode, encode } from "dns-packet";
import { answerTo, DEMO_ADDRESS, DEMO_NAME } from "../../core/cli/demo/dns.ts";
import { drawBar, measureRate, rateBetween } from "../../core/cli/demo/meter.ts";
import { makeCleanup, runCommand, sleep } from "../../core/cli/demo/process.ts";
import { packageRoot } from "../../core/cli/demo/root.ts";
import { readUdpCounters } from "../../core/cli/demo/stage.ts";

const SNMP = `Tcp: RtoAlgorithm RtoMin
Tcp: 1 200
Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti MemErrors
Udp: 492228 77 107804 600032 107800 0 4 0 0
UdpLite: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti MemErrors
UdpLite: 5 5 5 5 5 5 5 5 5
`;

test("what reached a UDP socket: taken and dropped there, not what had no port or a wrong checksum", (t) => {
  t.is(readUdpCounters(SNMP), 492_228 + 107_804 - 4);
});

test("a rate is the counter's difference over the samples' own time", (t) => {
  t.is(rateBetween({ milliseconds: 1_000, datagrams: 50 }, { milliseconds: 1_500, datagrams: 250 }), 400);
  t.is(rateBetween({ milliseconds: 1_000, datagrams: 50 }, { milliseconds: 1_000, datagrams: 250 }), 0);
});

test("a measurement lasts as long as asked for, and can be interrupted", async (t) => {
  const started = performance.now();
  const read = () => {
    const milliseconds = performance.now();
    return { milliseconds, datagrams: milliseconds * 3 };
  };
  const shown: number[] = [];
  const rate = await measureRate(read, 0.3, new AbortController().signal, (now) => shown.push(now));
  t.true(Math.abs(rate - 3_000) < 1);
  t.true(performance.now() - started >= 300);
  t.true(shown.length > 0 && shown.every((now) => Math.abs(now - 3_000) < 1));
  const stopped = AbortSignal.timeout(50);
  await t.throwsAsync(
    measureRate(read, 60, stopped, () => {}),
    { code: "Cancelled" },
  );
});

test("a bar is as wide as it is to be, and never wider", (t) => {
  t.is(drawBar(0, 100, 4), "    ");
  t.is(drawBar(50, 100, 4), "██  ");
  t.is(drawBar(53.2, 100, 4), "██▏ ");
  t.is(drawBar(1_000, 100, 4), "████");
  t.is(drawBar(0, 0, 4), "    ");
});

test("the small DNS server answers the one name, and nothing else", (t) => {
  const ask = (name: string, type: "A" | "AAAA") =>
    encode({ type: "query", id: 7, questions: [{ type, name }] });
  const { id, type, answers } = decode(Buffer.from(answerTo(ask(DEMO_NAME, "A")) ?? []));
  t.deepEqual(
    [id, type, answers?.map((answer) => "data" in answer && answer.data)],
    [7, "response", [DEMO_ADDRESS]],
  );
  t.is(answerTo(ask("other.example.test", "A")), undefined);
  t.is(answerTo(ask(DEMO_NAME, "AAAA")), undefined);
  t.is(answerTo(new Uint8Array(0)), undefined);
  t.is(answerTo(new Uint8Array(40).fill(0xff)), undefined);
});

test("cleanup undoes the last first, whatever fails on the way", async (t) => {
  const done: string[] = [];
  const cleanup = makeCleanup();
  cleanup.add(() => void done.push("first"));
  cleanup.add(() => {
    throw new Error("of the second");
  });
  cleanup.add(async () => void done.push("third"));
  t.is(((await cleanup.run()) as Error).message, "of the second");
  t.deepEqual(done, ["third", "first"]);
  t.is(await cleanup.run(), undefined);
});

test("a command that is not there, or ends badly, is told", async (t) => {
  await t.throwsAsync(runCommand("no-such-command-here", []), { code: "ToolMissing" });
  const { status, err } = await runCommand(process.execPath, ["-e", "console.error('why'); process.exit(3)"]);
  t.deepEqual([status, err], [3, "why\n"]);
  await t.throwsAsync(sleep(60_000, AbortSignal.abort()), { code: "Cancelled" });
});

test("without its samples the package says so", (t) => {
  t.is(packageRoot(), packageRoot(import.meta.dirname));
  t.throws(() => packageRoot("/"), { code: "FileNotFound" });
});
