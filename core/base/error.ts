// Errors and the one vocabulary of their codes. A code is used unchanged as TypeScript literal, as
// JSON-RPC `error.data.code` and as PowerShell ErrorId. Facts are fields; text is made late, from this table.
// A rejected program is a value (`Verdict`), never a throw.

/** How PowerShell and exit codes sort an error; the names are members of System.Management.Automation.ErrorCategory. */
export type ErrorCategory =
  | "InvalidData"
  | "InvalidArgument"
  | "InvalidOperation"
  | "ObjectNotFound"
  | "ResourceExists"
  | "ResourceBusy"
  | "ResourceUnavailable"
  | "PermissionDenied"
  | "ConnectionError"
  | "NotInstalled"
  | "NotImplemented"
  | "LimitsExceeded"
  | "OperationTimeout"
  | "WriteError"
  | "SecurityError";

interface ErrorCodeRow {
  readonly category: ErrorCategory;
  /** What a person can do about it, one sentence. */
  readonly remedy: string;
}

/** Every code an operation can fail with. (Why a program is rejected is told by the codes in verifier/failure.ts.) */
export const ERROR_CODES = {
  // Bad input (FormatError)
  ElfInvalid: { category: "InvalidData", remedy: "Compile the program again with clang -target bpf." },
  ElfNotBpf: {
    category: "InvalidData",
    remedy: "Compile with clang -target bpf; this file is for another machine.",
  },
  BtfInvalid: { category: "InvalidData", remedy: "Compile again with clang -g -target bpf." },
  MapDefinitionInvalid: {
    category: "InvalidData",
    remedy: "Define the map in section .maps with __uint and __type.",
  },
  RelocationInvalid: {
    category: "InvalidData",
    remedy: "Make sure that every function and map the program uses is defined in the same object.",
  },
  InstructionInvalid: { category: "InvalidData", remedy: "Compile again with clang -target bpf -mcpu=v3." },
  ProgramTooLarge: {
    category: "LimitsExceeded",
    remedy: "Split the program: 100,000 instructions are the most that can be verified.",
  },
  VerificationTooLarge: {
    category: "LimitsExceeded",
    remedy: "Split the program, or make its functions smaller.",
  },
  CertificateInvalid: {
    category: "InvalidData",
    remedy: "Make the certificate again with 'ebpf verify --certificate'.",
  },
  CertificateMismatch: {
    category: "InvalidData",
    remedy:
      "Give the certificate that was made for this program, or make it again with 'ebpf verify --certificate'.",
  },
  CertificateRefused: {
    category: "SecurityError",
    remedy: "Do not trust the program; verify it with 'ebpf verify', which says what is wrong.",
  },
  CertificateUnavailable: {
    category: "NotImplemented",
    remedy: "The program is safe, but no certificate of it can be made; verify it where it is used.",
  },
  VerifierDisagreement: {
    category: "SecurityError",
    remedy:
      "This is a defect of ebpf; please report it with the object file. To trust the verifier alone, load it with --allow-uncertified (-AllowUncertified).",
  },
  AssemblyInvalid: { category: "InvalidData", remedy: "Correct the assembly text at the position given." },
  PcapInvalid: { category: "InvalidData", remedy: "Capture the file again as pcap or pcapng." },
  HexInvalid: { category: "InvalidArgument", remedy: "Give bytes as pairs of hexadecimal digits." },
  RequestInvalid: {
    category: "InvalidArgument",
    remedy: "Send a request that matches the method's parameters.",
  },
  // What the user named or asked for
  ArgumentInvalid: { category: "InvalidArgument", remedy: "See the command's help for what it takes." },
  FileNotFound: { category: "ObjectNotFound", remedy: "Check the path." },
  FileUnreadable: { category: "PermissionDenied", remedy: "Check the permissions of the file." },
  FileUnwritable: {
    category: "WriteError",
    remedy: "Free disk space or choose a folder that can be written.",
  },
  ProgramNotFound: {
    category: "ObjectNotFound",
    remedy: "List what there is with Get-EbpfProgram or 'ebpf program list'.",
  },
  ProgramAmbiguous: {
    category: "InvalidArgument",
    remedy: "Name one of the programs of the object with -Program or --program.",
  },
  ProgramRejected: {
    category: "SecurityError",
    remedy: "Correct the program as the failure says, and compile it again.",
  },
  ProgramTypeUnknown: {
    category: "InvalidArgument",
    remedy:
      'Put the program in a section such as SEC("xdp"), or name its type: --type (-Type) for a verdict, --hook (-Hook) to load it.',
  },
  ProgramTypeUnsupported: {
    category: "NotImplemented",
    remedy: "It can be verified here; run it where programs of this type exist.",
  },
  PlatformAmbiguous: {
    category: "InvalidData",
    remedy: "Say --platform windows or --platform linux, or compile with -g so that the context type tells.",
  },
  MapNotFound: {
    category: "ObjectNotFound",
    remedy: "List what there is with Get-EbpfMap or 'ebpf map list'.",
  },
  MapKeyNotFound: {
    category: "ObjectNotFound",
    remedy: "List the entries with Get-EbpfMapEntry or 'ebpf map dump'.",
  },
  MapKeyExists: { category: "ResourceExists", remedy: "Update the entry without 'noexist'." },
  MapFull: {
    category: "LimitsExceeded",
    remedy: "Delete entries, or define the map with a larger max_entries.",
  },
  MapTypeUnsupported: { category: "NotImplemented", remedy: "Use a map type that this host has." },
  MapValueInvalid: { category: "InvalidArgument", remedy: "Give a key and value of the map's sizes." },
  MapOperationUnsupported: {
    category: "InvalidOperation",
    remedy:
      "Entries of arrays and of read-only data cannot be added or deleted; update them, or use a hash map.",
  },
  HelperUnsupported: { category: "NotImplemented", remedy: "Use a helper that this host has." },
  LinkNotFound: { category: "ObjectNotFound", remedy: "List what there is with 'ebpf link list'." },
  HookUnknown: {
    category: "InvalidArgument",
    remedy: "Use a hook that Add-EbpfProgram completes, such as xdp.",
  },
  HookUnavailable: {
    category: "NotInstalled",
    remedy:
      "Use a hook that completion of --hook (-Hook) offers; those of sockets are the driver's: start it with Start-EbpfDriver or 'ebpf driver start'.",
  },
  HookBusy: {
    category: "ResourceBusy",
    remedy: "Remove the program that is attached there first, or take its place with --replace (-Replace).",
  },
  BudgetExhausted: {
    category: "LimitsExceeded",
    remedy: "Make its loops shorter, or do less in one run.",
  },
  EngineLimit: { category: "LimitsExceeded", remedy: "Use engine interpreter, or split the program." },
  EngineUnknown: {
    category: "InvalidArgument",
    remedy: "Use engine wasm or interpreter, and jit or interpreter on the host kernel.",
  },
  InterfaceNotFound: {
    category: "ObjectNotFound",
    remedy: "Add one with New-EbpfInterface or 'ebpf interface add'.",
  },
  InterfaceAmbiguous: {
    category: "InvalidArgument",
    remedy: "Name the interface with -Interface or --interface.",
  },
  InterfaceExists: {
    category: "ResourceExists",
    remedy: "Choose another name, or remove the interface first.",
  },
  InterfaceInUse: { category: "ResourceBusy", remedy: "Detach its programs first, or force the removal." },
  InterfaceFailed: {
    category: "ResourceUnavailable",
    remedy: "See the cause, mend it, and add the interface again.",
  },
  TooManyInterfaces: { category: "LimitsExceeded", remedy: "Remove an interface that is no longer needed." },
  AddressInUse: {
    category: "ResourceBusy",
    remedy: "Stop what listens on that address, or choose another port.",
  },
  DeviceBusy: {
    category: "ResourceBusy",
    remedy: "Choose another device name, or remove the interface that has the device.",
  },
  TapUnavailable: {
    category: "ResourceUnavailable",
    remedy: "Run as root on Linux with /dev/net/tun (modprobe tun), or use a gateway interface.",
  },
  WinDivertNotFound: {
    category: "NotInstalled",
    remedy:
      "Unpack WinDivert 2.2 (https://reqrypt.org/windivert.html) into C:\\Program Files\\WinDivert, or say where it is with -LibraryPath or --library.",
  },
  WinDivertUnavailable: {
    category: "ResourceUnavailable",
    remedy: "Do what the message says; 'ebpf doctor' tells which WinDivert is found.",
  },
  WinDivertBlocked: {
    category: "SecurityError",
    remedy: "Allow WinDivert.dll and WinDivert64.sys where they are blocked, or use a gateway interface.",
  },
  FilterInvalid: {
    category: "InvalidArgument",
    remedy: "Correct the filter at the position given; its language is that of WinDivert.",
  },
  PlatformUnsupported: { category: "NotInstalled", remedy: "Use an interface kind that this system has." },
  MemoryExhausted: {
    category: "LimitsExceeded",
    remedy: "Remove maps or programs, or make the maps smaller.",
  },
  // Service and state
  ServiceNotRunning: {
    category: "ConnectionError",
    remedy: "Start it with Start-EbpfService or 'ebpf service start'.",
  },
  ServiceRunning: { category: "ResourceExists", remedy: "Use the service that runs, or stop it first." },
  ServiceUnresponsive: {
    category: "OperationTimeout",
    remedy: "Stop the service with 'ebpf service stop --force' and start it again.",
  },
  SocketUnusable: {
    category: "ResourceUnavailable",
    remedy: "Choose a short, writable folder with EBPF_HOME.",
  },
  StateUnwritable: {
    category: "WriteError",
    remedy:
      "Free disk space, make the state folder writable, or choose another with EBPF_HOME; nothing was changed.",
  },
  StateInvalid: {
    category: "InvalidData",
    remedy: "Move the state file away; the service then starts empty.",
  },
  PermissionDenied: {
    category: "PermissionDenied",
    remedy: "Run as the user who started the service, or elevated.",
  },
  ProtocolMismatch: {
    category: "ConnectionError",
    remedy: "Stop the service of the other version with 'ebpf service stop'.",
  },
  // The driver
  DriverUnsupported: {
    category: "NotInstalled",
    remedy: "Use the host embedded, which runs programs in the service on every system.",
  },
  DriverNotInstalled: {
    category: "ObjectNotFound",
    remedy: "Install it with Install-EbpfDriver or 'ebpf driver install'.",
  },
  DriverNotRunning: {
    category: "ResourceUnavailable",
    remedy: "Start it with Start-EbpfDriver or 'ebpf driver start'; 'ebpf driver status' says what there is.",
  },
  DriverContractMismatch: {
    category: "ConnectionError",
    remedy: "Install the driver that came with this version, and start it again.",
  },
  DriverForeign: {
    category: "ResourceExists",
    remedy: "Uninstall the other product first: eBPF for Windows has a service of the same name.",
  },
  DriverUntried: {
    category: "InvalidOperation",
    remedy: "Install it with start type demand, start it, and then install it again with start type boot.",
  },
  DriverBusy: {
    category: "ResourceBusy",
    remedy: "Remove its programs first with Remove-EbpfProgram, or end them with -Force or --force.",
  },
  DriverStopping: {
    category: "ResourceBusy",
    remedy: "Stop what has it open, such as the service of ebpf ('ebpf service stop'), or restart Windows.",
  },
  DriverMarkedForDelete: {
    category: "ResourceBusy",
    remedy: "Close what has the service open, such as services.msc, or restart Windows.",
  },
  DriverDisabled: {
    category: "InvalidOperation",
    remedy: "Install it again with start type demand or boot.",
  },
  DriverSignatureRefused: {
    category: "SecurityError",
    remedy: "Sign the file for this machine and turn on test signing; docs/driver.md tells how.",
  },
  DriverBlocked: {
    category: "SecurityError",
    remedy:
      "Memory integrity, the block list or an application control policy forbids the file; docs/driver.md tells more.",
  },
  DriverFailed: {
    category: "ResourceUnavailable",
    remedy: "See the event log System, and what 'ebpf driver status' says.",
  },
  ElevationNeeded: {
    category: "PermissionDenied",
    remedy: "Run PowerShell or the terminal as administrator.",
  },
  Cancelled: { category: "InvalidOperation", remedy: "Run the command again." },
  ToolMissing: { category: "NotInstalled", remedy: "Install the tool that is named." },
  StepFailed: {
    category: "InvalidOperation",
    remedy: "See what the step said; 'ebpf doctor' tells what is missing on this machine.",
  },
  InternalError: {
    category: "InvalidOperation",
    remedy: "This is a defect of ebpf; please report it with the text above.",
  },
} as const satisfies Record<string, ErrorCodeRow>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** The facts an error carries beside its code; each is optional and plain JSON. */
export interface ErrorData {
  /** What the error is about: a file, an id, a name. Becomes PowerShell's TargetObject. */
  readonly target?: string;
  readonly file?: string;
  readonly section?: string;
  readonly offset?: number;
  /** Anything more a caller may branch on. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** The system refused: code, one line that says what happened, facts, and the cause if another error is behind it. */
export class EbpfError extends Error {
  readonly code: ErrorCode;
  readonly data: ErrorData;

