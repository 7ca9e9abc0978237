// EbpfCore.sys itself: what the file is, and what it does under Wine, whose service control manager loads it: sc, requests of
// another process, both engines, what is left when a client is killed, unloading. What Wine cannot show is in docs/status.md.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { CONTRACT_VERSION } from "../../../core/host/kernel/wire.ts";
import { buildSys, compile, compileSys, ddkFolder, MINGW, SYS_PARTS } from "../../../scripts/driver.ts";
import { compiledProgram } from "../../harness/driver-object.ts";
import { dataOf, field, handleOf, make } from "../../harness/driver-requests.ts";
import { FRAME_NAMES, FRAMES } from "../../harness/frames.ts";
import { openWine, type WindowsClient, type Wine } from "../../harness/wine.ts";

const check = test.serial;

const ROOT = join(import.meta.dirname, "..", "..", "..");
const ARRAY = { type: 2, keySizeBytes: 4, valueSizeBytes: 8, maxEntries: 1 };
const KEY = new Uint8Array(4);
const ENGINE = { any: 0, interpreter: 1, jit: 2 } as const;
const DROP = 2;
const EMPTY = ["emptyUdp", "emptyUdpToEcho", "emptyUdpWithOptions"];
/** Of Windows. */
const ERROR = { fileNotFound: 2, invalidFunction: 1, invalidParameter: 87 } as const;

const { bytecode: droppacket, certificate } = compiledProgram("samples/droppacket.o", "DropPacket");

let wine: Wine;
test.before(async () => {
  wine = await openWine([buildSys()]);
});
test.after.always(() => wine?.close());

const sc = (...args: readonly string[]) => wine.run("sc", ...args);
const isRunning = (): boolean => sc("query", "EbpfCore").output.includes("RUNNING");

async function withClient(body: (client: WindowsClient) => Promise<void>): Promise<void> {
  const client = wine.startClient();
  try {
    if ((await client.open()) !== 0) throw new Error("the device does not open");
    await body(client);
  } finally {
    await client.kill();
  }
}

check(
  "it is a driver for x64, the same bytes each time, and no memory of it is writable and executable",
  (t) => {
    const folder = mkdtempSync(join(tmpdir(), "ebpf-sys-"));
    const bytes = readFileSync(buildSys());
    t.true(readFileSync(compileSys(folder)).equals(bytes));
    rmSync(folder, { recursive: true });
    const header = bytes.readUInt32LE(0x3c);
    t.is(bytes.toString("latin1", header, header + 4), "PE\0\0");
    t.is(bytes.readUInt16LE(header + 4), 0x8664);
    t.is(bytes.readUInt32LE(header + 8), 0, "no time of building");
    const optional = header + 24;
    t.is(bytes.readUInt16LE(optional + 68), 1, "subsystem native");
    t.is(bytes.readUInt16LE(optional + 70) & 0x140, 0x140, "moved anywhere, and data not executable");
    t.not(bytes.readUInt32LE(optional + 64), 0, "checksum");
    const sections = optional + bytes.readUInt16LE(header + 20);
    const names: string[] = [];
    for (let index = 0; index < bytes.readUInt16LE(header + 6); index++) {
      const at = sections + index * 40;
      names.push(bytes.toString("latin1", at, at + 8).replaceAll("\0", ""));
      const flags = bytes.readUInt32LE(at + 36);
      t.false((flags & 0x2000_0000) !== 0 && (flags & 0x8000_0000) !== 0, names.at(-1));
    }
    for (const name of [".text", ".rsrc", ".reloc"]) t.true(names.includes(name), name);
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, "../../../package.json"), "utf8"));
    t.true(bytes.includes(Buffer.from(version, "utf16le")), "the version of the package");
  },
);

