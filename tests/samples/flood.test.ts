// DnsFlood: builds for both systems, sends what it says, stops by itself, and goes to test machines only.
import { execFile } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import test from "ava";
import { buildFlood } from "../../scripts/setup.ts";

interface Outcome {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

function flood(...words: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(buildFlood("linux"), words, { encoding: "utf8", timeout: 20_000 }, (error, out, err) => {
      resolve({ status: typeof error?.code === "number" ? error.code : error === null ? 0 : -1, out, err });
    });
  });
}

test("at a given rate it sends empty datagrams for the time given", async (t) => {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  let empty = 0;
  let other = 0;
  socket.on("message", (bytes) => (bytes.length === 0 ? empty++ : other++));
  const started = performance.now();
  const port = String(socket.address().port);
  const { status, out } = await flood("--port", port, "--seconds", "1", "--rate", "2000", "127.0.0.1");
  const seconds = (performance.now() - started) / 1000;
  t.is(status, 0);
  t.true(seconds >= 1 && seconds < 5);
  const [, sent] = /^(\d+) datagrams in \d+\.\d\d s, \d+ a second\n$/.exec(out) ?? [];
  t.true(Number(sent) > 500 && Number(sent) <= 2_000 + 32, out);
  await new Promise((resolve) => setTimeout(resolve, 200));
  socket.close();
  t.is(other, 0);
  t.true(empty > 0 && empty <= Number(sent));
});

test("without a rate it sends as fast as it can, also where nobody listens", async (t) => {
  const { status, out } = await flood("--port", "9", "--seconds", "1", "--threads", "2", "127.0.0.1");
  t.is(status, 0);
  t.true(Number.parseInt(out, 10) > 1_000, out);
});

const REFUSED: readonly { readonly words: readonly string[]; readonly says: RegExp }[] = [
  { words: ["8.8.8.8"], says: /refused/ },
  { words: ["--yes", "8.8.8.8"], says: /refused/ },
  { words: ["--yes", "11.0.0.1"], says: /refused/ },
  { words: ["--yes", "172.32.0.1"], says: /refused/ },
  { words: ["192.168.1.1"], says: /refused/ },
  { words: ["10.0.0.1"], says: /refused/ },
  { words: ["localhost"], says: /not an IPv4 address/ },
  { words: ["--seconds", "0", "127.0.0.1"], says: /from 1 to 3600/ },
  { words: ["--seconds", "3601", "127.0.0.1"], says: /from 1 to 3600/ },
  { words: ["--seconds", "1x", "127.0.0.1"], says: /from 1 to 3600/ },
  { words: ["--port", "65536", "127.0.0.1"], says: /from 1 to 65535/ },
  { words: ["--port"], says: /from 1 to 65535/ },
  { words: ["--fast", "127.0.0.1"], says: /^usage/ },
  { words: ["127.0.0.1", "127.0.0.2"], says: /^usage/ },
  { words: [], says: /^usage/ },
];

test("what it must not do, and what it does not understand, is refused", async (t) => {
  for (const { words, says } of REFUSED) {
    const { status, err } = await flood(...words);
    t.is(status, 64, words.join(" "));
    t.regex(err, says, words.join(" "));
  }
});

test("it builds for Windows", (t) => {
  const bytes = readFileSync(buildFlood("windows"));
  t.is(bytes.toString("latin1", 0, 2), "MZ");
});
