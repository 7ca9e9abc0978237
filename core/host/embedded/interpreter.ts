// The reference interpreter: one instruction at a time, every access checked against the regions of the lane. What it
// does is what RFC 9669 says; other engines are compared with it. Knows nothing of compilation.
import { unreachable } from "../../base/error.ts";
import {
  FRAME_COUNT,
  FRAME_SIZE_BYTES,
  functionHandle,
  isArrayKind,
  LANE_WORD,
  mapHandle,
  subprogramAt,
} from "../../image/abi.ts";
import {
  type AtomicInstruction,
  type CallInstruction,
  type Instruction,
  type JumpInstruction,
  type LoadImmediateInstruction,
  type LoadInstruction,
  type LoadPacketInstruction,
  type MovInstruction,
  type Operand,
  STACK_POINTER,
  type StoreInstruction,
} from "../../isa/instruction.ts";
import type { Program } from "../../program/program.ts";
import { atomic32, atomic64 } from "./atomics.ts";
import { InterpreterFault } from "./fault.ts";
import { callHelper } from "./helper-call.ts";
import type { Instance } from "./lane.ts";
import { accessAt, checkRead, type Machine, readable, setRegister } from "./machine.ts";
import { readPacketBounds } from "./regions.ts";
import { alu32, alu64, compare32, compare64, swapBytes } from "./registers.ts";

export interface InterpreterOptions {
  /** Called before each instruction with its index; may read the machine's registers, must not change them. */
  readonly trace?: (instruction: number, registers: BigInt64Array, program: Program) => void;
  /** After that many instructions the run ends with a fault; default: never. */
  readonly maximumSteps?: number;
}

/** Runs the machine's program; run() throws an InterpreterFault where a verified program would be at fault. */
export function createInterpreter(machine: Machine, options: InterpreterOptions = {}): Instance {
  const { instructions } = machine.program;
  const maximumSteps = options.maximumSteps ?? Number.POSITIVE_INFINITY;
  return {
    run(contextAddress) {
      start(machine, contextAddress);
      for (let steps = 0; machine.next >= 0; steps++) {
        if (steps >= maximumSteps) {
          throw new InterpreterFault("stepBudget", machine.next, `not at an end after ${steps} instructions`);
        }
        const instruction = instructions[machine.next];
        if (instruction === undefined) {
          throw new InterpreterFault("outOfBounds", machine.next, "there is no such instruction");
        }
        options.trace?.(machine.next, machine.registers.wide, machine.program);
        machine.current = machine.next;
        machine.next++;
        step(machine, instruction);
      }
      machine.views.words[machine.lane.resultAddress >>> 2] = machine.registers.halves[0]!;
      machine.views.words[(machine.lane.resultAddress >>> 2) + 1] = machine.registers.halves[1]!;
      return machine.registers.halves[0]!;
    },
  };
}

/** r1 is the context; for raw programs it is the memory (null if there is none) and r2 its length. */
function start(machine: Machine, contextAddress: number): void {
  const { program, lane } = machine;
  machine.registers.wide.fill(0n);
  machine.frames.length = 0;
  machine.next = 0;
  machine.contextAddress = contextAddress;
  const rawSizeBytes = program.rawMemorySizeBytes;
  if (rawSizeBytes === undefined) {
    machine.contextSizeBytes = program.type.context.sizeBytes;
    machine.packet = readPacketBounds(machine.views, program.type.context, contextAddress);
    machine.initialization?.enter([1], 1);
    setRegister(machine, 1, contextAddress, 0);
  } else {
    machine.contextSizeBytes = rawSizeBytes;
    machine.packet = { start: contextAddress, end: contextAddress + rawSizeBytes };
    machine.initialization?.enter([1, 2], 1);
    setRegister(machine, 1, rawSizeBytes === 0 ? 0 : contextAddress, 0);
    setRegister(machine, 2, rawSizeBytes, 0);
  }
  setRegister(machine, STACK_POINTER, lane.stackAddress + lane.stackSizeBytes, 0);
}

