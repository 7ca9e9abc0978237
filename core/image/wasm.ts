// The WebAssembly module as data and its binary form (core specification 2 section 5, threads proposal for atomics).
// Only what lower.ts needs; knows no BPF.
import { ByteWriter } from "../base/bytes.ts";
import { writeSignedLeb128, writeUnsignedLeb128 } from "../base/leb128.ts";

export type ValueType = "i32" | "i64";

type Immediates =
  | "none"
  /** One unsigned number: a local, global, function or label index. */
  | "index"
  | "i32"
  | "i64"
  /** log2 of the alignment, offset. */
  | "memory"
  /** A block's result type, or nothing. */
  | "block"
  /** Labels of a br_table, the default last. */
  | "labels"
  /** Type index, table 0. */
  | "indirect";

type Row = readonly [code: number, immediates: Immediates];

/** Opcodes above 0xff are those behind the prefix 0xfe. */
const OPCODES = {
  unreachable: [0x00, "none"],
  block: [0x02, "block"],
  loop: [0x03, "block"],
  if: [0x04, "block"],
  else: [0x05, "none"],
  end: [0x0b, "none"],
  br: [0x0c, "index"],
  br_if: [0x0d, "index"],
  br_table: [0x0e, "labels"],
  return: [0x0f, "none"],
  call: [0x10, "index"],
  call_indirect: [0x11, "indirect"],
  drop: [0x1a, "none"],
  select: [0x1b, "none"],
  "local.get": [0x20, "index"],
  "local.set": [0x21, "index"],
  "local.tee": [0x22, "index"],
  "global.get": [0x23, "index"],
  "global.set": [0x24, "index"],
  "i32.load": [0x28, "memory"],
  "i64.load": [0x29, "memory"],
  "i32.load8_u": [0x2d, "memory"],
  "i32.load16_u": [0x2f, "memory"],
  "i64.load8_s": [0x30, "memory"],
  "i64.load8_u": [0x31, "memory"],
  "i64.load16_s": [0x32, "memory"],
  "i64.load16_u": [0x33, "memory"],
  "i64.load32_s": [0x34, "memory"],
  "i64.load32_u": [0x35, "memory"],
  "i64.store": [0x37, "memory"],
  "i64.store8": [0x3c, "memory"],
  "i64.store16": [0x3d, "memory"],
  "i64.store32": [0x3e, "memory"],
  "i32.const": [0x41, "i32"],
  "i64.const": [0x42, "i64"],
  "i32.eqz": [0x45, "none"],
  "i32.eq": [0x46, "none"],
  "i32.ne": [0x47, "none"],
  "i32.lt_s": [0x48, "none"],
  "i32.lt_u": [0x49, "none"],
  "i32.gt_s": [0x4a, "none"],
  "i32.gt_u": [0x4b, "none"],
  "i32.le_s": [0x4c, "none"],
  "i32.le_u": [0x4d, "none"],
  "i32.ge_s": [0x4e, "none"],
  "i32.ge_u": [0x4f, "none"],
  "i64.eqz": [0x50, "none"],
  "i64.eq": [0x51, "none"],
  "i64.ne": [0x52, "none"],
  "i64.lt_s": [0x53, "none"],
  "i64.lt_u": [0x54, "none"],
  "i64.gt_s": [0x55, "none"],
  "i64.gt_u": [0x56, "none"],
  "i64.le_s": [0x57, "none"],
  "i64.le_u": [0x58, "none"],
  "i64.ge_s": [0x59, "none"],
  "i64.ge_u": [0x5a, "none"],
  "i32.add": [0x6a, "none"],
  "i32.sub": [0x6b, "none"],
  "i32.mul": [0x6c, "none"],
  "i32.div_s": [0x6d, "none"],
  "i32.div_u": [0x6e, "none"],
  "i32.rem_s": [0x6f, "none"],
  "i32.rem_u": [0x70, "none"],
  "i32.and": [0x71, "none"],
  "i32.or": [0x72, "none"],
  "i32.xor": [0x73, "none"],
  "i32.shl": [0x74, "none"],
  "i32.shr_s": [0x75, "none"],
  "i32.shr_u": [0x76, "none"],
  "i32.rotl": [0x77, "none"],
  "i32.rotr": [0x78, "none"],
  "i64.add": [0x7c, "none"],
  "i64.sub": [0x7d, "none"],
  "i64.mul": [0x7e, "none"],
  "i64.div_s": [0x7f, "none"],
  "i64.div_u": [0x80, "none"],
  "i64.rem_s": [0x81, "none"],
  "i64.rem_u": [0x82, "none"],
  "i64.and": [0x83, "none"],
  "i64.or": [0x84, "none"],
  "i64.xor": [0x85, "none"],
  "i64.shl": [0x86, "none"],
  "i64.shr_s": [0x87, "none"],
  "i64.shr_u": [0x88, "none"],
  "i64.rotl": [0x89, "none"],
  "i32.wrap_i64": [0xa7, "none"],
  "i64.extend_i32_s": [0xac, "none"],
  "i64.extend_i32_u": [0xad, "none"],
  "i32.extend8_s": [0xc0, "none"],
  "i32.extend16_s": [0xc1, "none"],
  "i64.extend8_s": [0xc2, "none"],
  "i64.extend16_s": [0xc3, "none"],
  "i64.extend32_s": [0xc4, "none"],
  "i32.atomic.load": [0x110, "memory"],
  "i32.atomic.rmw.add": [0x11e, "memory"],
  "i64.atomic.rmw.add": [0x11f, "memory"],
  "i32.atomic.rmw.and": [0x12c, "memory"],
  "i64.atomic.rmw.and": [0x12d, "memory"],
  "i32.atomic.rmw.or": [0x133, "memory"],
  "i64.atomic.rmw.or": [0x134, "memory"],
  "i32.atomic.rmw.xor": [0x13a, "memory"],
  "i64.atomic.rmw.xor": [0x13b, "memory"],
  "i32.atomic.rmw.xchg": [0x141, "memory"],
  "i64.atomic.rmw.xchg": [0x142, "memory"],
  "i32.atomic.rmw.cmpxchg": [0x148, "memory"],
  "i64.atomic.rmw.cmpxchg": [0x149, "memory"],
} as const satisfies Record<string, Row>;

