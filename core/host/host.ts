// The Host interface: who runs programs. Its faces are embedded/ (now), kernel/ and linux/ (later parts). It also
// declares what an interface is, so that nothing here looks up at net/.
import { EbpfError } from "../base/error.ts";
import type { EngineName, Image } from "../image/image.ts";
import { type MapKind, type PacketAction, unsupportedMapFlags } from "../platform/platform.ts";
import type { MapSpec } from "../spec.ts";

export type HostKind = "embedded" | "kernel" | "linux";

/** The side of a ring buffer that reads. A record is read once; records come in the order in which they were reserved. */
export interface RingBuffer {
  /** The oldest records, at most so many, and fewer if they are large; none if none is whole. */
  take(most: number): Uint8Array[];
  /** Resolves when there may be a record, or after so long. */
  wait(milliseconds: number): Promise<void>;
  /** Records that there was no room for, since the map was made. */
  dropped(): number;
}

/** Copies; of the value what lookup() gives. */
export interface MapEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** The value of a program array is the id of a LoadedProgram of this host, as 4 bytes; what is not there any more has no entry. */
export interface EbpfMap {
  readonly id: number;
  readonly spec: MapSpec;
  /** Of ring buffers, which have no entries. */
  readonly ring?: RingBuffer;
  /** Of what lookup() gives and update() takes. */
  readonly copySizeBytes: number;
  /** The value's bytes; per-CPU maps give all CPUs' values one after the other, each padded to 8. */
  lookup(key: Uint8Array): Uint8Array | undefined;
  /** MapKeyExists, MapKeyNotFound, MapFull or MapValueInvalid if it cannot be done. */
  update(key: Uint8Array, value: Uint8Array, mode?: "any" | "noexist" | "exist"): void;
  /** False if there was no such key. */
  delete(key: Uint8Array): boolean;
  /**
   * Those that are there all the time while one goes through them come once each; others once or not at all. None of ring buffers,
   * queues and stacks.
   */
  entries(): Iterable<MapEntry>;
  /** Entries now; for arrays their length, for ring buffers the records that wait (in the driver nobody counts them: 0). */
  count(): number;
  close(): void;
}

/** MapDefinitionInvalid for flags that no host has: a map that does not do what is asked of it is worse than none. */
export function checkMapFlags({ name, flags }: MapSpec): void {
  const bits = unsupportedMapFlags(flags);
  if (bits === 0) return;
  throw new EbpfError(
    "MapDefinitionInvalid",
    `map '${name}': the flags 0x${bits.toString(16)} of its map_flags are not supported`,
    { target: name, details: { flags: bits } },
  );
}

export interface RunResult {
  /** r0 as unsigned 64 bits. */
  readonly returnValue: bigint;
  readonly action?: PacketAction;
  /** The packet (or raw memory) afterwards. */
  readonly data: Uint8Array;
  readonly context: Uint8Array;
  /** Mean nanoseconds a run; only meaningful with `repeat`. */
  readonly nanoseconds: number;
}

export interface TraceStep {
  readonly instruction: number;
  readonly slot: number;
  readonly text: string;
  readonly registers: readonly bigint[];
}

export interface RunOptions {
  readonly data: Uint8Array;
  /** Scalar fields of the context; pointers to the packet are always set by the host. */
  readonly context?: Uint8Array;
  readonly repeat?: number;
  /** Called before each instruction; interpreter only. */
  readonly trace?: (step: TraceStep) => void;
}

/** Runs of a program, however it was run: while the host counts them, except for faults. */
export interface RunCounts {
  readonly runs: number;
  /** Of all runs together. */
  readonly nanoseconds: number;
  /** Runs that were ended before their exit. */
  readonly faults: number;
}

export interface LoadedProgram {
  readonly id: number;
  readonly image: Image;
  readonly maps: readonly EbpfMap[];
  /** It was loaded with a certificate, which holds. */
  readonly certified: boolean;
  /** What runs it. */
  readonly engine: EngineName;
  /** Why it is not the faster one that was asked for, or that is taken if it can be. */
  readonly engineReason?: string;
  /** Of hosts that count. */
  counts?(): RunCounts;
  /** Whether the host has lost it, with its maps and links: the driver was stopped. */
  isLost?(): boolean;
  run(options: RunOptions): RunResult;
  close(): void;
}

/** A live attachment. `close()` detaches; it resolves when no packet is in the program any more. */
export interface Link {
  readonly id: number;
  readonly program: LoadedProgram;
  readonly interfaceName: string;
  close(): Promise<void>;
}

export interface Host {
  readonly kind: HostKind;
  createMap(spec: MapSpec, kind: MapKind): EbpfMap;
  /**
   * `maps` in the order of `image.program.maps`. A certificate is of the program as this host knows it; it holds: the embedded host is
   * given only what was checked, the driver checks.
   */
  load(image: Image, maps: readonly EbpfMap[], certificate?: Uint8Array): LoadedProgram;
  /** Programs, maps and memory of the host, for `service status`. */
  memoryBytes(): number;
  close(): Promise<void>;
}

/** Counters of an interface, since it was added. Packets and bytes as seen by its loop. */
export interface InterfaceCounters {
  readonly received: number;
  readonly receivedBytes: number;
  readonly passed: number;
  readonly dropped: number;
  readonly transmitted: number;
  readonly aborted: number;
  /** Packets that could not be sent on although they were to pass. */
  readonly errors: number;
}

export type InterfaceKind = "gateway" | "tap" | "pcap" | "windivert";

/**
 * Of an interface that has an end (a capture) also how far it is: 0 to 1, and "done" when it is there. Of one whose packets
 * wait in a queue that says nothing when it is full: how long the oldest did, at most, within the last second.
 */
export type InterfaceState =
  | { readonly kind: "open"; readonly progress?: number; readonly delayMilliseconds?: number }
  | { readonly kind: "done" }
  /** Its loop has ended; what remains is to close it. */
  | { readonly kind: "failed"; readonly error: EbpfError };

/** Where packets come from and go to. Made by net/; a Host knows nothing of it but this. */
export interface Interface {
  readonly name: string;
  readonly kind: InterfaceKind;
  /** The kind's own settings, as given. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly attached: LoadedProgram | undefined;
  /** Swaps the program between two packets; undefined detaches. Resolves when the loop runs with it. */
  attach(program: LoadedProgram | undefined): Promise<void>;
  counters(): InterfaceCounters;
  state(): InterfaceState;
  close(): Promise<void>;
}
