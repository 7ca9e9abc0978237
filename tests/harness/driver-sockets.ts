// Operations of sockets as the driver's hooks know them (driver/hooks/socket.h), what each hook makes of one, and how it
// reads what a program answered.
import koffi from "koffi";
import { type DriverProgram, library, type Output, type PROGRAM_TYPES, runProgram } from "./driver.ts";

koffi.struct("SOCKET_ENDPOINT", { address: koffi.array("uint8", 16, "Typed"), port: "uint16" });
koffi.struct("SOCKET_ROUTE", {
  known: "bool",
  interfaceType: "uint32",
  tunnelType: "uint32",
  subInterfaceIndex: "uint32",
  nextHopLuid: "uint64",
});
koffi.struct("SOCKET_OPERATION", {
  family: "uint32",
  local: "SOCKET_ENDPOINT",
  remote: "SOCKET_ENDPOINT",
  protocol: "uint8",
  compartmentId: "uint32",
  interfaceLuid: "uint64",
  processId: "uint64",
  logonId: "uint64",
  administrator: "int32",
  endpointHandle: "uint64",
  flowId: "uint64",
  route: "SOCKET_ROUTE",
  appId: "uintptr_t",
  appIdBytes: "uint32",
  mayRedirect: "bool",
  redirectContext: "uintptr_t",
  redirectContextBytes: "uint32",
});
const OPERATION_BYTES = koffi.sizeof("SOCKET_OPERATION");

export const FAMILY = { ipv4: 2, ipv6: 23 } as const;
export const VERDICTS = ["permit", "permitHard", "block"] as const;

export interface Endpoint {
  /** 4 or 16 bytes. */
  readonly address: readonly number[];
  readonly port: number;
}

export interface Operation {
  readonly local: Endpoint;
  readonly remote?: Endpoint;
  readonly protocol?: number;
  readonly compartmentId?: number;
  readonly interfaceLuid?: bigint;
  readonly processId?: bigint;
  readonly logonId?: bigint;
  readonly administrator?: number;
  readonly endpointHandle?: bigint;
  readonly flowId?: bigint;
  readonly route?: {
    readonly interfaceType: number;
    readonly tunnelType: number;
    readonly subInterfaceIndex: number;
    readonly nextHopLuid: bigint;
  };
  readonly app?: string;
  readonly mayRedirect?: boolean;
}

const swap16 = (value: number): number => ((value & 0xff) << 8) | (value >> 8);
const endpoint = ({ address, port }: Endpoint) => ({
  address: Uint8Array.from({ length: 16 }, (_, index) => address[index] ?? 0),
  port: swap16(port),
});

/** An operation in memory, as long as it is held. */
export class SocketOperation {
  readonly bytes = new Uint8Array(OPERATION_BYTES);
  readonly #app: Uint8Array;

  constructor(given: Operation) {
    const { local, remote = { address: local.address.map(() => 0), port: 0 }, app = "", route } = given;
    this.#app = new Uint8Array(Buffer.from(app, "utf16le"));
    koffi.encode(this.bytes, "SOCKET_OPERATION", {
      family: local.address.length === 4 ? FAMILY.ipv4 : FAMILY.ipv6,
      local: endpoint(local),
      remote: endpoint(remote),
      protocol: given.protocol ?? 6,
      compartmentId: given.compartmentId ?? 1,
      interfaceLuid: given.interfaceLuid ?? 0n,
      processId: given.processId ?? 0n,
      logonId: given.logonId ?? 0n,
      administrator: given.administrator ?? -1,
      endpointHandle: given.endpointHandle ?? 0n,
      flowId: given.flowId ?? 0n,
      route: {
        known: route !== undefined,
        interfaceType: 0,
        tunnelType: 0,
        subInterfaceIndex: 0,
        nextHopLuid: 0n,
        ...route,
      },
      appId: this.#app.length === 0 ? 0n : koffi.address(this.#app),
      appIdBytes: this.#app.length,
      mayRedirect: given.mayRedirect ?? false,
      redirectContext: 0n,
      redirectContextBytes: 0,
    });
  }

