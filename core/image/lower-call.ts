// Calls and 64-bit immediates in WebAssembly, by the conventions of abi.ts. A look-up in an array that is known at
// compile time needs no call: the address of a value is arithmetic.
import { InternalError, unreachable } from "../base/error.ts";
import type { CallInstruction, LoadImmediateInstruction } from "../isa/instruction.ts";
import { findHelper, type Helper } from "../platform/platform.ts";
import type { ProgramMap } from "../program/program.ts";
import {
  arrayStride,
  FRAME_SIZE_BYTES,
  functionHandle,
  halvesOf,
  isArrayKind,
  LANE_WORD,
  MODULE_NAMES,
  mapHandle,
  mapName,
  returnsPointer,
  subprogramAt,
  TAIL_CALL,
} from "./abi.ts";
import { get, getLow, LOCALS, type Scope, set } from "./locals.ts";
import type { WasmInstruction } from "./wasm.ts";

/** `map` is the index of the map that r1 is known to hold, if any. */
export function lowerCall(
  scope: Scope,
  { target }: CallInstruction,
  targetIndex: number,
  map: number | undefined,
): WasmInstruction[] {
  switch (target.kind) {
    case "helper": {
      const helper = findHelper(scope.program.platform, target.id, scope.program.type.name);
      if (helper === undefined) throw new InternalError(`helper ${target.id} is unknown`);
      if (map !== undefined && helper.name === "map_lookup_elem") {
        return lookUp(scope, map) ?? callHelper(scope, helper);
      }
      return [...callHelper(scope, helper), ...(helper.name === TAIL_CALL ? endIfTailCalled(scope) : [])];
    }
    case "local": {
      const index = subprogramAt(scope.program, targetIndex);
      return [
        ...subprogramArguments(),
        ["call", scope.subprogramIndex(index)],
        set(0),
        ...endIfTailCalled(scope),
      ];
    }
    case "register":
      return [
        ...subprogramArguments(),
        ...getLow(target.register),
        ["call_indirect", 0],
        set(0),
        ...endIfTailCalled(scope),
      ];
    case "kfunc":
      throw new InternalError(`kfunc ${target.btfId} cannot be compiled`);
    default:
      return unreachable(target);
  }
}

/** After a tail call that succeeded no function of the program goes on. */
function endIfTailCalled(scope: Scope): WasmInstruction[] {
  if (!scope.hasTailCalls) return [];
  return [
    ["global.get", scope.constantIndex(MODULE_NAMES.result)],
    ["i32.load", 2, LANE_WORD.tailTarget],
    ["if"],
    ["i64.const", 0],
    ["return"],
    ["end"],
  ];
}

function subprogramArguments(): WasmInstruction[] {
  return [...[1, 2, 3, 4, 5].map(get), get(10), ["i64.const", FRAME_SIZE_BYTES], ["i64.sub"]];
}

function callHelper(scope: Scope, helper: Helper): WasmInstruction[] {
  const halves = helper.arguments.flatMap((argument, index): WasmInstruction[] => {
    const low = getLow(index + 1);
    if (halvesOf(argument) === 1) return low;
    return [...low, get(index + 1), ["i64.const", 32], ["i64.shr_u"], ["i32.wrap_i64"]];
  });
  const high: WasmInstruction[] = [
    ["global.get", scope.constantIndex(MODULE_NAMES.result)],
    ["i64.load32_u", 2, 4],
    ["i64.const", 32],
    ["i64.shl"],
    ["i64.or"],
  ];
  return [
    ...halves,
    ["call", scope.helperIndex(helper.id)],
    ["i64.extend_i32_u"],
    ...(returnsPointer(helper) ? [] : high),
    set(0),
  ];
}

/** The look-up in a map that is known; undefined if only the helper can do it. */
function lookUp(scope: Scope, map: number): WasmInstruction[] | undefined {
  const row = scope.program.maps[map];
  if (row !== undefined && isArrayKind(row.type.name)) return lookUpArray(scope, row, map);
  const finder = scope.finderIndex(map);
  if (finder === undefined) return undefined;
  return [...getLow(2), ["call", finder], ["i64.extend_i32_u"], set(0)];
}

function lookUpArray(scope: Scope, { spec }: ProgramMap, map: number): WasmInstruction[] {
  return [
    ...getLow(2),
    ["i32.load", 0, 0],
    ["local.tee", LOCALS.narrow],
    ["i32.const", arrayStride(spec.valueSizeBytes)],
    ["i32.mul"],
    ["global.get", scope.constantIndex(mapName(map))],
    ["i32.add"],
    ["i32.const", 0],
    ["local.get", LOCALS.narrow],
    ["i32.const", spec.maxEntries | 0],
    ["i32.lt_u"],
    ["select"],
    ["i64.extend_i32_u"],
    set(0),
  ];
}

export function lowerLoadImmediate(
  scope: Scope,
  { destination, source }: LoadImmediateInstruction,
  targetIndex: number,
): WasmInstruction[] {
  switch (source.kind) {
    case "number":
      return [["i64.const", BigInt.asIntN(64, source.value)], set(destination)];
    case "map":
      return [["i64.const", mapHandle(source.map)], set(destination)];
    case "mapValue": {
      const kind = scope.program.maps[source.map]?.type.name;
      if (kind === undefined || !isArrayKind(kind)) throw new InternalError(`map ${source.map} is no array`);
      const index = scope.constantIndex(mapName(source.map));
      return [
        ["global.get", index],
        ["i64.extend_i32_u"],
        ["i64.const", source.byteOffset],
        ["i64.add"],
        set(destination),
      ];
    }
    case "function":
      return [["i64.const", functionHandle(subprogramAt(scope.program, targetIndex))], set(destination)];
    default:
      throw new InternalError(`an immediate of kind ${source.kind} cannot be compiled`);
  }
}
