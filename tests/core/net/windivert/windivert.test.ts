// The whole loop on the double of WinDivert: a worker takes packets from its queue, a program decides, what passes departs.
// Each test has the double to itself, for it is one driver.
import { rmSync } from "node:fs";
import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { EbpfError, type ErrorCode } from "../../../../core/base/error.ts";
import type { Interface } from "../../../../core/host/host.ts";
import { hasValidChecksums } from "../../../../core/net/frame.ts";
import { FLAG } from "../../../../core/net/windivert/address.ts";
import { setChecksums } from "../../../../core/net/windivert/packet.ts";
import { ENGINES } from "../../../harness/engines.ts";
import { openStage, type Stage, until } from "../harness.ts";
import { buildDouble, type Departed, type Double, loadDouble, temporaryFolder } from "./double.ts";
import { EMPTY, framed, HERE, makePacket, QUERY, THERE } from "./packets.ts";

const folder = temporaryFolder();
const driver: Double = loadDouble(buildDouble("linux", folder));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

const check = test.serial;
function openTest(t: ExecutionContext): Stage {
  driver.failOpen(0);
  driver.version(2, 2);
  driver.depart();
  const stage = openStage();
  t.teardown(() => stage.close());
  return stage;
}

const request = (settings: Readonly<Record<string, unknown>> = {}) => ({
  name: "machine",
  kind: "windivert" as const,
  settings: { library: driver.path, ...settings },
});

/** What departs until it is that many; fails the test if it takes long. */
async function departed(t: ExecutionContext, count: number): Promise<Departed[]> {
  const all: Departed[] = [];
  t.true(await until(() => all.push(...driver.depart()) >= count), `${all.length} of ${count} packets`);
  t.is(all.length, count);
  return all;
}

const settled = async (added: Interface, received: number): Promise<boolean> =>
  until(() => {
    const { received: now, passed, dropped, transmitted, aborted } = added.counters();
    return now === received && passed + dropped + transmitted + aborted === received;
  });

for (const engine of ENGINES) {
  check(`droppacket stops empty datagrams, others go on unchanged: ${engine}`, async (t) => {
    const stage = openTest(t);
    const added = await stage.add(request());
    t.is(driver.opened().count, 0, "nothing is taken while there is no program");
    driver.arrive(EMPTY);
    t.deepEqual(
      (await departed(t, 1)).map(({ how }) => how),
      ["untouched"],
    );

    const { program, dropped } = stage.loadDropPacket(engine);
    await added.attach(program);
    for (let round = 0; round < 100; round++) {
      driver.arrive(EMPTY);
      driver.arrive(makePacket(`query ${round}`));
    }
    const all = await departed(t, 100);
    t.true(
      all.every(({ how, flags, interfaceIndex }) => how === "sent" && flags === 0 && interfaceIndex === 7),
    );
    t.deepEqual(
      all.map(({ packet }) => packet),
      Array.from({ length: 100 }, (_, round) => makePacket(`query ${round}`)),
    );
    t.true(await settled(added, 200));
    t.is(dropped(), 100n);
    t.like(added.counters(), {
      passed: 100,
      dropped: 100,
      errors: 0,
      receivedBytes: 100 * 42 + all.reduce((sum, { packet }) => sum + packet.length + 14, 0),
    });

    await added.attach(undefined);
    t.is(driver.opened().count, 0);
    driver.arrive(EMPTY);
    t.deepEqual(
      (await departed(t, 1)).map(({ how }) => how),
      ["untouched"],
    );
  });
}

check("only what the filter matches is taken; its settings reach the driver", async (t) => {
  const stage = openTest(t);
  const settings = {
    filter: "udp.DstPort == 53",
    priority: "-5",
    queuePackets: 64,
    queueMilliseconds: 1000,
    queueBytes: 70_000,
    adapter: "Wi-Fi",
  };
  const added = await stage.add({ ...request(settings), program: stage.load("r0 = 2\nexit") });
  t.like(driver.opened(), {
    count: 1,
    filter: "!impostor and inbound and ifIdx == 7 and (udp.DstPort == 53)",
    queuePackets: 64,
    queueMilliseconds: 1000,
    queueBytes: 70_000,
    priority: -5,
  });
  driver.arrive(QUERY);
  driver.arrive(makePacket("query", 54));
  driver.arrive(QUERY, { index: 8 });
  driver.arrive(QUERY, { outbound: true });
  driver.arrive(QUERY, { loopback: true });
  driver.arrive(QUERY, { impostor: true });
  t.deepEqual(
    (await departed(t, 5)).map(({ how }) => how),
    new Array(5).fill("untouched"),
  );
  t.true(await settled(added, 1));
  t.is(added.counters().dropped, 1);
});

