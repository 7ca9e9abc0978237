// Entry of the command line: arguments in, exit code out. 0 ok or accepted, 1 rejected or refused, 2 a defect of ours,
// 64 wrong usage (sysexits.h EX_USAGE).
import { realpathSync } from "node:fs";
import type { CommanderError } from "commander";
import { type EbpfError, knownError } from "../base/error.ts";
import { VERSION } from "../service/version.ts";
import type { Io } from "./command.ts";
import { COMMANDS, NOUNS } from "./commands.ts";
import { createIo } from "./io.ts";
import { printError } from "./output.ts";
import { parseCommand } from "./program.ts";

export { createIo } from "./io.ts";

export const EXIT = { ok: 0, refused: 1, internal: 2, usage: 64 } as const;

/** Runs one command line; never throws. */
export async function runCommandLine(words: readonly string[], io: Io): Promise<number> {
  const json = words.includes("--json");
  try {
    const parsed = parseCommand(words, { io, version: VERSION, groups: NOUNS, rows: COMMANDS });
    if (parsed === undefined) return EXIT.ok;
    const handler = await parsed.row.load();
    return await handler(parsed.invocation);
  } catch (error) {
    if (isCommanderError(error)) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    const known = knownError(error);
    printError(io, known, json);
    if (io.env.EBPF_DEBUG === "1") io.err(`${(error as Error).stack ?? ""}\n`);
    return exitCodeOf(known);
  }
}

function exitCodeOf(error: EbpfError): number {
  if (error.code === "InternalError") return EXIT.internal;
  return error.code === "ArgumentInvalid" || error.code === "HexInvalid" ? EXIT.usage : EXIT.refused;
}

/** Not by its class's name, which the bundle does not keep. */
function isCommanderError(error: unknown): error is CommanderError {
  return error instanceof Error && "code" in error && String(error.code).startsWith("commander.");
}

/** Whoever reads our output may stop early (`ebpf map dump 1 | head`); that is no failure. */
function toleratePipesClosing(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE" || error.code === "EOF") process.exit(EXIT.ok);
      process.exit(EXIT.refused);
    });
  }
}

/** Everything written must have left before the process ends: stdout may be a pipe, which Node writes later. */
function flush(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    stream.write("", () => resolve());
  });
}

/** What the script does, be it this file or the bundle's loader. */
export async function main(): Promise<void> {
  toleratePipesClosing();
  const status = await runCommandLine(process.argv.slice(2), createIo());
  await flush(process.stdout);
  await flush(process.stderr);
  process.exit(status);
}

function startedAsScript(): boolean {
  const script = process.argv[1];
  if (script === undefined) return false;
  try {
    return realpathSync(script) === realpathSync(import.meta.filename);
  } catch {
    return false;
  }
}

if (startedAsScript()) void main();
