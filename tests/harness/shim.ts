// What is played through the hooks of WFP, and what comes back, as the structures of tests/driver/shim/shim.h: the same in the
// library for Linux and at the device of the shim under Wine.

import { SOCKET_BYTES } from "./shim-sockets.ts";

/** A frame as an interface receives it. */
export interface PlayedFrame {
  readonly bytes: Uint8Array;
  readonly interfaceIndex?: number;
  /** NDIS_MEDIUM; 0 is Ethernet. */
  readonly mediaType?: number;
  readonly flags?: number;
  /** Where it is cut into pieces, in order. */
  readonly cuts?: readonly number[];
  /** Bytes before it in its memory. */
  readonly headroom?: number;
  /** Another driver has permitted it for good. */
  readonly hardPermit?: boolean;
  readonly buffers?: number;
  readonly vlan?: number;
  /** What the interface says of its checksums. */
  readonly checksum?: number;
}

export const NBL = { readOnly: 2, loopback: 0x8000 } as const;
export const FRAME_BYTES = 68;
export const VERDICT_BYTES = 16;
export const INJECTED_BYTES = 24;
export const MAXIMUM_FRAME = 70_000;
const MAXIMUM_CUTS = 7;

export function frameHeader(frame: PlayedFrame): Uint8Array {
  const { bytes, cuts = [] } = frame;
  if (cuts.length > MAXIMUM_CUTS) throw new Error("too many cuts");
  const all = Array.from({ length: MAXIMUM_CUTS }, (_, index) => cuts[index] ?? 0);
  const header = Uint32Array.of(
    ...[frame.interfaceIndex ?? 1, frame.mediaType ?? 0, frame.flags ?? 0, cuts.length, ...all],
    ...[frame.headroom ?? 0, frame.hardPermit === true ? 1 : 0, frame.buffers ?? 1, frame.vlan ?? 0],
    ...[frame.checksum ?? 0, bytes.length],
  );
  return new Uint8Array(header.buffer);
}

export interface PlayVerdict {
  readonly action: "permit" | "block";
  /** Nobody may change it any more. */
  readonly final: boolean;
  /** Without an event of the system. */
  readonly absorbed: boolean;
  readonly called: number;
  /** The frame as the stack sees it then. */
  readonly bytes: Uint8Array;
}

export function verdictOf(numbers: Uint32Array, bytes: Uint8Array): PlayVerdict {
  const [action, rights = 0, flags = 0, called = 0] = numbers;
  return {
    action: action === 0x1001 ? "block" : "permit",
    final: (rights & 1) === 0,
    absorbed: (flags & 1) !== 0,
    called,
    bytes,
  };
}

export interface InjectedFrame {
  readonly sent: boolean;
  readonly interfaceIndex: number;
  readonly port: number;
  readonly vlan: number;
  readonly checksum: number;
  readonly bytes: Uint8Array;
}

export function injectedOf(numbers: Uint32Array, bytes: Uint8Array): InjectedFrame {
  const [sent = 0, interfaceIndex = 0, port = 0, vlan = 0, checksum = 0, size = 0] = numbers;
  return { sent: sent !== 0, interfaceIndex, port, vlan, checksum, bytes: bytes.slice(0, size) };
}

export interface ShimCounts {
  readonly callouts: number;
  readonly filters: number;
  readonly lists: number;
  readonly pools: number;
  readonly handles: number;
  readonly violations: number;
  /** Contexts of flows. */
  readonly flows: number;
}

export function countsOf(numbers: Uint32Array): ShimCounts {
  const [callouts = 0, filters = 0, lists = 0, pools = 0, handles = 0, violations = 0, flows = 0] = numbers;
  return { callouts, filters, lists, pools, handles, violations, flows };
}

const codeOf = (number: number): number => ((0x8ebe << 16) | (3 << 14) | ((0x800 + number) << 2)) >>> 0;

/** What the shim's device under Wine is asked. */
export const shim = {
  play: (frame: PlayedFrame) => ({
    code: codeOf(1),
    bytes: new Uint8Array(Buffer.concat([frameHeader(frame), frame.bytes])),
    capacity: Math.max(FRAME_BYTES, VERDICT_BYTES) + frame.bytes.length,
  }),
  take: () => ({ code: codeOf(2), bytes: new Uint8Array(0), capacity: INJECTED_BYTES + MAXIMUM_FRAME }),
  count: () => ({ code: codeOf(3), bytes: new Uint8Array(0), capacity: 28 }),
  socket: (bytes: Uint8Array) => ({ code: codeOf(6), bytes, capacity: SOCKET_BYTES }),
  violation: () => ({ code: codeOf(4), bytes: new Uint8Array(0), capacity: 256 }),
  setRunning: (running: boolean) => ({
    code: codeOf(5),
    bytes: Uint8Array.of(running ? 1 : 0),
    capacity: 8,
  }),
};
