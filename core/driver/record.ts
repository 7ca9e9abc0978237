// What is told of the driver, in one shape for the command line, PowerShell and `ebpf doctor`.
import type { ServiceState, StartType } from "./system.ts";

/** Whose file the service runs: ours, another product's of the same name, or none is there. */
export type FileOrigin = "ours" | "other" | "missing";

/** What Windows makes of the file's signature; "selfSigned" is a whole one of a certificate that this machine does not trust. */
export type Signature = "none" | "trusted" | "selfSigned" | "expired" | "damaged" | "untrusted";

/** Of memory integrity (HVCI); "afterRestart": it is set to be on. */
export type MemoryIntegrity = "on" | "off" | "afterRestart";

export interface DriverRecord {
  /** Of the service. */
  readonly name: string;
  readonly state: "absent" | ServiceState | "unknown";
  readonly startType: StartType | null;
  /** Of its file, and what that is. */
  readonly path: string | null;
  readonly file: FileOrigin | null;
  readonly signature: Signature | null;
  /** Why Windows did not load it when it last tried, by its event logs; null if it runs, has run since, or nothing is told. */
  readonly refusal: string | null;
  /** What the running driver says: null if it does not run, or does not answer. */
  readonly contract: number | null;
  readonly engine: "jit" | "interpreter" | null;
  /** Why it is not the JIT. */
  readonly engineReason: string | null;
  readonly allowUncertified: boolean | null;
  /** Those that this Windows has. */
  readonly hooks: readonly string[] | null;
  readonly programs: number | null;
  readonly maps: number | null;
  /** Programs at hooks. */
  readonly links: number | null;
  /** How many have the device open, this question not counted. */
  readonly clients: number | null;
  /** What decides whether Windows loads it, and what it may do. */
  readonly testSigning: boolean;
  readonly secureBoot: boolean;
  readonly memoryIntegrity: MemoryIntegrity;
  /** What is wrong, in words, with what to do. */
  readonly problems: readonly string[];
}
