// The driver's engines against the core's interpreter on programs that are safe by construction, and against both of the core's
// engines on programs that the verifier accepts; and its bounds-checked interpreter alone, on programs that nobody vouches for, which the JIT only compiles. With
// EBPF_DRIVER_BUILD=sanitized and AddressSanitizer preloaded what the last one touches wrongly shows.
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { encode } from "../../core/isa/encode.ts";
import { print } from "../../core/isa/print.ts";
import type { Program } from "../../core/program/program.ts";
import { verify } from "../../core/verifier/verify.ts";
import { outcomes } from "../harness/agree.ts";
import { behaviour, describeEntry, describeRun, packetsOf } from "../harness/behaviour.ts";
import {
  compileProgram,
  createProgram,
  DRIVER_ENGINES,
  type DriverEngine,
  type DriverMap,
  release,
  runOnMemory,
  STATUS,
  setProcessor,
  writableCode,
} from "../harness/driver.ts";
import { keysOf, read } from "../harness/driver-maps.ts";
import { createMaps, load, runOnPacket } from "../harness/driver-xdp.ts";
import { ENGINES } from "../harness/engines.ts";
import { MEMORY_BYTES, programs } from "../harness/generate.ts";
import { generator } from "../harness/mutate.ts";
import type { Fuzzer } from "./fuzzer.ts";
import { generateForHost } from "./generate.ts";
import { endsUnrolled, listing } from "./net.ts";

const safe = fc.tuple(programs(true), fc.uint8Array({ minLength: MEMORY_BYTES, maxLength: MEMORY_BYTES }));

function checkSafe(seed: number): string {
  for (const [instructions, memory] of fc.sample(safe, { seed, numRuns: 1 })) {
    const { interpreter } = outcomes(instructions, memory);
    for (const engine of DRIVER_ENGINES) {
      const bytes = Uint8Array.from(memory);
      const { result, fault } = runOnMemory(encode(instructions), bytes, engine);
      const own = `r0 ${result.toString(16)}, memory ${Buffer.from(bytes).toString("hex")}`;
      if (fault === "None" && own === interpreter) continue;
      const text = instructions.map((instruction) => print(instruction)).join("\n");
      throw new Error(`seed ${seed}, ${engine}: ${fault} ${own}\ncore: ${interpreter}\n${text}`);
    }
  }
  return "agreed";
}

function valueOrNone(map: DriverMap, key: Uint8Array): Uint8Array | undefined {
  const value = read(map, key);
  return typeof value === "number" ? undefined : value;
}

/** What a program answers and leaves behind, as harness/behaviour.ts tells it of the core's engines. */
function driverBehaviour(program: Program, engine: DriverEngine, seed: number): string {
  const maps = createMaps(program);
  const loaded = load(program, maps, engine);
  const runs = packetsOf(seed).map((data) => {
    const { result, fault, faultSlot, after } = runOnPacket(loaded, data);
    return fault === "None" ? describeRun(result, after) : `${fault} at slot ${faultSlot}`;
  });
  const entries = maps.flatMap((map, index) =>
    keysOf(map).map((key) => describeEntry(program.maps[index]!.spec, key, valueOrNone(map, key))),
  );
  release(loaded);
  for (const map of maps) release(map);
  return [...runs, ...entries.sort()].join("\n");
}

function checkVerified(seed: number): string {
  setProcessor(0);
  const program = generateForHost(seed);
  const verdict = verify(program, { maximumSteps: 20_000, strict: true });
  if (verdict.kind === "rejected") return verdict.failures[0].code;
  if (!endsUnrolled(program, true)) return "a long loop";
  const [[, first] = [], ...others] = [
    ...ENGINES.map((engine) => [`core: ${engine}`, behaviour(verdict.program, engine, seed)]),
    ...DRIVER_ENGINES.map((engine) => [`driver: ${engine}`, driverBehaviour(program, engine, seed)]),
  ];
  for (const [engine, own] of others) {
    if (own !== first) throw new Error(`${engine}, seed ${seed}\n${own}\n--\n${first}\n${listing(program)}`);
  }
  return "agreed";
}

/** Up to four bytes changed: what is left is refused, or runs to an end or a fault. */
function checkDamaged(seed: number): string {
  const next = generator(seed);
  const program = generateForHost(seed);
  const bytes = encode(program.instructions);
  for (let count = next(5); count > 0; count--) bytes[next(bytes.length)] = next(256);
  const maps = createMaps(program);
  const loaded = createProgram(bytes, maps, "xdp");
  const packet = Uint8Array.from({ length: next(100) }, () => next(256));
  const outcome = "status" in loaded ? loaded.finding : runOnPacket(loaded, packet, 20_000).fault;
  if (!("status" in loaded)) release(loaded);
  for (const map of maps) release(map);
  return outcome === "None" ? "ran to its end" : outcome;
}

/** Not run: nothing proves what the JIT relies on. What it writes stays within its memory, which is sealed. */
function compileDamaged(seed: number): string {
  const next = generator(seed);
  const program = generateForHost(seed);
  const bytes = encode(program.instructions);
  for (let count = next(5); count > 0; count--) bytes[next(bytes.length)] = next(256);
  const maps = createMaps(program);
  const loaded = createProgram(bytes, maps, "xdp");
  let outcome: string = "status" in loaded ? loaded.finding : "compiled";
  if (!("status" in loaded)) {
    if (compileProgram(loaded, next(2) === 0) !== STATUS.SUCCESS) outcome = "not compiled";
    const wrong = writableCode();
    if (wrong.length > 0) throw new Error(`code that can be written: ${wrong.join(", ")}`);
    release(loaded);
  }
  for (const map of maps) release(map);
  return outcome;
}

export const fuzzers: readonly Fuzzer[] = [
  { name: "random programs, run by the driver's engines", run: checkSafe },
  { name: "random programs that the verifier accepts, in the driver's engines", run: checkVerified },
  { name: "damaged programs, run by the driver's interpreter", run: checkDamaged },
  { name: "damaged programs, compiled by the driver's JIT and not run", run: compileDamaged },
];
