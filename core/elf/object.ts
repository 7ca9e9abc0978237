// loadObject: ELF bytes -> ObjectSpec, in the order a reader expects. Each step has its own file; here is only what follows
// what, and where an error happened. Depends on nothing but the bytes: no platform, no host.
import { EbpfError, type ErrorData, FormatError } from "../base/error.ts";
import { readBtfExtension } from "../btf/ext.ts";
import { type Btf, readBtf } from "../btf/read.ts";
import type { FunctionSpec, MapSpec, ObjectSpec, SectionSpec } from "../spec.ts";
import { placeVariables, readDataMap, readVariables } from "./data.ts";
import { readExterns } from "./externs.ts";
import { type ElfFile, type ElfSection, type ElfSymbol, readElf, SYMBOL_TYPE } from "./file.ts";
import { type DebugInfo, type PlacedFunction, readFunctions } from "./functions.ts";
import { type PlacedMap, readBtfMaps, readLegacyMaps } from "./maps.ts";
import { inside } from "./range.ts";
import { indexPlaces, type Places, readInitialReferences, readReferences } from "./references.ts";
import { classifySection, type SectionKind } from "./section.ts";

/** All data sections together; a hostile file could otherwise ask for gigabytes of zeros. */
const DATA_LIMIT_BYTES = 64 << 20;

/**
 * What an object file says, as plain data. FormatError with file, section and offset if it is damaged (ElfInvalid,
 * ElfNotBpf, BtfInvalid, MapDefinitionInvalid, RelocationInvalid). A function whose code does not decode is kept and marked.
 */
export function loadObject(bytes: Uint8Array, file: string): ObjectSpec {
  const elf = readElf(bytes, file);
  const symbolsOf = groupSymbols(elf);
  const sections = elf.sections.slice(1);
  const ofKind = (...kinds: SectionKind[]) =>
    sections.filter((section) => kinds.includes(classifySection(section)));

  const { btf, debug } = within({ file }, () => readDebugInfo(sections, file));
  const functions = within({ file }, () => readFunctions(ofKind("text", "program"), symbolsOf, debug, file));
  const maps = within({ file }, () => readMaps(ofKind("maps"), symbolsOf, btf));
  const externs = readExterns(btf?.types);
  const places = indexPlaces(functions, maps, externs.targets);
  const loaded = within({ file }, () => connectFunctions(elf, functions, places));
  const connected = within({ file }, () => connectMaps(elf, maps, places));
  const dataSections = usedDataSections(ofKind("data"), symbolsOf, loaded);
  const dataMaps = within({ file }, () => readData(dataSections, btf));
  if (externs.map !== undefined) dataMaps.push(externs.map);
  checkNames([...connected, ...dataMaps], file);

  const license = readLicense(ofKind("license"));
  return {
    file,
    ...(license === undefined ? {} : { license }),
    programs: loaded.filter((spec) => spec.section !== ".text"),
    functions: loaded.filter((spec) => spec.section === ".text"),
    maps: [...connected, ...dataMaps],
    variables: dataSections.flatMap((section) => readVariables(section, symbolsOf(section))),
    ...(btf === undefined ? {} : { btf: placeVariables(btf.types, ofKind("data", "license"), symbolsOf) }),
    sections: describe(sections, functions),
  };
}

/** Adds where it happened to an error that an inner step threw; what the step said wins. */
function within<T>(where: ErrorData, step: () => T): T {
  try {
    return step();
  } catch (error) {
    if (!(error instanceof EbpfError) || error.data.file !== undefined) throw error;
    throw new FormatError(error.code, error.message, { ...where, ...error.data }, error.cause);
  }
}

/** Symbols with a meaning in a section: not the section itself, not the file, not the compiler's local labels. */
function groupSymbols(elf: ElfFile): (section: ElfSection) => readonly ElfSymbol[] {
  const groups = new Map<number, ElfSymbol[]>();
  for (const symbol of elf.symbols) {
    if (symbol.type === SYMBOL_TYPE.section || symbol.type === SYMBOL_TYPE.file || symbol.section === 0)
      continue;
    const group = groups.get(symbol.section);
    if (group === undefined) groups.set(symbol.section, [symbol]);
    else group.push(symbol);
  }
  return (section) => groups.get(section.index) ?? [];
}

