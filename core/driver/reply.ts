// The reply of the driver's STATUS request, driver/ioctl.h.

/** A driver of another one is not talked to. */
export const CONTRACT_VERSION = 1;

const FLAG = { allowUncertified: 1, jitAvailable: 2 } as const;
const REPLY_BYTES = 32;

export interface DriverReply {
  readonly contract: number;
  readonly allowUncertified: boolean;
  readonly jitAvailable: boolean;
  readonly programs: number;
  readonly maps: number;
  readonly clients: number;
}

/** Undefined if it is not a reply of this contract. */
export function readReply(bytes: Uint8Array): DriverReply | undefined {
  if (bytes.length < REPLY_BYTES) return undefined;
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = (index: number): number => words.getUint32(4 * index, true);
  if (word(0) !== 0) return undefined;
  return {
    contract: word(1),
    allowUncertified: (word(2) & FLAG.allowUncertified) !== 0,
    jitAvailable: (word(2) & FLAG.jitAvailable) !== 0,
    programs: word(4),
    maps: word(5),
    clients: word(6),
  };
}
