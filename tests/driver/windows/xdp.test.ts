// The hook "xdp" of EbpfCore.sys under Wine: programs are attached by requests, and frames are played by another driver, which
// stands for Windows' filtering platform, through the classify functions that EbpfCore.sys has registered with it.
import test from "ava";
import { EVENTS } from "../../../core/driver/events.ts";
import { encode } from "../../../core/isa/encode.ts";
import { parse } from "../../../core/isa/parse.ts";
import { buildSys } from "../../../scripts/driver.ts";
import { testProgram } from "../../core/verifier/programs.ts";
import { compiledProgram, provedProgram } from "../../harness/driver-object.ts";
import { type Answer, dataOf, field, handleOf, make } from "../../harness/driver-requests.ts";
import { FRAME_NAMES, FRAMES } from "../../harness/frames.ts";
import {
  countsOf,
  INJECTED_BYTES,
  injectedOf,
  type PlayedFrame,
  shim,
  VERDICT_BYTES,
  verdictOf,
} from "../../harness/shim.ts";
import { openWine, type WindowsClient, type Wine } from "../../harness/wine.ts";

const check = test.serial;

const EMPTY = ["emptyUdp", "emptyUdpToEcho", "emptyUdpWithOptions"];
const ARRAY = { type: 2, keySizeBytes: 4, valueSizeBytes: 8, maxEntries: 1 };
const KEY = new Uint8Array(4);
const DEVICE = "EbpfShim";

const { bytecode: droppacket, certificate } = compiledProgram("samples/droppacket.o", "DropPacket");

let wine: Wine;
test.before(async () => {
  wine = await openWine([buildSys()]);
});
test.after.always(() => wine?.close());

const sc = (...args: readonly string[]) => wine.run("sc", ...args);

async function withClients(body: (core: WindowsClient, frames: WindowsClient) => Promise<void>) {
  const core = await wine.connect();
  const frames = await wine.connect(DEVICE);
  await body(core, frames);
  for (const client of [core, frames]) {
    await client.close();
    await client.kill();
  }
}

const numbersOf = ({ reply }: Answer, bytes: number): Uint32Array =>
  new Uint32Array(reply.buffer.slice(reply.byteOffset, reply.byteOffset + bytes));

async function play(frames: WindowsClient, frame: PlayedFrame) {
  const answer = await frames.ask(shim.play(frame));
  if (answer.status !== 0) throw new Error(`Windows error ${answer.status}`);
  return verdictOf(numbersOf(answer, VERDICT_BYTES), dataOf(answer, VERDICT_BYTES));
}

/** The names of the frames that are dropped, whole and in pieces. */
async function droppedOf(frames: WindowsClient): Promise<string[]> {
  const dropped = new Set<string>();
  for (const name of FRAME_NAMES)
    for (const cuts of [[], [14, 20]])
      if ((await play(frames, { bytes: FRAMES[name], cuts })).action === "block") dropped.add(name);
  return [...dropped];
}

check("sc starts the driver, and its callouts are registered", async (t) => {
  const binPath = "C:\\ebpf\\EbpfCore.sys";
  t.is(sc("create", "EbpfCore", "type=", "kernel", "start=", "demand", "binPath=", binPath).status, 0);
  t.is(sc("start", "EbpfCore").status, 0);
  await withClients(async (core, frames) => {
    const counts = countsOf(numbersOf(await frames.ask(shim.count()), 28));
    t.is(counts.callouts > 0, true);
    t.is(counts.filters, 0);
    t.is(field(await core.ask(make.nextHook(0)), 5), 1);
  });
});

check("droppacket drops empty UDP at the hook and counts it, until it is detached", async (t) => {
  await withClients(async (core, frames) => {
    t.deepEqual(await droppedOf(frames), []);
    const map = handleOf(await core.ask(make.createMap(ARRAY)));
    const program = await core.ask(make.createProgram(droppacket, { maps: [map], certificate }));
    t.is(field(program, 3), 2, "by the JIT");
    const link = handleOf(await core.ask(make.createLink(handleOf(program))));
    t.deepEqual(await droppedOf(frames), EMPTY);
    const counted = Buffer.from(dataOf(await core.ask(make.lookup(map, KEY)))).readBigUInt64LE();
    t.is(counted, BigInt(2 * EMPTY.length));
    t.is((await core.ask(make.detachLink(link))).error, "None");
    t.deepEqual(await droppedOf(frames), []);
    t.is(dataOf(await core.ask(make.lookup(map, KEY)))[0], 2 * EMPTY.length);
  });
});

check("a program that sends frames back has them leave by their interface", async (t) => {
  await withClients(async (core, frames) => {
    const answers = handleOf(await core.ask(make.createProgram(encode(parse("r0 = 3\nexit")))));
    handleOf(await core.ask(make.createLink(answers, 1, 4)));
    const { bytes } = { bytes: FRAMES.udp };
    t.is((await play(frames, { bytes, interfaceIndex: 4, cuts: [20] })).action, "block");
    const answer = await frames.ask(shim.take());
    t.deepEqual(injectedOf(numbersOf(answer, INJECTED_BYTES), dataOf(answer, INJECTED_BYTES)), {
      ...{ sent: true, interfaceIndex: 4, port: 104, vlan: 0, checksum: 0, bytes },
    });
    t.is((await play(frames, { bytes, interfaceIndex: 5 })).action, "permit");
  });
});

