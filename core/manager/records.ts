// The JSON shapes that service, command line and PowerShell exchange. One shape per noun; every listing and every
// answer uses these. Names are lower camel case; PowerShell shows them in Pascal case.
import type { InterfaceCounters, RunCounts } from "../host/host.ts";
import type { EngineName } from "../image/image.ts";
import type { PlatformName } from "../platform/platform.ts";
import type {
  ExampleRecord,
  FailureRecord,
  MendRecord,
  SliceRecord,
  SourceRecord,
} from "../report/records.ts";

export type { ExampleRecord, FailureRecord, MendRecord, SliceRecord, SourceRecord };

/** One program of an object, verified. The line of `verify --jsonl`. */
export interface VerificationRecord {
  readonly file: string;
  /** Null, as the next one, if the file cannot be read as an object. */
  readonly section: string | null;
  readonly program: string | null;
  /** Null, as the next one, if nothing tells it. */
  readonly type: string | null;
  readonly platform: PlatformName | null;
  readonly verdict: "accepted" | "rejected" | "error";
  /** Of the failure or the error. */
  readonly code?: string;
  readonly message?: string;
  readonly remedy?: string;
  readonly instruction?: number;
  readonly source?: SourceRecord;
  readonly failure?: FailureRecord;
  /** If all were asked for: each that was found, `failure` first. */
  readonly failures?: readonly FailureRecord[];
  readonly instructions: number;
  readonly steps: number;
  readonly states: number;
  readonly milliseconds: number;
}

/** Whether a certificate proves its program. */
export interface CertificateRecord {
  readonly file: string;
  readonly program: string;
  readonly type: string;
  readonly platform: PlatformName;
  readonly verdict: "proved" | "refused";
  /** Of a refused one. */
  readonly code?: string;
  readonly message?: string;
  readonly remedy?: string;
  /** Of a proved one: it holds under the strict rules. */
  readonly strict?: boolean;
  readonly instructions: number;
  readonly states: number;
  readonly steps: number;
  readonly sizeBytes: number;
  readonly milliseconds: number;
}

/** The state before an instruction that is followed: `verify --log`. */
export interface LogRecord {
  readonly file: string;
  readonly program: string;
  readonly type: string;
  readonly platform: PlatformName;
  readonly slot: number;
  /** The slot it was reached from; absent at the entry. */
  readonly from?: number;
  /** The instruction in assembly. */
  readonly text: string;
  readonly source?: SourceRecord;
  readonly state: string;
}

/** What a test run of a program gave. */
export interface RunRecord {
  readonly file: string;
  readonly program: string;
  readonly type: string;
  readonly platform: PlatformName;
  readonly engine: EngineName;
  /** Why it is not the fast one, if it is not. */
  readonly engineReason?: string;
  /** r0, unsigned 64 bits, as hex. */
  readonly returnValue: string;
  /** What the program type calls the return value, e.g. "XDP_DROP". */
  readonly returnName?: string;
  /** What becomes of the packet. */
  readonly action?: string;
  /** The packet afterwards. */
  readonly dataHex: string;
  readonly contextHex: string;
  readonly repeat: number;
  /** Mean of a run. */
  readonly nanoseconds: number;
}

export interface DisassemblyRecord {
  readonly file: string;
  readonly section: string;
  readonly program: string;
  /** The function the instruction is in: the program's own, or one that it calls. */
  readonly function: string;
  readonly slot: number;
  readonly bytes: string;
  readonly text: string;
  readonly source?: SourceRecord;
}

export interface SectionRecord {
  readonly file: string;
  readonly section: string;
  readonly kind: string;
  readonly sizeBytes: number;
  readonly programs: readonly string[];
  /** Program type its name means on this platform, if any. */
  readonly type?: string;
}

