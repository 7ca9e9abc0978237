// Runs a random program (generate.ts) in both engines and holds them against each other.
import { createEmbeddedHost, describe, instantiate } from "../../core/host/embedded/host.ts";
import { compile } from "../../core/image/compile.ts";
import type { Instruction } from "../../core/isa/instruction.ts";
import { print } from "../../core/isa/print.ts";
import { ENGINES } from "./engines.ts";
import { programOf } from "./programs.ts";

const host = createEmbeddedHost();
const lane = host.allocateLane();

/** Throws, with the program's text, if r0 or the memory afterwards differ between the engines. */
export function checkAgreement(instructions: readonly Instruction[], memory: Uint8Array): void {
  const program = programOf(instructions, { rawMemorySizeBytes: memory.length });
  const bytes = new Uint8Array(host.memory.buffer);
  const results = ENGINES.map((engine) => {
    const loaded = host.load(compile(program, engine), []);
    const instance = instantiate(describe(loaded), lane, {
      checkInitialization: true,
      maximumSteps: 100_000,
    });
    bytes.set(memory, lane.packetAddress);
    const low = instance.run(lane.packetAddress);
    const r0 = new DataView(host.memory.buffer).getBigUint64(lane.resultAddress, true);
    const after = bytes.slice(lane.packetAddress, lane.packetAddress + memory.length);
    return `r0 ${r0.toString(16)}, low half ${low}, memory ${Buffer.from(after).toString("hex")}`;
  });
  if (results.some((result) => result !== results[0])) {
    const text = instructions.map((instruction) => print(instruction)).join("\n");
    throw new Error(`${ENGINES.map((engine, index) => `${engine}: ${results[index]}`).join("\n")}\n${text}`);
  }
}
