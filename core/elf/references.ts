// Relocations -> References: which instruction or which entry of a map's `values` refers to what. Relocation types are not
// looked at: objects of old compilers say 0 where they mean 1, and the instruction tells what is meant.
import { FormatError } from "../base/error.ts";
import type { Instruction } from "../isa/instruction.ts";
import type { MapSpec, Reference, ReferenceTarget } from "../spec.ts";
import type { ElfFile, ElfRelocation, ElfSection, ElfSymbol } from "./file.ts";
import type { PlacedFunction } from "./functions.ts";
import type { PlacedMap } from "./maps.ts";
import { classifySection } from "./section.ts";

const SLOT_BYTES = 8;
const POINTER_BYTES = 8;

/** What may be referred to, by place: section index, then byte offset. */
export interface Places {
  readonly functions: ReadonlyMap<number, ReadonlyMap<number, PlacedFunction>>;
  readonly maps: ReadonlyMap<number, ReadonlyMap<number, PlacedMap>>;
  /** Undefined symbols of which BTF says more, by name. */
  readonly externs: ReadonlyMap<string, ReferenceTarget>;
}

export function indexPlaces(
  functions: readonly PlacedFunction[],
  maps: readonly PlacedMap[],
  externs: ReadonlyMap<string, ReferenceTarget>,
): Places {
  const byPlace = <T extends { readonly section: ElfSection }>(
    items: readonly T[],
    offset: (item: T) => number,
  ) => {
    const result = new Map<number, Map<number, T>>();
    for (const item of items) {
      const inner = result.get(item.section.index) ?? new Map<number, T>();
      result.set(item.section.index, inner.set(offset(item), item));
    }
    return result;
  };
  return {
    functions: byPlace(functions, (item) => item.start),
    maps: byPlace(maps, (item) => item.byteOffset),
    externs,
  };
}

function invalid(message: string, section: ElfSection, offset: number): FormatError {
  return new FormatError("RelocationInvalid", message, { section: section.name, offset });
}

/** What a symbol and an addend in bytes name. RelocationInvalid if there is nothing there. */
function resolve(
  elf: ElfFile,
  places: Places,
  symbol: ElfSymbol,
  addend: number,
  fail: (message: string) => FormatError,
): ReferenceTarget {
  if (symbol.section === 0) {
    if (symbol.name === "") throw fail("it refers to nothing: the symbol has no section and no name");
    const known = places.externs.get(symbol.name);
    if (known?.kind === "variable") return { ...known, byteOffset: known.byteOffset + addend };
    return known ?? { kind: "extern", name: symbol.name };
  }
  const section = elf.sections[symbol.section];
  const byteOffset = symbol.value + addend;
  const what = symbol.name === "" ? `symbol ${symbol.index}` : `"${symbol.name}"`;
  if (section === undefined) throw fail(`${what} is in section ${symbol.section}, which is not there`);
  const map = places.maps.get(section.index)?.get(byteOffset);
  if (map !== undefined) return { kind: "map", name: map.spec.name };
  const named = places.functions.get(section.index)?.get(byteOffset);
  if (named !== undefined) return { kind: "function", name: named.spec.name };
  if (classifySection(section) === "data") {
    if (byteOffset < 0 || byteOffset > section.sizeBytes) {
      throw fail(`${what} + ${addend} is outside of section ${section.name}`);
    }
    return { kind: "variable", map: section.name, byteOffset };
  }
  throw fail(`nothing starts at ${section.name}+${byteOffset}, which it refers to (${what})`);
}

