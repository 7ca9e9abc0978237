// ebpf disasm and ebpf sections: what an object holds, read in this process.
import { resolve } from "node:path";
import { disassemble, listSections } from "../../manager/inspect.ts";
import type { DisassemblyRecord, SectionRecord } from "../../manager/records.ts";
import { argumentOf, given, type Handler, type Invocation, textOf } from "../command.ts";
import { type Column, paint, printable, printJson, printRecords } from "../output.ts";

function choiceOf(invocation: Invocation) {
  const { io, options } = invocation;
  return {
    file: resolve(io.cwd, argumentOf(invocation, 0)),
    ...given({
      program: textOf(options.program),
      platform: textOf(options.platform) as "windows" | "linux" | undefined,
    }),
  };
}

const SECTION_COLUMNS: readonly Column<SectionRecord>[] = [
  { title: "SECTION", cell: (row) => row.section },
  { title: "KIND", cell: (row) => row.kind },
  { title: "BYTES", right: true, cell: (row) => row.sizeBytes },
  { title: "TYPE", cell: (row) => row.type },
  { title: "PROGRAMS", cell: (row) => row.programs.join(", ") || "-" },
];

export const listObjectSections: Handler = async (invocation) => {
  const sections = listSections(choiceOf(invocation));
  printRecords(invocation, sections, SECTION_COLUMNS, "The object has no sections.");
  return 0;
};

export const disassembleObject: Handler = async (invocation) => {
  const records = disassemble(choiceOf(invocation));
  if (invocation.json) printJson(invocation.io, records);
  else invocation.io.out(listing(records, invocation));
  return 0;
};

function listing(records: readonly DisassemblyRecord[], invocation: Invocation): string {
  const { io, options } = invocation;
  const lines: string[] = [];
  let place = "";
  let line = "";
  for (const record of records) {
    const here = `${record.program}/${record.function}`;
    if (here !== place) {
      const called = record.function === record.program ? "" : ` (called by ${record.program})`;
      const title = `${printable(record.function)}${printable(called)} in section ${printable(record.section)}:`;
      lines.push(place === "" ? "" : "\n", `${paint(io, "bold", title)}\n`);
      place = here;
      line = "";
    }
    const { source } = record;
    const from = source === undefined ? "" : `${source.file}:${source.line}`;
    if (options.source === true && source !== undefined && from !== line) {
      lines.push(paint(io, "dim", `; ${printable(from)}: ${printable(source.text.trim())}`), "\n");
    }
    line = from;
    const bytes = options.opcodes === true ? `  ${record.bytes.padEnd(32)}` : "";
    lines.push(`${String(record.slot).padStart(5)}:${bytes}  ${printable(record.text)}\n`);
  }
  return lines.join("");
}