function readDebugInfo(sections: readonly ElfSection[], file: string): { btf?: Btf; debug: DebugInfo } {
  const types = sections.find((section) => section.name === ".BTF");
  if (types === undefined) return { debug: {} };
  const btf = readBtf(types.bytes, { file, section: ".BTF" });
  const extension = sections.find((section) => section.name === ".BTF.ext");
  if (extension === undefined) return { btf, debug: { types: btf.types } };
  const where = { file, section: ".BTF.ext" };
  return { btf, debug: { types: btf.types, extension: readBtfExtension(extension.bytes, btf, where) } };
}

function readMaps(
  sections: readonly ElfSection[],
  symbolsOf: (section: ElfSection) => readonly ElfSymbol[],
  btf: Btf | undefined,
): PlacedMap[] {
  const modern = sections.filter((section) => section.name === ".maps");
  const legacy = sections.filter((section) => section.name !== ".maps");
  return [
    ...modern.flatMap((section) => readBtfMaps(section, symbolsOf(section), btf?.types)),
    ...readLegacyMaps(legacy, symbolsOf),
  ];
}

function connectFunctions(
  elf: ElfFile,
  functions: readonly PlacedFunction[],
  places: Places,
): FunctionSpec[] {
  return functions.map((placed) => {
    if (placed.spec.undecodable !== undefined) return { ...placed.spec, references: [] };
    const relocations = inside(elf.relocations.get(placed.section.index), placed.start, placed.end);
    return { ...placed.spec, references: readReferences(elf, placed, relocations, places) };
  });
}

function connectMaps(elf: ElfFile, maps: readonly PlacedMap[], places: Places): MapSpec[] {
  return maps.map((map) => {
    const { section, byteOffset, sizeBytes } = map;
    return readInitialReferences(
      elf,
      map,
      inside(elf.relocations.get(section.index), byteOffset, byteOffset + sizeBytes),
      places,
    );
  });
}

/** Those with variables, or that code refers to. Compilers also leave strings there that nothing uses. */
function usedDataSections(
  sections: readonly ElfSection[],
  symbolsOf: (section: ElfSection) => readonly ElfSymbol[],
  functions: readonly FunctionSpec[],
): ElfSection[] {
  const referred = new Set(
    functions.flatMap(({ references }) =>
      references.map(({ target }) => (target.kind === "variable" ? target.map : undefined)),
    ),
  );
  return sections.filter(
    (section) =>
      section.sizeBytes > 0 &&
      (referred.has(section.name) || readVariables(section, symbolsOf(section)).length > 0),
  );
}

function readData(sections: readonly ElfSection[], btf: Btf | undefined): MapSpec[] {
  let total = 0;
  for (const { name, sizeBytes } of sections) {
    total += sizeBytes;
    if (total > DATA_LIMIT_BYTES) {
      const message = `${total} bytes of variables; an object may have ${DATA_LIMIT_BYTES}`;
      throw new FormatError("ElfInvalid", message, { section: name });
    }
  }
  return sections.map((section) => readDataMap(section, btf?.types));
}

function checkNames(maps: readonly MapSpec[], file: string): void {
  const names = new Set<string>();
  for (const { name } of maps) {
    if (names.has(name)) {
      throw new FormatError("MapDefinitionInvalid", `two maps have the name "${name}"`, {
        file,
        target: name,
      });
    }
    names.add(name);
  }
}

function readLicense(sections: readonly ElfSection[]): string | undefined {
  const bytes = sections[0]?.bytes;
  if (bytes === undefined) return undefined;
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

function describe(sections: readonly ElfSection[], functions: readonly PlacedFunction[]): SectionSpec[] {
  const names = new Map<number, string[]>(sections.map((section) => [section.index, []]));
  for (const { section, spec } of functions) names.get(section.index)?.push(spec.name);
  return sections.map((section) => ({
    name: section.name,
    sizeBytes: section.sizeBytes,
    kind: classifySection(section),
    functions: names.get(section.index) ?? [],
  }));
}
