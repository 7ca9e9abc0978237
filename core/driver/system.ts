// What is asked of Windows about the driver: its service, its file, its device, and what decides whether Windows loads it. A
// test gives another one. Knows Windows' numbers, not what they mean to the user (errors.ts, status.ts).

import type { KernelHost } from "../host/kernel/host.ts";

/** A Windows function failed with that number (winerror.h). */
export class WindowsError extends Error {
  readonly number: number;

  constructor(number: number, message: string) {
    super(message);
    this.name = "WindowsError";
    this.number = number;
  }
}

/** Of QUERY_SERVICE_CONFIGW, with its numbers. */
export interface ServiceConfiguration {
  readonly type: number;
  readonly start: number;
  /** As it was registered: `C:\...`, `\??\C:\...`, `\SystemRoot\...`, `System32\...`. */
  readonly path: string;
}

/** SERVICE_KERNEL_DRIVER. */
export const KERNEL_DRIVER = 1;

/** By dwStartType. */
export const START_TYPES = ["boot", "system", "auto", "demand", "disabled"] as const;
export type StartType = (typeof START_TYPES)[number];

/** By dwCurrentState, which begins with 1. */
export const SERVICE_STATES = ["stopped", "starting", "stopping", "running"] as const;
export type ServiceState = (typeof SERVICE_STATES)[number];

/** What asks Windows throws WindowsError. */
export interface System {
  /** Such as `C:\Windows`. */
  readonly windowsFolder: string;
  /** ERROR_SERVICE_DOES_NOT_EXIST (1060) if there is none. */
  configuration(service: string): ServiceConfiguration;
  /** dwCurrentState. */
  state(service: string): number;
  createService(service: string, configuration: ServiceConfiguration): void;
  configureService(service: string, configuration: ServiceConfiguration): void;
  startService(service: string): void;
  /** Asks it to; it may stop later. */
  stopService(service: string): void;
  deleteService(service: string): void;
  /** A value below HKEY_LOCAL_MACHINE, undefined if there is no such number. */
  registryNumber(key: string, value: string): number | undefined;
  /** Makes a key there, or changes it; texts may have %VARIABLES%. */
  setRegistry(key: string, values: Readonly<Record<string, string | number>>): void;
  /** With all that is in it. ERROR_FILE_NOT_FOUND (2) if there is none. */
  deleteRegistry(key: string): void;
  /** CodeIntegrityOptions of SYSTEM_CODEINTEGRITY_INFORMATION. */
  codeIntegrity(): number;
  /** The result of WinVerifyTrust for a file: 0, or why its signature is not trusted. */
  verifyTrust(file: string): number;
  /** Events of a log that a query (XPath) finds, as XML: the newest first, at most so many. */
  events(log: string, query: string, maximum: number): string[];
  /** The driver itself, if it runs; asking it fails with an EbpfError. */
  readonly driver: Pick<KernelHost, "status" | "hooks" | "takeLog">;
  /** Undefined if there is no such file. Files fail as those of node:fs do. */
  readFile(path: string): Uint8Array | undefined;
  copyFile(from: string, to: string): void;
  removeFile(path: string): void;
  sleep(milliseconds: number): Promise<void>;
}
