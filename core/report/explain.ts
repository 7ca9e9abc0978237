// Verdict -> the text a person reads: the first failure with its C line, its instruction, what was known of the registers
// it uses, and what to do. Only words; decides nothing.
//
//   rejected: PacketOutOfBounds
//   samples/droppacket.c:31: reads 2 bytes at offset 12 of the packet, but ...: check data_end first
//
//     31 |     if (ethernet->type != htons(ETHERTYPE_IPV4)) {
//        |                   ^
//     slot 7: r3 = *(u16 *)(r1 + 12)
//       r1 = packet
//     help: Check the end of the packet first: if ((void *)(p + 1) > data_end) return ...;
//     more: ebpf explain PacketOutOfBounds
import type { Verdict } from "../verifier/verdict.ts";
import { exampleLines } from "./example-lines.ts";
import type { FailureRecord, MendRecord, SliceRecord, SourceRecord } from "./records.ts";

export interface ExplainOptions {
  /** ANSI colours; off unless asked for. */
  readonly colors?: boolean;
}

interface Palette {
  readonly bad: (text: string) => string;
  readonly good: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly bold: (text: string) => string;
}

function painted(code: number): (text: string) => string {
  return (text) => `\u001b[${code}m${text}\u001b[0m`;
}

const PLAIN: Palette = { bad: String, good: String, dim: String, bold: String };
const COLORED: Palette = { bad: painted(31), good: painted(32), dim: painted(2), bold: painted(1) };

function plural(count: number, noun: string): string {
  return count === 1 ? `${count} ${noun}` : `${count} ${noun}s`;
}

/** The whole verdict, several lines without a line end at the last. */
export function explain(verdict: Verdict, options: ExplainOptions = {}): string {
  const paint = options.colors === true ? COLORED : PLAIN;
  if (verdict.kind === "accepted") {
    return `${paint.good("accepted")}: every path was followed, in ${plural(verdict.steps, "step")}`;
  }
  return explainFailure(verdict.failures[0], options);
}

/** One failure, as the verifier or a record has it: code, place, reason, C line, instruction, registers, remedy. */
export function explainFailure(failure: FailureRecord, options: ExplainOptions = {}): string {
  const paint = options.colors === true ? COLORED : PLAIN;
  const lines = [`${paint.bad("rejected")}: ${failure.code}`, paint.bold(failure.message), ""];
  if (failure.source !== undefined) lines.push(...quote(failure.source, paint));
  lines.push(`  ${paint.dim(`slot ${failure.slot}:`)} ${failure.text}`);
  for (const name of registersOf(failure)) {
    const value = failure.registers[name] ?? "uninitialized";
    lines.push(`    ${name} = ${value}`);
  }
  lines.push(...wayTo(failure, paint));
  if (failure.example !== undefined) {
    const [first = "", ...rest] = exampleLines(failure.example, failure.slot);
    lines.push(`  example: ${first}`, ...rest.map((row) => `    ${row}`));
  }
  if (failure.mend !== undefined) lines.push(...mendLines(failure.mend, paint));
  lines.push(`  ${paint.good("help")}: ${failure.remedy}`);
  lines.push(`  ${paint.dim(`more: ebpf explain ${failure.code}`)}`);
  return lines.join("\n");
}

/** What was known against what was needed, and how it came to that. */
function wayTo({ known, needed, slice = [], source }: FailureRecord, { dim }: Palette): string[] {
  const lines: string[] = [];
  if (slice.length > 0) {
    lines.push("  how it came to that:");
    const rows = sliceLines(slice, source?.file);
    const width = Math.max(...rows.map((row) => row.place.length));
    for (const { place, text, notes } of rows) {
      lines.push(`    ${dim(`${place.padStart(width)} |`)} ${text}`);
      lines.push(...notes.map((note) => `    ${" ".repeat(width)} ${dim("|")}   ${note}`));
    }
  }
  if (known !== undefined && needed !== undefined) {
    lines.push(`  known: ${known}; needed: ${typeof needed === "number" ? plural(needed, "byte") : needed}`);
  }
  return lines;
}

function mendLines({ line, place, text }: MendRecord, { good, dim }: Palette): string[] {
  const number = `${line}`;
  const lead = place === "before" ? `write before line ${number}` : `write instead of line ${number}`;
  return [`  ${good("mend")}: ${lead}`, `    ${dim("+")} ${text.trim()}`];
}

interface SliceLine {
  readonly place: string;
  readonly text: string;
  readonly notes: string[];
}

/** The steps of one C line stand together under it, the last notes being what counts; without C, each under its slot. */
function sliceLines(slice: readonly SliceRecord[], file: string | undefined): readonly SliceLine[] {
  const lines: SliceLine[] = [];
  for (const { slot, text, source, note } of slice) {
    const place =
      source === undefined
        ? `slot ${slot}`
        : source.file === file
          ? `${source.line}`
          : `${source.file}:${source.line}`;
    const last = lines.at(-1);
    if (source !== undefined && last?.place === place) {
      if (last.notes.length >= NOTES_OF_A_LINE) last.notes.shift();
      last.notes.push(note);
    } else lines.push({ place, text: source?.text.trim() ?? text, notes: [note] });
  }
  return lines.slice(-LINES_OF_A_SLICE);
}

const NOTES_OF_A_LINE = 2;
const LINES_OF_A_SLICE = 6;

/** The C line, and a caret under its column if that is known. Tabs stay, so that the caret stands right. */
function quote({ line, column, text }: SourceRecord, paint: Palette): string[] {
  const number = `${line}`;
  const quoted = [`  ${paint.dim(`${number} |`)} ${text}`];
  if (column < 1 || column > text.length) return quoted;
  const before = text.slice(0, column - 1).replace(/[^\t]/g, " ");
  quoted.push(`  ${paint.dim(`${" ".repeat(number.length)} |`)} ${before}${paint.bad("^")}`);
  return quoted;
}

/** Registers the instruction reads or writes; a call takes r1 to r5 as far as they hold something, exit takes r0. */
function registersOf({ text, registers }: FailureRecord): string[] {
  if (text === "exit") return ["r0"];
  if (text.startsWith("call")) {
    return ["r1", "r2", "r3", "r4", "r5"].filter((name) => registers[name] !== undefined);
  }
  const written = /^[rw](\d+) = /.exec(text)?.[1];
  const names = [...text.matchAll(/\b[rw](\d+)\b/g)].map((match) => match[1] ?? "");
  const read = written === undefined ? names : names.slice(1);
  return [...new Set(read)].map((name) => `r${name}`);
}