const WAYS = [
  { settings: {}, taken: ["in"] },
  { settings: { direction: "outbound" }, taken: ["out"] },
  { settings: { direction: "both" }, taken: ["in", "out"] },
  { settings: { loopback: true }, taken: ["in", "loopback"] },
  { settings: { direction: "outbound", loopback: "true" }, taken: ["out", "loopback"] },
  { settings: { direction: "both", loopback: true }, taken: ["in", "out", "loopback"] },
];

for (const { settings, taken } of WAYS) {
  check(`directions: ${JSON.stringify(settings)} takes ${taken.join(", ")}`, async (t) => {
    const stage = openTest(t);
    await stage.add({ ...request(settings), program: stage.load("r0 = 1\nexit") });
    driver.arrive(makePacket("in"));
    driver.arrive(makePacket("out"), { outbound: true });
    driver.arrive(makePacket("loopback"), { loopback: true });
    const sent = (await departed(t, 3)).filter(({ how }) => how === "sent");
    t.deepEqual(
      sent.map(({ packet }) => Buffer.from(packet.subarray(28)).toString()).sort(),
      [...taken].sort(),
    );
  });
}

/** In assembler: r2 is the packet of a frame that is long enough. Swaps the IPv4 addresses and answers, or passes. */
const REWRITE = (verdict: number, body: string): string => `
  r2 = *(u64 *)(r1 + 0)
  r3 = *(u64 *)(r1 + 8)
  r4 = r2
  r4 += 46
  r0 = 1
  if r4 > r3 goto +${body.trim().split("\n").length + 1}
  ${body.trim()}
  r0 = ${verdict}
  exit`;
const SWAP = `
  r5 = *(u32 *)(r2 + 26)
  r6 = *(u32 *)(r2 + 30)
  *(u32 *)(r2 + 26) = r6
  *(u32 *)(r2 + 30) = r5`;
const SWAP_MACS = `
  r5 = *(u32 *)(r2 + 0)
  r6 = *(u32 *)(r2 + 6)
  *(u32 *)(r2 + 0) = r6
  *(u32 *)(r2 + 6) = r5`;

check("TX answers: out again, to whom it came from, with checksums", async (t) => {
  const stage = openTest(t);
  const added = await stage.add({
    ...request({ direction: "both", loopback: true }),
    program: stage.load(REWRITE(3, SWAP)),
  });
  driver.arrive(QUERY);
  driver.arrive(QUERY, { outbound: true });
  driver.arrive(QUERY, { loopback: true });
  const answers = await departed(t, 3);
  for (const { packet } of answers) {
    t.deepEqual([...packet.subarray(12, 20)], [...HERE, ...THERE]);
    t.true(hasValidChecksums(framed(packet)));
  }
  const checksums = FLAG.ipChecksum | FLAG.udpChecksum;
  t.deepEqual(
    answers.map(({ flags }) => flags),
    [FLAG.outbound | checksums, checksums, FLAG.outbound | FLAG.loopback | checksums],
  );
  t.like(added.counters(), { transmitted: 3, errors: 0 });
});

check("TX of what is not readdressed would come back to this machine: an error", async (t) => {
  const stage = openTest(t);
  const added = await stage.add({ ...request(), program: stage.load(REWRITE(3, SWAP_MACS)) });
  driver.arrive(QUERY);
  t.true(await until(() => added.counters().errors === 1));
  t.deepEqual(driver.depart(), []);
});

check(
  "a packet that was rewritten has right checksums; what is no packet any more does not go on",
  async (t) => {
    const stage = openTest(t);
    const added = await stage.add({
      ...request(),
      program: stage.load(REWRITE(1, "r5 = 33\n*(u8 *)(r2 + 45) = r5")),
    });
    driver.arrive(makePacket("query"));
    driver.arrive(makePacket("qu!ry"));
    const [first, second] = await departed(t, 2);
    t.is(Buffer.from(first!.packet.subarray(28)).toString(), "que!y");
    t.true(hasValidChecksums(framed(first!.packet)));
    t.is(first!.flags, FLAG.ipChecksum | FLAG.udpChecksum);
    t.true(hasValidChecksums(framed(second!.packet)));
    await added.attach(stage.load(REWRITE(1, "r5 = 1\n*(u8 *)(r2 + 17) = r5")));
    driver.arrive(makePacket("query"));
    t.true(await until(() => added.counters().errors === 1));
    t.deepEqual(driver.depart(), []);
  },
);

