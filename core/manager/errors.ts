// Errors as they go between threads: what structured cloning leaves of an EbpfError, and back.
import { EbpfError, type ErrorCode, type ErrorData, knownError } from "../base/error.ts";

export interface PlainError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly data: ErrorData;
}

export function plainError(error: unknown): PlainError {
  const { code, message, data } = knownError(error);
  return { code, message, data };
}

export function reviveError({ code, message, data }: PlainError): EbpfError {
  return new EbpfError(code, message, data);
}
