// Text for people and JSON for programs: tables, errors, progress. Knows records only as rows of cells.
import { styleText } from "node:util";
import type { EbpfError } from "../base/error.ts";
import type { FailureRecord } from "../manager/records.ts";
import { explainFailure } from "../report/explain.ts";
import type { Invocation, Io } from "./command.ts";

export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

/** Colours only on a terminal, and not if NO_COLOR is set (no-color.org) or TERM is dumb. */
export function colours(io: Io, stream: "out" | "err" = "out"): boolean {
  const terminal = stream === "out" ? io.outIsTerminal : io.errIsTerminal;
  return terminal && (io.env.NO_COLOR ?? "") === "" && io.env.TERM !== "dumb";
}

export function paint(io: Io, style: Style, text: string, stream: "out" | "err" = "out"): string {
  return colours(io, stream) ? styleText(style, text, { validateStream: false }) : text;
}

export interface Column<R> {
  readonly title: string;
  readonly right?: boolean;
  readonly style?: (row: R) => Style | undefined;
  readonly cell: (row: R) => string | number | undefined;
}

/** Control characters would move the terminal's cursor; names come from files. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is to be found
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, "\ufffd");
}

/** Columns as wide as their widest cell, two spaces between; nothing after the last. */
export function printTable<R>(
  io: Io,
  rows: readonly R[],
  columns: readonly Column<R>[],
  empty: string,
): void {
  if (rows.length === 0) {
    io.err(`${empty}\n`);
    return;
  }
  const cells = rows.map((row) => columns.map((column) => printable(String(column.cell(row) ?? "-"))));
  const widths = columns.map((column, index) =>
    Math.max(column.title.length, ...cells.map((line) => line[index]?.length ?? 0)),
  );
  const pad = (text: string, index: number): string => {
    if (columns[index]?.right === true) return text.padStart(widths[index] ?? 0);
    return index === columns.length - 1 ? text : text.padEnd(widths[index] ?? 0);
  };
  const header = columns.map((column, index) => paint(io, "bold", pad(column.title, index))).join("  ");
  const lines = cells.map((line, row) =>
    line
      .map((text, index) => {
        const style = columns[index]?.style?.(rows[row] as R);
        return style === undefined ? pad(text, index) : paint(io, style, pad(text, index));
      })
      .join("  "),
  );
  io.out(`${[header, ...lines].join("\n")}\n`);
}

/** bigint (64-bit BTF values) becomes a number where it is exact, else a string of its digits. */
export function toJson(value: unknown, indent?: number): string {
  return JSON.stringify(
    value,
    (_key, part: unknown) => {
      if (typeof part !== "bigint") return part;
      const plain = Number(part);
      return Number.isSafeInteger(plain) ? plain : part.toString();
    },
    indent,
  );
}

export function printJson(io: Io, value: unknown): void {
  io.out(`${toJson(value, 2)}\n`);
}

/** The records as JSON or as a table. */
export function printRecords<R>(
  invocation: Invocation,
  rows: readonly R[],
  columns: readonly Column<R>[],
  empty: string,
): void {
  if (invocation.json) printJson(invocation.io, rows);
  else printTable(invocation.io, rows, columns, empty);
}

/** One record as JSON, or as lines "name: value". */
export function printRecord(
  invocation: Invocation,
  record: object,
  facts: readonly (readonly [string, unknown])[],
): void {
  if (invocation.json) {
    printJson(invocation.io, record);
    return;
  }
  const shown = facts.filter(([, value]) => value !== undefined);
  const width = Math.max(...shown.map(([title]) => title.length));
  for (const [title, value] of shown) {
    const text = typeof value === "object" ? toJson(value) : String(value);
    invocation.io.out(`${paint(invocation.io, "bold", title.padEnd(width))}  ${printable(text)}\n`);
  }
}

/** A rejected program's failure, without the lines at its top that the caller has already said: code, message. */
export function explained(io: Io, failure: FailureRecord, stream: "out" | "err", said: number): string {
  const lines = explainFailure(cleaned(failure), { colors: colours(io, stream) }).split("\n");
  return `${lines.slice(said).join("\n")}\n`;
}

/** Strings come from the object file. Tabs stay, so that the caret under a line stands right. */
function cleaned(failure: FailureRecord): FailureRecord {
  const text = JSON.stringify(failure, (_key, value: unknown) =>
    typeof value === "string" ? value.split("\t").map(printable).join("\t") : value,
  );
  return JSON.parse(text) as FailureRecord;
}

function failureOf({ code, data }: EbpfError): FailureRecord | undefined {
  return code === "ProgramRejected" ? (data.details?.failure as FailureRecord | undefined) : undefined;
}

/** Code, what happened, and what to do; with `json` the same facts as one line of JSON. */
export function printError(io: Io, error: EbpfError, json: boolean): void {
  if (json) {
    const { code, message, category, remedy, data } = error;
    io.err(`${toJson({ error: { code, message, category, remedy, ...data } })}\n`);
    return;
  }
  io.err(`ebpf: ${paint(io, "red", error.code, "err")}: ${printable(error.message)}\n`);
  const failure = failureOf(error);
  if (failure === undefined) io.err(`  ${printable(error.remedy)}\n`);
  else io.err(explained(io, failure, "err", 3));
}

/** A line on stderr that is rewritten while work goes on; nothing if stderr is no terminal. */
export function progressLine(io: Io): { show(text: string): void; clear(): void } {
  if (!io.errIsTerminal) return { show: () => {}, clear: () => {} };
  return {
    show: (text) => io.err(`\r\u001b[K${printable(text)}`),
    clear: () => io.err("\r\u001b[K"),
  };
}

/** What was done: the record it was done to as JSON, or a sentence. */
export function tell(invocation: Invocation, record: object, sentence: string): void {
  if (invocation.json) printJson(invocation.io, record);
  else invocation.io.out(`${printable(sentence)}\n`);
}
