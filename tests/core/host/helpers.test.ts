// What helpers answer, asked by programs in both engines.
import test from "ava";
import { createEmbeddedHost, describe, instantiate } from "../../../core/host/embedded/host.ts";
import { formatTrace } from "../../../core/host/embedded/trace.ts";
import { compile } from "../../../core/image/compile.ts";
import { assembleProgram } from "../../../core/program/assemble.ts";
import { verify } from "../../../core/verifier/verify.ts";
import { ENGINES } from "../../harness/engines.ts";
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

const PACKET = `
  r6 = *(u64 *)(r1 + 0)
  r7 = *(u64 *)(r1 + 8)
  r1 = r6
  r1 += 32
  if r1 > r7 goto out
`;
const OUT = `
  out:
  r0 = 0
  exit
`;

interface Case {
  readonly name: string;
  readonly text: string;
  readonly expected: (r0: bigint) => boolean;
}

const near = (now: () => bigint, within: bigint) => (r0: bigint) => {
  const difference = now() - r0;
  return difference >= 0n && difference < within;
};
const is = (value: bigint) => (r0: bigint) => r0 === BigInt.asUintN(64, value);

/** Each sets r0; "packet:" cases have r6 at 32 bytes of packet 1, 2, 3 ... */
const CASES: readonly Case[] = [
  {
    name: "ktime_get_ns",
    text: "call ktime_get_ns\nexit",
    expected: near(() => process.hrtime.bigint(), 5_000_000_000n),
  },
  {
    name: "ktime_get_ms",
    text: "call ktime_get_ms\nexit",
    expected: near(() => process.hrtime.bigint() / 1_000_000n, 5_000n),
  },
  {
    name: "ktime_get_boot_ns is not before ktime_get_ns",
    text: "call ktime_get_ns\nr6 = r0\ncall ktime_get_boot_ns\nr0 -= r6\nr0 += 1000000000\nr0 s>>= 63\nexit",
    expected: is(0n),
  },
  { name: "get_prandom_u32 has 32 bits", text: "call get_prandom_u32\nr0 >>= 32\nexit", expected: is(0n) },
  { name: "get_smp_processor_id is the lane", text: "call get_smp_processor_id\nexit", expected: is(0n) },
  {
    name: "get_current_pid_tgid",
    text: "call get_current_pid_tgid\nr0 >>= 32\nexit",
    expected: is(BigInt(process.pid)),
  },
  {
    name: "csum_diff is the ones' complement difference, folded",
    // 0201 + 0403 + fffe - 0605 - 0807 as 16-bit words, in memory order
    text: `${PACKET}r1 = r6\nr1 += 4\nr2 = 4\nr3 = r6\nr4 = 4\nr5 = 65534\ncall csum_diff\nexit\n${OUT}`,
    expected: is(0xffffn - 0x0605n + (0xffffn - 0x0807n) + 0x0201n + 0x0403n + 0xfffen - 2n * 0xffffn),
  },
  {
    name: "csum_diff refuses a length that is no multiple of 4",
    text: `${PACKET}r1 = r6\nr2 = 3\nr3 = r6\nr4 = 4\nr5 = 0\ncall csum_diff\nexit\n${OUT}`,
    expected: is(-22n),
  },
  {
    name: "memcpy_s copies",
    text: `${PACKET}*(u64 *)(r10 - 8) = -1\nr1 = r10\nr1 += -8\nr2 = 8\nr3 = r6\nr4 = 8\ncall memcpy_s\nr1 = *(u64 *)(r10 - 8)\nr0 += r1\nexit\n${OUT}`,
    expected: is(0x0807060504030201n),
  },
  {
    name: "memcpy_s refuses what is too long, and clears the destination",
    text: `${PACKET}*(u64 *)(r10 - 8) = -1\nr1 = r10\nr1 += -8\nr2 = 8\nr3 = r6\nr4 = 9\ncall memcpy_s\nr1 = *(u64 *)(r10 - 8)\nr0 += r1\nexit\n${OUT}`,
    expected: is(34n),
  },
  {
    name: "memmove_s may overlap",
    text: `${PACKET}r1 = r6\nr1 += 1\nr2 = 8\nr3 = r6\nr4 = 8\ncall memmove_s\nr1 = *(u64 *)(r6 + 1)\nr0 += r1\nexit\n${OUT}`,
    expected: is(0x0807060504030201n),
  },
  {
    name: "memset sets",
    text: "r1 = r10\nr1 += -8\nr2 = 8\nr3 = 171\ncall memset\nr0 = *(u64 *)(r10 - 8)\nexit",
    expected: is(0xababababababababn),
  },
  {
    name: "memcmp_s tells what is greater",
    text: `${PACKET}r1 = r6\nr1 += 1\nr2 = 4\nr3 = r6\nr4 = 4\ncall memcmp_s\nexit\n${OUT}`,
    expected: is(1n),
  },
  {
    name: "memcmp_s tells what is less, with its sign",
    text: `${PACKET}r1 = r6\nr2 = 4\nr3 = r6\nr3 += 2\nr4 = 4\ncall memcmp_s\nexit\n${OUT}`,
    expected: is(-2n),
  },
  {
    name: "strnlen_s stops at the zero",
    text: "r1 = 0x0000444342410000 ll\nr1 >>= 16\n*(u64 *)(r10 - 8) = r1\nr1 = r10\nr1 += -8\nr2 = 8\ncall strnlen_s\nexit",
    expected: is(4n),
  },
  {
    name: "strncpy_s and strncat_s join, and refuse what does not fit",
    text: `
      r1 = 0x434241
      *(u64 *)(r10 - 8) = r1
      *(u64 *)(r10 - 16) = r1
      r1 = r10
      r1 += -16
      r2 = 8
      r3 = r10
      r3 += -8
      r4 = 8
      call strncpy_s
      r6 = r0
      r1 = r10
      r1 += -16
      r2 = 8
      r3 = r10
      r3 += -8
      r4 = 8
      call strncat_s
      r6 += r0
      r7 = *(u64 *)(r10 - 16)
      r1 = r10
      r1 += -16
      r2 = 8
      r3 = r10
      r3 += -8
      r4 = 8
      call strncat_s
      r6 += r0
      r6 <<= 56
      r0 = r7
      r0 += r6
      exit`,
    expected: is((34n << 56n) + 0x434241434241n),
  },
  {
    name: "map helpers: update, look up, existing key, delete, look up",
    text: `
      r1 = 5
      *(u32 *)(r10 - 4) = r1
      r1 = 77
      *(u64 *)(r10 - 16) = r1
      r1 = map[m]
      r2 = r10
      r2 += -4
      r3 = r10
      r3 += -16
      r4 = 1
      call map_update_elem
      r6 = r0
      r1 = map[m]
      r2 = r10
      r2 += -4
      r3 = r10
      r3 += -16
      r4 = 1
      call map_update_elem
      r6 += r0
      r1 = map[m]
      r2 = r10
      r2 += -4
      call map_lookup_elem
      if r0 == 0 goto bad
      r7 = *(u64 *)(r0 + 0)
      r6 += r7
      r1 = map[m]
      r2 = r10
      r2 += -4
      call map_delete_elem
      r6 += r0
      r1 = map[m]
      r2 = r10
      r2 += -4
      call map_lookup_elem
      if r0 != 0 goto bad
      r0 = r6
      exit
      bad:
      r0 = 0
      exit`,
    expected: is(77n - 17n),
  },
];

for (const engine of ENGINES) {
  for (const { name, text, expected } of CASES) {
    test(`${name}: ${engine}`, (t) => {
      const { returnValue } = runIn(engine, text, [["m", 4, 8, 4]]);
      t.true(expected(returnValue), returnValue.toString(16));
    });
  }

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