check("sc creates the service, which starts, answers, and stops; three times", async (t) => {
  t.is(
    sc("create", "EbpfCore", "type=", "kernel", "start=", "demand", "binPath=", "C:\\ebpf\\EbpfCore.sys")
      .status,
    0,
  );
  for (let round = 1; round <= 3; round++) {
    t.is(sc("start", "EbpfCore").status, 0);
    t.true(isRunning());
    await withClient(async (client) => {
      const status = await client.ask(make.status());
      t.is(status.error, "None");
      // The contract; the JIT is there, for certified programs only; nothing is left of the round before.
      t.deepEqual(
        [1, 2, 4, 5, 6].map((index) => field(status, index)),
        [CONTRACT_VERSION, 2, 0, 0, 1],
      );
      // Wine's kernel takes no events, so they are lines here.
      const line = Buffer.from(dataOf(await client.ask(make.readLog()))).toString();
      t.is(
        line,
        `EbpfCore: The driver has started. Its contract with user mode is version ${CONTRACT_VERSION}.`,
      );
      t.is(field(await client.ask(make.readLog()), 2), 0);
      handleOf(await client.ask(make.createMap(ARRAY)));
      t.is(await client.close(), 0);
    });
    t.is(sc("stop", "EbpfCore").status, 0);
    t.false(isRunning());
    const late = wine.startClient();
    t.is(await late.open(), ERROR.fileNotFound);
    await late.kill();
  }
});

check("an event is an entry of the System log as Windows wants it", (t) => {
  const ours = ["driver", "tests/driver"].map((folder) => join(ROOT, folder, "windows", "event-log.c"));
  const flags = [...SYS_PARTS.defines.map((define) => `-D${define}`), `-I${join(ROOT, "driver")}`];
  const output = join(wine.folder, "event-log.exe");
  compile(`${MINGW}gcc`, ["-O1", ...flags, "-isystem", ddkFolder(), ...ours, "-o", output]);
  const write = (...words: readonly string[]) => {
    const lines = wine
      .run("C:\\ebpf\\event-log.exe", ...words)
      .output.trim()
      .split(/\r?\n/);
    const [entry = "", size = ""] = lines[0]?.split(" ") ?? [];
    return {
      entry: Buffer.from(entry, "hex"),
      size: Number(size),
      answers: lines.at(-1),
      count: lines.length,
    };
  };
  const numbers = ["412", "14", "18446744073709551615"];
  const { entry, size, answers } = write("80040006", ...numbers);
  t.is(answers, "1 0", "taken, and the next is not");
  const texts = numbers.map((number) => `${number}\0`).join("");
  t.is(size, 48 + texts.length * 2);
  const head = Buffer.alloc(48);
  head.writeUInt16LE(numbers.length, 4);
  head.writeUInt16LE(48, 6);
  head.writeUInt32LE(0x8004_0006, 12);
  t.true(entry.subarray(0, 48).equals(head));
  t.is(entry.toString("utf16le", 48, size), texts);
  t.true(
    entry.subarray(size).every((byte) => byte === 0xa5),
    "nothing is written behind it",
  );
  t.like(write("40040002"), { size: 48, answers: "1 0" });
  t.like(
    write("40040002", "x".repeat(96)),
    { answers: "0 0", count: 1 },
    "more than an entry may have is not asked for",
  );
});

check("requests that are none fail with Windows' errors", async (t) => {
  t.is(sc("start", "EbpfCore").status, 0);
  await withClient(async (client) => {
    const { code, bytes, capacity } = make.createMap(ARRAY);
    t.is((await client.ask({ code: 0x8ebf_0000, bytes, capacity })).status, ERROR.invalidFunction);
    t.is((await client.ask({ code, bytes: bytes.subarray(1), capacity })).status, ERROR.invalidParameter);
    t.is((await client.ask({ code, bytes, capacity: capacity - 1 })).status, 122);
    t.is((await client.ask(make.createMap({ ...ARRAY, type: 77 }))).error, "MapTypeUnsupported");
  });
});

/** Loads droppacket, plays all frames and reads what it counted; the engine that ran, and the reason. */
async function playFrames(client: WindowsClient, engine: number, proof: Uint8Array = new Uint8Array(0)) {
  const map = handleOf(await client.ask(make.createMap(ARRAY)));
  const program = await client.ask(
    make.createProgram(droppacket, { maps: [map], engine, certificate: proof }),
  );
  const handle = handleOf(program);
  const dropped: string[] = [];
  for (const name of FRAME_NAMES) {
    const run = await client.ask(make.run(handle, FRAMES[name]));
    if (run.error !== "None" || field(run, 1) !== 0) throw new Error(`${name}: ${run.error}`);
    if (field(run, 4) === DROP) dropped.push(name);
  }
  const counted = Buffer.from(dataOf(await client.ask(make.lookup(map, KEY)))).readBigUInt64LE();
  return { dropped, counted, engine: field(program, 3), reason: field(program, 4) };
}

