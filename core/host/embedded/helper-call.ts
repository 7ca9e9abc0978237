// How the interpreter calls a helper: it checks the memory arguments as the platform's prototype says, and passes halves
// as image/abi.ts says.
import { halvesOf, returnsPointer } from "../../image/abi.ts";
import type { ArgumentKind } from "../../platform/platform.ts";
import { InterpreterFault } from "./fault.ts";
import { checkBytes, checkRead, type Machine, readable, setRegister } from "./machine.ts";
import { readPacketBounds } from "./regions.ts";

export function callHelper(machine: Machine, id: number): void {
  const helper = machine.helpers.get(id);
  if (helper === undefined) {
    throw new InterpreterFault("unsupported", machine.current, `helper ${id} is not bound`);
  }
  const { halves } = machine.registers;
  const values: number[] = [];
  const kinds = helper.row.arguments;
  for (let index = 0; index < kinds.length; index++) {
    const kind = kinds[index]!;
    const register = index + 1;
    if (!isOptional(kind)) readable(machine, register);
    checkArgument(machine, kinds, index);
    values.push(halves[register * 2]!);
    if (halvesOf(kind) === 2) values.push(halves[register * 2 + 1]!);
  }
  const low = helper.call(...values);
  // The context says where the packet is now.
  if (helper.row.invalidatesPacket === true) {
    machine.packet = readPacketBounds(machine.views, machine.program.type.context, machine.contextAddress);
  }
  const high = returnsPointer(helper.row) ? 0 : machine.views.words[(machine.lane.resultAddress + 4) >>> 2]!;
  machine.initialization?.leave(machine.initialization.mark());
  setRegister(machine, 0, low, high);
}

/** A register that the helper does not look at: it may be uninitialised. */
function isOptional(kind: ArgumentKind): boolean {
  return (kind.kind === "scalar" || kind.kind === "anything") && kind.optional === true;
}

function checkArgument(machine: Machine, kinds: readonly ArgumentKind[], index: number): void {
  const kind = kinds[index]!;
  const address = argument(machine, index);
  const what = `argument ${index + 1}`;
  switch (kind.kind) {
    case "mapKey":
      checkRead(machine, address, mapOf(machine, kinds).descriptor.keySizeBytes, what);
      return;
    case "mapValue": {
      if (kind.orNull === true && address === 0) return;
      const { valueSizeBytes } = mapOf(machine, kinds).descriptor;
      if (kind.access === "read") {
        checkRead(machine, address, valueSizeBytes, what);
        return;
      }
      checkWrite(machine, address, valueSizeBytes, what);
      return;
    }
    case "memory": {
      const sizeBytes = argument(machine, kind.sizeAt ?? index + 1);
      if (sizeBytes === 0 || (kind.orNull && address === 0)) return;
      if (kind.access !== "write") checkRead(machine, address, sizeBytes, what);
      if (kind.access !== "read") checkWrite(machine, address, sizeBytes, what);
      return;
    }
    case "fixedMemory":
      if (kind.orNull === true && address === 0) return;
      if (kind.access !== "write") checkRead(machine, address, kind.sizeBytes, what);
      if (kind.access !== "read") checkWrite(machine, address, kind.sizeBytes, what);
      return;
    default:
      return;
  }
}

function checkWrite(machine: Machine, address: number, sizeBytes: number, what: string): void {
  checkBytes(machine, address, sizeBytes, true, what);
  machine.initialization?.setBytes(address, sizeBytes);
}

function argument(machine: Machine, index: number): number {
  return machine.registers.halves[(index + 1) * 2]! >>> 0;
}

function mapOf(machine: Machine, kinds: readonly ArgumentKind[]) {
  const map =
    machine.maps[
      argument(
        machine,
        kinds.findIndex((row) => row.kind === "map"),
      ) - 1
    ];
  if (map === undefined) {
    throw new InterpreterFault(
      "outOfBounds",
      machine.current,
      "the map argument is not a map of the program",
    );
  }
  return map;
}
