// What goes wrong with the driver, in the core's codes: Windows' numbers for an open or a request that failed, and the errors of
// replies, which have the core's names already.
import { EbpfError, type ErrorCode, type ErrorData, InternalError } from "../../base/error.ts";
import type { DriverError } from "./wire.ts";

interface Row {
  readonly code: ErrorCode;
  readonly text: string;
}

const STOPPED: Row = { code: "DriverNotRunning", text: "the driver has been stopped" };
const NO_MEMORY: Row = {
  code: "MemoryExhausted",
  text: "the system has no memory for a request to the driver",
};
const OTHER_CONTRACT: Row = {
  code: "DriverContractMismatch",
  text: "the driver does not know a request of this version",
};

/** CreateFileW of the device (winerror.h). */
const OPEN: Readonly<Record<number, Row>> = {
  2: { code: "DriverNotRunning", text: "the driver does not run" },
  3: { code: "DriverNotRunning", text: "the driver does not run" },
  5: { code: "ElevationNeeded", text: "only administrators may open the driver" },
  8: NO_MEMORY,
  1450: NO_MEMORY,
};

/** DeviceIoControl of a device that was open. */
const CALL: Readonly<Record<number, Row>> = {
  1: OTHER_CONTRACT,
  5: STOPPED,
  6: STOPPED,
  8: NO_MEMORY,
  21: STOPPED,
  55: STOPPED,
  87: OTHER_CONTRACT,
  122: OTHER_CONTRACT,
  433: STOPPED,
  // A request that waited when its file was closed.
  995: STOPPED,
  1167: STOPPED,
  1450: NO_MEMORY,
};

const told = (row: Row | undefined, what: string, status: number): EbpfError =>
  new EbpfError(row?.code ?? "DriverFailed", row?.text ?? `${what}: Windows error ${status}`, {
    target: "EbpfCore",
    details: { windowsError: status },
  });

export const openError = (status: number): EbpfError =>
  told(OPEN[status], "the driver does not open", status);

export const callError = (status: number): EbpfError => told(CALL[status], "a request failed", status);

/** A request through what was open before the driver stopped. */
export const stopped = (): EbpfError => new EbpfError(STOPPED.code, STOPPED.text, { target: "EbpfCore" });

/** What a request is about, as errors name it. */
export interface About {
  readonly what: "map" | "program" | "link" | "driver";
  readonly name: string;
}

/** What is said of the thing. */
const TEXT: Readonly<Record<DriverError, string>> = {
  None: "has no error",
  MapKeyNotFound: "has no entry with this key",
  MapKeyExists: "has an entry with this key already",
  MapFull: "is full",
  MapOperationUnsupported: "cannot do this: its type does not, or it is read-only",
  MapValueInvalid: "has keys or values of other sizes",
  MapDefinitionInvalid: "cannot have these sizes, entries or flags",
  MapTypeUnsupported: "is of a type that the driver does not have",
  MapNotFound: "is not there any more",
  ProgramNotFound: "is not there any more",
  ProgramTypeUnsupported: "is of a type that the driver does not run",
  ProgramRejected: "is not well formed",
  CertificateInvalid: "came with a certificate that is none",
  CertificateMismatch: "came with the certificate of another program",
  CertificateRefused: "came with a certificate that does not prove it",
  MemoryExhausted: "needs more memory than the driver has for it",
  ArgumentInvalid: "was given what it does not take",
  LinkNotFound: "is detached",
  HookUnknown: "cannot be attached to a hook that the driver does not know",
  HookUnavailable: "cannot be attached to a hook that this Windows does not have",
  HookBusy: "cannot be attached where as many are attached as may be",
};

export function replyError(error: DriverError, about: About, data: ErrorData = {}): EbpfError {
  if (error === "None") return new InternalError("an error without a code");
  const { what, name } = about;
  return new EbpfError(error, `${what} '${name}' ${TEXT[error]}`, { target: name, ...data });
}
