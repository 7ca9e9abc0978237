// What every packet loop has: the program in force, the counters, and word from the main thread. Also the messages
// between an interface and its worker. Knows no sockets, devices or files.
import type { MessagePort } from "node:worker_threads";
import type { ErrorCode, ErrorData } from "../base/error.ts";
import type { InstanceDescriptor, Lane } from "../host/embedded/lane.ts";
import type { InterfaceCounters } from "../host/host.ts";
import type { SocketAddress } from "./address.ts";

export interface GatewaySettings {
  readonly kind: "gateway";
  readonly listen: SocketAddress;
  readonly to: SocketAddress;
  readonly clients: number;
  readonly idleSeconds: number;
  readonly plain: boolean;
}

export interface TapSettings {
  readonly kind: "tap";
  readonly outside: string;
  readonly inside: string;
  readonly outsideNamespace?: string;
  readonly insideNamespace?: string;
  readonly plain: boolean;
}

export interface PcapSettings {
  readonly kind: "pcap";
  readonly input: string;
  readonly output?: string;
  readonly verdicts?: string;
}

export interface WindivertSettings {
  readonly kind: "windivert";
  /** In WinDivert's own language; "true": every packet. */
  readonly filter: string;
  readonly direction: "inbound" | "outbound" | "both";
  readonly loopback: boolean;
  /** Its name or its index. */
  readonly adapter?: string;
  readonly priority: number;
  readonly queuePackets: number;
  readonly queueMilliseconds: number;
  readonly queueBytes: number;
  /** Path of WinDivert.dll. */
  readonly library?: string;
}

/** Settings as the loops take them: checked, with every default filled in. */
export type LoopSettings = GatewaySettings | TapSettings | PcapSettings | WindivertSettings;

/** What the worker is started with. */
export interface WorkerSetup {
  readonly settings: LoopSettings;
  readonly lane: Lane;
  readonly memory: WebAssembly.Memory;
  readonly shared: SharedArrayBuffer;
  /** Where programs come from that tail calls lead to. */
  readonly programs: MessagePort;
  /** In force before the first packet is taken. */
  readonly descriptor?: InstanceDescriptor;
}

/** To the worker. */
export type Order =
  | { readonly kind: "attach"; readonly number: number; readonly descriptor: InstanceDescriptor | undefined }
  | { readonly kind: "close" };

/** An error on its way to the main thread. */
export interface PlainError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly data: ErrorData;
}

/** From the worker. */
export type Report =
  | {
      readonly kind: "ready";
      readonly wakeFd?: number;
      readonly listen?: SocketAddress;
      /** Of WinDivert: what the main thread watches the loop with. Such a loop tells how long packets wait. */
      readonly library?: string;
    }
  | { readonly kind: "attached"; readonly number: number; readonly error?: PlainError }
  /** A capture was read to its end. */
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly error: PlainError };

/** Cells of the shared buffer. Doubles: exact to 2^53, and an aligned one is never seen half-written on 64-bit machines. */
export const CELL = {
  received: 0,
  receivedBytes: 1,
  passed: 2,
  dropped: 3,
  transmitted: 4,
  aborted: 5,
  errors: 6,
  /** Bytes of a capture that have been read, and its size; 0 where there is no end. */
  position: 7,
  size: 8,
  /** Of WinDivert: the handle that packets wait at, 0 if there is none; and a number that grows while the loop lives. */
  handle: 9,
  beat: 10,
  /** How long a packet waited, at most, within the last second. */
  delayMilliseconds: 11,
} as const;

const CELLS_OFFSET = 64;

export interface Shared {
  /** Only the worker writes them. */
  readonly cells: Float64Array<SharedArrayBuffer>;
  /** [0] is raised with every order, after it was posted. */
  readonly doorbell: Int32Array<SharedArrayBuffer>;
}

export function createShared(): SharedArrayBuffer {
  return new SharedArrayBuffer(CELLS_OFFSET + 16 * 8);
}

export function viewShared(buffer: SharedArrayBuffer): Shared {
  return { cells: new Float64Array(buffer, CELLS_OFFSET, 16), doorbell: new Int32Array(buffer, 0, 1) };
}

export function readCounters(cells: Float64Array): InterfaceCounters {
  const at = (cell: number): number => cells[cell] ?? 0;
  return {
    received: at(CELL.received),
    receivedBytes: at(CELL.receivedBytes),
    passed: at(CELL.passed),
    dropped: at(CELL.dropped),
    transmitted: at(CELL.transmitted),
    aborted: at(CELL.aborted),
    errors: at(CELL.errors),
  };
}

/** Where orders arrive in the worker. Asked between two packets, or two batches of them. */
export interface Control {
  /** Carries out what was ordered; false once the loop is to end. Costs one load if nothing was. */
  proceed(): boolean;
  /** Blocks the thread until the next order. */
  wait(): void;
  /** The same for loops that live on events: resolves at the next order. */
  next(): Promise<void>;
  report(report: Report): void;
}

/** What is done with a packet, as numbers for the loops. */
export const ACTION = { pass: 0, drop: 1, transmit: 2, aborted: 3 } as const;

/** The program in force. Functions only: with accessors V8 keeps the object as a dictionary, and no call is inlined. */
export interface Filter {
  /** False: everything passes, and nobody need make a frame for it. */
  isActive(): boolean;
  /** Counts the calls of set(). */
  currentGeneration(): number;
  set(descriptor: InstanceDescriptor | undefined): void;
  /** Runs the program on `sizeBytes` bytes at an address of the linear memory; an ACTION. */
  decide(address: number, sizeBytes: number): number;
  /** Where the packet of the last decide() begins now: a program may have moved that, to the front or to the back. */
  begin(): number;
  /** The number of the adapter that the next packets came in by, for programs whose context says it; 0 until then. */
  setIngress(index: number): void;
}

export interface LoopEnvironment {
  readonly lane: Lane;
  /** The linear memory. */
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  readonly cells: Float64Array<SharedArrayBuffer>;
  readonly filter: Filter;
  readonly control: Control;
}

/** One kind of interface in its worker. */
export interface Loop {
  /** What main is told when the loop stands ready. */
  readonly ready: Extract<Report, { kind: "ready" }>;
  /** Moves packets until `control.proceed()` is false; an EbpfError if it cannot go on. */
  run(): void | Promise<void>;
  /** Called when a program is in force where none was, before that is said; an EbpfError takes it out again. */
  wake?(): void;
  /** Called before the last program goes, for loops that take no packets without one. */
  rest?(): void;
  /** Gives back every descriptor but `wakeFd`, which belongs to main. */
  close(): void;
}
