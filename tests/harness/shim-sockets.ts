// What happens to sockets in the shim of Windows' filtering platform, and what comes of it, as the structures of
// tests/driver/shim/shim.h: the same in the library for Linux and at the device of the shim under Wine.

export const WHAT = { bind: 0, unbind: 1, connect: 2, accept: 3, establish: 4, end: 5 } as const;
const TOKENS = ["user", "administrator", "notElevated", "none"] as const;

export interface End {
  /** 4 or 16 bytes. */
  readonly address: readonly number[];
  readonly port: number;
}

export interface PlayedSocket {
  readonly local: End;
  readonly remote?: End;
  readonly protocol?: number;
  readonly compartmentId?: number;
  readonly interfaceLuid?: bigint;
  readonly processId?: number;
  readonly logonId?: bigint;
  readonly endpoint?: number;
  readonly flow?: number;
  readonly token?: (typeof TOKENS)[number];
  /** Of Windows' FLAGS field. */
  readonly flags?: number;
  readonly inbound?: boolean;
  /** Another driver has permitted it for good. */
  readonly hardPermit?: boolean;
  /** Who has sent the connection elsewhere: 1 this driver, 2 another, 3 this one before another. */
  readonly redirectState?: number;
  readonly takenByOther?: boolean;
  /** Windows leaves out what it may leave out. */
  readonly sparse?: boolean;
  readonly app?: string;
}

export const SOCKET_BYTES = 384;
export const SOCKET_RESULT_BYTES = 112;

export function socketBytes(what: keyof typeof WHAT, socket: PlayedSocket): Uint8Array {
  const { local, remote = { address: [], port: 0 } } = socket;
  const bytes = Buffer.alloc(SOCKET_BYTES);
  const app = Buffer.from(socket.app ?? "", "utf16le").subarray(0, 256);
  const words = (at: number, ...values: readonly number[]) =>
    bytes.set(new Uint8Array(Uint32Array.from(values).buffer), at);
  const longs = (at: number, ...values: readonly (number | bigint)[]) =>
    bytes.set(new Uint8Array(BigUint64Array.from(values, BigInt).buffer), at);
  words(0, WHAT[what], local.address.length === 4 ? 2 : 23);
  bytes.set(local.address, 8);
  bytes.set(remote.address, 24);
  words(40, local.port, remote.port, socket.protocol ?? 6, socket.compartmentId ?? 1);
  longs(56, socket.interfaceLuid ?? 0x600n, socket.processId ?? 0, socket.logonId ?? 0);
  longs(80, socket.endpoint ?? 0, socket.flow ?? 0);
  words(96, TOKENS.indexOf(socket.token ?? "user"), socket.flags ?? 0, socket.inbound === true ? 1 : 0);
  words(108, socket.hardPermit === true ? 1 : 0, socket.redirectState ?? 0);
  words(116, socket.takenByOther === true ? 1 : 0, socket.sparse === true ? 1 : 0, app.length);
  bytes.set(app, 128);
  return new Uint8Array(bytes);
}

export interface SocketResult {
  readonly action: "permit" | "block";
  /** Nobody may change it any more. */
  readonly final: boolean;
  readonly called: number;
  /** Where it goes. */
  readonly to: End;
  /** By this driver. */
  readonly redirected: boolean;
  readonly context?: string;
}

export function socketResult(bytes: Uint8Array): SocketResult {
  const view = Buffer.from(bytes);
  const length = view.readUInt32LE(16) === 23 ? 16 : 4;
  const contextBytes = view.readUInt32LE(44);
  return {
    action: view.readUInt32LE(0) === 0x1001 ? "block" : "permit",
    final: (view.readUInt32LE(4) & 1) === 0,
    called: view.readUInt32LE(12),
    to: { address: [...view.subarray(20, 20 + length)], port: view.readUInt32LE(36) },
    redirected: view.readUInt32LE(40) !== 0,
    ...(contextBytes === 0 ? {} : { context: view.toString("hex", 48, 48 + contextBytes) }),
  };
}
