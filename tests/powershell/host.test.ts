// What PowerShell must do for the tests and the demonstration to mean something, whichever PowerShell it is.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { openPowerShell, quote, runPowerShell } from "../harness/powershell.ts";

const BATCH = ["-NoLogo", "-NoProfile", "-NonInteractive"];

const COMMANDS: readonly {
  readonly command: string;
  readonly exitCode: number;
  readonly stdout?: RegExp;
  readonly stderr?: RegExp;
}[] = [
  { command: "'out'; 1 + 1", exitCode: 0, stdout: /^out\s+2\s*$/ },
  { command: "exit 5", exitCode: 5, stdout: /^$/ },
  { command: "throw 'broken'", exitCode: 1, stdout: /^$/, stderr: /broken/ },
  {
    command: "'before'; Get-Item /no/such/file",
    exitCode: 1,
    stdout: /^before\s*$/,
    stderr: /\/no\/such\/file/,
  },
  { command: "Write-Warning careful; Write-Host seen", exitCode: 0, stdout: /WARNING: careful\s+seen/ },
  {
    command: "[pscustomobject]@{ Name = 'a'; Size = 1 }, [pscustomobject]@{ Name = 'bb'; Size = 20 }",
    exitCode: 0,
    stdout: /Name Size\s+---- ----\s+a {7}1\s+bb {5}20/,
  },
  {
    command:
      "@{ a = 1, 2; b = @{ c = [int64]::MaxValue } } | ConvertTo-Json -Compress | ConvertFrom-Json | ForEach-Object { $_.b.c; $_.a.Count }",
    exitCode: 0,
    stdout: /^9223372036854775807\s+2\s*$/,
  },
  {
    command:
      "1..5 | Select-Object -First 2; 1..5 | Sort-Object { - $_ } | Select-Object -Last 1; (1..5 | Measure-Object).Count",
    exitCode: 0,
    stdout: /^1\s+2\s+1\s+5\s*$/,
  },
  {
    command: "(Get-Command Format-Table, ConvertFrom-Json).Count; $PSVersionTable.PSEdition",
    exitCode: 0,
    stdout: /^2\s+Core\s*$/,
  },
];

for (const { command, exitCode, stdout, stderr } of COMMANDS) {
  test.serial(`-Command ${command}`, async (t) => {
    const result = await runPowerShell([...BATCH, "-Command", command]);
    t.is(result.exitCode, exitCode, result.stderr);
    t.regex(result.stdout, stdout ?? /^/);
    t.regex(result.stderr, stderr ?? /^$/);
  });
}

test.serial("-File passes arguments and gives back the script's exit code", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "ebpf-host-"));
  t.teardown(() => rm(folder, { recursive: true }));
  const file = join(folder, "script.ps1");
  await writeFile(file, 'param([string]$Name, [int]$Count, [switch]$Quiet)\n"$Name/$Count/$Quiet"\nexit 7\n');
  const result = await runPowerShell([...BATCH, "-File", file, "first", "-Quiet", "-Count", "3"]);
  t.is(result.exitCode, 7, result.stderr);
  t.regex(result.stdout, /^first\/3\/True\s*$/);
});

test.serial("an interrupt stops the pipeline and runs finally", async (t) => {
  if (process.platform === "win32") return t.pass("Windows has no SIGINT to send");
  const command = "try { 'started'; Start-Sleep 30 } finally { [Console]::Out.WriteLine('cleaned') }";
  const began = Date.now();
  const result = await runPowerShell([...BATCH, "-Command", command], { interruptAt: "started" });
  t.regex(result.stdout, /started\s+cleaned/);
  t.true(Date.now() - began < 20_000);
});

test.serial("node-powershell holds a session: state, errors, blocks, text that is not ASCII", async (t) => {
  const shell = await openPowerShell();
  t.teardown(() => shell.dispose());
  t.is((await shell.invoke("$x = 20; $x + 1")).raw, "21");
  t.is((await shell.invoke("$x + 22")).raw, "42");
  const failed = await shell.invoke("throw 'broken'");
  t.true(failed.hadErrors);
  t.regex(failed.raw, /broken/);
  t.is((await shell.invoke('foreach ($i in 1..2) {\n  "item $i"\n}\n')).raw, "item 1\nitem 2");
  t.is((await shell.invoke(quote("gr\u00fc\u00df 'dich'"))).raw, "gr\u00fc\u00df 'dich'");
});
