// Loads, stores and atomics (RFC 9669 sections 5.1 to 5.3) and the legacy packet loads (5.5) in WebAssembly. BPF
// addresses are offsets in the linear memory, so no translation and, after verification, no check is needed.
import type {
  AtomicInstruction,
  AtomicOperation,
  LoadInstruction,
  LoadPacketInstruction,
  Register,
  SizeBytes,
  StoreInstruction,
} from "../isa/instruction.ts";
import { get, getLow, LOCALS, operand, type Scope, set, setWidth } from "./locals.ts";
import { reverse16, reverse32 } from "./lower-alu.ts";
import type { WasmInstruction, WasmOpcode } from "./wasm.ts";

/**
 * The address on the stack, and the offset that is left for the access itself. WebAssembly adds its unsigned offset
 * without wrapping; that is right for a positive one, because a base that verification let through lies at most 32 KiB
 * off a region, and no region begins below 64 KiB.
 */
function address(base: Register, offset: number): { code: WasmInstruction[]; rest: number } {
  if (offset >= 0) return { code: getLow(base), rest: offset };
  return { code: [...getLow(base), ["i32.const", offset], ["i32.add"]], rest: 0 };
}

const LOADS: Readonly<Record<"signed" | "unsigned", Readonly<Record<SizeBytes, WasmOpcode>>>> = {
  signed: { 1: "i64.load8_s", 2: "i64.load16_s", 4: "i64.load32_s", 8: "i64.load" },
  unsigned: { 1: "i64.load8_u", 2: "i64.load16_u", 4: "i64.load32_u", 8: "i64.load" },
};

const STORES: Readonly<Record<SizeBytes, WasmOpcode>> = {
  1: "i64.store8",
  2: "i64.store16",
  4: "i64.store32",
  8: "i64.store",
};

export function lowerLoad({
  sizeBytes,
  signed,
  destination,
  base,
  offset,
}: LoadInstruction): WasmInstruction[] {
  const { code, rest } = address(base, offset);
  return [...code, [LOADS[signed ? "signed" : "unsigned"][sizeBytes], 0, rest], set(destination)];
}

export function lowerStore({ sizeBytes, base, offset, source }: StoreInstruction): WasmInstruction[] {
  const { code, rest } = address(base, offset);
  return [...code, ...operand(source, 64), [STORES[sizeBytes], 0, rest]];
}

const ATOMICS: Readonly<Record<AtomicOperation, string>> = {
  add: "add",
  or: "or",
  and: "and",
  xor: "xor",
  exchange: "xchg",
  compareExchange: "cmpxchg",
};

/** The old value goes to the source, for compareExchange to r0; of 32 bits it is zero-extended. */
export function lowerAtomic(instruction: AtomicInstruction): WasmInstruction[] {
  const { sizeBytes, operation, fetch, base, offset, source } = instruction;
  const width = sizeBytes === 4 ? 32 : 64;
  const { code, rest } = address(base, offset);
  const register = (number: Register): WasmInstruction[] =>
    operand({ kind: "register", register: number }, width);
  const expected = operation === "compareExchange" ? register(0) : [];
  const opcode = `i${width}.atomic.rmw.${ATOMICS[operation]}` as WasmOpcode;
  const target = operation === "compareExchange" ? 0 : source;
  return [
    ...code,
    ...expected,
    ...register(source),
    [opcode, width === 32 ? 2 : 3, rest],
    ...(fetch ? setWidth(target, width) : ([["drop"]] as const)),
  ];
}

/** Network order into r0; beyond the packet the function returns 0, as in Linux. */
export function lowerPacketLoad(scope: Scope, instruction: LoadPacketInstruction): WasmInstruction[] {
  const { sizeBytes, index, offset } = instruction;
  const indexed: WasmInstruction[] = index === undefined ? [] : [get(index), ["i64.extend32_s"], ["i64.add"]];
  const length: WasmInstruction[] = [
    ["global.get", scope.packetEnd],
    ["global.get", scope.packetStart],
    ["i32.sub"],
    ["i64.extend_i32_u"],
  ];
  const value: WasmInstruction[] = [[LOADS.unsigned[sizeBytes], 0, 0]];
  if (sizeBytes === 2) value.push(["i32.wrap_i64"], ...reverse16(), ["i64.extend_i32_u"]);
  if (sizeBytes === 4) value.push(["i32.wrap_i64"], ...reverse32(), ["i64.extend_i32_u"]);
  return [
    ["i64.const", offset],
    ...indexed,
    // A negative offset is beyond every length as an unsigned number.
    ["local.tee", LOCALS.wide],
    ...length,
    ["i64.gt_u"],
    ["local.get", LOCALS.wide],
    ["i64.const", sizeBytes],
    ["i64.add"],
    ...length,
    ["i64.gt_u"],
    ["i32.or"],
    ["if"],
    ["i64.const", 0],
    ["return"],
    ["end"],
    ["global.get", scope.packetStart],
    ["local.get", LOCALS.wide],
    ["i32.wrap_i64"],
    ["i32.add"],
    ...value,
    set(0),
  ];
}
