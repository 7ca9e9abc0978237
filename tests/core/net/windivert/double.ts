// The double of WinDivert, compiled and loaded: a test plays the network with it, in the process that also runs the packet
// loop. Works on Linux (a shared object) and in Node for Windows (WinDivert.dll).
import { spawnSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import koffi from "koffi";
import {
  ADDRESS_BYTES,
  FLAG,
  readFlags,
  readInterfaceIndex,
} from "../../../../core/net/windivert/address.ts";

const SOURCE = join(import.meta.dirname, "double.c");

const BUILDS = {
  linux: { compiler: "gcc", name: "windivert.so", options: ["-fPIC"] },
  windows: { compiler: "x86_64-w64-mingw32-gcc", name: "WinDivert.dll", options: ["-static", "-s"] },
} as const;

/** Compiles it into a folder; its path. Without -static the library would need another one of the compiler. */
export function buildDouble(system: keyof typeof BUILDS, folder: string): string {
  const { compiler, name, options } = BUILDS[system];
  const path = join(folder, name);
  const args = ["-O2", "-Wall", "-Wextra", "-Werror", "-shared", ...options, SOURCE, "-o", path];
  const { status, stderr, error } = spawnSync(compiler, args, { encoding: "utf8", timeout: 60_000 });
  if (status !== 0) throw new Error(`double.c does not compile: ${error?.message ?? stderr}`);
  return path;
}

export interface Departed {
  readonly packet: Uint8Array<ArrayBuffer>;
  /** Nobody asked for it; given back by the loop; given back by the driver in its place. */
  readonly how: "untouched" | "sent" | "released";
  readonly flags: number;
  readonly interfaceIndex: number;
}

export interface OpenHandles {
  readonly count: number;
  readonly filter: string;
  readonly queuePackets: number;
  readonly queueMilliseconds: number;
  readonly queueBytes: number;
  readonly priority: number;
  /** Packets that wait. */
  readonly waiting: number;
}

export interface Double {
  readonly path: string;
  arrive(
    packet: Uint8Array,
    passage?: { outbound?: boolean; loopback?: boolean; impostor?: boolean; index?: number },
  ): void;
  /** Everything that got on since the last call. */
  depart(): Departed[];
  opened(): OpenHandles;
  failOpen(error: number): void;
  /** Of the next batch that is given back. */
  failSend(error: number): void;
  /** Takes the first handle away, as nobody should. */
  takeHandle(): void;
  stall(milliseconds: number): void;
  version(major: number, minor: number): void;
  lost(): number;
  generate(packet: Uint8Array, count: number): void;
  /** How many of those are left. */
  generated(): number;
}

const HOW = ["untouched", "sent", "released"] as const;
const LARGEST = 65_575;
const FIRST_HANDLE = 0x140;

/** The driver's memory is in `driverFile`, if one is given, else in this process. */
export function loadDouble(path: string, driverFile?: string): Double {
  const library = koffi.load(path);
  const bind = (name: string, result: string, parameters: readonly string[]) =>
    library.func(name, result, [...parameters]);
  if (driverFile !== undefined) bind("DoubleUse", "void", ["str"])(driverFile);
  const arrive = bind("DoubleArrive", "void", ["void *", "uint32_t", "uint32_t", "uint32_t"]);
  const depart = bind("DoubleDepart", "int", ["void *", "uint32_t", "void *", "_Out_ uint32_t *"]);
  const opened = bind("DoubleOpened", "int", ["void *", "uint32_t", "void *"]);
  const generate = bind("DoubleGenerate", "void", ["void *", "uint32_t", "uint64_t"]);
  const generated = bind("DoubleGenerated", "uint64_t", []);
  const packetBuffer = new Uint8Array(LARGEST);
  const address = new DataView(new ArrayBuffer(ADDRESS_BYTES));
  const text = Buffer.alloc(8192);
  const values = new BigInt64Array(5);

  const next = (): Departed | undefined => {
    const how: [number] = [0];
    const size = Number(depart(packetBuffer, LARGEST, new Uint8Array(address.buffer), how));
    if (size < 0) return undefined;
    return {
      packet: packetBuffer.slice(0, size),
      how: HOW[how[0]] ?? "untouched",
      flags: readFlags(address, 0),
      interfaceIndex: readInterfaceIndex(address, 0),
    };
  };

  return {
    path,
    arrive(packet, { outbound, loopback, impostor, index = 7 } = {}) {
      const flags =
        (outbound === true || loopback === true ? FLAG.outbound : 0) |
        (loopback === true ? FLAG.loopback : 0) |
        (impostor === true ? FLAG.impostor : 0);
      arrive(packet, packet.length, flags, index);
    },
    depart() {
      const all: Departed[] = [];
      for (let one = next(); one !== undefined; one = next()) all.push(one);
      return all;
    },
    opened() {
      const count = Number(opened(text, text.length, values));
      const [queuePackets = 0, queueMilliseconds = 0, queueBytes = 0, priority = 0, waiting = 0] = Array.from(
        values,
        Number,
      );
      const filter = count === 0 ? "" : text.toString("latin1", 0, text.indexOf(0));
      return { count, filter, queuePackets, queueMilliseconds, queueBytes, priority, waiting };
    },
    failSend: bind("DoubleFailSend", "void", ["uint32_t"]),
    takeHandle: () => bind("WinDivertClose", "int", ["intptr_t"])(FIRST_HANDLE),
    failOpen: bind("DoubleFailOpen", "void", ["uint32_t"]),
    stall: bind("DoubleStall", "void", ["uint32_t"]),
    version: bind("DoubleVersion", "void", ["uint32_t", "uint32_t"]),
    lost: bind("DoubleLost", "uint32_t", []),
    generate: (packet, count) => generate(packet, packet.length, count),
    generated: () => Number(generated()),
  };
}

/** A folder of the system's for what is compiled. */
export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), "ebpf-windivert-"));
}
