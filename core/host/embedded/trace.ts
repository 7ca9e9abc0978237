// What programs print: trace_printk's formats, and the ring of bytes in a lane's memory that it prints to. The lane's
// thread writes, the main thread reads; nobody waits, and what is not read in time is lost.
import { Buffer } from "node:buffer";
import type { Lane } from "./lane.ts";
import type { MemoryViews } from "./memory.ts";

/** The ring begins with the number of bytes ever written, modulo 2^32. */
const HEADER_BYTES = 4;

export interface TraceWriter {
  /** Appends a line; one longer than the ring is cut. */
  write(line: string): void;
}

export function openTraceWriter({ words, bytes }: MemoryViews, lane: Lane): TraceWriter {
  const start = lane.traceAddress + HEADER_BYTES;
  const capacity = lane.traceSizeBytes - HEADER_BYTES;
  const total = lane.traceAddress >>> 2;
  return {
    write(line) {
      const text = Buffer.from(`${line}\n`).subarray(0, capacity);
      const written = Atomics.load(words, total);
      for (let index = 0; index < text.length; index++) {
        bytes[start + (((written + index) >>> 0) % capacity)] = text[index]!;
      }
      Atomics.store(words, total, written + text.length);
    },
  };
}

export interface TraceReader {
  /** Whole lines written since the last call; of more than the ring holds, the latest. */
  read(): string[];
}

export function openTraceReader({ words, bytes }: MemoryViews, lane: Lane): TraceReader {
  const start = lane.traceAddress + HEADER_BYTES;
  const capacity = lane.traceSizeBytes - HEADER_BYTES;
  const total = lane.traceAddress >>> 2;
  let position = Atomics.load(words, total);
  return {
    read() {
      const end = Atomics.load(words, total);
      const length = (end - position) >>> 0;
      const lost = length > capacity;
      const count = Math.min(length, capacity);
      const text = Buffer.alloc(count);
      for (let index = 0; index < count; index++) {
        text[index] = bytes[start + (((end - count + index) >>> 0) % capacity)]!;
      }
      // The writer went on meanwhile and may have overwritten what was being read: leave it, the next call has newer lines.
      const overtaken = ((Atomics.load(words, total) - end) >>> 0) + count > capacity;
      position = end;
      if (overtaken && count > 0) return [];
      const lines = text.toString("utf8").split("\n").slice(0, -1);
      return lost ? lines.slice(1) : lines;
    },
  };
}

const DIRECTIVE = /%(?:%|(0?)(\d{0,2})(l{0,2})([diuxXpc]))/g;

/** The formats of trace_printk: %d %i %u %x %X %c, each with l or ll for 64 bits, %p, %%, a width with or without 0. */
export function formatTrace(format: string, values: readonly bigint[]): string {
  let next = 0;
  return format.replace(DIRECTIVE, (directive, zero: string, width: string, long: string, letter: string) => {
    if (directive === "%%") return "%";
    const value = values[next++] ?? 0n;
    const bits = long === "" && letter !== "p" ? 32 : 64;
    return formatValue(value, bits, letter).padStart(Number(width), zero === "" ? " " : "0");
  });
}

function formatValue(value: bigint, bits: number, letter: string): string {
  switch (letter) {
    case "d":
    case "i":
      return BigInt.asIntN(bits, value).toString();
    case "u":
      return BigInt.asUintN(bits, value).toString();
    case "c":
      return String.fromCharCode(Number(value & 0xffn));
    case "p":
      return `0x${BigInt.asUintN(bits, value).toString(16)}`;
    case "X":
      return BigInt.asUintN(bits, value).toString(16).toUpperCase();
    default:
      return BigInt.asUintN(bits, value).toString(16);
  }
}