export type WasmOpcode = keyof typeof OPCODES;

/** One instruction: its name, then its immediates as the table above says. A block's result is "i32", "i64" or absent. */
export type WasmInstruction = readonly [
  name: WasmOpcode,
  ...immediates: readonly (number | bigint | ValueType)[],
];

export interface FunctionType {
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
}

export interface WasmFunction {
  /** For people. */
  readonly name: string;
  readonly type: FunctionType;
  /** Beside the parameters. */
  readonly locals: readonly ValueType[];
  readonly body: readonly WasmInstruction[];
}

export interface WasmModule {
  /** The module name of all imports. */
  readonly importFrom: string;
  /** Imported first: its maximum is what the host's memory may have at most. */
  readonly memory: { readonly name: string; readonly maximumPages: number };
  /** Imported constants, i32. They come before `variables` in the index space. */
  readonly constants: readonly string[];
  /** How many mutable i32 globals of the module's own there are. */
  readonly variables: number;
  /** They come before `functions` in the index space. */
  readonly importedFunctions: readonly { readonly name: string; readonly type: FunctionType }[];
  readonly functions: readonly WasmFunction[];
  /** Function indexes in a table, from entry 1 on; absent: no table. */
  readonly table?: readonly number[];
  readonly exports: readonly { readonly name: string; readonly functionIndex: number }[];
}

const TYPE_CODES: Readonly<Record<ValueType, number>> = { i32: 0x7f, i64: 0x7e };

export function encodeModule(module: WasmModule): Uint8Array<ArrayBuffer> {
  const types = typeTable(module);
  const out = new ByteWriter({ capacity: 1024 });
  out.text("\0asm").u32(1);
  section(out, 1, types.list, (type, to) => {
    to.u8(0x60);
    vector(to, type.parameters, (value) => to.u8(TYPE_CODES[value]));
    vector(to, type.results, (value) => to.u8(TYPE_CODES[value]));
  });
  section(out, 2, importsOf(module, types), (write, to) => write(to));
  section(out, 3, module.functions, (row, to) => writeUnsignedLeb128(to, types.indexOf(row.type)));
  const { table } = module;
  if (table !== undefined) {
    section(out, 4, [table.length + 1], (size, to) => {
      to.u8(0x70).u8(0);
      writeUnsignedLeb128(to, size);
    });
  }
  section(out, 6, Array.from({ length: module.variables }), (_, to) => {
    to.u8(TYPE_CODES.i32).u8(1).put([0x41, 0, 0x0b]);
  });
  section(out, 7, module.exports, (row, to) => {
    name(to, row.name);
    to.u8(0);
    writeUnsignedLeb128(to, row.functionIndex);
  });
  if (table !== undefined) {
    section(out, 9, [table], (indexes, to) => {
      to.put([0, 0x41, 1, 0x0b]);
      vector(to, indexes, (index) => writeUnsignedLeb128(to, index));
    });
  }
  section(out, 10, module.functions, writeCode);
  return out.bytes();
}

