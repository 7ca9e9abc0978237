// Failure -> the JSON shape that command line, service and PowerShell exchange. Text is in explain.ts.
import type { SourceLocation } from "../spec.ts";
import type { Failure, SliceRow } from "../verifier/verdict.ts";

/** Lines and columns count from 1; column 0 is unknown. */
export interface SourceRecord {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly text: string;
}

/** A step of the way to a failure, in the order followed. */
export interface SliceRecord {
  readonly instruction: number;
  readonly slot: number;
  /** The instruction in assembly. */
  readonly text: string;
  readonly source?: SourceRecord;
  /** What it gave, in words; of a branch its side and what is known since. */
  readonly note: string;
}

/** A change of the C program that takes the first cause away: `text` goes before that line, or instead of it. */
export interface MendRecord {
  readonly file: string;
  readonly line: number;
  readonly place: "before" | "instead";
  readonly text: string;
}

/**
 * An input on which the program really does what it is rejected for: a run in the reference interpreter with its checks on
 * has shown it. Only what the run depends on is there.
 */
export interface ExampleRecord {
  readonly packetLength?: number;
  readonly packetHex?: string;
  /** Pointers are 0. */
  readonly contextHex?: string;
  /** Fields of the context that are not 0. */
  readonly context?: readonly { readonly field: string; readonly value: string }[];
  /** What look-ups find; null: there is no such entry. */
  readonly maps?: readonly {
    readonly map: string;
    readonly keyHex: string;
    readonly valueHex: string | null;
  }[];
  /** What other memory holds: objects, and what helpers write. */
  readonly memory?: readonly { readonly what: string; readonly hex: string }[];
  /** What helpers answer, in the order called. */
  readonly answers?: readonly { readonly helper: string; readonly value: string }[];
  readonly confirmed: true;
  /** What the failing instruction did: "reads 2 bytes at offset 12 of the packet of 13 bytes". */
  readonly observed: string;
}

export interface FailureRecord {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  readonly instruction: number;
  readonly slot: number;
  /** The instruction in assembly. */
  readonly text: string;
  readonly source?: SourceRecord;
  /** What was known of each register, by name. */
  readonly registers: Readonly<Record<string, string>>;
  /** The few instructions that led to it. */
  readonly slice?: readonly SliceRecord[];
  /** What was known and what was needed; a number is one of bytes. */
  readonly known?: string;
  readonly needed?: string | number;
  readonly mend?: MendRecord;
  readonly example?: ExampleRecord;
}

export function sourceRecord({ file, line, column, text }: SourceLocation): SourceRecord {
  return { file, line, column, text };
}

/** `example` is found above this room: the verifier runs nothing. */
export function failureRecord(failure: Failure, example?: ExampleRecord): FailureRecord {
  const { code, message, remedy, instruction, slot, text, registers } = failure;
  const { source, slice, known, needed, mend } = failure;
  return {
    code,
    message,
    remedy,
    instruction,
    slot,
    text,
    registers: { ...registers },
    ...(source !== undefined && { source: sourceRecord(source) }),
    ...(slice !== undefined && { slice: slice.map(sliceRecord) }),
    ...(known !== undefined && { known }),
    ...(needed !== undefined && { needed }),
    ...(mend !== undefined && { mend: { ...mend } }),
    ...(example !== undefined && { example }),
  };
}

function sliceRecord({ instruction, slot, text, source, note }: SliceRow): SliceRecord {
  const row = { instruction, slot, text, note };
  return source === undefined ? row : { ...row, source: sourceRecord(source) };
}
