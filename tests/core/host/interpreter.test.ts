// What the interpreter stops: programs that no verifier accepted, each with one fault. And what it lets pass.
import test from "ava";
import type { FaultKind } from "../../../core/host/embedded/fault.ts";
import {
  createEmbeddedHost,
  describe,
  InterpreterFault,
  instantiate,
} from "../../../core/host/embedded/host.ts";
import { compile } from "../../../core/image/compile.ts";
import { assembled, mapOf, mapSpec } from "../../harness/programs.ts";

const MAPS = [
  mapOf("array", mapSpec("values", 4, 12, 2)),
  mapOf("array", {
    ...mapSpec(".rodata", 4, 8, 1),
    data: { section: ".rodata", bytes: new Uint8Array(8), readOnly: true },
  }),
  mapOf("hash", mapSpec("hash", 4, 8, 2)),
];

/** Runs on 16 bytes of packet, with checks on; the fault, or undefined. */
function faultOf(text: string): InterpreterFault | undefined {
  const host = createEmbeddedHost();
  const program = assembled(text, { maps: MAPS });
  const maps = MAPS.map(({ spec, type }) => host.createMap(spec, type.name));
  const loaded = host.load(compile(program, "interpreter"), maps);
  const lane = host.allocateLane();
  const options = { checkInitialization: true, maximumSteps: 1000 };
  const data = new DataView(host.memory.buffer);
  data.setUint32(lane.contextAddress, lane.packetAddress, true);
  data.setUint32(lane.contextAddress + 8, lane.packetAddress + 16, true);
  data.setUint32(lane.contextAddress + 16, lane.packetAddress, true);
  try {
    instantiate(describe(loaded), lane, options).run(lane.contextAddress);
    return undefined;
  } catch (error) {
    if (error instanceof InterpreterFault) return error;
    throw error;
  }
}

const VALUE = "*(u32 *)(r10 - 4) = 1\nr2 = r10\nr2 += -4\nr1 = map[0]\ncall 1\n";
/** The entry and functions that call each other, so many deep in all. */
function nest(depth: number): string {
  const calls = Array.from({ length: depth - 1 }, (_, index) => `call f${index}\nexit\nf${index}:\n`);
  return `${calls.join("")}r0 = 0\nexit`;
}

const CASES: readonly (readonly [
  name: string,
  text: string,
  fault: FaultKind | "none",
  instruction?: number,
])[] = [
  ["the last byte of the packet", "r1 = *(u64 *)(r1 + 0)\nr0 = *(u8 *)(r1 + 15)\nexit", "none"],
  ["a byte beyond the packet", "r1 = *(u64 *)(r1 + 0)\nr0 = *(u8 *)(r1 + 16)\nexit", "outOfBounds", 1],
  ["a word over the packet's end", "r1 = *(u64 *)(r1 + 0)\nr0 = *(u32 *)(r1 + 13)\nexit", "outOfBounds", 1],
  ["a byte before the packet", "r1 = *(u64 *)(r1 + 0)\nr0 = *(u8 *)(r1 - 1)\nexit", "outOfBounds", 1],
  ["the context's end", "r0 = *(u32 *)(r1 + 24)\nexit", "none"],
  ["beyond the context", "r0 = *(u32 *)(r1 + 28)\nexit", "outOfBounds", 0],
  ["null", "r1 = 0\nr0 = *(u8 *)(r1 + 0)\nexit", "outOfBounds", 1],
  ["an address above 32 bits", "r2 = 1\nr2 <<= 32\nr1 += r2\nr0 = *(u8 *)(r1 + 0)\nexit", "outOfBounds", 3],
  ["the whole frame", "*(u64 *)(r10 - 512) = 0\nr0 = *(u64 *)(r10 - 512)\nexit", "none"],
  ["below the frame", "*(u64 *)(r10 - 513) = 0\nr0 = 0\nexit", "outOfBounds", 0],
  ["above the frame", "*(u64 *)(r10 + 0) = 0\nr0 = 0\nexit", "outOfBounds", 0],
  ["stack never written", "r0 = *(u8 *)(r10 - 1)\nexit", "stackUninitialized", 0],
  ["stack half written", "*(u32 *)(r10 - 8) = 0\nr0 = *(u64 *)(r10 - 8)\nexit", "stackUninitialized", 1],
  ["a register never written", "r0 = r3\nexit", "registerUninitialized", 0],
  ["r0 never written", "exit", "registerUninitialized", 0],
  ["r1 after a call", "call 8\nr0 = r1\nexit", "registerUninitialized", 1],
  ["the value of a map", `${VALUE}r0 = *(u32 *)(r0 + 8)\nexit`, "none"],
  ["beyond the value", `${VALUE}r0 = *(u32 *)(r0 + 12)\nexit`, "outOfBounds", 5],
  ["read-only data, read", "r1 = map[1][0] + 0\nr0 = *(u64 *)(r1 + 0)\nexit", "none"],
  ["read-only data, written", "r1 = map[1][0] + 0\n*(u8 *)(r1 + 0) = 1\nr0 = 0\nexit", "readOnly", 1],
  ["a key that is not there", "r2 = r10\nr2 += 4\nr1 = map[2]\ncall 1\nr0 = 0\nexit", "outOfBounds", 3],
  ["a key never written", "r2 = r10\nr2 += -4\nr1 = map[2]\ncall 1\nr0 = 0\nexit", "stackUninitialized", 3],
  ["what is no map", `r1 = 4\n${VALUE.replace("r1 = map[0]\n", "")}exit`, "outOfBounds", 4],
  [
    "an atomic access that is not aligned",
    "*(u64 *)(r10 - 8) = 0\n*(u64 *)(r10 - 16) = 0\nr0 = 1\nlock *(u64 *)(r10 - 12) += r0\nexit",
    "outOfBounds",
    3,
  ],
  ["eight functions deep", nest(8), "none"],
  ["nine functions deep", nest(9), "callDepth"],
  [
    "a callee uses its caller's frame",
    "*(u64 *)(r10 - 8) = 7\nr1 = r10\ncall f\nexit\nf:\nr0 = *(u64 *)(r1 - 8)\nexit",
    "none",
  ],
  [
    "a frame after its return",
    "call f\nr0 = *(u64 *)(r0 + 0)\nexit\nf:\n*(u64 *)(r10 - 8) = 7\nr0 = r10\nr0 += -8\nexit",
    "outOfBounds",
    1,
  ],
  ["a callee's own r6", "r6 = 1\ncall f\nexit\nf:\nr0 = r6\nexit", "registerUninitialized", 3],
  ["an endless loop", "r0 = 0\ngoto -1", "stepBudget"],
  ["no function", "r2 = 7\ncallx r2\nexit", "outOfBounds", 1],
];

for (const [name, text, kind, instruction] of CASES) {
  test(`${name}: ${kind}`, (t) => {
    const fault = faultOf(text);
    t.is(fault?.kind ?? "none", kind, fault?.message);
    if (instruction !== undefined) t.is(fault?.instruction, instruction);
  });
}
