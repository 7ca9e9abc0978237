// Windows' error numbers about services and drivers -> our codes, and what was being done -> words.
import { EbpfError, type ErrorCode } from "../base/error.ts";
import { WindowsError } from "./system.ts";

/** winerror.h. */
export const NUMBER = {
  fileNotFound: 2,
  accessDenied: 5,
  alreadyRunning: 1056,
  noService: 1060,
  notRunning: 1062,
} as const;

interface ErrorRow {
  readonly code: ErrorCode;
  readonly text: string;
}

const MISSING = { code: "FileNotFound", text: "its file is not there" } as const;
const MARKED = { code: "DriverMarkedForDelete", text: "it is deleted and still open somewhere" } as const;
const STOPPING = { code: "DriverStopping", text: "it is stopping, and some program has it open" } as const;
const SIGNATURE = { code: "DriverSignatureRefused", text: "Windows refuses its signature" } as const;
const BLOCKED = { code: "DriverBlocked", text: "Windows blocks the file" } as const;

const ROWS = new Map<number, ErrorRow>([
  [NUMBER.fileNotFound, MISSING],
  [3, MISSING],
  [NUMBER.accessDenied, { code: "ElevationNeeded", text: "only administrators may" }],
  // ERROR_INVALID_IMAGE_HASH; TRUST_E_NOSIGNATURE and CERT_E_UNTRUSTEDROOT, which loading hands on.
  [577, SIGNATURE],
  [0x800b_0100, SIGNATURE],
  [0x800b_0109, SIGNATURE],
  [1058, { code: "DriverDisabled", text: "its start type is disabled" }],
  [NUMBER.noService, { code: "DriverNotInstalled", text: "there is no such service" }],
  // ERROR_SERVICE_CANNOT_ACCEPT_CTRL.
  [1061, STOPPING],
  [1072, MARKED],
  // ERROR_DRIVER_BLOCKED; ERROR_SYSTEM_INTEGRITY_POLICY_VIOLATION with its kin.
  [1275, BLOCKED],
  [4551, BLOCKED],
  [4556, BLOCKED],
  [4558, BLOCKED],
]);

/** What a Windows error means of a driver; undefined if that is not known. */
export const rowOf = (number: number): ErrorRow | undefined => ROWS.get(number);

/** Runs it; what Windows refuses becomes the error with its code. `doing`: "start the driver". */
export function told<R>(doing: string, target: string, body: () => R): R {
  try {
    return body();
  } catch (error) {
    throw error instanceof WindowsError ? errorOf(error, doing, target) : error;
  }
}

function errorOf(error: WindowsError, doing: string, target: string): EbpfError {
  const row = ROWS.get(error.number);
  const details = { windowsError: error.number };
  if (row === undefined) {
    return new EbpfError("DriverFailed", `cannot ${doing}: ${error.message}`, { target, details }, error);
  }
  return new EbpfError(
    row.code,
    `cannot ${doing}: ${row.text} (Windows error ${error.number})`,
    { target, details },
    error,
  );
}

/** What the body gives, or undefined if Windows answers with that number. */
export function unless<R>(number: number, body: () => R): R | undefined {
  try {
    return body();
  } catch (error) {
    if (error instanceof WindowsError && error.number === number) return undefined;
    throw error;
  }
}
