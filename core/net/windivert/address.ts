// WINDIVERT_ADDRESS, of which there is one beside each packet: 80 bytes, little-endian (WinDivert 2.2, reference 4.2).
//
//    0 timestamp (QueryPerformanceCounter)   8 layer 0-7, event 8-15, flags 16-23   12 reserved
//   16 interface index   20 sub-interface index   24 ... (other layers)
export const ADDRESS_BYTES = 80;

const FLAGS_OFFSET = 8;
const INTERFACE_OFFSET = 16;

/** Of the packet: where it goes. Of its checksums: valid as they stand; where clear, the driver computes them on sending. */
export const FLAG = {
  outbound: 0x2_0000,
  loopback: 0x4_0000,
  impostor: 0x8_0000,
  ipv6: 0x10_0000,
  ipChecksum: 0x20_0000,
  tcpChecksum: 0x40_0000,
  udpChecksum: 0x80_0000,
} as const;

/** When the packet came by, in ticks of the performance counter: exact to 2^53, which is 28 years of 10 MHz. */
export function readTimestamp(addresses: DataView, at: number): number {
  return addresses.getUint32(at, true) + addresses.getUint32(at + 4, true) * 2 ** 32;
}

export function readFlags(addresses: DataView, at: number): number {
  return addresses.getUint32(at + FLAGS_OFFSET, true);
}

export function writeFlags(addresses: DataView, at: number, flags: number): void {
  addresses.setUint32(at + FLAGS_OFFSET, flags, true);
}

export function readInterfaceIndex(addresses: DataView, at: number): number {
  return addresses.getUint32(at + INTERFACE_OFFSET, true);
}

/** The way back: what came in goes out and the other way round; on loopback everything is "outbound". */
export function answerFlags(flags: number): number {
  return (flags & FLAG.loopback) === 0 ? flags ^ FLAG.outbound : flags;
}
