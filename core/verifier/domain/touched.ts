// Which locations of a state an instruction has looked at, written over whole, or changed in place. Every look and write
// goes through stack.ts and state.ts, which note it here, so that marks.ts misses none, whoever makes it. One record for
// the one analysis that runs at a time, cleared before each instruction: lists would cost more than the instruction.

/** Bit i of low is slot i, of high slot 32 + i, of the frame that it is in; bits of registers as in marks.ts. */
export interface Touched {
  readLow: number;
  readHigh: number;
  writtenLow: number;
  writtenHigh: number;
  /** What is proved of the packet or its metadata has decided something. */
  usedRegisters: number;
  /** Numbers narrowed, pointers settled or proved. */
  changedRegisters: number;
  changedLow: number;
  changedHigh: number;
}

export const touched: Touched = {
  readLow: 0,
  readHigh: 0,
  writtenLow: 0,
  writtenHigh: 0,
  usedRegisters: 0,
  changedRegisters: 0,
  changedLow: 0,
  changedHigh: 0,
};

/** Bits of sets of locations behind the registers': what callers have saved (r6 ... r9 of all depths), what is proved. */
export const FIRST_CALLER_SAVED_BIT = 10;
export const PACKET_BIT = 14;
export const METADATA_BIT = 15;

export function clearTouched(): void {
  touched.readLow = 0;
  touched.readHigh = 0;
  touched.writtenLow = 0;
  touched.writtenHigh = 0;
  touched.usedRegisters = 0;
}

export function clearChanged(): void {
  touched.changedRegisters = 0;
  touched.changedLow = 0;
  touched.changedHigh = 0;
}

/** How many registers and slots have changed. */
export function changedValues(): number {
  return bits(touched.changedRegisters) + bits(touched.changedLow) + bits(touched.changedHigh);
}

function bits(set: number): number {
  let count = 0;
  for (let rest = set; rest !== 0; rest &= rest - 1) count += 1;
  return count;
}

export function looksAt(index: number): void {
  if (index < 32) touched.readLow |= 1 << index;
  else touched.readHigh |= 1 << (index - 32);
}

export function writesOver(index: number): void {
  if (index < 32) touched.writtenLow |= 1 << index;
  else touched.writtenHigh |= 1 << (index - 32);
}

export function uses(bit: number): void {
  touched.usedRegisters |= 1 << bit;
}

export function changesRegister(bit: number): void {
  touched.changedRegisters |= 1 << bit;
}

export function changesSlot(index: number): void {
  if (index < 32) touched.changedLow |= 1 << index;
  else touched.changedHigh |= 1 << (index - 32);
}