interface TypeTable {
  readonly list: readonly FunctionType[];
  indexOf(type: FunctionType): number;
}

/** Each distinct function type once, in order of first use. */
export function typeTable(module: WasmModule): TypeTable {
  const key = (type: FunctionType): string => `${type.parameters} ${type.results}`;
  const indexes = new Map<string, number>();
  const list: FunctionType[] = [];
  for (const { type } of [...module.importedFunctions, ...module.functions]) {
    if (indexes.has(key(type))) continue;
    indexes.set(key(type), list.length);
    list.push(type);
  }
  return { list, indexOf: (type) => indexes.get(key(type)) ?? -1 };
}

function importsOf(module: WasmModule, types: TypeTable): ((to: ByteWriter) => void)[] {
  const entry = (to: ByteWriter, field: string): void => {
    name(to, module.importFrom);
    name(to, field);
  };
  return [
    (to) => {
      entry(to, module.memory.name);
      // Shared, with a maximum: any memory that grows no further may be given.
      to.u8(2).u8(3);
      writeUnsignedLeb128(to, 1);
      writeUnsignedLeb128(to, module.memory.maximumPages);
    },
    ...module.constants.map((constant) => (to: ByteWriter) => {
      entry(to, constant);
      to.u8(3).u8(TYPE_CODES.i32).u8(0);
    }),
    ...module.importedFunctions.map((row) => (to: ByteWriter) => {
      entry(to, row.name);
      to.u8(0);
      writeUnsignedLeb128(to, types.indexOf(row.type));
    }),
  ];
}

function section<Item>(
  out: ByteWriter,
  id: number,
  items: readonly Item[],
  write: (item: Item, to: ByteWriter) => void,
): void {
  if (items.length === 0) return;
  const content = new ByteWriter({ capacity: 1024 });
  vector(content, items, (item) => write(item, content));
  out.u8(id);
  writeUnsignedLeb128(out, content.length);
  out.put(content.bytes());
}

function vector<Item>(to: ByteWriter, items: readonly Item[], write: (item: Item) => void): void {
  writeUnsignedLeb128(to, items.length);
  for (const item of items) write(item);
}

function name(to: ByteWriter, text: string): void {
  const bytes = new TextEncoder().encode(text);
  writeUnsignedLeb128(to, bytes.length);
  to.put(bytes);
}

function writeCode(row: WasmFunction, to: ByteWriter): void {
  const body = new ByteWriter({ capacity: row.body.length * 4 + 64 });
  vector(body, row.locals, (type) => body.u8(1).u8(TYPE_CODES[type]));
  for (const instruction of row.body) writeInstruction(instruction, body);
  body.u8(OPCODES.end[0]);
  writeUnsignedLeb128(to, body.length);
  to.put(body.bytes());
}

function writeInstruction([opcode, ...immediates]: WasmInstruction, to: ByteWriter): void {
  const [code, kind] = OPCODES[opcode];
  if (code > 0xff) to.u8(0xfe).u8(code & 0xff);
  else to.u8(code);
  const values = immediates as (number | bigint)[];
  switch (kind) {
    case "none":
      return;
    case "index":
    case "memory":
      for (const value of values) writeUnsignedLeb128(to, value);
      return;
    case "i32":
    case "i64":
      for (const value of values) writeSignedLeb128(to, value);
      return;
    case "block":
      to.u8(immediates[0] === undefined ? 0x40 : TYPE_CODES[immediates[0] as ValueType]);
      return;
    case "labels":
      vector(to, values.slice(0, -1), (label) => writeUnsignedLeb128(to, label));
      writeUnsignedLeb128(to, values.at(-1) ?? 0);
      return;
    case "indirect":
      writeUnsignedLeb128(to, values[0] ?? 0);
      to.u8(0);
      return;
  }
}
