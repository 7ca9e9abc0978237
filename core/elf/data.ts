// Global variables: a data section becomes an array map with one entry, its symbols become VariableSpecs. The BTF of such
// a section gets the offsets and the size that compilers leave for the linker to fill in.

import type { BtfType, BtfTypes } from "../btf/types.ts";
import type { MapSpec, VariableSpec } from "../spec.ts";
import { type ElfSection, type ElfSymbol, SECTION_TYPE, SYMBOL_TYPE } from "./file.ts";
import { isReadOnlyData } from "./section.ts";

/** ARRAY; the same number on Windows and Linux. */
export const MAP_TYPE_ARRAY = 2;

/** The map of a data section; its name is the section's. The bytes are a copy. */
export function readDataMap(section: ElfSection, btf: BtfTypes | undefined): MapSpec {
  const { name, sizeBytes } = section;
  const bytes = section.type === SECTION_TYPE.noBits ? new Uint8Array(sizeBytes) : section.bytes.slice();
  const typeId = btf?.types.findIndex((type) => type.kind === "dataSection" && type.name === name) ?? -1;
  return {
    name,
    type: MAP_TYPE_ARRAY,
    keySizeBytes: 4,
    valueSizeBytes: sizeBytes,
    maxEntries: 1,
    flags: 0,
    pinning: 0,
    ...(typeId > 0 ? { valueTypeId: typeId } : {}),
    data: { section: name, bytes, readOnly: isReadOnlyData(section) },
  };
}

/** The variables of a data section, by offset. Symbols that reach past its end are no variables. */
export function readVariables(section: ElfSection, symbols: readonly ElfSymbol[]): VariableSpec[] {
  return symbols
    .filter((symbol) => symbol.type === SYMBOL_TYPE.object && symbol.name !== "")
    .filter((symbol) => symbol.value + symbol.sizeBytes <= section.sizeBytes)
    .map(({ name, value, sizeBytes }) => ({ name, map: section.name, byteOffset: value, sizeBytes }))
    .sort((a, b) => a.byteOffset - b.byteOffset);
}

/** `types` with sizes and offsets of data sections as the object's symbols say. */
export function placeVariables(
  btf: BtfTypes,
  sections: readonly ElfSection[],
  symbolsOf: (section: ElfSection) => readonly ElfSymbol[],
): BtfTypes {
  const byName = new Map(
    sections.map((section) => {
      const offsets = new Map(symbolsOf(section).map((symbol) => [symbol.name, symbol.value]));
      return [section.name, { section, offsets }];
    }),
  );
  const place = (type: BtfType): BtfType => {
    if (type.kind !== "dataSection") return type;
    const found = byName.get(type.name);
    if (found === undefined) return type;
    const { section, offsets } = found;
    const variables = type.variables.map((entry) => {
      const variable = btf.types[entry.type];
      const byteOffset = variable?.kind === "variable" ? offsets.get(variable.name) : undefined;
      return byteOffset === undefined ? entry : { ...entry, byteOffset };
    });
    return { ...type, sizeBytes: section.sizeBytes, variables };
  };
  return { types: btf.types.map(place) };
}
