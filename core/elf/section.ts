// What a section is, by its ELF flags and its name: a table. Which hook a program section means is the platform's to say.
import type { SectionSpec } from "../spec.ts";
import { type ElfSection, SECTION_TYPE } from "./file.ts";

export type SectionKind = SectionSpec["kind"];

interface Row {
  readonly kind: SectionKind;
  readonly matches: (section: ElfSection) => boolean;
}

const named = (pattern: RegExp) => (section: ElfSection) => pattern.test(section.name);

/** First match wins. */
const ROWS: readonly Row[] = [
  { kind: "symbols", matches: ({ type }) => type === SECTION_TYPE.symbols || type === SECTION_TYPE.strings },
  { kind: "relocation", matches: ({ type }) => type === SECTION_TYPE.rel || type === SECTION_TYPE.rela },
  { kind: "text", matches: (section) => section.executable && section.name === ".text" },
  { kind: "program", matches: (section) => section.executable && section.sizeBytes > 0 },
  { kind: "btf", matches: named(/^\.BTF(\.ext)?$/) },
  { kind: "debug", matches: named(/^\.(debug_|eh_frame)/) },
  { kind: "license", matches: named(/^license$/) },
  { kind: "maps", matches: named(/^(\.maps|maps(\/.*)?)$/) },
  // libbpf (documentation, "Global variables"): these names and those that begin with one of them and a dot.
  {
    kind: "data",
    matches: (section) => section.allocated && /^\.(data|rodata|bss)(\.|$)/.test(section.name),
  },
];

export function classifySection(section: ElfSection): SectionKind {
  return ROWS.find((row) => row.matches(section))?.kind ?? "other";
}

/** Does a program see the bytes of this data section as constants? */
export function isReadOnlyData(section: ElfSection): boolean {
  return section.name.startsWith(".rodata");
}
