// bpf_xdp_adjust_head at the hook xdp, on WFP as the shim plays it: frames that begin elsewhere when the program has ended, in both
// engines. What the helper answers is in tests/fixtures/packets, which run here on frames cut in pieces.
import test from "ava";
import { checkCertificate } from "../../core/certificate/check.ts";
import { encode } from "../../core/isa/encode.ts";
import { parse } from "../../core/isa/parse.ts";
import type { Program } from "../../core/program/program.ts";
import { testProgram } from "../core/verifier/programs.ts";
import { emptyCertificate } from "../fuzz/driver-certificate.fuzz.ts";
import { failAllocation } from "../harness/driver.ts";
import { certificateProgram, driverCheck } from "../harness/driver-certificate.ts";
import { ask, type Client, call } from "../harness/driver-client.ts";
import { DROPPED, outcome, PASSED, withHooks } from "../harness/driver-hooks.ts";
import { provedProgram } from "../harness/driver-object.ts";
import { dataOf, field, handleOf, make, REPLY } from "../harness/driver-requests.ts";
import { failShim, play, takeInjected } from "../harness/driver-wfp.ts";
import { readFixtures } from "../harness/fixture.ts";
import { packetCase } from "../harness/packet-fixture.ts";
import { NBL } from "../harness/shim.ts";

const check = test.serial;

const ENGINES = ["interpreter", "jit"] as const;
type Engine = (typeof ENGINES)[number];
const [PASS, DROP, TX] = [1, 2, 3] as const;
/** Of PROGRAM_RUN's reply. */
const PACKET_BYTES_FIELD = 10;

/** Loads a program that is proved, for the engine; attached to `link`, or to a new one. */
function attach(client: Client, engine: Engine, program: Program): number {
  const { bytecode, section, certificate } = provedProgram(program);
  const created = ask.createProgram(client, bytecode, {
    ...{ section, certificate, engine: engine === "jit" ? 0 : 1 },
  });
  const handle = handleOf(created);
  if (field(created, 3) !== (engine === "jit" ? 2 : 1)) throw new Error(`it is not run by the ${engine}`);
  return handleOf(ask.createLink(client, handle));
}

/** Moves the begin by each delta in turn; `verdict` if all went well, else XDP_DROP. */
const moving = (deltas: readonly number[], verdict: number): Program => {
  const moves = deltas.map((delta) => `r1 = r6\nr2 = ${delta}\ncall 65536\nif r0 != 0 goto drop\n`).join("");
  return testProgram({ code: `r6 = r1\n${moves}r0 = ${verdict}\nexit\ndrop:\nr0 = ${DROP}\nexit` });
};

const FRAME = Uint8Array.from({ length: 60 }, (_, index) => index + 1);
const zeros = (count: number) => new Uint8Array(count);
const joined = (...parts: readonly Uint8Array[]) => Uint8Array.from(Buffer.concat(parts));

/** Every way in which a frame may lie. */
const WAYS = [[], [14], [0, 1, 2, 30]].flatMap((cuts) =>
  [0, 14, 300].flatMap((headroom) => [0, NBL.readOnly].map((flags) => ({ cuts, headroom, flags }))),
);