check("a packet that is taken out of another goes on, with checksums; one that grows does not", async (t) => {
  const stage = openTest(t);
  // IP in IP (RFC 2003): the outer header goes, and the frame has an Ethernet header again.
  const decapsulate = `
    r6 = r1
    r2 = 20
    call 65536
    r2 = *(u64 *)(r6 + 0)
    r3 = *(u64 *)(r6 + 8)
    r0 = 2
    r4 = r2
    r4 += 14
    if r4 > r3 goto out
    *(u64 *)(r2 + 0) = 0
    *(u32 *)(r2 + 8) = 0
    *(u16 *)(r2 + 12) = 8
    r0 = 1
    out:
    exit`;
  const added = await stage.add({ ...request(), program: stage.loadXdp(decapsulate) });
  const inner = makePacket("query");
  const outer = Uint8Array.from(inner.subarray(0, 20));
  outer.set([(inner.length + 20) >> 8, (inner.length + 20) & 0xff], 2);
  outer[9] = 4;
  driver.arrive(Uint8Array.from([...outer, ...inner]));
  driver.arrive(Uint8Array.from([...outer, ...inner]));
  for (const { packet, how } of await departed(t, 2)) {
    t.is(how, "sent");
    t.deepEqual(packet, inner);
    t.true(hasValidChecksums(framed(packet)));
  }
  await added.attach(stage.loadXdp("r2 = -20\ncall 65536\nr0 = 1\nexit"));
  driver.arrive(inner);
  t.true(await until(() => added.counters().errors === 1));
  t.deepEqual(driver.depart(), []);
});

check("programs see the adapter's number and address", async (t) => {
  const stage = openTest(t);
  // Passes if ingress_ifindex is 7 and the destination is 02:aa:bb:cc:dd:07.
  const program = stage.load(`
    r0 = 2
    r4 = *(u32 *)(r1 + 24)
    if r4 != 7 goto +8
    r2 = *(u64 *)(r1 + 0)
    r3 = *(u64 *)(r1 + 8)
    r4 = r2
    r4 += 14
    if r4 > r3 goto +3
    r5 = *(u8 *)(r2 + 5)
    if r5 != 7 goto +1
    r0 = 1
    exit`);
  const added = await stage.add({ ...request(), program });
  driver.arrive(QUERY, { index: 8 });
  driver.arrive(QUERY, { index: 7 });
  driver.arrive(makePacket("six", 53, 6), { index: 7 });
  t.deepEqual(
    (await departed(t, 2)).map(({ interfaceIndex }) => interfaceIndex),
    [7, 7],
  );
  t.true(await settled(added, 3));
  t.is(added.counters().dropped, 1);
});

check("a program is swapped between two packets; none is lost or taken twice", async (t) => {
  const stage = openTest(t);
  const pass = stage.load("r0 = 1\nexit");
  const drop = stage.load("r0 = 2\nexit");
  const added = await stage.add({ ...request(), program: pass });
  let arrived = 0;
  const flood = setInterval(() => {
    for (let count = 0; count < 20; count++) driver.arrive(makePacket(String(arrived++).padStart(8, "0")));
  }, 1);
  // How many packets meet a program is the threads' business: until both have met some.
  const isMet = (): boolean => added.counters().passed > 0 && added.counters().dropped > 0;
  const end = performance.now() + 60_000;
  for (let round = 0; round < 20 || (!isMet() && performance.now() < end); round++)
    await added.attach([drop, pass, undefined, pass][round % 4]);
  clearInterval(flood);
  await added.attach(undefined);
  const texts = driver.depart().map(({ packet }) => Buffer.from(packet.subarray(28)).toString());
  t.is(new Set(texts).size, texts.length, "twice");
  t.is(texts.length + added.counters().dropped, arrived, "lost");
  t.true(added.counters().passed > 0 && added.counters().dropped > 0);
  t.is(driver.lost(), 0);
});

