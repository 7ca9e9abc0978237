// The kernel host: programs run in EbpfCore.sys. This file keeps the driver's device open while something of ours is in it, and
// closes it then, so that the driver can be stopped; what the driver has is made by map.ts, program.ts and link.ts. It is the
// room's door.
import { EbpfError, type ErrorCode } from "../../base/error.ts";
import type { Image } from "../../image/image.ts";
import type { AttachType } from "../../platform/platform.ts";
import type { EbpfMap, Host } from "../host.ts";
import { attachProgram, type KernelHook, type KernelLink, listHooks } from "./link.ts";
import { createKernelMap, type KernelMap } from "./map.ts";
import {
  type DriverLink,
  type DriverMap,
  type DriverProgram,
  listLinks,
  listMaps,
  listPrograms,
  openMap,
} from "./objects.ts";
import { type KernelProgram, loadKernelProgram } from "./program.ts";
import { createProgramArrays } from "./program-arrays.ts";
import { type Driver, openDriver } from "./transact.ts";
import type { KernelSystem } from "./transport.ts";
import { CONSTANTS } from "./wire.ts";

export type { KernelHook, KernelLink } from "./link.ts";
export type { DriverLink, DriverMap, DriverProgram } from "./objects.ts";
export type { KernelProgram } from "./program.ts";
export type { KernelSystem } from "./transport.ts";
export { kernelSystem } from "./windows.ts";

/** What the driver says of itself. */
export interface KernelStatus {
  readonly programs: number;
  readonly maps: number;
  readonly clients: number;
  readonly memoryBytes: number;
  readonly allowUncertified: boolean;
  readonly jitAvailable: boolean;
  /** Runs are counted and timed. */
  readonly statistics: boolean;
}

/** Everything that asks the driver may fail with DriverNotRunning, ElevationNeeded, DriverContractMismatch, DriverUnsupported. */
export interface KernelHost extends Host {
  readonly kind: "kernel";
  load(image: Image, maps: readonly EbpfMap[], certificate?: Uint8Array): KernelProgram;
  /** Whether there is a driver for us. What else goes wrong when it is asked is thrown: DriverFailed, MemoryExhausted. */
  isRunning(): boolean;
  status(): KernelStatus;
  /** From now on runs of all programs of the driver are counted and timed, or are not. */
  countRuns(enabled: boolean): void;
  hooks(): KernelHook[];
  /** The system's number of a network interface; undefined if it has none of that name. */
  interfaceIndex(name: string): number | undefined;
  /** Takes the lines that programs and the driver have written since it was read last; the oldest are lost if they are many. */
  takeLog(): string[];
  /** `point` 0 is every one of what the hook's points are. HookUnavailable, HookBusy. */
  attach(program: KernelProgram, hook: AttachType, point: number): KernelLink;
  /** What is in the driver, of this process and of others. */
  programs(): DriverProgram[];
  allMaps(): DriverMap[];
  links(): DriverLink[];
  /** A map by the driver's number; MapNotFound. Whoever opens it closes it. */
  openMap(id: number): KernelMap;
}

/** None runs, none can, or none that this user or this version may ask. */
const NO_DRIVER: ReadonlySet<ErrorCode> = new Set([
  "DriverNotRunning",
  "DriverUnsupported",
  "ElevationNeeded",
  "DriverContractMismatch",
]);

export function createKernelHost(system: KernelSystem): KernelHost {
  const device = createDevice(system);
  const arrays = createProgramArrays();
  const status = () =>
    device.use((driver) => driver.transact({ what: "driver", name: "EbpfCore" }, "STATUS", {}).reply);
  return {
    kind: "kernel",
    createMap(spec, kind) {
      const map = device.keep((driver) => createKernelMap(driver, spec));
      return kind === "prog_array" ? arrays.keep(map) : map;
    },
    load: (image, maps, certificate) =>
      arrays.leaving(device.keep((driver) => loadKernelProgram(driver, image, maps, certificate))),
    memoryBytes: () => (device.isOpen() ? Number(status().clientMemoryBytes) : 0),
    isRunning() {
      try {
        status();
        return true;
      } catch (error) {
        if (error instanceof EbpfError && NO_DRIVER.has(error.code)) return false;
        throw error;
      }
    },
    status() {
      const { programCount, mapCount, clientCount, memoryBytes, flags } = status();
      return {
        programs: programCount,
        maps: mapCount,
        clients: clientCount,
        memoryBytes: Number(memoryBytes),
        allowUncertified: (flags & CONSTANTS.STATUS_ALLOW_UNCERTIFIED) !== 0,
        jitAvailable: (flags & CONSTANTS.STATUS_JIT_AVAILABLE) !== 0,
        statistics: (flags & CONSTANTS.STATUS_STATISTICS) !== 0,
      };
    },
    countRuns: (enabled) =>
      device.use((driver) => {
        const fields = { enabled: enabled ? 1 : 0 };
        driver.transact({ what: "driver", name: "EbpfCore" }, "STATISTICS", fields);
      }),
    hooks: () => device.use(listHooks),
    interfaceIndex: (name) => system.interfaceIndex(name),
    takeLog: () => device.use(takeLog),
    attach: (program, hook, point) => device.keep((driver) => attachProgram(driver, program, hook, point)),
    programs: () => device.use(listPrograms),
    allMaps: () => device.use(listMaps),
    links: () => device.use(listLinks),
    openMap: (id) => device.keep((driver) => openMap(driver, id)),
    close: async () => device.close(),
  };
}

const LINE_BYTES = 256;

function takeLog(driver: Driver): string[] {
  const lines: string[] = [];
  for (;;) {
    const { reply, data } = driver.transact(
      { what: "driver", name: "EbpfCore" },
      "LOG_READ",
      {},
      { capacityBytes: LINE_BYTES },
    );
    if (reply.found === 0) return lines;
    lines.push(Buffer.from(data).toString("latin1"));
  }
}

interface Device {
  /** Opens the device if it is not. */
  use<T>(body: (driver: Driver) => T): T;
  /** The same, and the device stays open until what `body` made is closed. */
  keep<T extends { close(): void }>(body: (driver: Driver) => T): T;
  isOpen(): boolean;
  close(): void;
}

/** A driver that was stopped is opened anew by the next who asks; what came through the device before is lost. */
function createDevice(system: KernelSystem): Device {
  let driver: Driver | undefined;
  let kept = 0;
  const opened = (): Driver => {
    if (driver?.isOpen() === true) return driver;
    kept = 0;
    driver = openDriver(system.open());
    return driver;
  };
  const closeIfIdle = (): void => {
    if (kept === 0) driver?.close();
  };
  const use = <T>(body: (driver: Driver) => T): T => {
    const current = opened();
    kept += 1;
    try {
      return body(current);
    } finally {
      if (current === driver) kept -= 1;
      closeIfIdle();
    }
  };
  return {
    use,
    keep(body) {
      const current = opened();
      kept += 1;
      const letGo = (): void => {
        if (current === driver) kept -= 1;
        closeIfIdle();
      };
      try {
        const made = body(current);
        let closed = false;
        const close = (): void => {
          if (closed) return;
          closed = true;
          try {
            made.close();
          } finally {
            letGo();
          }
        };
        return { ...made, close };
      } catch (error) {
        letGo();
        throw error;
      }
    },
    isOpen: () => driver?.isOpen() === true,
    close: () => driver?.close(),
  };
}
