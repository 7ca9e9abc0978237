// Errors across the wire: an EbpfError as the error object of a JSON-RPC answer, and back. The code of the one table
// travels in `data.code`; the number only says which kind of answer it is.
import { ErrorCodes, ResponseError } from "vscode-jsonrpc/node";
import { EbpfError, ERROR_CODES, type ErrorCode, type ErrorData, InternalError } from "../base/error.ts";

/** Numbers of JSON-RPC 2.0 section 5.1, and -32800 as the Language Server Protocol uses it; others are -32000. */
const NUMBER_OF_CODE: Partial<Record<ErrorCode, number>> = {
  RequestInvalid: -32602,
  InternalError: -32603,
  Cancelled: -32800,
};

interface WireData extends ErrorData {
  readonly code: ErrorCode;
  readonly category: string;
  readonly remedy: string;
}

/** What is no EbpfError is a defect of ours: InternalError. `number` overrides the JSON-RPC number. */
export function toResponseError(error: unknown, number?: number): ResponseError<WireData> {
  const known =
    error instanceof EbpfError
      ? error
      : new InternalError(error instanceof Error ? error.message : String(error), {}, error);
  return new ResponseError(number ?? NUMBER_OF_CODE[known.code] ?? -32000, known.message, {
    ...known.data,
    code: known.code,
    category: known.category,
    remedy: known.remedy,
  });
}

/** vscode-jsonrpc's own: a message could not be written, or the connection was closed before the answer came. */
const TRANSPORT_NUMBERS: readonly number[] = [
  ErrorCodes.MessageWriteError,
  ErrorCodes.PendingResponseRejected,
];

/** The error of an answer as the caller throws it. */
export function fromResponseError(error: ResponseError<unknown>): EbpfError {
  const data = (typeof error.data === "object" && error.data !== null ? error.data : {}) as Partial<WireData>;
  const { code, category: _category, remedy: _remedy, ...facts } = data;
  if (TRANSPORT_NUMBERS.includes(error.code)) {
    return new EbpfError("ServiceNotRunning", `the service ended: ${error.message}`, {}, error);
  }
  if (code === undefined || !Object.hasOwn(ERROR_CODES, code)) {
    return new EbpfError("InternalError", error.message, { details: { number: error.code } }, error);
  }
  return new EbpfError(code, error.message, facts, error);
}