export interface ProgramRecord {
  readonly id: number;
  readonly name: string;
  readonly type: string;
  readonly platform: PlatformName;
  readonly hook?: string;
  readonly file: string;
  readonly section: string;
  /** What runs it, and why it is not the fast one, if it is not. */
  readonly engine: EngineName;
  readonly engineReason?: string;
  /** The independent checker has a proof that it is safe (the driver's own, on that host); else the verifier alone says so. */
  readonly certified: boolean;
  readonly host: "embedded" | "kernel" | "linux";
  readonly instructions: number;
  readonly mapIds: readonly number[];
  /** Names of the interfaces it is attached to; "*" is every interface of the system. */
  readonly interfaces: readonly string[];
  /** Its maps keep their content when the service starts again. */
  readonly persistent: boolean;
  /** Absent, as `file` and `section` are empty, of what another process has in the driver. */
  readonly loadedAt?: string;
  /** Why it does not run although it is to: it could not be brought back, or the driver has been stopped. */
  readonly problem?: string;
}

export interface ProgramStatsRecord {
  readonly id: number;
  readonly name: string;
  /** Each interface it is attached to, with the interface's counters since the interface was added. */
  readonly interfaces: readonly { readonly interface: string; readonly counters: InterfaceCounters }[];
  /** Of a host that counts runs itself: while `counting`; faults always. */
  readonly counts?: RunCounts & { readonly counting: boolean };
}

export interface MapRecord {
  readonly id: number;
  readonly name: string;
  readonly type: string;
  readonly keySizeBytes: number;
  readonly valueSizeBytes: number;
  readonly maxEntries: number;
  readonly entries: number;
  readonly persistent: boolean;
  readonly programIds: readonly number[];
}

/** `key` and `value` are JSON values by BTF where the object has types, else hex strings; the hex forms are always there. */
export interface MapEntryRecord {
  readonly mapId: number;
  readonly map: string;
  readonly key: unknown;
  /** Per-CPU maps: an array, one value a CPU that has run the program. */
  readonly value: unknown;
  readonly keyHex: string;
  readonly valueHex: string;
}

/** What was read of a ring buffer, oldest first; it is gone from there. */
export interface RingRecord {
  readonly mapId: number;
  readonly map: string;
  /** Records that there was no room for, since the map was made. */
  readonly dropped: number;
  /** `value` is JSON by the type that was asked for, else hex. */
  readonly records: readonly { readonly value: unknown; readonly hex: string }[];
}

export interface LinkRecord {
  readonly id: number;
  readonly programId: number;
  readonly program: string;
  readonly hook: string;
  readonly interface: string;
}

export interface InterfaceRecord {
  readonly name: string;
  readonly kind: "gateway" | "tap" | "pcap" | "windivert";
  readonly settings: Readonly<Record<string, unknown>>;
  readonly programId?: number;
  readonly program?: string;
  readonly counters: InterfaceCounters;
  /** "done": a capture is at its end. */
  readonly state: "open" | "done" | "failed";
  /** Of a capture that is not at its end: how much of it has been read, 0 to 1. */
  readonly progress?: number;
  /** Of a windivert: how long packets waited, at most, within the last second. Near its queueMilliseconds, they are being lost. */
  readonly delayMilliseconds?: number;
  /** Why it does not run although it is to, e.g. its port was taken when the service started. */
  readonly problem?: string;
}

/** A hook that programs can be attached to, as a platform names it. */
export interface HookRecord {
  readonly name: string;
  readonly programType: string;
  readonly platform: PlatformName;
  readonly description: string;
  /** False if no host of this service has it. */
  readonly available: boolean;
}

export interface ServiceStatusRecord {
  readonly processId: number;
  readonly version: string;
  readonly protocol: number;
  readonly startedAt: string;
  readonly socket: string;
  readonly stateFolder: string;
  readonly memoryBytes: number;
  readonly programs: number;
  readonly maps: number;
  readonly links: number;
  readonly interfaces: number;
  /** What could not be brought back at the start, one line each. */
  readonly problems: readonly string[];
}