check("a frame whose begin a program has moved is passed as one of the driver's", async (t) => {
  await withClients(async (core, frames) => {
    for (const [delta, engine] of [
      [-6, 2],
      [14, 1],
    ] as const) {
      const {
        bytecode,
        section,
        certificate: proof,
      } = provedProgram(testProgram({ code: `r2 = ${delta}\ncall 65536\nr0 = 1\nexit` }));
      const given = { section, certificate: proof, engine: engine === 2 ? 0 : 1 };
      const program = await core.ask(make.createProgram(bytecode, given));
      t.is(field(program, 3), engine);
      const link = handleOf(await core.ask(make.createLink(handleOf(program), 1, 4)));
      for (const cuts of [[], [20]]) {
        const { action } = await play(frames, { bytes: FRAMES.udp, interfaceIndex: 4, checksum: 1, cuts });
        t.is(action, "block");
        const answer = await frames.ask(shim.take());
        const bytes = delta > 0 ? FRAMES.udp.slice(delta) : new Uint8Array(FRAMES.udp.length - delta);
        if (delta < 0) bytes.set(FRAMES.udp, -delta);
        t.deepEqual(injectedOf(numbersOf(answer, INJECTED_BYTES), dataOf(answer, INJECTED_BYTES)), {
          ...{ sent: false, interfaceIndex: 4, port: 104, vlan: 0, checksum: 0, bytes },
        });
      }
      t.is((await core.ask(make.detachLink(link))).error, "None");
    }
  });
});

check("what a killed client had attached is detached", async (t) => {
  await withClients(async (_core, frames) => {
    const other = await wine.connect();
    const drops = handleOf(await other.ask(make.createProgram(encode(parse("r0 = 2\nexit")))));
    handleOf(await other.ask(make.createLink(drops)));
    t.is((await play(frames, { bytes: FRAMES.udp })).action, "block");
    await other.kill();
    let action = "block";
    for (let tries = 0; tries < 50 && action === "block"; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      action = (await play(frames, { bytes: FRAMES.udp })).action;
    }
    t.is(action, "permit");
  });
});

check("with the filter engine hooks go, and come back", async (t) => {
  await withClients(async (core, frames) => {
    const drops = handleOf(await core.ask(make.createProgram(encode(parse("r0 = 2\nexit")))));
    handleOf(await core.ask(make.createLink(drops)));
    const present = async () => field(await core.ask(make.nextHook(0)), 5);
    /** The driver does it at its leisure, in a thread of the system. */
    const becomes = async (value: number) => {
      for (let tries = 0; tries < 100 && (await present()) !== value; tries++)
        await new Promise((resolve) => setTimeout(resolve, 50));
      t.is(await present(), value);
    };
    t.is((await frames.ask(shim.setRunning(false))).status, 0);
    await becomes(0);
    t.is((await play(frames, { bytes: FRAMES.udp })).action, "permit");
    t.is((await frames.ask(shim.setRunning(true))).status, 0);
    await becomes(1);
    t.is((await play(frames, { bytes: FRAMES.udp })).action, "block");
    // Wine's kernel takes no events, so they are lines here.
    const texts = ["HooksLost", "HooksBack"].map((name) => EVENTS.find((event) => event.name === name)?.text);
    const expected = texts.map((text) => `EbpfCore: ${text}`);
    const lines: string[] = [];
    for (let tries = 0; tries < 100 && lines.at(-1) !== expected[1]; tries++) {
      for (
        let line = await core.ask(make.readLog());
        field(line, 2) === 1;
        line = await core.ask(make.readLog())
      )
        lines.push(Buffer.from(dataOf(line)).toString());
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    t.deepEqual(lines.slice(-2), expected);
  });
});

check(
  "the driver stops and starts while a program is attached and frames are played; no rule was broken",
  async (t) => {
    for (let round = 0; round < 3; round++) {
      const core = await wine.connect();
      const frames = await wine.connect(DEVICE);
      const drops = handleOf(await core.ask(make.createProgram(encode(parse("r0 = 2\nexit")))));
      handleOf(await core.ask(make.createLink(drops)));
      t.is((await play(frames, { bytes: FRAMES.udp })).action, "block");
      t.is(dataOf(await frames.ask(shim.violation()), 0).length, 0);
      t.is(sc("stop", "EbpfCore").status, 0);
      // With the callouts the shim's device goes.
      const late = wine.startClient();
      t.not(await late.open(DEVICE), 0);
      for (const client of [core, frames, late]) await client.kill();
      t.is(sc("start", "EbpfCore").status, 0);
    }
    t.is(sc("stop", "EbpfCore").status, 0);
    t.is(sc("delete", "EbpfCore").status, 0);
  },
);
