// What helpers answer, asked by programs in both engines.
import test from "ava";
import { createEmbeddedHost, describe, instantiate } from "../../../core/host/embedded/host.ts";
import { formatTrace } from "../../../core/host/embedded/trace.ts";
import { compile } from "../../../core/image/compile.ts";
import { assembleProgram } from "../../../core/program/assemble.ts";
import { verify } from "../../../core/verifier/verify.ts";
import { ENGINES } from "../../harness/engines.ts";
import { HELPER_CASES } from "../../harness/helper-cases.ts";
import { mapSpec } from "../../harness/programs.ts";

/** Verifies, runs on a packet of 32 bytes in the engine, and answers r0 and the packet. */
function runIn(engine: "interpreter" | "wasm", text: string, maps: Parameters<typeof mapSpec>[] = []) {
  const host = createEmbeddedHost();
  const specs = maps.map((row) => ({ ...mapSpec(...row), type: 1 }));
  const program = assembleProgram(text, { platform: "windows", type: "xdp", maps: specs });
  const verdict = verify(program);
  if (verdict.kind === "rejected") throw new Error(verdict.failures[0].message);
  const loaded = host.load(
    compile(verdict.program, engine),
    program.maps.map(({ spec, type }) => host.createMap(spec, type.name)),
  );
  const data = Uint8Array.from({ length: 32 }, (_, index) => index + 1);
  return { ...loaded.run({ data }), lines: host.readTrace(), host, loaded };
}

for (const engine of ENGINES) {
  for (const { name, text, expected } of HELPER_CASES) {
    test(`${name}: ${engine}`, (t) => {
      const { returnValue } = runIn(engine, text, [["m", 4, 8, 4]]);
      t.true(expected(returnValue), returnValue.toString(16));
    });
  }

  test(`get_smp_processor_id is the lane: ${engine}`, (t) => {
    t.is(runIn(engine, "call get_smp_processor_id\nexit").returnValue, 0n);
  });

  test(`trace_printk writes lines that the host reads once: ${engine}`, (t) => {
    const text = `
      r1 = 0x6425 ll
      *(u64 *)(r10 - 8) = r1
      r1 = r10
      r1 += -8
      r2 = 8
      r3 = -5
      call trace_printk3
      exit
    `;
    const { lines, host, loaded, returnValue } = runIn(engine, text);
    t.deepEqual(lines, ["-5"]);
    t.is(returnValue, 2n);
    t.deepEqual(host.readTrace(), []);
    const lane = host.allocateLane();
    const instance = instantiate(describe(loaded), lane);
    for (let run = 0; run < 3; run++) instance.run(lane.contextAddress);
    t.deepEqual(host.readTrace(), ["-5", "-5", "-5"]);
    for (let run = 0; run < 5000; run++) instance.run(lane.contextAddress);
    const rest = host.readTrace();
    t.true(rest.length > 1000 && rest.every((line) => line === "-5"), `${rest.length}`);
  });
}

test("formats of trace_printk", (t) => {
  const format = (text: string, ...values: bigint[]): string => formatTrace(text, values);
  t.is(format("%d %u %x", -1n, -1n, 255n), "-1 4294967295 ff");
  t.is(format("%lld %llu %lx", -1n, -1n, -1n), "-1 18446744073709551615 ffffffffffffffff");
  t.is(format("%04x|%4d|%c|%%|%p", 0xabn, 7n, 0x41n, 4096n), "00ab|   7|A|%|0x1000");
  t.is(format("%s %d"), "%s 0");
});