  get address(): bigint {
    return BigInt(koffi.address(this.bytes));
  }

  /** What a program left for whom the connection is redirected to; it is freed. */
  takeRedirectContext(): Uint8Array | undefined {
    const { redirectContext, redirectContextBytes } = koffi.decode(this.bytes, "SOCKET_OPERATION");
    if (BigInt(redirectContext) === 0n) return undefined;
    const data = koffi.decode(redirectContext, koffi.array("uint8", redirectContextBytes, "Typed"));
    platformFree(redirectContext);
    return data as Uint8Array;
  }
}

const platformFree = library.func("void PlatformFree(uintptr_t)");
const prepareBind = library.func("void BindPrepare(const void*, uint32, void*, void*)");
const prepareConnect = library.func("void ConnectPrepare(void*, void*, void*)");
const prepareAccept = library.func("void AcceptPrepare(void*, void*, void*)");
const prepareSockOps = library.func("void SockOpsPrepare(const void*, uint32, void*, void*)");
const connectRedirected = library.func("bool ConnectRedirected(const void*, const void*, void*)");

type Kind = "bind" | "unbind" | "connect" | "accept" | "established" | "accepted" | "deleted";

/** How each hook makes its context, of which type its programs are, and how many bytes a context has. */
const KINDS: Readonly<
  Record<Kind, readonly [type: keyof typeof PROGRAM_TYPES, bytes: number, prepare: (...a: never[]) => void]>
> = {
  bind: ["bind", 56, (o, c, i) => prepareBind(o, 0, c, i)],
  unbind: ["bind", 56, (o, c, i) => prepareBind(o, 2, c, i)],
  connect: ["cgroup_sock_addr", 64, (o, c, i) => prepareConnect(o, c, i)],
  accept: ["cgroup_sock_addr", 64, (o, c, i) => prepareAccept(o, c, i)],
  established: ["sock_ops", 64, (o, c, i) => prepareSockOps(o, 0, c, i)],
  accepted: ["sock_ops", 64, (o, c, i) => prepareSockOps(o, 1, c, i)],
  deleted: ["sock_ops", 64, (o, c, i) => prepareSockOps(o, 2, c, i)],
};

/** An operation at its hook: the context that its programs get, and the packet, of bind the application's name. */
export class AtHook {
  readonly operation: SocketOperation;
  readonly context: Uint8Array;
  readonly #input = new BigUint64Array(7);

  constructor(kind: Kind, operation: SocketOperation) {
    const [, bytes, prepare] = KINDS[kind];
    this.operation = operation;
    this.context = new Uint8Array(bytes);
    (prepare as (o: Uint8Array, c: Uint8Array, i: BigUint64Array) => void)(
      operation.bytes,
      this.context,
      this.#input,
    );
  }

  get packet(): Uint8Array {
    const [, , start = 0n, size = 0n] = this.#input;
    if (size === 0n) return new Uint8Array(0);
    return koffi.decode(start, koffi.array("uint8", Number(size), "Typed")) as Uint8Array;
  }

  get view(): DataView {
    return new DataView(this.context.buffer);
  }

  run(program: DriverProgram, budget = 1_000_000): Output {
    const [, , packetAddress = 0n, packetBytes = 0n, , , subject = 0n] = this.#input;
    return runProgram(program, { context: this.context, packetAddress, packetBytes, subject, budget });
  }

  /** Where it goes instead, if a program said so. */
  get redirect(): Endpoint | undefined {
    const to = new Uint8Array(koffi.sizeof("SOCKET_ENDPOINT"));
    if (!connectRedirected(this.operation.bytes, this.context, to)) return undefined;
    const { address, port } = koffi.decode(to, "SOCKET_ENDPOINT");
    const length = this.view.getUint32(0, true) === FAMILY.ipv4 ? 4 : 16;
    return { address: [...address.slice(0, length)], port: swap16(port) };
  }
}