/** The references of one function, by instruction; local calls that need no relocation included. */
export function readReferences(
  elf: ElfFile,
  placed: PlacedFunction,
  relocations: readonly ElfRelocation[],
  places: Places,
): Reference[] {
  const targets = new Map<number, ReferenceTarget>();
  for (const relocation of relocations) {
    const { byteOffset, symbol } = relocation;
    const fail = (why: string) =>
      invalid(`relocation in function "${placed.spec.name}": ${why}`, placed.section, byteOffset);
    const index = placed.instructionAt[(byteOffset - placed.start) / SLOT_BYTES] ?? -1;
    const instruction = placed.spec.instructions[index];
    if (instruction === undefined) throw fail(`no instruction starts at ${byteOffset}`);
    targets.set(index, resolve(elf, places, symbol, addendOf(instruction, relocation, fail), fail));
  }
  addPlainCalls(placed, places, targets);
  return [...targets]
    .sort(([a], [b]) => a - b)
    .map(([instructionIndex, target]) => ({ instructionIndex, target }));
}

/** In bytes. A call's immediate counts slots from the one after it, so the -1 of a call to a symbol is 0 bytes. */
function addendOf(
  instruction: Instruction,
  { addend }: ElfRelocation,
  fail: (why: string) => FormatError,
): number {
  if (instruction.kind === "loadImmediate") {
    if (addend !== undefined) return addend;
    const { source } = instruction;
    if (source.kind === "number") return Number(BigInt.asIntN(32, source.value));
    if (source.kind === "mapValue") return source.byteOffset;
    return source.kind === "function" ? source.offset : 0;
  }
  if (instruction.kind !== "call") throw fail(`a ${instruction.kind} instruction cannot refer to a symbol`);
  const { target } = instruction;
  switch (target.kind) {
    case "local":
      return (target.offset + 1) * SLOT_BYTES;
    case "helper":
      return (target.id + 1) * SLOT_BYTES;
    case "kfunc":
      return (target.btfId + 1) * SLOT_BYTES;
    default:
      throw fail("a call of a register cannot refer to a symbol");
  }
}

/** Compilers resolve a call within a section themselves; the target is then only an offset. */
function addPlainCalls(placed: PlacedFunction, places: Places, targets: Map<number, ReferenceTarget>): void {
  for (let slot = 0; slot < placed.instructionAt.length; slot++) {
    const index = placed.instructionAt[slot] ?? -1;
    const instruction = placed.spec.instructions[index];
    if (instruction?.kind !== "call" || instruction.target.kind !== "local" || targets.has(index)) continue;
    const byteOffset = placed.start + (slot + 1 + instruction.target.offset) * SLOT_BYTES;
    const callee = places.functions.get(placed.section.index)?.get(byteOffset);
    if (callee !== undefined) targets.set(index, { kind: "function", name: callee.spec.name });
  }
}

/** The map's spec with the names of what its `values` lists; RelocationInvalid if an entry refers to neither map nor function. */
export function readInitialReferences(
  elf: ElfFile,
  map: PlacedMap,
  relocations: readonly ElfRelocation[],
  places: Places,
): MapSpec {
  const { section, byteOffset, sizeBytes, valuesOffset, spec } = map;
  const view = new DataView(section.bytes.buffer, section.bytes.byteOffset, section.bytes.length);
  const found: { index: number; name: string }[] = [];
  for (const relocation of relocations) {
    const at = relocation.byteOffset;
    const fail = (why: string) => invalid(`relocation in map "${spec.name}": ${why}`, section, at);
    const index = (at - byteOffset - (valuesOffset ?? sizeBytes)) / POINTER_BYTES;
    if (!Number.isInteger(index) || index < 0)
      throw fail("only entries of its values may refer to something");
    if (at + POINTER_BYTES > section.bytes.length) throw fail("it is outside of the section");
    const addend = relocation.addend ?? Number(view.getBigInt64(at, true));
    const target = resolve(elf, places, relocation.symbol, addend, fail);
    if (target.kind !== "map" && target.kind !== "function")
      throw fail(`a ${target.kind} cannot be an entry`);
    found.push({ index, name: target.name });
  }
  found.sort((a, b) => a.index - b.index);
  return found.length === 0 ? spec : { ...spec, initialReferences: found };
}
