// Runs a random program (generate.ts) in both engines and holds them against each other.
import { createEmbeddedHost, describe, instantiate } from "../../core/host/embedded/host.ts";
import { compile } from "../../core/image/compile.ts";
import type { EmbeddedEngine } from "../../core/image/image.ts";
import type { Instruction } from "../../core/isa/instruction.ts";
import { print } from "../../core/isa/print.ts";
import { programOf } from "./programs.ts";

const host = createEmbeddedHost();
const lane = host.allocateLane();

/** By engine: r0 and the memory after a run, as text. */
export function outcomes(
  instructions: readonly Instruction[],
  memory: Uint8Array,
): Readonly<Record<EmbeddedEngine, string>> {
  const program = programOf(instructions, { rawMemorySizeBytes: memory.length });
  const bytes = new Uint8Array(host.memory.buffer);
  const run = (engine: EmbeddedEngine): string => {
    const loaded = host.load(compile(program, engine), []);
    const instance = instantiate(describe(loaded), lane, {
      checkInitialization: true,
      maximumSteps: 100_000,
    });
    bytes.set(memory, lane.packetAddress);
    const low = instance.run(lane.packetAddress);
    const r0 = new DataView(host.memory.buffer).getBigUint64(lane.resultAddress, true);
    if (BigInt.asIntN(32, r0) !== BigInt(low)) throw new Error(`${engine}: r0 is ${r0}, its low half ${low}`);
    const after = bytes.slice(lane.packetAddress, lane.packetAddress + memory.length);
    return `r0 ${r0.toString(16)}, memory ${Buffer.from(after).toString("hex")}`;
  };
  return { interpreter: run("interpreter"), wasm: run("wasm") };
}

/** Throws, with the program's text, if r0 or the memory afterwards differ between the engines. */
export function checkAgreement(instructions: readonly Instruction[], memory: Uint8Array): void {
  const { interpreter, wasm } = outcomes(instructions, memory);
  if (interpreter === wasm) return;
  const text = instructions.map((instruction) => print(instruction)).join("\n");
  throw new Error(`interpreter: ${interpreter}\nwasm: ${wasm}\n${text}`);
}
