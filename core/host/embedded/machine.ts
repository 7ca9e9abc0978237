// The state of the interpreter and its checked access to memory. What instructions do is in interpreter.ts.
import type { Register } from "../../isa/instruction.ts";
import type { ContextDescriptor, Helper } from "../../platform/platform.ts";
import type { Program } from "../../program/program.ts";
import { InterpreterFault } from "./fault.ts";
import type { HelperFunction } from "./helpers.ts";
import type { Initialization } from "./initialization.ts";
import type { Lane } from "./lane.ts";
import type { MapAccess } from "./maps/map.ts";
import type { MemoryViews } from "./memory.ts";
import { checkAccess, type PacketBounds } from "./regions.ts";
import type { Registers } from "./registers.ts";

export interface BoundHelper {
  readonly row: Helper;
  readonly call: HelperFunction;
}

export interface Frame {
  readonly returnTo: number;
  /** r6 to r9 of the caller. */
  readonly saved: readonly bigint[];
  readonly initialised: number;
}

export interface Machine {
  readonly program: Program;
  readonly views: MemoryViews;
  readonly lane: Lane;
  readonly maps: readonly MapAccess[];
  /** By map index; for arrays the address of the first value in this lane. */
  readonly bases: readonly number[];
  readonly helpers: ReadonlyMap<number, BoundHelper>;
  readonly registers: Registers;
  readonly initialization: Initialization | undefined;
  readonly frames: Frame[];
  /** The instruction being executed, and the one after it. */
  current: number;
  next: number;
  contextAddress: number;
  contextSizeBytes: number;
  packet: PacketBounds;
  /** Set where the context is held to its fields too (checked.ts). */
  readonly fields?: ContextDescriptor;
  /** The packet where the context does not say where it is (checked.ts); only legacy loads come to it. */
  readonly hiddenPacket?: PacketBounds;
}

/** The checked address of an access at base + offset; InterpreterFault if it is not the program's to make. */
export function accessAt(
  machine: Machine,
  base: Register,
  offset: number,
  sizeBytes: number,
  write: boolean,
): number {
  readable(machine, base);
  const { halves } = machine.registers;
  const low = (halves[base * 2]! >>> 0) + offset;
  // The sum as 64 bits is below 2^32 exactly if the high half, with carry or borrow, is 0.
  const carry = low < 0 ? -1 : low >= 2 ** 32 ? 1 : 0;
  if ((halves[base * 2 + 1]! + carry) | 0) {
    throw new InterpreterFault("outOfBounds", machine.current, `r${base}${signed(offset)} is no address`);
  }
  const address = low >>> 0;
  const access = checkAccess(machine, address, sizeBytes, write, machine.frames.length + 1);
  // The text is made only where it is needed: this runs at every load and store.
  if (access !== "allowed")
    throw denied(machine, access, address, sizeBytes, write, `r${base}${signed(offset)}`);
  return address;
}

/** Checks bytes that a helper reads or writes. */
export function checkBytes(
  machine: Machine,
  address: number,
  sizeBytes: number,
  write: boolean,
  what: string,
): void {
  const access = checkAccess(machine, address, sizeBytes, write, machine.frames.length + 1);
  if (access !== "allowed") throw denied(machine, access, address, sizeBytes, write, what);
}

function denied(
  machine: Machine,
  access: "readOnly" | "outside",
  address: number,
  sizeBytes: number,
  write: boolean,
  what: string,
): InterpreterFault {
  return new InterpreterFault(
    access === "readOnly" ? "readOnly" : "outOfBounds",
    machine.current,
    `${sizeBytes} bytes at ${what} (address ${address}) may not be ${write ? "written" : "read"}`,
  );
}

/** Like checkBytes, and the bytes must be initialised. */
export function checkRead(machine: Machine, address: number, sizeBytes: number, what: string): void {
  checkBytes(machine, address, sizeBytes, false, what);
  if (machine.initialization?.hasBytes(address, sizeBytes) === false) {
    throw new InterpreterFault(
      "stackUninitialized",
      machine.current,
      `${sizeBytes} bytes at ${what} are read before they are written`,
    );
  }
}

export function readable(machine: Machine, register: Register): void {
  if (machine.initialization?.hasRegister(register) === false) {
    throw new InterpreterFault(
      "registerUninitialized",
      machine.current,
      `r${register} is read before it is written`,
    );
  }
}

export function setRegister(machine: Machine, register: Register, low: number, high: number): void {
  machine.registers.halves[register * 2] = low;
  machine.registers.halves[register * 2 + 1] = high;
  machine.initialization?.setRegister(register);
}

function signed(offset: number): string {
  return offset < 0 ? `${offset}` : `+${offset}`;
}
