// `verify --log`: the state before each instruction that is followed, on stderr, so that stdout has the verdicts alone.
// As text, with the C line, what is new since the instruction before, and everything that is known; or a line of JSON each.
//
//   DropPacket (xdp, windows)
//   ; samples/droppacket.c:19: uint8_t* packet = context->data;
//       1: r2 = *(u64 *)(r1 + 0)
//          all   r0 = 1; r1 = context; r10 = stack
//       2: r3 = r2
//          new   r2 = packet
//          all   r0 = 1; r1 = context; r2 = packet; r10 = stack
import type { LogRecord } from "../../manager/records.ts";
import type { Io } from "../command.ts";
import { paint, printable, toJson } from "../output.ts";

export type WriteLog = (record: LogRecord) => void;

export function jsonLog(io: Io): WriteLog {
  return (record) => io.err(`${toJson(record)}\n`);
}

export function textLog(io: Io): WriteLog {
  let last: LogRecord | undefined;
  return (record) => {
    const lines = [...head(record, last), ...body(record, last)];
    last = record;
    io.err(lines.map(([style, text]) => `${paint(io, style, printable(text), "err")}\n`).join(""));
  };
}

type Line = readonly ["bold" | "dim" | "cyan" | "green", string];

function head(record: LogRecord, last: LogRecord | undefined): Line[] {
  const { program, type, platform, slot, text, source } = record;
  const lines: Line[] = [];
  const first = !isSameRun(record, last);
  if (first) lines.push(["bold", `${program} (${type}, ${platform})`]);
  // The other side of a branch is followed when the first is at its end.
  else if (record.from !== last?.slot) lines.push(["dim", `-- on from slot ${record.from}`]);
  const place = source === undefined ? "" : `${source.file}:${source.line}`;
  const before = last?.source === undefined || first ? "" : `${last.source.file}:${last.source.line}`;
  if (place !== "" && place !== before) lines.push(["cyan", `; ${place}: ${source?.text.trim()}`]);
  lines.push(["bold", `${String(slot).padStart(5)}: ${text}`]);
  return lines;
}

function body(record: LogRecord, last: LogRecord | undefined): Line[] {
  const lines: Line[] = [];
  if (isSameRun(record, last) && record.from === last?.slot) {
    const before = last.state.split("; ");
    const now = record.state.split("; ");
    const added = now.filter((part) => !before.includes(part));
    const names = new Set(now.map(nameOf));
    const gone = before.map(nameOf).filter((name) => !names.has(name));
    if (added.length > 0) lines.push(["green", `       new   ${added.join("; ")}`]);
    if (gone.length > 0) lines.push(["dim", `       gone  ${gone.join("; ")}`]);
  }
  lines.push(["dim", `       all   ${record.state}`]);
  return lines;
}

/** One program may be verified several times, as several types; each begins at no instruction. */
function isSameRun(record: LogRecord, last: LogRecord | undefined): last is LogRecord {
  return last !== undefined && record.from !== undefined && record.file === last.file;
}

function nameOf(part: string): string {
  return part.split(/ [=(]|: /, 1)[0] ?? part;
}
