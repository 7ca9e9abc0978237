// The module also runs on Windows PowerShell 5.1, which is not here: its syntax is held by looking at what the parser reads.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { ROOT } from "../harness/module.ts";
import { quote, runPowerShell } from "../harness/powershell.ts";

const FILES = ["ebpf.psd1", "module/ebpf.psm1"].concat(
  ["module/private", "cmdlets"].flatMap((folder) =>
    readdirSync(join(ROOT, folder)).map((file) => `${folder}/${file}`),
  ),
);

/** Cmdlets that the engine of 5.1 and its Utility module have, and that the module may call. */
const CMDLETS = [
  "ConvertFrom-Json",
  "ConvertTo-Json",
  "ForEach-Object",
  "Register-ArgumentCompleter",
  "Set-StrictMode",
  "Sort-Object",
  "Where-Object",
];

/** Tokens that the parser of PowerShell 7 knows and 5.1 does not, by their kind; and parameters that 5.1 lacks. */
const NEWER = [
  "QuestionMark",
  "AndAnd",
  "OrOr",
  "QuestionQuestion",
  "QuestionQuestionEquals",
  "QuestionDot",
  "QuestionLBracket",
  "Clean",
];
const NEWER_PARAMETERS = ["-AsHashtable", "-Parallel", "-DateKind"];

/** Writes one line for each thing that PowerShell 5.1 would refuse, or that is not called for. */
const SCAN = `
param([string[]] $Files, [string[]] $Allowed, [string[]] $Newer, [string[]] $Parameters)
$known = @{}; foreach ($name in $Allowed) { $known[$name] = 1 }
$bad = @{}; foreach ($name in $Newer) { $bad[$name] = 1 }; foreach ($name in $Parameters) { $bad[$name] = 1 }
$calls = [System.Collections.Generic.List[object]]::new()
function Read-Token([object[]] $Tokens, [string] $File) {
  $before = $null
  foreach ($token in $Tokens) {
    $kind = [string]$token.Kind
    if ($bad[$kind]) { "$File $($token.Extent.StartLineNumber): $kind $($token.Text)" }
    elseif ($kind -eq 'Parameter' -and $bad[$token.Text]) { "$File $($token.Extent.StartLineNumber): $($token.Text)" }
    elseif ($before -eq 'Function') { $known[$token.Text] = 1 }
    elseif ([int]$token.TokenFlags -band 0x80000) { $calls.Add(@($File, $token)) }
    if ($token -is [System.Management.Automation.Language.StringExpandableToken] -and $token.NestedTokens) { Read-Token $token.NestedTokens $File }
    $before = $kind
  }
}
foreach ($file in $Files) {
  $tokens = $null; $errors = $null
  $null = [System.Management.Automation.Language.Parser]::ParseFile($file, [ref]$tokens, [ref]$errors)
  foreach ($e in $errors) { "$file $($e.Extent.StartLineNumber): $($e.Message)" }
  Read-Token $tokens $file
}
foreach ($call in $calls) {
  if (-not $known[$call[1].Text]) { "$($call[0]) $($call[1].Extent.StartLineNumber): calls $($call[1].Text)" }
}
`;

async function scan(files: readonly string[]): Promise<string> {
  const list = words(files.map((file) => join(ROOT, file)));
  const command = `. ([scriptblock]::Create(${quote(SCAN)})) -Files ${list} -Allowed ${words(CMDLETS)} -Newer ${words(NEWER)} -Parameters ${words(NEWER_PARAMETERS)}`;
  const result = await runPowerShell(["-NoProfile", "-NonInteractive", "-Command", command]);
  return `${result.stdout}${result.stderr}`.trim();
}

function words(list: readonly string[]): string {
  return list.map(quote).join(", ");
}

test("nothing but the syntax of 5.1, and no cmdlet beside the known ones", async (t) => {
  t.true(FILES.length > 20);
  t.is(await scan(FILES), "");
});

test("the scan finds what it is for", async (t) => {
  const found = await scan(["tests/cmdlets/syntax-newer.ps1"]);
  for (const what of [...NEWER.filter((kind) => kind !== "Clean"), "-AsHashtable", "calls Get-Uptime"]) {
    t.true(found.includes(`: ${what}`), `${what} in ${found}`);
  }
});

test("plain ASCII, so that 5.1 reads it as it is meant", (t) => {
  for (const file of FILES) {
    const bytes = readFileSync(join(ROOT, file));
    t.is(
      bytes.findIndex((byte) => byte > 0x7e || (byte < 0x20 && byte !== 0x0a)),
      -1,
      file,
    );
  }
});
