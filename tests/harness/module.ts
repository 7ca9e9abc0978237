// The ebpf module in a PowerShell session of its own, with a state folder of its own: what the tests of cmdlets start from.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PowerShell } from "node-powershell";
import { openPowerShell, quote } from "./powershell.ts";

export const ROOT = join(import.meta.dirname, "..", "..");
export const MANIFEST = join(ROOT, "ebpf.psd1");

export interface ModuleSession {
  readonly home: string;
  readonly shell: PowerShell;
  /** What the commands write, as people see it. Fails if they write errors. */
  text(commands: string): Promise<string>;
  /** The one value the commands give, through JSON. */
  value(commands: string): Promise<unknown>;
  /** What $Error holds after the commands, newest first. */
  errors(commands: string): Promise<readonly ErrorFacts[]>;
  close(): Promise<void>;
}

/** An ErrorRecord, as far as the conventions go. */
export interface ErrorFacts {
  readonly id: string;
  readonly category: string;
  readonly target: string | null;
  readonly action: string | null;
  readonly message: string;
}

const FACTS =
  "[pscustomobject]@{ id = $_.FullyQualifiedErrorId; category = [string]$_.CategoryInfo.Category; target = [string]$_.TargetObject; action = $_.ErrorDetails.RecommendedAction; message = $_.ToString() }";

/** A session with the module imported. `environment` adds to the variables; EBPF_HOME is a new folder. */
export async function openModule(environment: Readonly<Record<string, string>> = {}): Promise<ModuleSession> {
  const home = await mkdtemp(join(tmpdir(), "ebpf-ps-"));
  const shell = await openPowerShell({ EBPF_HOME: home, ...environment });
  const run = async (line: string): Promise<string> => {
    const result = await shell.invoke(line.replaceAll("\n", " "));
    if (result.hadErrors) throw new Error(result.raw);
    return result.raw;
  };
  const value = async (commands: string): Promise<unknown> => {
    const json = await run(`ConvertTo-Json -Compress -Depth 16 -InputObject (. { ${commands} })`);
    return json === "" ? null : JSON.parse(json);
  };
  await run(`Import-Module ${quote(MANIFEST)}`);
  return {
    home,
    shell,
    text: run,
    value,
    async errors(commands) {
      return (await value(
        `$global:Error.Clear(); try { . { ${commands} } 2>$null | Out-Null } catch { }; , @($global:Error | ForEach-Object { ${FACTS} })`,
      )) as ErrorFacts[];
    },
    async close() {
      await shell.invoke("Stop-EbpfService");
      await shell.dispose();
      await rm(home, { recursive: true, force: true });
    },
  };
}
