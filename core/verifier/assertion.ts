// What must hold before an instruction, as data. Knows no states: check.ts decides whether a state satisfies an
// assertion, transfer.ts what the instruction then does. Every register an instruction reads is named here.
import {
  type AluOperation,
  type Instruction,
  type JumpCondition,
  type Operand,
  REGISTER_COUNT,
  type Register,
  STACK_POINTER,
} from "../isa/instruction.ts";
import { type ArgumentKind, findHelper, type Helper, type Platform } from "../platform/platform.ts";
import { FIRST_UNRESOLVED, type Program } from "../program/program.ts";

export type AccessKind = "read" | "write" | "atomic";

/** One use of memory through a register. */
export interface Access {
  readonly kind: AccessKind;
  readonly base: Register;
  readonly offset: number;
  readonly sizeBytes: number;
  /** A sign-extending load: never gives a pointer. */
  readonly signed: boolean;
}

export type Assertion =
  /** The register has been given a value. */
  | { readonly kind: "initialized"; readonly register: Register }
  /** The register holds a number; `use` says what for. */
  | { readonly kind: "number"; readonly register: Register; readonly use: "operand" | "stored" | "narrowed" }
  /** r10 is not written. */
  | { readonly kind: "writable"; readonly register: Register }
  /** The operands may be added or subtracted: numbers, or a pointer and a bounded number, or pointers into one object. */
  | {
      readonly kind: "arithmetic";
      readonly operation: AluOperation;
      readonly width: 32 | 64;
      readonly left: Register;
      readonly right: Operand;
    }
  | { readonly kind: "memory"; readonly access: Access }
  /** A pointer in `register` may be stored there: only whole and aligned on the stack. */
  | { readonly kind: "storable"; readonly register: Register; readonly access: Access }
  | {
      readonly kind: "comparable";
      readonly width: 32 | 64;
      readonly test: JumpCondition;
      readonly left: Register;
      readonly right: Operand;
    }
  | {
      readonly kind: "argument";
      readonly helper: Helper;
      /** From 0; the register is r1 + position. */
      readonly position: number;
      readonly argument: ArgumentKind;
    }
  /** Programs may change the map in r1. */
  | { readonly kind: "mapWritable"; readonly helper: Helper }
  /** In the entry function: r0 is a number the hook may be given; in a callback: one its helper may be given. */
  | { readonly kind: "result" }
  /** No reference is held where the program ends or may end. */
  | { readonly kind: "nothingHeld"; readonly at: "exit" | "tailCall" | "packetLoad" }
  /** A callback leaves pointers in the frames of its callers as they were, since it may run again. */
  | { readonly kind: "callersKept" }
  /** The legacy packet load: the context is in r6. */
  | { readonly kind: "packetLoad" }
  /** The CO-RE relocation there was resolved. */
  | { readonly kind: "resolved"; readonly number: number }
  /** One more frame fits. */
  | { readonly kind: "callDepth" };

/** Helpers that change the map in r1. */
const MAP_WRITERS: ReadonlySet<string> = new Set([
  "map_update_elem",
  "map_delete_elem",
  "map_push_elem",
  "map_pop_elem",
]);

function operand(use: "operand" | "stored", source: Operand): Assertion[] {
  return source.kind === "register" ? [{ kind: "number", register: source.register, use }] : [];
}

const REGISTERS = Array.from({ length: REGISTER_COUNT }, (_, register) => register);
/** Made once: there is hardly an instruction without one of them. */
const WRITABLE = REGISTERS.map((register): Assertion => ({ kind: "writable", register }));
const INITIALIZED = REGISTERS.map((register): Assertion => ({ kind: "initialized", register }));

function writable(register: Register): Assertion {
  return WRITABLE[register] as Assertion;
}

function initialized(register: Register): Assertion {
  return INITIALIZED[register] as Assertion;
}

function initializedOperand(source: Operand): Assertion[] {
  return source.kind === "register" ? [initialized(source.register)] : [];
}

