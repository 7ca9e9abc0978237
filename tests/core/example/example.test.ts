// Examples of failures: found along the failing path, confirmed by a checked run, and none where there is none.
import test from "ava";
import { findExample } from "../../../core/example/example.ts";
import type { ExampleRecord } from "../../../core/report/records.ts";
import { verify } from "../../../core/verifier/verify.ts";
import { mapsOf, type TestProgram, testProgram } from "../verifier/programs.ts";

interface Case extends Pick<TestProgram, "code" | "platform" | "type" | "memory"> {
  readonly maps?: string;
  /** Members of the example; undefined: there is none. */
  readonly example: Partial<ExampleRecord> | undefined;
  /** Bytes of the packet that decide, by offset. */
  readonly packet?: Readonly<Record<number, number>>;
}

const DATA = "r2 = *(u64 *)(r1 + 0)\nr3 = *(u64 *)(r1 + 8)";
const LOOK_UP = "r2 = r10\nr2 += -8\nr1 = map[values]\ncall 1";
const END = "end:\nr0 = 0\nexit";

const CASES: Readonly<Record<string, Case>> = {
  "a packet that ends within what is read": {
    code: `${DATA}\nr4 = r2\nr4 += 14\nif r4 > r3 goto end\nr0 = *(u32 *)(r2 + 34)\n${END}`,
    example: {
      packetLength: 37,
      packetHex: "00".repeat(37),
      observed: "reads 4 bytes at offset 34 of the packet of 37 bytes",
    },
  },
  "bytes of the packet behind swaps, masks, shifts and signs": {
    code: `${DATA}\nr4 = r2\nr4 += 34\nif r4 > r3 goto end\nr5 = *(u16 *)(r2 + 12)\nr5 = be16 r5\nif r5 != 0x0800 goto end
r5 = *(u8 *)(r2 + 14)\nr0 = r5\nr0 >>= 4\nif r0 != 4 goto end\nr5 &= 15\nr5 <<= 2\nif r5 < 20 goto end
r0 = *(u8 *)(r2 + 23)\nr0 <<= 56\nr0 s>>= 56\nif r0 s> -2 goto end\nr2 += r5\nr0 = *(u16 *)(r2 + 16)\n${END}`,
    example: { packetLength: 37 },
    packet: { 12: 0x08, 13: 0x00, 14: 0x45, 23: 0xfe },
  },
  "a field of the context as an index": {
    code: `r6 = *(u32 *)(r1 + 24)\nif r6 > 16 goto end\n*(u64 *)(r10 - 8) = 0\n${LOOK_UP}\nif r0 == 0 goto end\nr0 += r6\nr0 = *(u8 *)(r0 + 0)\n${END}`,
    maps: "values hash 8 16 4",
    example: {
      context: [{ field: "ingress_ifindex", value: "16" }],
      maps: [{ map: "values", keyHex: "00".repeat(8), valueHex: "00".repeat(16) }],
      observed: "reads 1 byte at offset 16 of a value of map values of 16 bytes",
    },
  },
  "the contents of a map value": {
    code: `*(u64 *)(r10 - 8) = 7\n${LOOK_UP}\nif r0 == 0 goto end\nr1 = *(u32 *)(r0 + 4)\nr1 += -3\nif r1 != 39 goto end\nr0 = *(u64 *)(r0 + 9)\n${END}`,
    maps: "values hash 8 16 4",
    example: {
      maps: [{ map: "values", keyHex: "0700000000000000", valueHex: `000000002a${"00".repeat(11)}` }],
    },
  },
  "a look-up that finds nothing": {
    code: `*(u64 *)(r10 - 8) = 1\n${LOOK_UP}\nr6 = r0\nr0 = *(u8 *)(r6 + 3)\nexit`,
    maps: "values hash 8 16 4",
    example: {
      maps: [{ map: "values", keyHex: "0100000000000000", valueHex: null }],
      observed: "reads 1 byte through NULL",
    },
  },
  "an index below the size of an array is always found": {
    code: `*(u64 *)(r10 - 8) = 1\n${LOOK_UP}\nr0 = *(u8 *)(r0 + 3)\nexit`,
    maps: "values array 4 16 4",
    example: undefined,
  },
  "an index that the context gives is not": {
    code: `r1 = *(u32 *)(r1 + 24)\n*(u64 *)(r10 - 8) = r1\n${LOOK_UP}\nr0 = *(u8 *)(r0 + 3)\nexit`,
    maps: "values array 4 16 4",
    example: {
      context: [{ field: "ingress_ifindex", value: "4" }],
      maps: [{ map: "values", keyHex: "04000000", valueHex: null }],
    },
  },
  "what a helper answers": {
    code: "call 6\nr0 &= 31\nr1 = r10\nr1 += -16\n*(u64 *)(r10 - 16) = 0\n*(u64 *)(r10 - 8) = 0\nr1 += r0\nr0 = *(u8 *)(r1 + 0)\nexit",
    example: {
      answers: [{ helper: "get_prandom_u32", value: "16" }],
      observed: "reads 1 byte at offset 0 of the stack",
    },
  },
  "through a function and a slot of the stack": {
    code: "r6 = r1\nr1 = *(u32 *)(r6 + 24)\ncall f\n*(u64 *)(r10 - 8) = r0\nr2 = *(u64 *)(r10 - 8)\nif r2 != 12 goto end\nr0 = *(u64 *)(r6 + 28)\nend:\nr0 = 0\nexit\nf:\nr0 = r1\nr0 ^= 5\nr0 += 2\nexit",
    example: { context: [{ field: "ingress_ifindex", value: "15" }] },
  },
  "a register without a value on one side": {
    code: "r2 = *(u32 *)(r1 + 24)\nif r2 == 7 goto end\nr0 = 0\nend:\nexit",
    example: {
      context: [{ field: "ingress_ifindex", value: "7" }],
      observed: "r0 is read before it has a value",
    },
  },
  "the legacy packet load, behind which the packet is long enough": {
    platform: "linux",
    type: "socket_filter",
    code: "r6 = r1\nr0 = *(u8 *)skb[200]\nif r0 != 6 goto end\nr0 = *(u64 *)(r10 + 0)\nend:\nr0 = 0\nexit",
    example: { packetLength: 201 },
    packet: { 200: 6 },
  },
  "a result that the hook does not know": {
    platform: "linux",
    type: "cgroup_skb",
    code: "r0 = *(u32 *)(r1 + 0)\nexit",
    example: { observed: "returns 2" },
  },
  "a packet that a helper has made longer at its head": {
    platform: "linux",
    code: "r6 = r1\nr2 = -8\ncall 44\nif r0 != 0 goto end\nr2 = *(u32 *)(r6 + 0)\nr3 = *(u32 *)(r6 + 4)\nr4 = r2\nr4 += 22\nif r4 > r3 goto end\nr5 = *(u8 *)(r2 + 8)\nif r5 != 9 goto end\nr0 = *(u32 *)(r2 + 30)\nend:\nr0 = 0\nexit",
    example: { packetLength: 25, observed: "reads 4 bytes at offset 30 of the packet of 33 bytes" },
    packet: { 0: 9 },
  },
  "what a helper writes": {
    platform: "linux",
    type: "kprobe",
    code: "r1 = r10\nr1 += -8\nr2 = 8\nr3 = 0\ncall 113\nr1 = *(u8 *)(r10 - 6)\nif r1 != 200 goto end\nr0 = *(u64 *)(r10 + 0)\nend:\nr0 = 0\nexit",
    example: { memory: [{ what: "what bpf_probe_read_kernel writes", hex: "0000c80000000000" }] },
  },
  "raw memory": {
    platform: "raw",
    memory: 4,
    code: "r2 = *(u8 *)(r1 + 0)\nr2 &= 7\nr1 += r2\nr0 = *(u8 *)(r1 + 0)\nexit",
    example: {
      packetHex: "04000000",
      observed: "reads 1 byte at offset 4 of the memory it was given of 4 bytes",
    },
  },
  "a branch that no number takes": {
    code: "r2 = *(u32 *)(r1 + 24)\nr2 *= r2\nr2 &= 3\nif r2 != 2 goto end\nr0 = *(u64 *)(r10 + 0)\nend:\nr0 = 0\nexit",
    example: undefined,
  },
  "a rule that no run shows": { code: "r0 = r1\nexit", example: undefined },
};

for (const [name, { code, platform, type, memory, maps = "", example, packet }] of Object.entries(CASES)) {
  test(name, (t) => {
    const program = testProgram({
      code,
      maps: mapsOf(maps, platform ?? "windows"),
      ...(platform !== undefined && { platform }),
      ...(type !== undefined && { type }),
      ...(memory !== undefined && { memory }),
    });
    const verdict = verify(program);
    if (verdict.kind === "accepted") {
      t.fail("accepted");
      return;
    }
    const found = findExample(program, verdict.failures[0], false);
    if (example === undefined || found === undefined) {
      t.is(found, example as undefined);
      return;
    }
    t.like(found, example as Record<string, unknown>);
    const bytes = Buffer.from(found.packetHex ?? "", "hex");
    for (const [offset, value] of Object.entries(packet ?? {})) t.is(bytes[Number(offset)], value, offset);
    t.deepEqual(findExample(program, verdict.failures[0], false), found);
  });
}
