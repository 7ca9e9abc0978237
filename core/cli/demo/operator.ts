// Who loads and removes the program in the demonstration: PowerShell with the module's cmdlets, or the command line where
// there is no PowerShell. The commands are the ones that are shown. Knows nothing of traffic.
import { join } from "node:path";
import type { PowerShell } from "node-powershell";
import { EbpfError, ERROR_CODES, type ErrorCode } from "../../base/error.ts";
import type { MapEntryRecord, ProgramRecord } from "../../manager/records.ts";
import { type Cleanup, findCommand } from "./process.ts";

const MAP_NAME = "dropped_packet_map";

export interface Added {
  readonly id: number;
  readonly engine: string;
}

export interface Operator {
  /** "PS>" or "$". */
  readonly prompt: string;
  readonly powershell: boolean;
  /** The commands as they are typed, and run. */
  readonly commands: {
    add(object: string): string;
    readonly entries: string;
    remove(id: number): string;
  };
  /** Runs the command that `commands.add` gives; fails with the code of the service (ProgramRejected). */
  add(object: string): Promise<Added>;
  /** The drop counter in the map of the program. */
  readDropped(): Promise<number>;
  remove(id: number): Promise<void>;
}

/** Runs `ebpf WORDS --json` against the demonstration's service; what it printed, parsed. */
export type Ebpf = (...words: string[]) => Promise<unknown>;

export function commandLineOperator(ebpf: Ebpf): Operator {
  const addWords = (object: string) => ["program", "add", object, "--hook", "xdp"];
  const entryWords = ["map", "dump", MAP_NAME];
  const removeWords = (id: number) => ["program", "remove", String(id)];
  const line = (words: readonly string[]) => ["ebpf", ...words].join(" ");
  return {
    prompt: "$",
    powershell: false,
    commands: {
      add: (object) => line(addWords(object)),
      entries: line(entryWords),
      remove: (id) => line(removeWords(id)),
    },
    async add(object) {
      const { id, engine } = (await ebpf(...addWords(object))) as ProgramRecord;
      return { id, engine };
    },
    async readDropped() {
      const [entry] = (await ebpf(...entryWords)) as MapEntryRecord[];
      return Number(entry?.value);
    },
    async remove(id) {
      await ebpf(...removeWords(id));
    },
  };
}

/** The PowerShell to drive: the one named in EBPF_POWERSHELL, else pwsh, else (on Windows) powershell. */
export function findPowerShell(env: NodeJS.ProcessEnv): string | undefined {
  if (env.EBPF_POWERSHELL !== undefined && env.EBPF_POWERSHELL !== "") return env.EBPF_POWERSHELL;
  const names = process.platform === "win32" ? ["pwsh", "powershell"] : ["pwsh"];
  return names.map((name) => findCommand(name, env.PATH)).find((path) => path !== undefined);
}

interface SessionSettings {
  readonly executable: string;
  /** The package: its module is imported, and paths are relative to it. */
  readonly root: string;
  readonly env: NodeJS.ProcessEnv;
  readonly cleanup: Cleanup;
}

const INVOCATION_MILLISECONDS = 30_000;

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A path as one types it: in quotes only if it needs them. */
function typed(path: string): string {
  return /^[\w.:/\\-]+$/.test(path) ? path : quoted(path);
}

/** Starts PowerShell and imports the module. StepFailed if either does not work. */
export async function powerShellOperator(settings: SessionSettings): Promise<Operator> {
  const { executable, root, env, cleanup } = settings;
  const { PowerShell } = await import("node-powershell");
  const session = new PowerShell({
    executable,
    executableOptions: { "-NoProfile": true, "-NonInteractive": true },
    // Its answers are read by a program: no terminal, or it writes control sequences among them.
    spawnOptions: { cwd: root, env: { ...env, TERM: "dumb" } },
    invocationTimeout: INVOCATION_MILLISECONDS,
    throwOnInvocationError: false,
  });
  // It may have ended with the interrupt that ends the demonstration; gone is what it is to be.
  cleanup.add(() => session.dispose().catch(() => {}));
  await invoke(session, `Import-Module ${quoted(join(root, "ebpf.psd1"))}`);
  const commands = {
    add: (object: string) => `Add-EbpfProgram ${typed(object)} -Hook xdp`,
    entries: `Get-EbpfMapEntry ${MAP_NAME}`,
    remove: (id: number) => `Remove-EbpfProgram -Id ${id}`,
  };
  return {
    prompt: "PS>",
    powershell: true,
    commands,
    async add(object) {
      const [added] = await invoke(session, commands.add(object));
      return { id: Number(added?.Id), engine: String(added?.Engine) };
    },
    async readDropped() {
      const [entry] = await invoke(session, commands.entries);
      return Number(entry?.Value);
    },
    async remove(id) {
      await invoke(session, commands.remove(id));
    },
  };
}

type Answer =
  | { readonly value: readonly Readonly<Record<string, unknown>>[] }
  | { readonly error: { readonly id: string; readonly message: string } };

/** What a command gave, by way of JSON; its error, if it was a terminating one or an error record. */
async function invoke(
  session: PowerShell,
  command: string,
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const guarded =
    `try { $ErrorActionPreference = 'Stop'; $value = @(${command}); ` +
    `ConvertTo-Json -Compress -Depth 4 -InputObject @{ value = $value } } ` +
    `catch { ConvertTo-Json -Compress -InputObject @{ error = @{ id = [string]$_.FullyQualifiedErrorId; ` +
    `message = [string]$_.Exception.Message } } }`;
  const { raw } = await session.invoke(guarded);
  const line = raw
    .split("\n")
    .map((text) => text.trim())
    .findLast((text) => text.startsWith("{"));
  if (line === undefined) {
    throw new EbpfError("StepFailed", `PowerShell did not answer to ${command}: ${raw.trim()}`, {
      target: command,
    });
  }
  const answer = JSON.parse(line) as Answer;
  if ("value" in answer) return answer.value;
  // FullyQualifiedErrorId is the error's id, a comma, and the command's name.
  const [id = ""] = answer.error.id.split(",");
  const code = Object.hasOwn(ERROR_CODES, id) ? (id as ErrorCode) : "StepFailed";
  throw new EbpfError(code, answer.error.message, { target: command });
}
