// How fast instructions are decoded: all rows of the opcode table in equal parts, and the program of a real sample.
import { decode } from "../../core/isa/decode.ts";
import { encode } from "../../core/isa/encode.ts";
import { parse } from "../../core/isa/parse.ts";
import { programOf, readFixtures } from "../harness/fixture.ts";
import type { Benchmark } from "./benchmark.ts";

const REPEAT_MS = 600;

/** Median over many short runs. */
function millionsASecond(bytes: Uint8Array): number {
  const count = decode(bytes).length;
  const rates: number[] = [];
  const end = performance.now() + REPEAT_MS;
  while (performance.now() < end) {
    const start = performance.now();
    decode(bytes);
    rates.push(count / (performance.now() - start) / 1000);
  }
  return rates.sort((a, b) => a - b)[rates.length >> 1] as number;
}

function repeat(bytes: Uint8Array, times: number): Uint8Array {
  const all = new Uint8Array(bytes.length * times);
  for (let index = 0; index < times; index++) all.set(bytes, index * bytes.length);
  return all;
}

/** What a compiler emits most: loads, moves, arithmetic, conditional jumps. */
const TYPICAL = parse(`
r2 = *(u64 *)(r1 + 8)
r1 = *(u64 *)(r1 + 0)
r3 = r1
r3 += 42
if r3 > r2 goto +9
r4 = *(u16 *)(r1 + 12)
if r4 != 8 goto +7
w5 = *(u8 *)(r1 + 14)
r5 &= 15
r5 <<= 2
r1 += r5
r4 = 0x1234567890 ll
*(u32 *)(r10 - 4) = r4
r0 = 1
exit
`);

export const benchmarks: readonly Benchmark[] = [
  {
    name: "decode: typical instructions",
    unit: "M instructions/s",
    better: "higher",
    target: 5,
    run: async () => ({ value: millionsASecond(repeat(encode(TYPICAL), 100)) }),
  },
  {
    name: "decode: every legal opcode in turn",
    unit: "M instructions/s",
    better: "higher",
    target: 5,
    run: async () => {
      const all = readFixtures("isa").map((fixture) => encode(programOf(fixture)));
      return { value: millionsASecond(repeat(Buffer.concat(all), 5)) };
    },
  },
];
