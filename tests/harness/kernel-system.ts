// A system for the kernel host whose driver is the portable core, compiled for this machine, in this process.

import { openError } from "../../core/host/kernel/errors.ts";
import type { KernelSystem } from "../../core/host/kernel/host.ts";
import { STATUS } from "./driver.ts";
import {
  type Client,
  call,
  callWaiting,
  closeClient,
  initiate,
  openClient,
  terminate,
  wake,
} from "./driver-client.ts";

/** What Windows makes of a driver's status (RtlNtStatusToDosError). */
const WINDOWS_ERRORS: Readonly<Record<number, number>> = {
  [STATUS.SUCCESS]: 0,
  [STATUS.INVALID_DEVICE_REQUEST]: 1,
  [STATUS.ACCESS_DENIED]: 5,
  [STATUS.NO_MEMORY]: 8,
  [STATUS.INVALID_PARAMETER]: 87,
  [STATUS.BUFFER_TOO_SMALL]: 122,
};
const FILE_NOT_FOUND = 2;
const DEVICE_GONE = 433;
const OPERATION_ABORTED = 995;

export interface LibrarySystem {
  readonly system: KernelSystem;
  /** As the service control manager does it, whoever has the device open. */
  stop(): void;
  start(allowUncertified?: boolean): void;
  /** How many have the device open. */
  clients(): number;
}

/** The library's dispatch is one for the process: started anew with each system. */
export function librarySystem(interfaces: Readonly<Record<string, number>> = {}): LibrarySystem {
  let running = false;
  let open = new Set<Client>();
  const start = (allowUncertified = false): void => {
    initiate(allowUncertified);
    open = new Set();
    running = true;
  };
  start();
  return {
    system: {
      open() {
        if (!running) throw openError(FILE_NOT_FOUND);
        const client = openClient();
        open.add(client);
        const mine = open;
        return {
          call(code, request, capacityBytes) {
            if (!mine.has(client) || !running) return { status: DEVICE_GONE, reply: new Uint8Array(0) };
            const { status, reply } = call(client, code, request, capacityBytes);
            const error = WINDOWS_ERRORS[status];
            if (error === undefined) throw new Error(`status ${status.toString(16)}`);
            return { status: error, reply: new Uint8Array(reply.buffer, 0, reply.byteLength) };
          },
          async callWaiting(code, bytes, capacity) {
            const isOpen = (): boolean => mine.has(client) && running;
            const answer = isOpen()
              ? await callWaiting(client, { code, bytes, capacity }, isOpen)
              : undefined;
            if (answer === undefined) return { status: OPERATION_ABORTED, reply: new Uint8Array(0) };
            const { status, reply } = answer;
            return {
              status: WINDOWS_ERRORS[status] ?? status,
              reply: new Uint8Array(reply.buffer, 0, reply.byteLength),
            };
          },
          close() {
            if (!running || !mine.delete(client)) return;
            closeClient(client);
            wake();
          },
        };
      },
      interfaceIndex: (name) => interfaces[name],
    },
    stop() {
      for (const client of open) closeClient(client);
      open.clear();
      terminate();
      running = false;
      wake();
    },
    start,
    clients: () => open.size,
  };
}
