// ebpf run: one program on one packet, in this process; with --trace every instruction with its registers.
import { resolve } from "node:path";
import { EbpfError } from "../../base/error.ts";
import { readBytes } from "../../base/files.ts";
import { parseHex } from "../../base/hex.ts";
import type { TraceStep } from "../../host/host.ts";
import { engineNamed } from "../../manager/load.ts";
import { type RunRequest, runFile } from "../../manager/run.ts";
import { argumentOf, given, type Handler, type Invocation, textOf } from "../command.ts";
import { printRecord } from "../output.ts";
import { hostOf } from "./program.ts";

/** The smallest Ethernet frame without its checksum: what a program is run on if no packet is given. */
const EMPTY_FRAME = new Uint8Array(60);
/** A capture is no packet; the largest frame of any interface is far below. */
const PACKET_LIMIT_BYTES = 1 << 16;

function packetOf({ io, options }: Invocation): Uint8Array {
  const { data, hex } = options;
  if (data !== undefined && hex !== undefined) {
    throw new EbpfError("ArgumentInvalid", "--data and --hex cannot both be given");
  }
  const packet =
    typeof data === "string"
      ? readBytes(resolve(io.cwd, data))
      : typeof hex === "string"
        ? parseHex(hex)
        : EMPTY_FRAME;
  if (packet.length <= PACKET_LIMIT_BYTES) return packet;
  throw new EbpfError("ArgumentInvalid", `a packet has at most ${PACKET_LIMIT_BYTES} bytes`);
}

function engineOf(invocation: Invocation): RunRequest["engine"] {
  const { options } = invocation;
  const named = textOf(options.engine) ?? (options.trace === true ? "interpreter" : undefined);
  const engine = engineNamed(named, hostOf(invocation));
  if (options.trace !== true || engine === "interpreter") return engine;
  throw new EbpfError("ArgumentInvalid", "--trace needs the engine interpreter");
}

function printStep(invocation: Invocation, { slot, text, registers }: TraceStep): void {
  const shown = registers.map((value, index) => `r${index}=${value.toString(16)}`).join(" ");
  const { io, json } = invocation;
  const line = `${String(slot).padStart(5)}  ${text.padEnd(40)}  ${shown}\n`;
  // With --json, stdout is the record alone.
  if (json) io.err(line);
  else io.out(line);
}

export const runObject: Handler = async (invocation) => {
  const { io, options } = invocation;
  const context = textOf(options.context);
  const request: RunRequest = {
    file: resolve(io.cwd, argumentOf(invocation, 0)),
    engine: engineOf(invocation),
    ...given({ host: hostOf(invocation) }),
    data: packetOf(invocation),
    ...given({
      program: textOf(options.program),
      platform: textOf(options.platform) as "windows" | "linux" | undefined,
      repeat: typeof options.repeat === "number" ? options.repeat : undefined,
    }),
    ...(context === undefined ? {} : { context: parseHex(context) }),
    ...(options.trace === true ? { trace: (step: TraceStep) => printStep(invocation, step) } : {}),
  };
  const record = await runFile(request);
  printRecord(invocation, record, [
    ["program", `${record.program} (${record.type}, ${record.platform})`],
    ["engine", record.engine],
    ["why this engine", record.engineReason],
    [
      "result",
      record.returnName === undefined ? record.returnValue : `${record.returnValue} ${record.returnName}`,
    ],
    ["action", record.action],
    ["packet", record.dataHex],
    [
      "time",
      `${record.nanoseconds.toFixed(0)} ns a run${record.repeat > 1 ? ` (${record.repeat} runs)` : ""}`,
    ],
  ]);
  return 0;
};
