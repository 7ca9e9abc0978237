// One handle of WinDivert with its buffers: batches in, batches out, shut, drained, closed. A thread that waits here can
// always be told to stop: it waits for an event, and not for long, never inside WinDivert. Knows no programs.

import { EbpfError } from "../../base/error.ts";
import type { WindivertSettings } from "../loop.ts";
import { createArena, putAddress } from "../posix.ts";
import { ADDRESS_BYTES } from "./address.ts";
import { callError, openError } from "./errors.ts";
import { composeFilter } from "./expression.ts";
import { LAYER_NETWORK, type Library, PARAMETER, SHUTDOWN_RECEIVE } from "./library.ts";
import { PACKET_BYTES } from "./packet.ts";

/** Packets that are taken at once. More gains nothing that could be measured. */
export const BATCH_COUNT = 64;
/** Room for one of the largest, and for a batch of those that a network carries: a packet is only added if it fits. */
const BATCH_BYTES = Math.ceil(PACKET_BYTES / 16) * 16 + BATCH_COUNT * 1600;
/** Until orders of the main thread are looked for. */
const WAIT_MILLISECONDS = 50;

/** Windows' numbers, of errors and of a wait. */
const ERROR = { noData: 232, pending: 997 } as const;
const STATUS = { ok: 0, pipeEmpty: 0xc00000d9 } as const;
const WAITED = { signalled: 0, timeout: 258 } as const;

/** struct OVERLAPPED: status, bytes, offset, event; 8 bytes each. */
const OVERLAPPED_BYTES = 32;

/** What receive() gives where no packet will come any more. */
export const SHUT = -1;

export interface Port {
  /** The packets of the last batch without gaps, and their addresses. */
  readonly packets: Uint8Array<ArrayBuffer>;
  readonly addresses: DataView<ArrayBuffer>;
  readonly addressBytes: Uint8Array<ArrayBuffer>;
  /** Bytes of the packets of the last batch. */
  batchBytes(): number;
  /** The handle as a number, 0 if it is closed. */
  handle(): number;
  /** From now on what the filter matches waits here. Why it does not open is what WinDivert's errors say. */
  open(): void;
  /** The number of packets of the next batch, 0 if none came within a moment, SHUT after shut() and the last of them. */
  receive(): number;
  /** Gives back the first packets of the buffers; false if the driver did not take all of them. */
  send(count: number, sizeBytes: number): boolean;
  /** New packets pass from this moment, untouched; those that wait can still be received. False if that failed. */
  shut(): boolean;
  /** Packets that still wait are let through by the driver. */
  close(): void;
}

export function createPort(library: Library, settings: WindivertSettings): Port {
  const packetArena = createArena(library, BATCH_BYTES);
  const addressArena = createArena(library, BATCH_COUNT * ADDRESS_BYTES);
  const scratch = createArena(library, 256);
  const overlapped = scratch.reserve(OVERLAPPED_BYTES);
  const received = scratch.reserve(8);
  const sent = scratch.reserve(8);
  const addressSize = scratch.reserve(8);
  const filter = composeFilter(settings, adapterIndex(library, settings.adapter));
  checkFilter(library, settings.filter, filter);
  let handle = 0;
  let event = 0;
  let waiting = false;
  let bytes = 0;

  const configure = (): void => {
    const values = [
      [PARAMETER.queueLength, settings.queuePackets],
      [PARAMETER.queueMilliseconds, settings.queueMilliseconds],
      [PARAMETER.queueBytes, settings.queueBytes],
    ] as const;
    checkVersion(library, handle);
    for (const [parameter, value] of values) {
      if (library.WinDivertSetParam(handle, parameter, value) === 0) {
        throw callError("WinDivertSetParam", library.GetLastError());
      }
    }
  };

  /** True if a request was answered at once, false if it waits. */
  const request = (): boolean | typeof SHUT => {
    scratch.data.setUint32(addressSize, BATCH_COUNT * ADDRESS_BYTES, true);
    const at = scratch.address;
    const done = library.WinDivertRecvEx(
      handle,
      packetArena.address,
      BATCH_BYTES,
      at + received,
      0,
      addressArena.address,
      at + addressSize,
      at + overlapped,
    );
    if (done !== 0) return true;
    const error = library.GetLastError();
    if (error === ERROR.pending) return false;
    if (error === ERROR.noData) return SHUT;
    throw callError("WinDivertRecvEx", error);
  };

  const finish = (): number => {
    const status = scratch.data.getUint32(overlapped, true);
    if (status === STATUS.pipeEmpty) return SHUT;
    if (status !== STATUS.ok) throw callError("WinDivertRecvEx", status);
    bytes = scratch.data.getUint32(overlapped + 8, true);
    return scratch.data.getUint32(addressSize, true) / ADDRESS_BYTES;
  };

  return {
    packets: packetArena.bytes,
    addresses: addressArena.data,
    addressBytes: addressArena.bytes,
    batchBytes: () => bytes,
    handle: () => handle,
    open() {
      if (handle !== 0) return;
      const opened = library.WinDivertOpen(filter, LAYER_NETWORK, settings.priority, 0);
      if (opened === -1) throw openError(library.path, library.GetLastError());
      handle = opened;
      event = library.CreateEventW(0, 1, 0, 0);
      putAddress(scratch.words, overlapped / 4 + 6, event);
      try {
        configure();
      } catch (error) {
        this.close();
        throw error;
      }
    },
    receive() {
      if (!waiting) {
        const answered = request();
        if (answered === SHUT) return SHUT;
        if (answered) return finish();
        waiting = true;
      }
      const result = library.WaitForSingleObject(event, WAIT_MILLISECONDS);
      if (result === WAITED.timeout) return 0;
      if (result !== WAITED.signalled) throw callError("WaitForSingleObject", library.GetLastError());
      waiting = false;
      return finish();
    },
    send(count, sizeBytes) {
      const done = library.WinDivertSendEx(
        handle,
        packetArena.address,
        sizeBytes,
        scratch.address + sent,
        0,
        addressArena.address,
        count * ADDRESS_BYTES,
        0,
      );
      return done !== 0;
    },
    shut: () => library.WinDivertShutdown(handle, SHUTDOWN_RECEIVE) !== 0,
    close() {
      if (handle === 0) return;
      library.WinDivertClose(handle);
      library.CloseHandle(event);
      handle = 0;
      waiting = false;
    },
  };
}

