import test from "ava";
import { EbpfError } from "../../../core/base/error.ts";
import {
  actionOf,
  clearContext,
  createEmbeddedHost,
  createPacketWriter,
  describe,
  instantiate,
} from "../../../core/host/embedded/host.ts";
import { compile } from "../../../core/image/compile.ts";
import { assembleProgram } from "../../../core/program/assemble.ts";
import { verify } from "../../../core/verifier/verify.ts";
import { ENGINES } from "../../harness/engines.ts";
import { assembled, DROPPACKET, mapOf, mapSpec, PACKET_TYPE, udpFrame } from "../../harness/programs.ts";

const COUNTERS = mapOf("array", mapSpec("counters", 4, 8, 1));

for (const engine of ENGINES) {
  test(`droppacket drops empty datagrams and counts them: ${engine}`, (t) => {
    const host = createEmbeddedHost();
    const map = host.createMap(COUNTERS.spec, "array");
    const program = host.load(compile(assembled(DROPPACKET, { maps: [COUNTERS] }), engine), [map]);

    const dropped = program.run({ data: udpFrame(0), repeat: 3 });
    t.is(dropped.returnValue, 2n);
    t.is(dropped.action, "drop");
    t.deepEqual(dropped.data, udpFrame(0));
    t.is(program.run({ data: udpFrame(5) }).action, "pass");
    t.is(program.run({ data: new Uint8Array(10) }).action, "pass");
    const count = map.lookup(new Uint8Array(4))!;
    t.is(new DataView(count.buffer).getBigUint64(0, true), 3n);
  });

  test(`a lane of its own runs the program through its descriptor: ${engine}`, (t) => {
    const host = createEmbeddedHost();
    const map = host.createMap(COUNTERS.spec, "array");
    const program = host.load(compile(assembled(DROPPACKET, { maps: [COUNTERS] }), engine), [map]);
    const descriptor = structuredClone({ ...describe(program), memory: undefined, module: undefined });
    t.is(descriptor.engine, engine);

    const lane = host.allocateLane();
    t.is(lane.index, 1);
    const instance = instantiate(describe(program), lane);
    clearContext(PACKET_TYPE.context, host.memory, lane.contextAddress, { ingress_ifindex: 7 });
    const writePacket = createPacketWriter(PACKET_TYPE.context, host.memory);
    const packet = lane.packetAddress + lane.packetHeadroomBytes;
    new Uint8Array(host.memory.buffer).set(udpFrame(0), packet);
    writePacket(lane.contextAddress, packet, 42);
    t.is(actionOf(PACKET_TYPE, instance.run(lane.contextAddress)), "drop");
    writePacket(lane.contextAddress, packet, 41);
    t.is(actionOf(PACKET_TYPE, instance.run(lane.contextAddress)), "pass");
    host.releaseLane(lane);
    t.is(host.allocateLane().index, 1);
  });

  test(`a helper that is not implemented is refused at load: ${engine}`, (t) => {
    const host = createEmbeddedHost();
    const image = compile(assembled("call 20\nexit"), engine);
    const error = t.throws(() => host.load(image, []), { instanceOf: EbpfError });
    t.is(error.code, "HelperUnsupported");
    t.is(error.data.target, "get_current_logon_id");
  });
}

test("a verdict is read by the table of the program's own platform", (t) => {
  const linux = {
    ...PACKET_TYPE,
    returns: [
      { value: 0, name: "XDP_ABORTED", action: "aborted" },
      { value: 1, name: "XDP_DROP", action: "drop" },
      { value: 2, name: "XDP_PASS", action: "pass" },
      { value: 3, name: "XDP_TX", action: "transmit" },
    ],
  } as const;
  t.deepEqual(
    [0, 1, 2, 3, 4, -1].map((value) => actionOf(linux, value)),
    ["aborted", "drop", "pass", "transmit", "aborted", "aborted"],
  );
  t.deepEqual(
    [0, 1, 2, 3, 4, -1].map((value) => actionOf(PACKET_TYPE, value)),
    ["aborted", "pass", "drop", "transmit", "aborted", "aborted"],
  );
});

test("the trace shows each instruction before it runs", (t) => {
  const host = createEmbeddedHost();
  const program = host.load(compile(assembled("r0 = 5\nr0 += -7\nexit"), "interpreter"), []);
  const steps: string[] = [];
  const { returnValue } = program.run({
    data: new Uint8Array(14),
    trace: (step) => steps.push(`${step.slot}: ${step.text} with r0 ${step.registers[0]}`),
  });
  t.is(returnValue, 2n ** 64n - 2n);
  t.deepEqual(steps, [
    "0: r0 = 5 with r0 0",
    "1: r0 += -7 with r0 5",
    "2: exit with r0 18446744073709551614",
  ]);
});

test("data that does not fit is refused", (t) => {
  const host = createEmbeddedHost();
  const program = host.load(compile(assembled("r0 = 0\nexit", { rawMemorySizeBytes: 4 }), "interpreter"), []);
  t.is(
    t.throws(() => program.run({ data: new Uint8Array(3) }), { instanceOf: EbpfError }).code,
    "ArgumentInvalid",
  );
});

for (const engine of ENGINES) {
  test(`contexts: scalars are given and come back, pointers are the host's, 8 or 4 bytes wide: ${engine}`, (t) => {
    const host = createEmbeddedHost();
    const given = new Uint8Array(28).fill(0xff);
    new DataView(given.buffer).setUint32(24, 7, true);
    // r0 = ingress_ifindex + length of the packet + length of the metadata
    const wide = assembled(`
      r2 = *(u64 *)(r1 + 0)
      r3 = *(u64 *)(r1 + 8)
      r4 = *(u64 *)(r1 + 16)
      r0 = *(u32 *)(r1 + 24)
      r0 += r3
      r0 -= r2
      r0 += r2
      r0 -= r4
      exit
    `);
    const result = host.load(compile(wide, engine), []).run({ data: new Uint8Array(60), context: given });
    t.is(result.returnValue, 67n);
    t.deepEqual(
      result.context,
      Uint8Array.from({ length: 28 }, (_, index) => (index === 24 ? 7 : 0)),
    );

    const linux = assembleProgram(
      `
      r2 = *(u32 *)(r1 + 0)
      r3 = *(u32 *)(r1 + 4)
      r0 = 1
      r2 += 1
      if r2 > r3 goto out
      r0 = *(u8 *)(r2 - 1)
      out:
      exit
    `,
      { platform: "linux", type: "xdp" },
    );
    const verdict = verify(linux);
    if (verdict.kind === "rejected") return t.fail(verdict.failures[0].message);
    const program = host.load(compile(verdict.program, engine), []);
    t.is(program.run({ data: new Uint8Array(0) }).action, "drop");
    t.deepEqual(
      [0, 1, 2, 3, 9].map((value) => program.run({ data: Uint8Array.of(value) }).action),
      ["aborted", "drop", "pass", "transmit", "aborted"],
    );
  });
}