check(
  "droppacket is interpreted without a certificate, compiled with one; frames are dropped and counted",
  async (t) => {
    await withClient(async (client) => {
      const played = await playFrames(client, ENGINE.any);
      t.deepEqual(played, { dropped: EMPTY, counted: 3n, engine: ENGINE.interpreter, reason: 2 });
      const proved = await playFrames(client, ENGINE.any, certificate);
      t.deepEqual(proved, { dropped: EMPTY, counted: 3n, engine: ENGINE.jit, reason: 0 });
      const maps = [handleOf(await client.ask(make.createMap(ARRAY)))];
      const cut = make.createProgram(droppacket, { maps, certificate: certificate.slice(0, -1) });
      t.is((await client.ask(cut)).error, "CertificateRefused");
      const other = make.createProgram(droppacket, { maps, certificate, section: "xdp/other" });
      t.is((await client.ask(other)).error, "CertificateMismatch");
    });
  },
);

check("what a killed client had is gone, what another has stays", async (t) => {
  await withClient(async (client) => {
    const map = handleOf(await client.ask(make.createMap(ARRAY)));
    await withClient(async (other) => {
      const own = handleOf(await other.ask(make.createMap(ARRAY)));
      handleOf(await other.ask(make.createProgram(droppacket, { maps: [own] })));
      const status = await client.ask(make.status());
      t.deepEqual(
        [4, 5, 6].map((index) => field(status, index)),
        [1, 2, 2],
      );
    });
    let left = [0, 0, 0];
    for (let tries = 0; tries < 50 && left[2] !== 1; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      const status = await client.ask(make.status());
      left = [4, 5, 6].map((index) => field(status, index));
    }
    t.deepEqual(left, [0, 1, 1]);
    t.is((await client.ask(make.lookup(map, KEY))).error, "None");
  });
});

check(
  "the driver unloads while a client has the device open, whose requests then fail; and starts again",
  async (t) => {
    await withClient(async (client) => {
      handleOf(await client.ask(make.createMap(ARRAY)));
      t.is(sc("stop", "EbpfCore").status, 0);
      t.not((await client.ask(make.status())).status, 0);
    });
    t.false(isRunning());
  },
);

check("with AllowUncertified the JIT runs droppacket, and info says that nothing proves it", async (t) => {
  const key = "HKLM\\System\\CurrentControlSet\\Services\\EbpfCore\\Parameters";
  t.is(wine.run("reg", "add", key, "/v", "AllowUncertified", "/t", "REG_DWORD", "/d", "1", "/f").status, 0);
  t.is(sc("start", "EbpfCore").status, 0);
  await withClient(async (client) => {
    t.is(field(await client.ask(make.status()), 2), 3);
    t.deepEqual(await playFrames(client, ENGINE.any), {
      dropped: EMPTY,
      counted: 3n,
      engine: ENGINE.jit,
      reason: 0,
    });
    t.deepEqual(await playFrames(client, ENGINE.interpreter), {
      ...{ dropped: EMPTY, counted: 3n, engine: ENGINE.interpreter, reason: 1 },
    });
    const program = handleOf(
      await client.ask(
        make.createProgram(droppacket, { maps: [handleOf(await client.ask(make.createMap(ARRAY)))] }),
      ),
    );
    t.is(field(await client.ask(make.info(program)), 14), 0);
    const many = await client.ask(make.run(program, FRAMES.emptyUdp, 1000));
    t.is(field(many, 3), 1000);
    t.log(`${field(many, 6) / 1000} ns a run by JIT, with what a run costs in Wine`);
  });
});

check("sc stops and deletes it, and then there is no service", (t) => {
  t.is(sc("stop", "EbpfCore").status, 0);
  t.is(sc("delete", "EbpfCore").status, 0);
  t.not(sc("query", "EbpfCore").status, 0);
});
