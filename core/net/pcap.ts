// A capture file as an interface: once a program is attached its frames run through it, those that pass are written to
// another capture, and what was decided about each to a file of JSON lines. Waits where no program is attached; at the end
// it is done, and a program attached then runs it again from the start. TX frames go nowhere; the verdict says so.
import { closeSync, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { EbpfError } from "../base/error.ts";
import { type ByteSource, type CapturedFrame, captureHeader, readCapture, recordHeader } from "./capture.ts";
import { ACTION, CELL, type Loop, type LoopEnvironment, type PcapSettings } from "./loop.ts";

/** Frames between two looks at what main wants. */
const FRAMES_A_TURN = 256;
const READ_BUFFER_BYTES = 1 << 20;
const WRITE_BUFFER_BYTES = 1 << 18;
const ACTION_NAMES = Object.keys(ACTION);

interface CaptureFile extends ByteSource {
  readonly sizeBytes: number;
  close(): void;
}

interface Output {
  put(bytes: Uint8Array): void;
  /** Writes what is left and closes the file. */
  finish(): void;
}

/** One passage through the file. */
interface Passage {
  readonly file: CaptureFile;
  readonly frames: Iterator<CapturedFrame, undefined>;
  readonly passed: Output | undefined;
  readonly verdicts: Output | undefined;
  number: number;
}

/** FileNotFound, FileUnreadable or PcapInvalid if there is no capture to read. */
export function openPcap(settings: PcapSettings, environment: LoopEnvironment): Loop {
  const { cells, control, filter } = environment;
  const probe = openCapture(settings.input);
  try {
    readCapture(probe);
    cells[CELL.size] = probe.sizeBytes;
  } finally {
    probe.close();
  }
  let passage: Passage | undefined;
  let doneWith = 0;

  const advance = (): void => {
    passage ??= startPassage(settings);
    cells[CELL.size] = passage.file.sizeBytes;
    for (let count = 0; count < FRAMES_A_TURN; count++) {
      const next = passage.frames.next();
      if (next.done === true) {
        endPassage(passage);
        cells[CELL.position] = passage.file.position;
        passage = undefined;
        doneWith = filter.currentGeneration();
        control.report({ kind: "done" });
        return;
      }
      runFrame(environment, passage, next.value);
    }
    cells[CELL.position] = passage.file.position;
  };

  return {
    ready: { kind: "ready" },
    run() {
      while (control.proceed()) {
        if (filter.isActive() && filter.currentGeneration() !== doneWith) advance();
        else control.wait();
      }
    },
    close() {
      if (passage !== undefined) endPassage(passage);
    },
  };
}

function startPassage(settings: PcapSettings): Passage {
  const file = openCapture(settings.input);
  const frames = readCapture(file);
  const passed = settings.output === undefined ? undefined : openOutput(settings.output);
  passed?.put(captureHeader());
  const verdicts = settings.verdicts === undefined ? undefined : openOutput(settings.verdicts);
  return { file, frames, passed, verdicts, number: 0 };
}

function endPassage(passage: Passage): void {
  passage.file.close();
  passage.passed?.finish();
  passage.verdicts?.finish();
}

function runFrame(environment: LoopEnvironment, passage: Passage, frame: CapturedFrame): void {
  const { lane, bytes, filter } = environment;
  const address = lane.packetAddress + lane.packetHeadroomBytes;
  const sizeBytes = frame.bytes.length;
  bytes.set(frame.bytes, address);
  const action = filter.decide(address, sizeBytes);
  passage.number += 1;
  if (action === ACTION.pass && passage.passed !== undefined) {
    const begin = filter.begin();
    const grown = address - begin;
    passage.passed.put(recordHeader(frame.time, sizeBytes + grown, frame.originalBytes + grown));
    passage.passed.put(bytes.subarray(begin, address + sizeBytes));
  }
  if (passage.verdicts !== undefined) {
    const seconds = frame.time / 1_000_000_000n;
    const fraction = String(frame.time % 1_000_000_000n).padStart(9, "0");
    const line = {
      frame: passage.number,
      time: `${seconds}.${fraction}`,
      bytes: sizeBytes,
      action: ACTION_NAMES[action],
    };
    passage.verdicts.put(encoder.encode(`${JSON.stringify(line)}\n`));
  }
}

const encoder = new TextEncoder();

function openCapture(path: string): CaptureFile {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (cause) {
    throw fileError(path, cause, "FileUnreadable");
  }
  const status = fstatSync(fd);
  if (!status.isFile()) {
    closeSync(fd);
    throw new EbpfError("FileUnreadable", `${path} is not a file`, { target: path, file: path });
  }
  let buffer = new Uint8Array(READ_BUFFER_BYTES);
  let start = 0;
  let end = 0;
  let position = 0;

  const fill = (count: number): void => {
    if (count > buffer.length || start + count > buffer.length) {
      const next = count > buffer.length ? new Uint8Array(count) : buffer;
      next.set(buffer.subarray(start, end));
      end -= start;
      start = 0;
      buffer = next;
    }
    while (end - start < count) {
      const got = readSync(fd, buffer, end, buffer.length - end, null);
      if (got === 0) return;
      end += got;
    }
  };

  return {
    file: path,
    sizeBytes: status.size,
    get position() {
      return position;
    },
    take(count) {
      if (end - start < count) fill(count);
      const given = Math.min(count, end - start);
      const bytes = buffer.subarray(start, start + given);
      start += given;
      position += given;
      return bytes;
    },
    skip(count) {
      for (let left = count; left > 0; ) {
        const given = this.take(Math.min(left, READ_BUFFER_BYTES)).length;
        if (given === 0) return;
        left -= given;
      }
    },
    close: () => closeSync(fd),
  };
}

function openOutput(path: string): Output {
  const buffer = new Uint8Array(WRITE_BUFFER_BYTES);
  let used = 0;
  const attempt = <T>(action: () => T): T => {
    try {
      return action();
    } catch (cause) {
      throw fileError(path, cause, "FileUnwritable");
    }
  };
  const fd = attempt(() => openSync(path, "w"));
  const writeAll = (bytes: Uint8Array): void => {
    for (let at = 0; at < bytes.length; ) at += attempt(() => writeSync(fd, bytes, at));
  };
  return {
    put(bytes) {
      if (used + bytes.length > buffer.length) {
        writeAll(buffer.subarray(0, used));
        used = 0;
      }
      if (bytes.length > buffer.length) writeAll(bytes);
      else {
        buffer.set(bytes, used);
        used += bytes.length;
      }
    },
    finish() {
      try {
        writeAll(buffer.subarray(0, used));
      } finally {
        closeSync(fd);
      }
    },
  };
}

function fileError(path: string, cause: unknown, otherwise: "FileUnreadable" | "FileUnwritable"): EbpfError {
  const missing =
    cause instanceof Error && "code" in cause && cause.code === "ENOENT" && otherwise === "FileUnreadable";
  const reason = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
  return missing
    ? new EbpfError("FileNotFound", `there is no file ${path}`, { target: path, file: path })
    : new EbpfError(
        otherwise,
        `${path} cannot be ${otherwise === "FileUnreadable" ? "read" : "written"}: ${reason}`,
        { target: path, file: path },
        cause,
      );
}
