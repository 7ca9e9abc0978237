// The packets of a stock Windows machine: taken in batches by the user's own WinDivert, decided about as frames, given back.
// What is not given back is dropped; there is no other verdict. While no program is attached nothing is taken at all.
import { EbpfError } from "../../base/error.ts";
import { loadKoffi } from "../../base/native.ts";
import { ETHERNET_BYTES } from "../frame.ts";
import { ACTION, CELL, type Loop, type LoopEnvironment, type WindivertSettings } from "../loop.ts";
import { createAdapters } from "./adapter.ts";
import { ADDRESS_BYTES, answerFlags, FLAG, readFlags, readInterfaceIndex, writeFlags } from "./address.ts";
import { createDelayMeter } from "./delay.ts";
import { checkProcessor, findLibrary } from "./find.ts";
import { type Library, openLibrary } from "./library.ts";
import {
  differs,
  isReaddressed,
  isSendable,
  PACKET_BYTES,
  packetBytes,
  regionOf,
  setChecksums,
  writeEthernetHeader,
} from "./packet.ts";
import { createPort, SHUT } from "./port.ts";

/** Bytes that a packet slot needs. */
export const WINDIVERT_FRAME_BYTES = ETHERNET_BYTES + PACKET_BYTES;

/** PlatformUnsupported, WinDivertNotFound, WinDivertUnavailable, WinDivertBlocked, PermissionDenied or FilterInvalid if it cannot be had. */
export async function openWindivert(
  settings: WindivertSettings,
  environment: LoopEnvironment,
): Promise<Loop> {
  const path = await findLibrary(settings.library);
  if (process.platform === "win32") checkProcessor(path);
  return startWindivert(openLibrary(await loadKoffi("PlatformUnsupported"), path), settings, environment);
}

function startWindivert(library: Library, settings: WindivertSettings, environment: LoopEnvironment): Loop {
  const { lane, bytes, cells, filter, control } = environment;
  const port = createPort(library, settings);
  const { packets, addresses, addressBytes } = port;
  const adapterOf = createAdapters(library);
  const measureDelay = createDelayMeter(library);
  const frame = lane.packetAddress + lane.packetHeadroomBytes;
  const frameRegion = regionOf(bytes.subarray(frame, frame + WINDIVERT_FRAME_BYTES));
  const packetRegion = regionOf(packets);
  /** Of the packets that go on, which move up to the front of the buffers. */
  let keptCount = 0;
  let keptBytes = 0;

  const fail = (count: number): void => {
    cells[CELL.errors] = (cells[CELL.errors] ?? 0) + count;
  };

  const keep = (at: number, sizeBytes: number, address: number, rewritten?: Uint8Array): void => {
    if (rewritten !== undefined) packets.set(rewritten, keptBytes);
    else if (at !== keptBytes) packets.copyWithin(keptBytes, at, at + sizeBytes);
    const to = keptCount * ADDRESS_BYTES;
    if (to !== address) addressBytes.copyWithin(to, address, address + ADDRESS_BYTES);
    keptCount += 1;
    keptBytes += sizeBytes;
  };

  /** A packet that the program changed, or that is to go back: with checksums, if it is still one. */
  const keepRewritten = (at: number, sizeBytes: number, address: number, answer: boolean): void => {
    const whole = bytes.subarray(filter.begin(), frame + ETHERNET_BYTES + sizeBytes);
    const packet = packets.subarray(at, at + sizeBytes);
    // One that is longer now has no room before the next one.
    if (
      whole.length > ETHERNET_BYTES + sizeBytes ||
      !isSendable(whole, packet) ||
      (answer && !isReaddressed(whole, packet))
    ) {
      fail(1);
      return;
    }
    const done = setChecksums(whole);
    let flags = readFlags(addresses, address);
    if (answer) flags = answerFlags(flags);
    if (done.ip) flags |= FLAG.ipChecksum;
    if (done.tcp) flags |= FLAG.tcpChecksum;
    if (done.udp) flags |= FLAG.udpChecksum;
    writeFlags(addresses, address, flags);
    keep(at, whole.length - ETHERNET_BYTES, address, whole.subarray(ETHERNET_BYTES));
  };

  const decide = (at: number, sizeBytes: number, address: number): void => {
    const flags = readFlags(addresses, address);
    const index = readInterfaceIndex(addresses, address);
    bytes.set(packets.subarray(at, at + sizeBytes), frame + ETHERNET_BYTES);
    writeEthernetHeader(bytes, frame, {
      outbound: (flags & FLAG.outbound) !== 0,
      loopback: (flags & FLAG.loopback) !== 0,
      adapter: adapterOf(index),
    });
    filter.setIngress(index);
    const action = filter.decide(frame, ETHERNET_BYTES + sizeBytes);
    if (action === ACTION.pass) {
      const moved = filter.begin() !== frame;
      if (moved || differs(frameRegion, ETHERNET_BYTES, packetRegion, at, sizeBytes))
        keepRewritten(at, sizeBytes, address, false);
      else keep(at, sizeBytes, address);
    } else if (action === ACTION.transmit) keepRewritten(at, sizeBytes, address, true);
  };

  const handleBatch = (count: number): void => {
    const end = port.batchBytes();
    let at = 0;
    keptCount = 0;
    keptBytes = 0;
    for (let index = 0; index < count; index++) {
      const sizeBytes = packetBytes(packets, at, end);
      if (sizeBytes === 0) {
        fail(count - index);
        break;
      }
      decide(at, sizeBytes, index * ADDRESS_BYTES);
      at += sizeBytes;
    }
    // The driver says that some were refused, not how many.
    if (keptCount > 0 && !port.send(keptCount, keptBytes)) fail(1);
  };

  const open = (): void => {
    port.open();
    cells[CELL.handle] = port.handle();
  };

  /** What was taken while a program was in force is decided about by it; then nothing is taken any more. */
  const finish = (): void => {
    if (port.handle() === 0) return;
    try {
      if (!port.shut()) return;
      // Older ones the driver drops; nothing that it does or leaves undone may keep a service from ending.
      const end = performance.now() + settings.queueMilliseconds;
      while (performance.now() < end) {
        const count = port.receive();
        if (count === SHUT) return;
        handleBatch(count);
      }
    } finally {
      cells[CELL.handle] = 0;
      port.close();
    }
  };

  // Opened in any case, so that what is wrong is said when the interface is added.
  open();
  if (!filter.isActive()) finish();

  return {
    ready: { kind: "ready", library: library.path },
    wake: open,
    rest: finish,
    run() {
      while (control.proceed()) {
        if (port.handle() === 0) {
          control.wait();
          continue;
        }
        cells[CELL.beat] = (cells[CELL.beat] ?? 0) + 1;
        const count = port.receive();
        if (count === SHUT) throw silenceError();
        cells[CELL.delayMilliseconds] = measureDelay(addresses, count);
        handleBatch(count);
      }
    },
    close: finish,
  };
}

function silenceError(): EbpfError {
  return new EbpfError(
    "InterfaceFailed",
    "a program or the machine held the packet loop up for seconds: packets pass unseen, so that the network lives on",
  );
}
