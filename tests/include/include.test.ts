// Programs as people write them for Linux: compiled against include/ they are Windows programs, compiled against Debian's
// headers they are Linux programs, and both decide the same about every frame, in every engine.
import test from "ava";
import { createEmbeddedHost } from "../../core/host/embedded/host.ts";
import { load } from "../../core/manager/load.ts";
import type { PacketAction } from "../../core/platform/platform.ts";
import { compileC, HEADERS } from "../harness/clang.ts";
import { ENGINES } from "../harness/engines.ts";
import { FRAME_NAMES, FRAMES, type FrameName } from "../harness/frames.ts";

interface Decision {
  readonly action: PacketAction | undefined;
  readonly data: Uint8Array;
}

type Decisions = ReadonlyMap<FrameName, Decision>;

/** What a fresh instance of the program decides about each frame, in their order. */
async function decide(
  object: Uint8Array,
  file: string,
  engine: (typeof ENGINES)[number],
): Promise<Decisions> {
  const host = createEmbeddedHost();
  try {
    const program = load(host, object, { file, engine, proof: "required" }, () => {});
    return new Map(
      FRAME_NAMES.map((name) => {
        const { action, data } = program.run({ data: FRAMES[name] });
        return [name, { action, data }];
      }),
    );
  } finally {
    await host.close();
  }
}

interface Case {
  readonly source: string;
  /** Every frame that is not named passes. */
  readonly actions: Partial<Record<FrameName, PacketAction>>;
}

const IPV4_OF_FIRST_SOURCE = FRAME_NAMES.filter((name) => {
  const frame: Uint8Array = FRAMES[name];
  return frame.length >= 34 && frame[12] === 8 && frame[13] === 0 && name !== "udpOfOther";
});

const CASES: readonly Case[] = [
  {
    source: "empty_udp",
    actions: {
      emptyUdp: "drop",
      emptyUdpToEcho: "drop",
      emptyUdp6: "drop",
      emptyUdpWithOptions: "drop",
      // This parser does not look at the version, as many do not.
      versionSix: "drop",
    },
  },
  {
    source: "tcp_firewall",
    actions: {
      synTo80: "drop",
      synTo80Tagged: "drop",
      synTo80TaggedTwice: "drop",
      tcpOffsetTooSmall: "drop",
      echoRequest: "drop",
      ethernetOnly: "drop",
      cutInIp: "drop",
      cutInTcp: "drop",
      runt: "aborted",
      tagOnly: "aborted",
    },
  },
  {
    source: "source_limit",
    actions: Object.fromEntries(IPV4_OF_FIRST_SOURCE.slice(2).map((name) => [name, "drop"])),
  },
  { source: "reflect", actions: { emptyUdpToEcho: "transmit", udpToEcho: "transmit" } },
];

for (const { source, actions } of CASES) {
  const file = `tests/include/programs/${source}.c`;
  for (const engine of ENGINES) {
    test(`${source}: both objects decide as they should (${engine})`, async (t) => {
      const ours = await decide(compileC(file, HEADERS.ours), "ours.o", engine);
      const linux = await decide(compileC(file, HEADERS.linux), "linux.o", engine);
      const expected = Object.fromEntries(FRAME_NAMES.map((name) => [name, actions[name] ?? "pass"]));
      const actionsOf = (decisions: Decisions) =>
        Object.fromEntries([...decisions].map(([name, { action }]) => [name, action]));
      t.deepEqual(actionsOf(ours), expected);
      t.deepEqual(actionsOf(linux), expected);
      for (const name of FRAME_NAMES) t.deepEqual(ours.get(name)?.data, linux.get(name)?.data, name);
    });
  }
}

test("reflect: addresses and ports change places", async (t) => {
  const decisions = await decide(
    compileC("tests/include/programs/reflect.c", HEADERS.ours),
    "reflect.o",
    "interpreter",
  );
  const before = FRAMES.udpToEcho;
  const after = decisions.get("udpToEcho")?.data ?? new Uint8Array(0);
  const parts = [
    [0, 6, 6],
    [26, 4, 30],
    [34, 2, 36],
  ] as const;
  for (const [at, size, other] of parts) {
    t.deepEqual([...after.subarray(at, at + size)], [...before.subarray(other, other + size)]);
    t.deepEqual([...after.subarray(other, other + size)], [...before.subarray(at, at + size)]);
  }
  t.deepEqual([...after.subarray(38)], [...before.subarray(38)]);
});

test("the headers' layouts and numbers are as the standards and Windows have them", async (t) => {
  const object = compileC("tests/include/layout.c", HEADERS.ours);
  const host = createEmbeddedHost();
  const program = load(
    host,
    object,
    { file: "layout.o", engine: "interpreter", proof: "required" },
    () => {},
  );
  // The program's packet starts with the TCP header.
  const run = (frame: Uint8Array) => program.run({ data: frame.subarray(34) }).action;
  t.deepEqual(
    [run(FRAMES.synTo80), run(FRAMES.synAckTo80), run(FRAMES.tcpOffsetTooSmall), run(new Uint8Array(4))],
    ["drop", "pass", "pass", "aborted"],
  );
  await host.close();
});