function step(machine: Machine, instruction: Instruction): void {
  const { registers } = machine;
  const { halves } = registers;
  switch (instruction.kind) {
    case "alu": {
      const { destination, operation, source } = instruction;
      readable(machine, destination);
      const low = lowOf(machine, source);
      if (instruction.width === 64) alu64(registers, operation, destination, low, highOf(machine, source));
      else setRegister(machine, destination, alu32(operation, halves[destination * 2]!, low), 0);
      return;
    }
    case "mov":
      move(machine, instruction);
      return;
    case "neg": {
      const { destination } = instruction;
      readable(machine, destination);
      if (instruction.width === 64) registers.wide[destination] = -registers.wide[destination]!;
      else setRegister(machine, destination, -halves[destination * 2]! | 0, 0);
      return;
    }
    case "byteSwap":
      readable(machine, instruction.destination);
      swapBytes(halves, instruction.destination, instruction.order !== "le", instruction.width);
      return;
    case "load":
      load(machine, instruction);
      return;
    case "store":
      store(machine, instruction);
      return;
    case "atomic":
      atomic(machine, instruction);
      return;
    case "loadPacket":
      loadPacket(machine, instruction);
      return;
    case "loadImmediate":
      loadImmediate(machine, instruction);
      return;
    case "jump":
      if (isTaken(machine, instruction)) machine.next = machine.program.targets[machine.current]!;
      return;
    case "call":
      call(machine, instruction);
      return;
    case "exit":
      leave(machine);
      return;
    default:
      unreachable(instruction);
  }
}

function lowOf(machine: Machine, operand: Operand): number {
  if (operand.kind === "immediate") return operand.value;
  readable(machine, operand.register);
  return machine.registers.halves[operand.register * 2]!;
}

/** Immediates are sign-extended (RFC 9669 section 4). */
function highOf(machine: Machine, operand: Operand): number {
  return operand.kind === "immediate"
    ? operand.value >> 31
    : machine.registers.halves[operand.register * 2 + 1]!;
}

function move(machine: Machine, instruction: MovInstruction): void {
  const { destination, source, width, signExtendFrom } = instruction;
  const low = lowOf(machine, source);
  if (signExtendFrom === undefined) {
    setRegister(machine, destination, low, width === 64 ? highOf(machine, source) : 0);
    return;
  }
  const extended = (low << (32 - signExtendFrom)) >> (32 - signExtendFrom);
  setRegister(machine, destination, extended, width === 64 ? extended >> 31 : 0);
}

function load(machine: Machine, instruction: LoadInstruction): void {
  const { destination, base, offset, sizeBytes, signed } = instruction;
  const address = accessAt(machine, base, offset, sizeBytes, false);
  if (machine.initialization !== undefined) checkRead(machine, address, sizeBytes, `r${base}`);
  const low = readLow(machine.views.data, address, sizeBytes, signed);
  const high = sizeBytes === 8 ? machine.views.data.getInt32(address + 4, true) : signed ? low >> 31 : 0;
  setRegister(machine, destination, low, high);
}

function readLow(data: DataView, address: number, sizeBytes: 1 | 2 | 4 | 8, signed: boolean): number {
  switch (sizeBytes) {
    case 1:
      return signed ? data.getInt8(address) : data.getUint8(address);
    case 2:
      return signed ? data.getInt16(address, true) : data.getUint16(address, true);
    default:
      return data.getInt32(address, true);
  }
}

function store(machine: Machine, instruction: StoreInstruction): void {
  const { base, offset, sizeBytes, source } = instruction;
  const address = accessAt(machine, base, offset, sizeBytes, true);
  const low = lowOf(machine, source);
  const { data } = machine.views;
  machine.initialization?.setBytes(address, sizeBytes);
  switch (sizeBytes) {
    case 1:
      data.setInt8(address, low);
      return;
    case 2:
      data.setInt16(address, low, true);
      return;
    case 4:
      data.setInt32(address, low, true);
      return;
    case 8:
      data.setInt32(address, low, true);
      data.setInt32(address + 4, highOf(machine, source), true);
      return;
    default:
      unreachable(sizeBytes);
  }
}

/** Sequentially consistent, like the WebAssembly engine's, so that threads may share a counter. */
function atomic(machine: Machine, instruction: AtomicInstruction): void {
  const { base, offset, sizeBytes, operation, source, fetch } = instruction;
  const address = accessAt(machine, base, offset, sizeBytes, true);
  checkRead(machine, address, sizeBytes, `r${base}`);
  readable(machine, source);
  if ((address & (sizeBytes - 1)) !== 0) {
    throw new InterpreterFault("outOfBounds", machine.current, `atomic access at ${address} is not aligned`);
  }
  if (operation === "compareExchange") readable(machine, 0);
  const { halves, wide } = machine.registers;
  const target = operation === "compareExchange" ? 0 : source;
  if (sizeBytes === 4) {
    const old = atomic32(machine.views.words, address >>> 2, operation, halves[source * 2]!, halves[0]!);
    if (fetch) setRegister(machine, target, old, 0);
  } else {
    const old = atomic64(machine.views.longs, address >>> 3, operation, wide[source]!, wide[0]!);
    if (fetch) setRegister(machine, target, Number(BigInt.asIntN(32, old)), Number(old >> 32n));
  }
}

