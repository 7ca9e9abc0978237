// ebpf explain: what a code means, from docs/errors.md, which lies beside the bundle.
import { dirname, join } from "node:path";
import { EbpfError, InternalError } from "../../base/error.ts";
import { readBytes } from "../../base/files.ts";
import { type CodeRecord, listCodes, sectionsOf } from "../../report/codes.ts";
import { type Handler, type Io, textOf } from "../command.ts";
import { type Column, paint, printJson, printRecords } from "../output.ts";

const COLUMNS: readonly Column<CodeRecord>[] = [
  { title: "CODE", cell: (row) => row.code },
  { title: "KIND", cell: (row) => row.kind },
  { title: "WHAT TO DO", cell: (row) => row.remedy },
];

export const explainCode: Handler = async (invocation) => {
  const { io, json } = invocation;
  const word = textOf(invocation.arguments[0]);
  if (word === undefined) {
    printRecords(invocation, listCodes(), COLUMNS, "there is no code");
    return 0;
  }
  const row = listCodes().find(({ code }) => code.toLowerCase() === word.toLowerCase());
  if (row === undefined) {
    throw new EbpfError("ArgumentInvalid", `there is no code ${word}; 'ebpf explain' lists them`, {
      target: word,
    });
  }
  const text = sectionsOf(new TextDecoder().decode(readBytes(documentPath()))).get(row.code);
  if (text === undefined) throw new InternalError(`docs/errors.md says nothing of ${row.code}`);
  if (json) printJson(io, { ...row, text });
  else io.out(`${plainText(io, row, text)}\n`);
  return 0;
};

/** docs/errors.md of the source tree this file is part of, or its copy beside the bundle. */
function documentPath(): string {
  const self = import.meta.filename;
  const folder = dirname(self);
  return self.endsWith(".ts")
    ? join(folder, "..", "..", "..", "docs", "errors.md")
    : join(folder, "errors.md");
}

/** Markdown as a terminal shows it best: code is indented, its fences are gone. */
function plainText(io: Io, { code, kind, remedy }: CodeRecord, section: string): string {
  let fenced = false;
  const lines = section.split("\n").flatMap((line) => {
    if (line.startsWith("```")) {
      fenced = !fenced;
      return [];
    }
    if (fenced) return line === "" ? "" : paint(io, "cyan", `    ${line}`);
    return line.replaceAll("`", "");
  });
  const head = `${paint(io, "bold", code)} (${kind})`;
  return [head, "", ...lines, "", `${paint(io, "green", "help")}: ${remedy}`].join("\n");
}