for (const engine of ENGINES) {
  check(`${engine}: a frame that begins elsewhere goes on as one of the driver's, up or out`, (t) => {
    withHooks(t, (client) => {
      for (const [deltas, expected] of [
        [[-8], joined(zeros(8), FRAME)],
        [[-256], joined(zeros(256), FRAME)],
        [[14], FRAME.slice(14)],
        [[46], FRAME.slice(46)],
        [[10, -4], FRAME.slice(6)],
        [[10, -14], joined(zeros(4), FRAME)],
      ] as const)
        for (const verdict of [PASS, TX] as const) {
          const link = attach(client, engine, moving(deltas, verdict));
          for (const way of WAYS) {
            const from = { interfaceIndex: 4, vlan: 0x70, checksum: 5 };
            const { bytes, action } = play({ bytes: FRAME, ...from, ...way });
            t.is(action, "block");
            // The frame itself stays as it came: it is not the stack's any more, but may be another's.
            t.deepEqual(bytes, FRAME);
            // What the interface said of its checksums was of other headers.
            const sent = { interfaceIndex: 4, port: 104, vlan: 0x70, checksum: 0, bytes: expected };
            t.deepEqual(
              takeInjected(),
              [{ sent: verdict === TX, ...sent }],
              `${deltas} ${JSON.stringify(way)}`,
            );
          }
          t.is(ask.detachLink(client, link).error, "None");
        }
    });
  });

  check(`${engine}: a frame that begins where it did is passed as it lies`, (t) => {
    withHooks(t, (client) => {
      for (const deltas of [[0], [14, -14], [-14, 14], [-3, 17, -14], [46, -46, -256, 256]]) {
        const link = attach(client, engine, moving(deltas, PASS));
        for (const way of WAYS) {
          t.deepEqual(outcome({ bytes: FRAME, ...way }), PASSED);
          t.deepEqual(play({ bytes: FRAME, ...way }).bytes, FRAME);
        }
        t.deepEqual(takeInjected(), []);
        t.is(ask.detachLink(client, link).error, "None");
      }
    });
  });

  check(`${engine}: fixtures of packets, as frames in pieces`, (t) => {
    withHooks(t, (client) => {
      for (const fixture of readFixtures("packets")) {
        const { program, packet, result, after } = packetCase(fixture);
        const link = attach(client, engine, program);
        const moved = Buffer.compare(packet, after) !== 0;
        const goes = result === 1n || result === 3n;
        for (const cuts of [[], [1], [0, 7, 9]]) {
          const { action } = play({ bytes: packet, cuts });
          t.is(action, goes && !moved ? "permit" : "block", fixture.name);
          t.deepEqual(
            takeInjected().map(({ bytes }) => bytes),
            goes && moved ? [after] : [],
            fixture.name,
          );
        }
        t.is(ask.detachLink(client, link).error, "None");
      }
    });
  });
}

check("a frame that is dropped, or whose program faults, is dropped wherever it begins", (t) => {
  withHooks(t, (client) => {
    for (const engine of ENGINES) {
      const link = attach(client, engine, moving([-20], DROP));
      for (const way of WAYS) t.deepEqual(outcome({ bytes: FRAME, ...way }), DROPPED);
      t.is(ask.detachLink(client, link).error, "None");
    }
    // The old pointer, in a program that nothing proves: where the frame lay, or lies now, it may not be used.
    for (const [delta, offset] of [
      [4, 0],
      [4, 3],
      [-4, 59],
    ]) {
      const text = `r6 = r1\nr7 = *(u64 *)(r1 + 0)\nr0 = *(u8 *)(r7 + 59)\nr2 = ${delta}\ncall 65536\n*(u8 *)(r7 + ${offset}) = 1\nr0 = 1\nexit`;
      const program = handleOf(ask.createProgram(client, encode(parse(text))));
      const link = handleOf(ask.createLink(client, program));
      t.deepEqual(outcome({ bytes: FRAME, cuts: [] }), DROPPED);
      t.deepEqual(takeInjected(), []);
      t.is(ask.detachLink(client, link).error, "None");
    }
  });
});

check("without memory for room in front the helper says so; a frame that cannot be injected is lost", (t) => {
  const text = "r6 = r1\nr2 = -4\ncall 65536\nr0 += 13\nexit";
  withHooks(t, (client) => {
    // -ENOMEM, plus 13: it is passed.
    handleOf(ask.createLink(client, handleOf(ask.createProgram(client, encode(parse(text))))));
    // Longer than the places that processors have.
    const long = { bytes: new Uint8Array(40_000).fill(3) };
    failAllocation(1);
    t.deepEqual(outcome(long), PASSED);
    failAllocation(0);
    t.deepEqual(outcome(long), DROPPED);
  });
  withHooks(t, (client) => {
    attach(client, "jit", moving([-4], PASS));
    for (const fail of [failAllocation, failShim])
      for (let number = 1; number < 3; number++) {
        fail(number);
        t.deepEqual(outcome({ bytes: FRAME }), DROPPED);
        fail(0);
        takeInjected();
      }
    t.deepEqual(outcome({ bytes: FRAME }), DROPPED);
    t.is(takeInjected().length, 1);
  });
});