/** FilterInvalid with the position in the user's own words; then the whole is tried, which may be too long. */
function checkFilter(library: Library, given: string, whole: string): void {
  for (const [text, what] of [
    [given, "filter"],
    [whole, "filter, with what is added to it,"],
  ] as const) {
    const error: [string | null] = [null];
    const position: [number] = [0];
    if (library.WinDivertHelperCompileFilter(text, LAYER_NETWORK, 0, 0, error, position) !== 0) continue;
    const [at] = position;
    const reason = error[0] ?? "no reason is given";
    throw new EbpfError(
      "FilterInvalid",
      `${what} is wrong at position ${at}: ${reason}: ${excerpt(text, at)}`,
      { target: "filter", offset: at, details: { filter: text } },
    );
  }
}

/** Of each side of the place. */
const EXCERPT_LENGTH = 40;

function excerpt(text: string, at: number): string {
  const from = Math.max(0, at - EXCERPT_LENGTH);
  const to = at + EXCERPT_LENGTH;
  const before = `${from > 0 ? "..." : ""}${text.slice(from, at)}`;
  return `${before}>>>${text.slice(at, to)}${to < text.length ? "..." : ""}`;
}

/** WINDIVERT_ADDRESS has had its layout since 2.0. */
const MAJOR_VERSION = 2;

function checkVersion(library: Library, handle: number): void {
  const arena = createArena(library, 16);
  const read = (parameter: number): number =>
    library.WinDivertGetParam(handle, parameter, arena.address) === 0 ? 0 : arena.data.getUint32(0, true);
  const major = read(PARAMETER.versionMajor);
  if (major === MAJOR_VERSION) return;
  throw new EbpfError(
    "WinDivertUnavailable",
    `${library.path} works with a driver of version ${major}.${read(PARAMETER.versionMinor)}: version 2.2 is needed`,
    { target: library.path },
  );
}

/** The index of an adapter that is named or numbered; ArgumentInvalid if there is none of that name. */
function adapterIndex(library: Library, adapter: string | undefined): number | undefined {
  if (adapter === undefined) return undefined;
  if (/^\d{1,9}$/.test(adapter)) return Number(adapter);
  const arena = createArena(library, 16);
  const [luid, index] = [arena.address, arena.address + 8];
  if (
    library.ConvertInterfaceAliasToLuid(adapter, luid) !== 0 ||
    library.ConvertInterfaceLuidToIndex(luid, index) !== 0
  ) {
    throw new EbpfError(
      "ArgumentInvalid",
      `there is no network adapter "${adapter}"; Get-NetAdapter lists them`,
      {
        target: "adapter",
      },
    );
  }
  return arena.data.getUint32(8, true);
}
