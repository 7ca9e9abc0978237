// A basic block -> WebAssembly instructions. Follows which map r1 holds within the block, as clang loads it right before
// the call.
import { unreachable } from "../base/error.ts";
import type { Instruction } from "../isa/instruction.ts";
import type { BasicBlock } from "../program/cfg.ts";
import { get, type Scope } from "./locals.ts";
import { lowerAlu, lowerCondition, lowerMove, lowerNegation, lowerSwap } from "./lower-alu.ts";
import { lowerCall, lowerLoadImmediate } from "./lower-call.ts";
import { lowerAtomic, lowerLoad, lowerPacketLoad, lowerStore } from "./lower-memory.ts";
import type { WasmInstruction } from "./wasm.ts";

/** A block with two successors leaves the condition of its jump on the stack. */
export function lowerBlock(scope: Scope, block: BasicBlock): WasmInstruction[] {
  const code: WasmInstruction[] = [];
  let map: number | undefined;
  for (let index = block.start; index < block.end; index++) {
    const instruction = scope.program.instructions[index]!;
    // A jump to the next instruction does not end a block; only one that does, with two ways on, decides anything.
    if (instruction.kind === "jump" && (index < block.end - 1 || block.successors.length < 2)) continue;
    code.push(...lowerInstruction(scope, instruction, scope.program.targets[index] ?? -1, map));
    map = mapInR1(instruction, map);
  }
  return code;
}

function mapInR1(instruction: Instruction, before: number | undefined): number | undefined {
  if (instruction.kind === "call") return undefined;
  if (instruction.kind === "atomic") return instruction.source === 1 ? undefined : before;
  if (!("destination" in instruction) || instruction.destination !== 1) return before;
  const known = instruction.kind === "loadImmediate" && instruction.source.kind === "map";
  return known ? instruction.source.map : undefined;
}

function lowerInstruction(
  scope: Scope,
  instruction: Instruction,
  target: number,
  map: number | undefined,
): WasmInstruction[] {
  switch (instruction.kind) {
    case "alu":
      return lowerAlu(instruction);
    case "mov":
      return lowerMove(instruction);
    case "neg":
      return lowerNegation(instruction);
    case "byteSwap":
      return lowerSwap(instruction);
    case "load":
      return lowerLoad(instruction);
    case "store":
      return lowerStore(instruction);
    case "atomic":
      return lowerAtomic(instruction);
    case "loadPacket":
      return lowerPacketLoad(scope, instruction);
    case "loadImmediate":
      return lowerLoadImmediate(scope, instruction, target);
    case "jump":
      return lowerCondition(instruction);
    case "call":
      return lowerCall(scope, instruction, target, map);
    case "exit":
      return [get(0), ["return"]];
    default:
      return unreachable(instruction);
  }
}
