// Sections of code -> functions: where each starts and ends, its name, its instructions and source lines. References are
// resolved later (references.ts), when maps and data are known.
import { EbpfError } from "../base/error.ts";
import type { BtfExtension, CoreRelocation, LineInfo } from "../btf/ext.ts";
import type { BtfTypes } from "../btf/types.ts";
import { decode } from "../isa/decode.ts";
import { type Instruction, slotCount } from "../isa/instruction.ts";
import type { FunctionSpec, SourceLocation } from "../spec.ts";
import { type ElfSection, type ElfSymbol, SYMBOL_TYPE } from "./file.ts";
import { inside } from "./range.ts";

const SLOT_BYTES = 8;

/**
 * Twice what the verifier takes (verifier/structure.ts), because a wide instruction has two slots: of a larger function no
 * instruction is looked at, so that a file of millions costs no memory.
 */
const LARGEST_FUNCTION_BYTES = 2 * 100_000 * SLOT_BYTES;

/** A function and its place in the file. */
export interface PlacedFunction {
  readonly section: ElfSection;
  readonly start: number;
  readonly end: number;
  /** Everything but the references. */
  readonly spec: Omit<FunctionSpec, "references">;
  /** By slot of the function: index of the instruction that starts there, or -1 in the middle of one. */
  readonly instructionAt: Int32Array;
}

interface Cut {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  readonly binding: "global" | "static";
}

/** What BTF tells about code. */
export interface DebugInfo {
  readonly types?: BtfTypes;
  readonly extension?: BtfExtension;
}

/** The functions of the given sections of code, in file order, with names that are unique. */
export function readFunctions(
  sections: readonly ElfSection[],
  symbolsOf: (section: ElfSection) => readonly ElfSymbol[],
  debug: DebugInfo,
  file: string,
): PlacedFunction[] {
  const names = new Set<string>();
  const ids = functionIds(debug.types);
  return sections.flatMap((section) =>
    cut(section, symbolsOf(section)).map((part) => {
      const name = unique(part.name, names);
      return readFunction(section, { ...part, name }, debug, ids.get(part.name), file);
    }),
  );
}

/** A second static function of one name (of another source file that was linked in) gets a number. */
function unique(name: string, names: Set<string>): string {
  let result = name;
  for (let number = names.has(name) ? names.size : 0; names.has(result); number++)
    result = `${name}.${number}`;
  names.add(result);
  return result;
}

function functionIds(types: BtfTypes | undefined): ReadonlyMap<string, number> {
  const ids = new Map<string, number>();
  for (const [id, type] of (types?.types ?? []).entries())
    if (type.kind === "function") ids.set(type.name, id);
  return ids;
}

/**
 * Cuts a section at its FUNC symbols. Without any it is one function, named after the global symbol at its start (older
 * compilers write NOTYPE there), else after the section.
 */
function cut(section: ElfSection, symbols: readonly ElfSymbol[]): Cut[] {
  const end = section.sizeBytes;
  const starts = new Map<number, ElfSymbol>();
  for (const symbol of symbols) {
    if (symbol.type !== SYMBOL_TYPE.function || symbol.value >= end) continue;
    const known = starts.get(symbol.value);
    // Of two names for one place (an alias) the global one is what people know.
    if (known === undefined || (known.binding === "local" && symbol.binding !== "local")) {
      starts.set(symbol.value, symbol);
    }
  }
  if (starts.size === 0) {
    if (end === 0) return [];
    const label = symbols.find(
      ({ type, binding, value, name }) =>
        type === SYMBOL_TYPE.none && binding !== "local" && value === 0 && name !== "",
    );
    return [{ name: label?.name ?? section.name, start: 0, end, binding: "global" }];
  }
  const sorted = [...starts.values()].sort((a, b) => a.value - b.value);
  return sorted.map((symbol, index) => ({
    name: symbol.name === "" ? `${section.name}+${symbol.value}` : symbol.name,
    start: symbol.value,
    end: sorted[index + 1]?.value ?? end,
    binding: symbol.binding === "local" ? "static" : "global",
  }));
}

function readFunction(
  section: ElfSection,
  { name, start, end, binding }: Cut,
  debug: DebugInfo,
  idByName: number | undefined,
  file: string,
): PlacedFunction {
  const decoded = tryDecode(section, start, end, file);
  const instructions = "undecodable" in decoded ? [] : decoded.instructions;
  const { extension } = debug;
  const [info] = inside(extension?.functions.get(section.name), start, start + 1);
  const btfId = info?.typeId ?? idByName;
  const lines = inside(extension?.lines.get(section.name), start, end);
  const coreRelocations: readonly CoreRelocation[] = inside(
    extension?.coreRelocations.get(section.name),
    start,
    end,
  );
  return {
    section,
    start,
    end,
    instructionAt: indexSlots(instructions),
    spec: {
      name,
      section: section.name,
      byteOffset: start,
      binding,
      instructions,
      sources: locate(instructions, start, lines),
      coreRelocations,
      ...(btfId === undefined ? {} : { btfId }),
      ...("undecodable" in decoded ? decoded : {}),
    },
  };
}

/** One function that is damaged does not keep the others from being used. */
function tryDecode(
  section: ElfSection,
  start: number,
  end: number,
  file: string,
): { instructions: Instruction[] } | Required<Pick<FunctionSpec, "undecodable">> {
  if (end - start > LARGEST_FUNCTION_BYTES) {
    const message = `its ${Math.floor((end - start) / SLOT_BYTES)} slots are more than any program may have`;
    return { undecodable: { code: "ProgramTooLarge", message, byteOffset: start } };
  }
  try {
    const bytes = section.bytes.subarray(start, end);
    return { instructions: decode(bytes, { file, section: section.name, offset: start }) };
  } catch (error) {
    if (!(error instanceof EbpfError) || error.code !== "InstructionInvalid") throw error;
    return {
      undecodable: { code: error.code, message: error.message, byteOffset: error.data.offset ?? start },
    };
  }
}

function indexSlots(instructions: readonly Instruction[]): Int32Array {
  const count = instructions.reduce((sum, instruction) => sum + slotCount(instruction), 0);
  const result = new Int32Array(count).fill(-1);
  let slot = 0;
  for (const [index, instruction] of instructions.entries()) {
    result[slot] = index;
    slot += slotCount(instruction);
  }
  return result;
}

/** A line record holds from its offset to the next one. Line 0 is code the compiler made up: the line before stands for it. */
function locate(
  instructions: readonly Instruction[],
  start: number,
  lines: readonly LineInfo[],
): (SourceLocation | undefined)[] {
  let byteOffset = start;
  let next = 0;
  let current: SourceLocation | undefined;
  return instructions.map((instruction) => {
    for (
      let record = lines[next];
      record !== undefined && record.byteOffset <= byteOffset;
      record = lines[++next]
    ) {
      if (record.line !== 0) current = locationOf(record);
    }
    byteOffset += SLOT_BYTES * slotCount(instruction);
    return current;
  });
}

function locationOf({ file, line, column, text }: LineInfo): SourceLocation {
  return { file: file.replace(/^(\.\/)+/, ""), line, column, text };
}
