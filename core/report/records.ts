// Failure -> the JSON shape that command line, service and PowerShell exchange. Text is in explain.ts.
import type { SourceLocation } from "../spec.ts";
import type { Failure } from "../verifier/verdict.ts";

/** Lines and columns count from 1; column 0 is unknown. */
export interface SourceRecord {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly text: string;
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
}

export function sourceRecord({ file, line, column, text }: SourceLocation): SourceRecord {
  return { file, line, column, text };
}

export function failureRecord(failure: Failure): FailureRecord {
  const { code, message, remedy, instruction, slot, text, registers } = failure;
  const record = { code, message, remedy, instruction, slot, text, registers: { ...registers } };
  return failure.source === undefined ? record : { ...record, source: sourceRecord(failure.source) };
}
