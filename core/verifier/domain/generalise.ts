// A kept state without what did not matter: the least that later states are compared with, so a member of a set of
// states that is closed under the program. Knows nothing of programs and paths.
import { REGISTER_COUNT } from "../../isa/instruction.ts";
import type { Needs } from "./cover.ts";
import { mapSlots } from "./slots.ts";
import type { Slot, Stack } from "./stack.ts";
import { type Frame, register, type State } from "./state.ts";
import { METADATA_BIT, PACKET_BIT } from "./touched.ts";
import { UNINITIALIZED, UNKNOWN_NUMBER, type Value } from "./value.ts";

/**
 * Registers that are not live and slots that nobody looked at hold nothing; numbers on which nothing depended are any
 * number. Everything that `covers` accepts for `state` is an instance of the result, and the other way round.
 */
export function generalised(state: State, needs: Needs, live: number): State {
  const registers: Value[] = [];
  for (let index = 0; index < REGISTER_COUNT; index++) {
    const value = (live >> index) & 1 ? register(state, index) : UNINITIALIZED;
    registers.push(vague(value, ((needs.preciseRegisters >> index) & 1) === 1));
  }
  const proved = (bit: number, length: number): number => ((needs.preciseRegisters >> bit) & 1 ? length : 0);
  return {
    ...state,
    registers,
    frames: state.frames.map((frame) => ({ ...frame, stack: generalisedStack(frame, needs) })),
    packet: proved(PACKET_BIT, state.packet),
    metadata: proved(METADATA_BIT, state.metadata),
  };
}

function vague(value: Value, precise: boolean): Value {
  return value.kind === "number" && !precise ? UNKNOWN_NUMBER : value;
}

function generalisedStack({ stack }: Frame, needs: Needs): Stack {
  return mapSlots(stack, (slot, index) => {
    const bit = index & 31;
    const low = index < 32;
    const isRead = ((low ? needs.readLow : needs.readHigh) >>> bit) & 1;
    const isPrecise = ((low ? needs.preciseLow : needs.preciseHigh) >>> bit) & 1;
    return slot === undefined || isRead === 0 ? undefined : vagueSlot(slot, isPrecise === 1);
  });
}

function vagueSlot(slot: Slot, precise: boolean): Slot {
  if (precise) return slot;
  return slot.kind === "spill" ? { kind: "spill", value: vague(slot.value, false) } : { ...slot, parts: [] };
}