/** Everything that must hold before `instruction`; unsupported instructions and bad targets are structure.ts' business. */
export function assertionsOf(
  instruction: Instruction,
  platform: Platform,
  programType: string,
): readonly Assertion[] {
  switch (instruction.kind) {
    case "alu": {
      const { destination, source, operation, width } = instruction;
      const list: Assertion[] = [
        writable(destination),
        initialized(destination),
        ...initializedOperand(source),
      ];
      if (operation === "add" || operation === "sub") {
        list.push({ kind: "arithmetic", operation, width, left: destination, right: source });
      } else {
        list.push({ kind: "number", register: destination, use: "operand" }, ...operand("operand", source));
      }
      return list;
    }
    case "mov": {
      const { destination, source, width, signExtendFrom } = instruction;
      const list: Assertion[] = [writable(destination), ...initializedOperand(source)];
      if ((width === 32 || signExtendFrom !== undefined) && source.kind === "register") {
        list.push({ kind: "number", register: source.register, use: "narrowed" });
      }
      return list;
    }
    case "neg":
    case "byteSwap":
      return [
        writable(instruction.destination),
        { kind: "number", register: instruction.destination, use: "operand" },
      ];
    case "load":
      return [
        writable(instruction.destination),
        { kind: "memory", access: { ...instruction, kind: "read" } },
      ];
    case "store": {
      const access: Access = { ...instruction, kind: "write", signed: false };
      const list: Assertion[] = [{ kind: "memory", access }];
      if (instruction.source.kind === "register") {
        const { register } = instruction.source;
        list.unshift(initialized(register));
        list.push({ kind: "storable", register, access });
      }
      return list;
    }
    case "atomic": {
      const list: Assertion[] = [
        { kind: "memory", access: { ...instruction, kind: "atomic", signed: false } },
        { kind: "number", register: instruction.source, use: "stored" },
      ];
      if (instruction.operation === "compareExchange") {
        list.push({ kind: "number", register: 0, use: "operand" });
      } else if (instruction.fetch) {
        list.push(writable(instruction.source));
      }
      return list;
    }
    case "loadImmediate":
      return [writable(instruction.destination)];
    case "jump": {
      if (instruction.condition === undefined) return [];
      const { test, left, right } = instruction.condition;
      return [
        initialized(left),
        ...initializedOperand(right),
        { kind: "comparable", width: instruction.width, test, left, right },
      ];
    }
    case "call":
      return instruction.target.kind === "helper"
        ? helperAssertions(findHelper(platform, instruction.target.id, programType), instruction.target.id)
        : [{ kind: "callDepth" }];
    case "exit":
      return [{ kind: "result" }, { kind: "nothingHeld", at: "exit" }, { kind: "callersKept" }];
    case "loadPacket": {
      const list: Assertion[] = [{ kind: "packetLoad" }, { kind: "nothingHeld", at: "packetLoad" }];
      if (instruction.index !== undefined) {
        list.push({ kind: "number", register: instruction.index, use: "operand" });
      }
      return list;
    }
  }
}

/** Those of a program's instructions, by their index; made when they are first asked for. */
export function assertionTable({
  instructions,
  platform,
  type,
}: Program): (index: number) => readonly Assertion[] {
  const known = new Array<readonly Assertion[] | undefined>(instructions.length);
  return (index) => {
    const instruction = instructions[index];
    if (instruction === undefined) return [];
    known[index] ??= assertionsOf(instruction, platform, type.name);
    return known[index];
  };
}

/** structure.ts lets a call of no helper pass only where a CO-RE relocation left it. */
function helperAssertions(helper: Helper | undefined, id: number): readonly Assertion[] {
  if (helper === undefined) return [{ kind: "resolved", number: id - FIRST_UNRESOLVED }];
  const list: Assertion[] = helper.arguments.map((argument, position) => ({
    kind: "argument",
    helper,
    position,
    argument,
  }));
  if (MAP_WRITERS.has(helper.name)) list.push({ kind: "mapWritable", helper });
  if (helper.name === "tail_call") list.push({ kind: "nothingHeld", at: "tailCall" });
  if (helper.arguments.some((argument) => argument.kind === "callback")) list.push({ kind: "callDepth" });
  return list;
}

function bit(register: Register): number {
  return 1 << register;
}

function source(from: Operand): number {
  return from.kind === "register" ? bit(from.register) : 0;
}

/** Registers read and written by an instruction, as bit masks; what liveness needs. */
export function registersOf(
  instruction: Instruction,
  platform: Platform,
  programType: string,
): { readonly read: number; readonly written: number } {
  switch (instruction.kind) {
    case "alu":
      return {
        read: bit(instruction.destination) | source(instruction.source),
        written: bit(instruction.destination),
      };
    case "mov":
      return { read: source(instruction.source), written: bit(instruction.destination) };
    case "neg":
    case "byteSwap":
      return { read: bit(instruction.destination), written: bit(instruction.destination) };
    case "load":
      return { read: bit(instruction.base), written: bit(instruction.destination) };
    case "store":
      return { read: bit(instruction.base) | source(instruction.source), written: 0 };
    case "atomic": {
      const exchange = instruction.operation === "compareExchange";
      return {
        read: bit(instruction.base) | bit(instruction.source) | (exchange ? 1 : 0),
        written: exchange ? 1 : instruction.fetch ? bit(instruction.source) : 0,
      };
    }
    case "loadImmediate":
      return { read: 0, written: bit(instruction.destination) };
    case "jump":
      return {
        read:
          instruction.condition === undefined
            ? 0
            : bit(instruction.condition.left) | source(instruction.condition.right),
        written: 0,
      };
    case "call":
      return { read: callArguments(instruction, platform, programType), written: CALLER_SAVED };
    case "exit":
      return { read: 1, written: 0 };
    case "loadPacket":
      return {
        read: bit(CONTEXT_OF_PACKET_LOAD) | (instruction.index === undefined ? 0 : bit(instruction.index)),
        written: CALLER_SAVED,
      };
  }
}

/** Where the legacy packet load takes the context from (kernel documentation, "Legacy BPF Packet access instructions"). */
export const CONTEXT_OF_PACKET_LOAD = 6;

/** r1 ... r5. */
export function argumentRegister(position: number): number {
  return position + 1;
}

const ALL_REGISTERS = (1 << (STACK_POINTER + 1)) - 1;
/** r0 ... r5 are clobbered by a call (RFC 9669 section 2.1). */
const CALLER_SAVED = 0b11_1111;
const ARGUMENT_REGISTERS = 0b11_1110;

function callArguments(
  instruction: Extract<Instruction, { readonly kind: "call" }>,
  platform: Platform,
  programType: string,
): number {
  if (instruction.target.kind !== "helper") return ALL_REGISTERS & ARGUMENT_REGISTERS;
  const count = findHelper(platform, instruction.target.id, programType)?.arguments.length ?? 5;
  return ((1 << count) - 1) << 1;
}
