// The PowerShell engine for Windows in Wine, with the module beside the core and Node as it is installed: C:\ebpf\module.
import { spawn } from "node:child_process";
import { cpSync, existsSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { windowsPowerShellFolder } from "../../scripts/powershell.ts";
import { ROOT } from "./module.ts";
import { quote } from "./powershell.ts";
import { TIMEOUT, WINE, type Wine } from "./wine.ts";

export interface PowerShellRan {
  readonly status: number | null;
  /** Both streams. */
  readonly output: string;
}

export interface WindowsPowerShell {
  /** Runs a script with the module imported. */
  run(script: string): Promise<PowerShellRan>;
  /** Types commands one after the other: what each gives, as JSON, and all as a person sees it. Throws if one writes an error. */
  type(...commands: readonly string[]): Promise<Typed>;
}

export interface Typed {
  readonly values: readonly unknown[];
  readonly transcript: string;
}

/** Takes part in a prefix that has Node (openWindowsNode). */
export async function openWindowsPowerShell(wine: Wine): Promise<WindowsPowerShell> {
  const host = await windowsPowerShellFolder();
  if (host === undefined) throw new Error("dotnet is not on PATH; install a .NET 10 SDK");
  const folder = join(wine.folder, "module");
  for (const name of ["module", "cmdlets", "en-US", "ebpf.psd1"])
    cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  renameSync(join(wine.folder, "core"), join(folder, "dist"));
  symlinkSync(join(folder, "dist"), join(wine.folder, "core"));
  renameSync(join(wine.folder, "node.exe"), join(folder, "node.exe"));
  symlinkSync(join(folder, "node.exe"), join(wine.folder, "node.exe"));
  // Not copied: 180 MB. Wine goes through the link.
  symlinkSync(host, join(wine.folder, "powershell"));
  const manifest = "C:\\ebpf\\module\\ebpf.psd1";
  const runScript = (script: string) => run(wine, `Import-Module ${manifest}\n${script}`);
  return {
    run: runScript,
    async type(...commands) {
      const results = join(wine.folder, "results.json");
      rmSync(results, { force: true });
      const { output } = await runScript(scriptOf(commands));
      if (!existsSync(results)) throw new Error(output);
      return { values: JSON.parse(readFileSync(results, "utf8")), transcript: output };
    },
  };
}

/** What a command gives is kept before it is shown: a view does not give objects on. */
function scriptOf(commands: readonly string[]): string {
  const typed = commands.map((command) => `Step ${quote(command)} { ${command} }`);
  return `
    $ErrorActionPreference = 'Stop'
    $results = [System.Collections.ArrayList]::new()
    function Step([string] $Text, [scriptblock] $Body) {
      "PS C:\\ebpf> $Text"
      $given = @(& $Body)
      $null = $results.Add($given)
      $given
    }
    & { ${typed.join("\n")} } | Out-Default
    [System.IO.File]::WriteAllText('C:\\ebpf\\results.json', (ConvertTo-Json -Compress -Depth 8 -InputObject $results))`;
}

async function run(wine: Wine, script: string): Promise<PowerShellRan> {
  const file = join(wine.folder, "script.ps1");
  writeFileSync(file, script);
  const env = { ...wine.env, EBPF_HOME: "C:\\ebpf\\state", NO_COLOR: "1" };
  const words = [
    "-NoProfile",
    "-NonInteractive",
    "-ExecutionPolicy",
    "Bypass",
    "-File",
    "C:\\ebpf\\script.ps1",
  ];
  const child = spawn(WINE, ["C:\\ebpf\\powershell\\powershell-host.exe", ...words], {
    env,
    timeout: TIMEOUT,
    // What hangs in Wine may not hear of SIGTERM.
    killSignal: "SIGKILL",
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    // Not "close": a service that was started keeps the pipes.
    child.once("exit", (code) => setTimeout(resolve, 200, code));
  });
  rmSync(file, { force: true });
  // Wine's own words about drives that it cannot read.
  const lines = output.replaceAll("\r", "").split("\n");
  return { status, output: lines.filter((line) => !line.startsWith("wine: ")).join("\n") };
}