/** Reads network order into r0; beyond the packet's end the function returns 0 (RFC 9669 section 5.5, as Linux does). */
function loadPacket(machine: Machine, instruction: LoadPacketInstruction): void {
  const { index, offset, sizeBytes } = instruction;
  const { start, end } = machine.hiddenPacket ?? machine.packet;
  if (index !== undefined) readable(machine, index);
  const at = offset + (index === undefined ? 0 : machine.registers.halves[index * 2]!);
  if (at < 0 || at + sizeBytes > end - start) {
    setRegister(machine, 0, 0, 0);
    leave(machine);
    return;
  }
  const { data } = machine.views;
  const address = start + at;
  const value =
    sizeBytes === 1
      ? data.getUint8(address)
      : sizeBytes === 2
        ? data.getUint16(address)
        : data.getInt32(address);
  setRegister(machine, 0, value, 0);
}

function loadImmediate(machine: Machine, { destination, source }: LoadImmediateInstruction): void {
  switch (source.kind) {
    case "number":
      setRegister(
        machine,
        destination,
        Number(BigInt.asIntN(32, source.value)),
        Number(BigInt.asIntN(32, source.value >> 32n)),
      );
      return;
    case "map":
      setRegister(machine, destination, mapHandle(source.map), 0);
      return;
    case "mapValue": {
      const map = machine.maps[source.map];
      if (map === undefined || !isArrayKind(map.descriptor.kind)) {
        throw unsupported(machine, "the address of a value of such a map");
      }
      setRegister(machine, destination, machine.bases[source.map]! + source.byteOffset, 0);
      return;
    }
    case "function": {
      const index = subprogramAt(machine.program, machine.program.targets[machine.current]!);
      setRegister(machine, destination, functionHandle(index), 0);
      return;
    }
    default:
      throw unsupported(machine, `an immediate of kind ${source.kind}`);
  }
}

function isTaken(machine: Machine, { condition, width }: JumpInstruction): boolean {
  if (condition === undefined) return true;
  const { left, right, test } = condition;
  readable(machine, left);
  const { halves } = machine.registers;
  const low = lowOf(machine, right);
  return width === 32
    ? compare32(test, halves[left * 2]!, low)
    : compare64(test, halves[left * 2]!, halves[left * 2 + 1]!, low, highOf(machine, right));
}

function call(machine: Machine, { target }: CallInstruction): void {
  switch (target.kind) {
    case "helper":
      callHelper(machine, target.id);
      // A tail call that succeeded: another program goes on.
      if (machine.views.words[(machine.lane.resultAddress + LANE_WORD.tailTarget) >>> 2] !== 0)
        machine.next = -1;
      return;
    case "local":
      enter(machine, machine.program.targets[machine.current]!);
      return;
    case "register": {
      readable(machine, target.register);
      const handle = machine.registers.halves[target.register * 2]!;
      const subprogram = machine.program.subprograms[handle - functionHandle(0)];
      if (subprogram === undefined) {
        throw new InterpreterFault("outOfBounds", machine.current, `r${target.register} is no function`);
      }
      enter(machine, subprogram.start);
      return;
    }
    case "kfunc":
      throw unsupported(machine, `kfunc ${target.btfId}`);
    default:
      unreachable(target);
  }
}

function enter(machine: Machine, target: number): void {
  if (machine.frames.length + 1 >= FRAME_COUNT) {
    throw new InterpreterFault("callDepth", machine.current, `more than ${FRAME_COUNT} functions deep`);
  }
  const { wide, halves } = machine.registers;
  machine.frames.push({
    returnTo: machine.next,
    saved: [wide[6]!, wide[7]!, wide[8]!, wide[9]!],
    initialised: machine.initialization?.mark() ?? 0,
  });
  const given = [1, 2, 3, 4, 5].filter((register) => machine.initialization?.hasRegister(register));
  machine.initialization?.enter(given, machine.frames.length + 1);
  halves[STACK_POINTER * 2] = halves[STACK_POINTER * 2]! - FRAME_SIZE_BYTES;
  machine.next = target;
}

/** From the entry the run ends: there is no next instruction. */
function leave(machine: Machine): void {
  readable(machine, 0);
  const frame = machine.frames.pop();
  if (frame === undefined) {
    machine.next = -1;
    return;
  }
  const { wide, halves } = machine.registers;
  for (let index = 0; index < frame.saved.length; index++) wide[6 + index] = frame.saved[index]!;
  halves[STACK_POINTER * 2] = halves[STACK_POINTER * 2]! + FRAME_SIZE_BYTES;
  machine.initialization?.leave(frame.initialised);
  machine.next = frame.returnTo;
}

function unsupported(machine: Machine, what: string): InterpreterFault {
  return new InterpreterFault("unsupported", machine.current, `${what} cannot be run`);
}