  constructor(code: ErrorCode, message: string, data: ErrorData = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "EbpfError";
    this.code = code;
    this.data = data;
  }

  get category(): ErrorCategory {
    return ERROR_CODES[this.code].category;
  }

  get remedy(): string {
    return ERROR_CODES[this.code].remedy;
  }
}

/** Bad input; `data` says where: file, section, byte offset. */
export class FormatError extends EbpfError {
  constructor(code: ErrorCode, message: string, data: ErrorData = {}, cause?: unknown) {
    super(code, message, data, cause);
    this.name = "FormatError";
  }
}

/** Our bug. The text says so, and the command line exits with 2. */
export class InternalError extends EbpfError {
  constructor(message: string, data: ErrorData = {}, cause?: unknown) {
    super("InternalError", message, data, cause);
    this.name = "InternalError";
  }
}

/** The error itself if it has a code; anything else that was thrown is a defect of ours. */
export function knownError(error: unknown): EbpfError {
  if (error instanceof EbpfError) return error;
  return new InternalError(error instanceof Error ? error.message : String(error), {}, error);
}

/** For the `default` of a switch over a union: a compile error if a case is missing, an InternalError if one slips in. */
export function unreachable(value: never): never {
  throw new InternalError(`unexpected ${JSON.stringify(value)}`);
}
