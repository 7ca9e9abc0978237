// ebpf verify: verdicts on the programs of files and folders of files, in this process.
import { readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { EbpfError } from "../../base/error.ts";
import { fileError } from "../../base/files.ts";
import { unreadableRecord, type VerifyControl, verifyFile } from "../../manager/inspect.ts";
import type { VerificationRecord } from "../../manager/records.ts";
import { given, type Handler, type Invocation, listOf, textOf } from "../command.ts";
import { explained, paint, printable, printJson, progressLine, type Style, toJson } from "../output.ts";

const STYLES: Readonly<Record<VerificationRecord["verdict"], Style>> = {
  accepted: "green",
  rejected: "red",
  error: "yellow",
};

/** Files as they are named; of a folder all *.o in it and below, in the order of their names. */
function filesOf(paths: readonly string[], cwd: string): string[] {
  return paths.flatMap((path) => {
    const absolute = resolve(cwd, path);
    try {
      if (!statSync(absolute).isDirectory()) return [absolute];
      return readdirSync(absolute, { recursive: true, encoding: "utf8" })
        .filter((name) => name.endsWith(".o"))
        .sort()
        .map((name) => join(absolute, name));
    } catch (error) {
      throw fileError(path, error);
    }
  });
}

export const verifyObjects: Handler = async (invocation) => {
  const { io, json, options } = invocation;
  const files = filesOf(listOf(invocation.arguments[0]), io.cwd);
  if (files.length === 0) throw new EbpfError("FileNotFound", "there is no object file in the folder");
  const line = progressLine(io);
  const all: VerificationRecord[] = [];
  for (const [index, file] of files.entries()) {
    if (files.length > 1) line.show(`${index + 1}/${files.length} ${file}`);
    const records = await verifyOneFile(file, invocation, files.length > 1);
    line.clear();
    all.push(...records);
    for (const record of records) {
      if (options.jsonl === true) io.out(`${toJson(record)}\n`);
      else if (!json) io.out(describe(record, invocation));
    }
    if (io.signal.aborted) throw new EbpfError("Cancelled", "interrupted");
  }
  if (json && options.jsonl !== true) printJson(io, all);
  return all.every((record) => record.verdict === "accepted") ? 0 : 1;
};

/** Of several files, one that is damaged does not keep the others from being verified. */
async function verifyOneFile(
  file: string,
  { io, options }: Invocation,
  many: boolean,
): Promise<VerificationRecord[]> {
  const choice = {
    file,
    ...given({
      program: textOf(options.program),
      type: textOf(options.type),
      platform: textOf(options.platform) as "windows" | "linux" | undefined,
    }),
  };
  const log: VerifyControl["log"] = (program, instruction, state) => {
    io.err(`${program.name} ${program.slots[instruction] ?? instruction}: ${printable(state)}\n`);
  };
  try {
    const control = { signal: io.signal, ...(options.log === true ? { log } : {}) };
    return await verifyFile(choice, control);
  } catch (error) {
    if (!many || !(error instanceof EbpfError) || error.code === "InternalError") throw error;
    return [unreadableRecord(file, error)];
  }
}

function describe(record: VerificationRecord, { io }: Invocation): string {
  const { verdict, file, program, type, platform } = record;
  const what = program === "" ? "" : `  ${program} (${[type, platform].filter(Boolean).join(", ")})`;
  const head = `${paint(io, STYLES[verdict], verdict.padEnd(8))}  ${printable(`${file}${what}`)}`;
  if (verdict === "accepted") {
    const { instructions, steps, milliseconds } = record;
    return `${head}: ${instructions} instructions, ${steps} steps, ${milliseconds.toFixed(1)} ms\n`;
  }
  if (record.failure !== undefined) {
    return `${head}: ${record.failure.code}\n${explained(io, record.failure, "out", 1)}`;
  }
  const lines = [`${record.code}: ${record.message}`, record.remedy ?? ""];
  return `${head}\n${lines.map((line) => `  ${printable(line)}\n`).join("")}`;
}