check("a tail call goes on with the frame as it is then", (t) => {
  withHooks(t, (client) => {
    const array = handleOf(
      ask.createMap(client, { type: 3, keySizeBytes: 4, valueSizeBytes: 4, maxEntries: 1 }),
    );
    const create = (text: string, maps: readonly number[] = []) =>
      ask.createProgram(client, encode(parse(text)), { maps });
    const second = create(
      `r2 = *(u64 *)(r1 + 0)\n*(u8 *)(r2 + 0) = 9\nr2 = 2\ncall 65536\nr0 += ${TX}\nexit`,
    );
    const entry = new Uint8Array(Uint32Array.of(field(second, 2)).buffer);
    t.is(ask.update(client, array, zeros(4), entry).error, "None");
    const first = create("r6 = r1\nr2 = -3\ncall 65536\nr1 = r6\nr2 = map[0]\nr3 = 0\ncall 5\nr0 = 2\nexit", [
      array,
    ]);
    handleOf(ask.createLink(client, handleOf(first)));
    t.deepEqual(outcome({ bytes: FRAME }), DROPPED);
    t.deepEqual(
      takeInjected().map(({ bytes }) => bytes),
      [joined(zeros(1), FRAME)],
    );
  });
});

check("a run on request tells how long the packet has become where the reply has no room for it", (t) => {
  withHooks(t, (client) => {
    const { bytecode, section, certificate } = provedProgram(moving([-16], PASS));
    const program = handleOf(ask.createProgram(client, bytecode, { section, certificate }));
    const { code, bytes } = make.run(program, FRAME);
    for (const [room, error] of [
      [FRAME.length + 16, "None"],
      [FRAME.length + 15, "ArgumentInvalid"],
      [FRAME.length, "ArgumentInvalid"],
    ] as const) {
      const answer = call(client, code, bytes, REPLY.run + room);
      t.is(answer.error, error);
      t.is(field(answer, PACKET_BYTES_FIELD), FRAME.length + 16);
      const left = error === "None" ? joined(zeros(16), FRAME) : zeros(0);
      t.deepEqual(dataOf(answer, REPLY.run), left);
    }
  });
});

check("the checker of certificates forgets what it knew of the packet, in C as in the core", (t) => {
  const read = "r2 = *(u64 *)(r6 + 0)\nr3 = *(u64 *)(r6 + 8)\nr4 = r2\nr4 += 1\nif r4 > r3 goto out\n";
  const program = (again: string) =>
    testProgram({
      code: `r6 = r1\n${read}r7 = r2\nr2 = -1\nr1 = r6\ncall 65536\n${again}r0 = *(u8 *)(r2 + 0)\nout:\nr0 = 1\nexit`,
    });
  for (const [again, outcomeOfBoth] of [
    [read, "proved"],
    // Compared with the old packet's end, or with none.
    ["r2 = r7\n", "refused"],
    ["r2 = r7\nr3 = *(u64 *)(r6 + 8)\nr4 = r2\nr4 += 1\nif r4 > r3 goto out\n", "refused"],
  ] as const) {
    const one = program(again);
    const given = certificateProgram(one);
    if (given === undefined) return t.fail();
    const certificate = emptyCertificate(one, true);
    t.is(checkCertificate(one, certificate).kind, outcomeOfBoth);
    t.is(driverCheck(given, certificate).outcome, outcomeOfBoth);
  }
});
