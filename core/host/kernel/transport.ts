// How requests come to the driver: the one thing that differs between Windows (windows.ts) and tests, which have the driver's
// portable core in their own process.
import type { EbpfError } from "../../base/error.ts";

export interface Answer {
  /** Windows' error number; 0: there is a reply. */
  readonly status: number;
  readonly reply: Uint8Array;
}

/** An open file of the device. */
export interface Transport {
  /** The reply may have `capacityBytes`. */
  call(code: number, request: Uint8Array, capacityBytes: number): Answer;
  /** The same for a request that the driver may have wait, while others are asked. Ends, with an error number, when the file is closed. */
  callWaiting(code: number, request: Uint8Array, capacityBytes: number): Promise<Answer>;
  /** Gives up what was created through it: the driver ends what nobody else has opened. */
  close(): void;
}

/** The system that the driver runs in. */
export interface KernelSystem {
  /** DriverNotRunning, ElevationNeeded or DriverFailed. */
  open(): Transport;
  /** The number that the system has for a network interface; undefined if there is none of that name. */
  interfaceIndex(name: string): number | undefined;
}

/** A system that never has a driver, and why. */
export function systemWithout(reason: EbpfError): KernelSystem {
  return {
    open() {
      throw reason;
    },
    interfaceIndex: () => undefined,
  };
}