/** By the first byte of a UDP payload: 0 rewrites the second and passes, 1 passes, 2 drops, 3 answers. */
const BY_BYTE = `
  r2 = *(u64 *)(r1 + 0)
  r3 = *(u64 *)(r1 + 8)
  r4 = r2
  r4 += 44
  r0 = 1
  if r4 > r3 goto +11
  r0 = *(u8 *)(r2 + 42)
  if r0 == 3 goto +5
  if r0 != 0 goto +8
  r5 = 77
  *(u8 *)(r2 + 43) = r5
  r0 = 1
  exit
  r5 = *(u32 *)(r2 + 26)
  r6 = *(u32 *)(r2 + 30)
  *(u32 *)(r2 + 26) = r6
  *(u32 *)(r2 + 30) = r5
  exit`;

/** The same in a model: the packet that departs, if one does. */
function expectedOf(packet: Uint8Array): Uint8Array | undefined {
  const frame = framed(packet);
  const [verdict] = packet.subarray(28);
  if (verdict === 2) return undefined;
  if (verdict === 0) frame[43] = 77;
  else if (verdict === 3) {
    frame.set(packet.subarray(16, 20), 26);
    frame.set(packet.subarray(12, 16), 30);
  }
  if (verdict !== 1) setChecksums(frame);
  return frame.subarray(14);
}

for (const engine of ENGINES) {
  check(
    `batches of any packets and verdicts: what departs is what is to, in its order (${engine})`,
    async (t) => {
      const stage = openTest(t);
      await stage.add({ ...request({ queueMilliseconds: 16_000 }), program: stage.load(BY_BYTE, engine) });
      const sizes = fc.oneof(
        fc.integer({ min: 2, max: 90 }),
        fc.integer({ min: 1000, max: 1472 }),
        fc.constant(65_507),
      );
      const batches = fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), sizes, fc.nat(255)), {
        minLength: 1,
        maxLength: 150,
      });
      for (const batch of fc.sample(batches, { numRuns: 25, seed: 5 })) {
        const packets = batch.map(([verdict, size, filler]) => {
          const payload = Buffer.alloc(size, filler);
          payload[0] = verdict;
          return makePacket(payload);
        });
        // While the loop is held up they gather, so that it then takes as many as it can at once.
        driver.stall(5);
        driver.arrive(makePacket("\x01\x01"));
        t.true(await until(() => driver.depart().length === 1));
        for (const packet of packets) driver.arrive(packet);
        const expected = packets.map(expectedOf).filter((packet) => packet !== undefined);
        const all = await departed(t, expected.length);
        for (const [index, { packet }] of all.entries()) {
          t.true(Buffer.from(packet).equals(expected[index]!), `packet ${index} of ${all.length}`);
        }
      }
      t.is(driver.lost(), 0);
    },
  );
}

check("closing decides about what waits, then gives the handle back", async (t) => {
  const stage = openTest(t);
  const { program } = stage.loadDropPacket();
  const added = await stage.add({ ...request(), program });
  for (let round = 0; round < 300; round++) driver.arrive(round % 2 === 0 ? EMPTY : QUERY);
  await added.close();
  t.is(driver.opened().count, 0);
  const all = driver.depart();
  t.is(all.length, 150);
  t.true(all.every(({ how, packet }) => how === "sent" && packet.length === QUERY.length));
});

check("how long packets wait is told, for what a full queue loses nobody counts", async (t) => {
  const stage = openTest(t);
  const added = await stage.add({
    ...request({ queuePackets: 32, queueMilliseconds: 16_000 }),
    program: stage.load("r0 = 1\nexit"),
  });
  const delay = (): number => {
    const state = added.state();
    return state.kind === "open" ? (state.delayMilliseconds ?? -1) : -1;
  };
  t.true(delay() < 100);
  const lost = driver.lost();
  driver.stall(1000);
  driver.arrive(QUERY);
  t.true(await until(() => added.counters().passed === 1));
  for (let count = 0; count < 40; count++) driver.arrive(QUERY);
  t.true(await until(() => delay() >= 300));
  t.is(driver.lost() - lost, 8);
  await departed(t, 33);
  t.true(await until(() => delay() < 100), "when it is over it is not told any more");
});

check("a loop that hangs is no black hole: what comes then passes, and the interface says why", async (t) => {
  const stage = openTest(t);
  const added = await stage.add({
    ...request({ queueMilliseconds: 100 }),
    program: stage.load("r0 = 1\nexit"),
  });
  driver.stall(5000);
  driver.arrive(QUERY);
  const passes = (): boolean => {
    driver.arrive(EMPTY);
    return driver.depart().some(({ how }) => how === "untouched");
  };
  t.false(passes(), "it waits for the loop");
  t.true(await until(passes));
  t.true(await until(() => added.state().kind === "failed"));
  const state = added.state();
  t.regex(state.kind === "failed" ? state.error.message : "", /packets pass unseen/);
  t.is(driver.opened().count, 0);
});

