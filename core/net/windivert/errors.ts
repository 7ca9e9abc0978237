// Why WinDivert does not work, by the number of the error that Windows gives: what is the matter, and what can be done. The
// rows are from WinDivert's reference (WinDivertOpen) and from what its users report.
import { EbpfError, type ErrorCode } from "../../base/error.ts";

export interface Reason {
  readonly code: ErrorCode;
  /** What is the matter, and after a colon or semicolon what to do. */
  readonly text: string;
}

const POLICY =
  "a policy of this machine (App Control, Smart App Control) blocks it: a rule that allows it is needed, or an interface of kind gateway";

/** WinDivertOpen: the library asks Windows to start the driver beside it. */
const OPEN_REASONS: Readonly<Record<number, Reason>> = {
  2: {
    code: "WinDivertNotFound",
    text: "there is no WinDivert64.sys beside it: unpack both files of the release into one folder",
  },
  3: {
    code: "WinDivertUnavailable",
    text: "the installed service WinDivert names a folder that is gone: run 'sc stop WinDivert' and 'sc delete WinDivert', then try again",
  },
  5: { code: "PermissionDenied", text: "it is for administrators: start the service of ebpf elevated" },
  87: { code: "WinDivertUnavailable", text: "its driver refuses the filter or the priority" },
  577: {
    code: "WinDivertBlocked",
    text: "Windows does not accept the driver's signature: use the signed files of the release 2.2.2, unchanged, and with memory integrity (HVCI) on nothing older",
  },
  654: {
    code: "WinDivertUnavailable",
    text: "another program has the driver of another version loaded: end it, run 'sc stop WinDivert', then try again",
  },
  1058: {
    code: "WinDivertUnavailable",
    text: "its driver was stopped while it was in use: run 'sc stop WinDivert' until it says that it is not started, then try again",
  },
  1060: {
    code: "WinDivertUnavailable",
    text: "its driver is not installed, and could not be: 'sc query WinDivert' says more",
  },
  1072: {
    code: "WinDivertUnavailable",
    text: "its driver is marked for deletion: end what uses it, or restart Windows",
  },
  1275: {
    code: "WinDivertBlocked",
    text: "Windows or an antivirus blocks the driver: allow WinDivert64.sys there; on ARM64 there is no signed one",
  },
  1753: {
    code: "WinDivertUnavailable",
    text: "the Base Filtering Engine does not run: start the Windows service BFE",
  },
  4551: { code: "WinDivertBlocked", text: POLICY },
};

/** LoadLibraryEx of WinDivert.dll itself. */
const LOAD_REASONS: Readonly<Record<number, Reason>> = {
  5: { code: "PermissionDenied", text: "this user may not read it" },
  126: { code: "WinDivertUnavailable", text: "it, or a library that it needs, is not there" },
  127: { code: "WinDivertUnavailable", text: "a library that it needs is of another version" },
  193: {
    code: "WinDivertUnavailable",
    text: "it is no library for this processor: use the one of the folder x64 of the release",
  },
  225: { code: "WinDivertBlocked", text: "the antivirus takes it for harmful: allow it there" },
  577: { code: "WinDivertBlocked", text: POLICY },
  1260: { code: "WinDivertBlocked", text: POLICY },
  4551: { code: "WinDivertBlocked", text: POLICY },
};

function refusal(
  path: string,
  what: string,
  number: number,
  rows: Readonly<Record<number, Reason>>,
): EbpfError {
  const row = rows[number];
  const code = row?.code ?? "WinDivertUnavailable";
  const text = row?.text ?? `Windows' error ${number}`;
  return new EbpfError(code, `${path} ${what}: ${text}`, { target: path, details: { windowsError: number } });
}

/** WinDivert did not open a handle; `number` is what GetLastError() says. */
export function openError(path: string, number: number): EbpfError {
  return refusal(path, "does not open", number, OPEN_REASONS);
}

/** The library was not loaded, or (without a number) lacks a function. */
export function loadError(path: string, number: number | undefined, cause?: unknown): EbpfError {
  if (number !== undefined) return refusal(path, "cannot be loaded", number, LOAD_REASONS);
  const message = `${path} is not WinDivert 2.2: ${cause instanceof Error ? cause.message : String(cause)}`;
  return new EbpfError("WinDivertUnavailable", message, { target: path }, cause);
}

/** A handle that was open fails. */
export function callError(what: string, number: number): EbpfError {
  return new EbpfError("InterfaceFailed", `${what} failed with Windows' error ${number}`, {
    details: { windowsError: number },
  });
}
