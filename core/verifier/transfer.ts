// (state, instruction) -> state, for instructions that neither jump, call a subprogram nor exit; those are analyze.ts'
// business. The instruction's assertions have been checked before.
import { findHelper } from "../platform/platform.ts";
import type { Program } from "../program/program.ts";
import type { State } from "./domain/state.ts";
import { type Ids, transferAlu, transferByteSwap, transferMov, transferNeg } from "./transfer-alu.ts";
import { transferHelper, transferPacketLoad } from "./transfer-call.ts";
import { transferAtomic, transferLoad, transferLoadImmediate, transferStore } from "./transfer-memory.ts";

export function transfer(program: Program, ids: Ids, state: State, index: number): void {
  const instruction = program.instructions[index];
  if (instruction === undefined) return;
  switch (instruction.kind) {
    case "alu":
      transferAlu(ids, state, instruction);
      return;
    case "mov":
      transferMov(ids, state, instruction);
      return;
    case "neg":
      transferNeg(state, instruction);
      return;
    case "byteSwap":
      transferByteSwap(state, instruction);
      return;
    case "load":
      transferLoad(program, ids, state, instruction);
      return;
    case "store":
      transferStore(ids, state, instruction);
      return;
    case "atomic":
      transferAtomic(state, instruction);
      return;
    case "loadImmediate":
      transferLoadImmediate(program, state, instruction, index);
      return;
    case "call": {
      const helper =
        instruction.target.kind === "helper"
          ? findHelper(program.platform, instruction.target.id, program.type.name)
          : undefined;
      if (helper !== undefined) transferHelper(program, ids, state, helper);
      return;
    }
    case "loadPacket":
      transferPacketLoad(state, instruction);
      return;
    case "jump":
    case "exit":
      return;
  }
}
