// ebpf explain: what a code means, from docs/errors.md.
import { EbpfError, InternalError } from "../../base/error.ts";
import { type CodeRecord, listCodes, sectionsOf } from "../../report/codes.ts";
import { type Handler, type Io, textOf } from "../command.ts";
import { errorsDocument } from "../document.ts";
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
  const text = sectionsOf(errorsDocument()).get(row.code);
  if (text === undefined) throw new InternalError(`docs/errors.md says nothing of ${row.code}`);
  if (json) printJson(io, { ...row, text });
  else io.out(`${plainText(io, row, text)}\n`);
  return 0;
};

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