check("a batch that the driver refuses is an error, and the loop goes on", async (t) => {
  const stage = openTest(t);
  const added = await stage.add({ ...request(), program: stage.load("r0 = 1\nexit") });
  driver.failSend(1232);
  driver.arrive(QUERY);
  t.true(await until(() => added.counters().errors === 1));
  driver.arrive(QUERY);
  await departed(t, 1);
  t.like(added.counters(), { passed: 2, errors: 1 });
});

check("a handle that fails ends the interface with Windows' number, and nothing is left open", async (t) => {
  const stage = openTest(t);
  const added = await stage.add({ ...request(), program: stage.load("r0 = 1\nexit") });
  driver.arrive(QUERY);
  await departed(t, 1);
  driver.takeHandle();
  t.true(await until(() => added.state().kind === "failed"));
  const state = added.state();
  t.regex(
    state.kind === "failed" ? state.error.message : "",
    /^WinDivertRecvEx failed with Windows' error \d+$/,
  );
  driver.arrive(QUERY);
  t.deepEqual(
    (await departed(t, 1)).map(({ how }) => how),
    ["untouched"],
  );
});

const FAILURES: readonly [
  settings: Readonly<Record<string, unknown>>,
  openError: number,
  code: ErrorCode,
  message: RegExp,
][] = [
  [
    { filter: "udp and banana" },
    0,
    "FilterInvalid",
    /filter is wrong at position 8: the filter contains a bad token: udp and >>>banana/,
  ],
  [{ filter: "(udp or tcp" }, 0, "FilterInvalid", /position 11: expected a closing parenthesis/],
  [{ filter: new Array(300).fill("tcp").join(" or ") }, 0, "FilterInvalid", /too long: .{0,90}$/],
  [{ adapter: "Ethernet 9" }, 0, "ArgumentInvalid", /no network adapter "Ethernet 9"/],
  [
    { library: "/nowhere/WinDivert.dll" },
    0,
    "WinDivertNotFound",
    /there is no WinDivert\.dll: looked for \/nowhere/,
  ],
  [{ library: import.meta.filename }, 0, "WinDivertUnavailable", /is not WinDivert 2\.2/],
  [{}, 2, "WinDivertNotFound", /there is no WinDivert64\.sys beside it/],
  [{}, 5, "PermissionDenied", /start the service of ebpf elevated/],
  [{}, 577, "WinDivertBlocked", /signature.*memory integrity \(HVCI\)/],
  [{}, 654, "WinDivertUnavailable", /'sc stop WinDivert'/],
  [{}, 1275, "WinDivertBlocked", /antivirus blocks the driver/],
  [{}, 1753, "WinDivertUnavailable", /Base Filtering Engine/],
  [{}, 4551, "WinDivertBlocked", /Smart App Control/],
  [{}, 1234, "WinDivertUnavailable", /Windows' error 1234/],
];

for (const [settings, openError, code, message] of FAILURES) {
  check(`${code}: ${JSON.stringify(settings).slice(0, 60)} ${openError || ""}`, async (t) => {
    const stage = openTest(t);
    driver.failOpen(openError);
    const error = await t.throwsAsync(stage.add(request(settings)), { instanceOf: EbpfError });
    t.is(error.code, code, error.message);
    t.regex(error.message, message);
    t.is(driver.opened().count, 0);
    t.is(stage.host.memoryBytes(), 0);
  });
}

check("a driver of another version is refused", async (t) => {
  const stage = openTest(t);
  driver.version(1, 4);
  const error = await t.throwsAsync(stage.add(request()), { instanceOf: EbpfError });
  t.is(error.code, "WinDivertUnavailable");
  t.regex(error.message, /driver of version 1\.4: version 2\.2 is needed/);
  t.is(driver.opened().count, 0);
});

check(
  "where the handle does not open again, the program is not attached, and what is wrong is said",
  async (t) => {
    const stage = openTest(t);
    const added = await stage.add(request());
    driver.failOpen(1058);
    const error = await t.throwsAsync(added.attach(stage.load("r0 = 2\nexit")), { instanceOf: EbpfError });
    t.is(error.code, "WinDivertUnavailable");
    t.is(added.attached, undefined);
    driver.failOpen(0);
    await added.attach(stage.load("r0 = 2\nexit"));
    t.is(driver.opened().count, 1);
  },
);
