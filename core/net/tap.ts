// A wire between two TAP devices: frames that come from the outside device are decided about and go to the inside one;
// frames from the inside go out as they are (XDP sees what comes in, and it is the inside that is defended). TX sends a
// frame back to the outside.
import { EbpfError } from "../base/error.ts";
import { ACTION, CELL, type Loop, type LoopEnvironment, type TapSettings } from "./loop.ts";
import { createArena, createPoller, ERRNO, errnoName, LINUX, type Posix, systemError } from "./posix.ts";
import { createSource, openTransfers } from "./transfers.ts";

/** The largest frame a TAP device gives: MTU 65,521 and an Ethernet header with a VLAN tag. */
export const TAP_FRAME_BYTES = 65_539;
const INSIDE_SLOTS = 32;
const INSIDE_STRIDE_BYTES = 65_552;
/** Offset of the flags in struct ifreq, and its size. */
const IFREQ_FLAGS = 16;
const IFREQ_BYTES = 40;

/** TapUnavailable, DeviceBusy or ArgumentInvalid if the devices cannot be made. */
export function openTap(posix: Posix, settings: TapSettings, environment: LoopEnvironment): Loop {
  const outside = openDevice(posix, settings.outside, settings.outsideNamespace);
  let inside = -1;
  try {
    inside = openDevice(posix, settings.inside, settings.insideNamespace);
    return startTap(posix, settings, environment, outside, inside);
  } catch (error) {
    removeDevice(posix, outside);
    if (inside >= 0) removeDevice(posix, inside);
    throw error;
  }
}

function startTap(
  posix: Posix,
  settings: TapSettings,
  environment: LoopEnvironment,
  outside: number,
  inside: number,
): Loop {
  const { lane, bytes, cells, filter, control } = environment;
  const firstFrame = lane.packetAddress + lane.packetHeadroomBytes;
  const stride = lane.packetSlotBytes;
  const insideArena = createArena(posix, INSIDE_SLOTS * INSIDE_STRIDE_BYTES);
  const fromOutside = createSource(
    outside,
    settings.outside,
    { address: posix.addressOf(bytes) + firstFrame, strideBytes: stride, count: lane.packetSlotCount },
    stride - lane.packetHeadroomBytes,
  );
  const fromInside = createSource(
    inside,
    settings.inside,
    { address: insideArena.address, strideBytes: INSIDE_STRIDE_BYTES, count: INSIDE_SLOTS },
    INSIDE_STRIDE_BYTES,
  );
  const sources = [fromOutside, fromInside];
  const entries = 2 * (lane.packetSlotCount + INSIDE_SLOTS);
  const transfers = openTransfers(posix, entries, fromInside, settings.plain);
  const wakeFd = posix.eventfd(0, LINUX.EFD_NONBLOCK | LINUX.EFD_CLOEXEC);
  if (wakeFd < 0) throw systemError(posix.errno(), "eventfd");
  const poller = createPoller(posix);
  for (const fd of [wakeFd, outside, inside]) poller.add(fd);

  const moveInward = (): void => {
    for (let index = 0; index < fromOutside.count; index++) {
      const slot = fromOutside.slots[index]!;
      const size = fromOutside.sizes[index]!;
      const frame = firstFrame + slot * stride;
      const action = filter.decide(frame, size);
      if (action !== ACTION.pass && action !== ACTION.transmit) continue;
      const grown = frame - filter.begin();
      const to = action === ACTION.pass ? inside : outside;
      transfers.write(to, fromOutside.addresses[slot]! - grown, size + grown);
    }
  };

  const moveOutward = (): void => {
    for (let index = 0; index < fromInside.count; index++) {
      transfers.write(outside, fromInside.addresses[fromInside.slots[index]!]!, fromInside.sizes[index]!);
    }
  };

  return {
    ready: { kind: "ready", wakeFd },
    run() {
      while (control.proceed()) {
        transfers.exchange(sources);
        moveInward();
        moveOutward();
        const failures = transfers.takeFailures();
        if (failures > 0) cells[CELL.errors] = (cells[CELL.errors] ?? 0) + failures;
        if (fromOutside.count > 0 || fromInside.count > 0) continue;
        const ready = poller.wait();
        for (let index = 0; index < ready; index++) {
          if (poller.ready[index] === wakeFd) posix.read(wakeFd, insideArena.address, 8);
        }
      }
    },
    close() {
      transfers.close();
      poller.close();
      removeDevice(posix, outside);
      removeDevice(posix, inside);
    },
  };
}

/**
 * Makes a TAP device, or takes up the one of that name that an earlier process left. It outlives this process (until
 * removeDevice), so that after a crash it is taken up again with its addresses.
 */
function openDevice(posix: Posix, name: string, namespace: string | undefined): number {
  return inNamespace(posix, namespace, () => {
    const fd = posix.open("/dev/net/tun", LINUX.O_RDWR | LINUX.O_NONBLOCK | LINUX.O_CLOEXEC);
    if (fd < 0) throw unavailable(name, `/dev/net/tun cannot be opened: ${errnoName(posix.errno())}`);
    const arena = createArena(posix, IFREQ_BYTES);
    arena.text.write(name, 0, "latin1");
    arena.data.setUint16(IFREQ_FLAGS, LINUX.IFF_TAP | LINUX.IFF_NO_PI, true);
    if (posix.ioctl(fd, LINUX.TUNSETIFF, arena.address) < 0 || posix.ioctl(fd, LINUX.TUNSETPERSIST, 1) < 0) {
      const errno = posix.errno();
      posix.close(fd);
      if (errno === ERRNO.EBUSY || errno === ERRNO.EINVAL) {
        throw new EbpfError("DeviceBusy", `device ${name} is in use, or is not a TAP device`, {
          target: name,
        });
      }
      throw unavailable(name, `device ${name} cannot be made: ${errnoName(errno)}`);
    }
    return fd;
  });
}

function removeDevice(posix: Posix, fd: number): void {
  posix.ioctl(fd, LINUX.TUNSETPERSIST, 0);
  posix.close(fd);
}

/** Runs `action` with this thread in a network namespace of `ip netns`, and comes back. */
function inNamespace<T>(posix: Posix, namespace: string | undefined, action: () => T): T {
  if (namespace === undefined) return action();
  const own = posix.open("/proc/thread-self/ns/net", LINUX.O_CLOEXEC);
  const other = posix.open(`/run/netns/${namespace}`, LINUX.O_CLOEXEC);
  try {
    if (own < 0 || other < 0) {
      throw new EbpfError("ArgumentInvalid", `there is no network namespace ${namespace}`, {
        target: namespace,
      });
    }
    if (posix.setns(other, LINUX.CLONE_NEWNET) < 0) {
      throw unavailable(
        namespace,
        `network namespace ${namespace} cannot be entered: ${errnoName(posix.errno())}`,
      );
    }
    try {
      return action();
    } finally {
      posix.setns(own, LINUX.CLONE_NEWNET);
    }
  } finally {
    if (own >= 0) posix.close(own);
    if (other >= 0) posix.close(other);
  }
}

function unavailable(target: string, message: string): EbpfError {
  return new EbpfError("TapUnavailable", message, { target });
}
