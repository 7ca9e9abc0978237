// Completion: scripts for the shells, made from the table of commands, that ask `ebpf complete` for each word. That
// one reads the same table, and the service for live names if one runs; it starts none.
import { listCodes } from "../../report/codes.ts";
import type { ServiceClient } from "../../service/client.ts";
import type { ArgumentRow, CommandRow, Completes, Handler, Io, OptionRow } from "../command.ts";
import { argumentOf, listOf } from "../command.ts";
import { printJson } from "../output.ts";

const BASH = `# bash completion of ebpf; also for zsh after: autoload -U +X bashcompinit && bashcompinit
_ebpf() {
  local IFS=$'\\n'
  COMPREPLY=($(ebpf complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _ebpf ebpf
`;

const SCRIPTS: Readonly<Record<string, string>> = {
  bash: BASH,
  zsh: `autoload -U +X bashcompinit && bashcompinit\n${BASH}`,
  powershell: `# PowerShell completion of ebpf
Register-ArgumentCompleter -Native -CommandName ebpf -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements | Select-Object -Skip 1 | ForEach-Object { $_.Extent.Text })
    if ($wordToComplete -eq '') { $words += '""' }
    ebpf complete '--' @words 2>$null | ForEach-Object {
        [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
    }
}
`,
};

export const printCompletion: Handler = async (invocation) => {
  const script = SCRIPTS[argumentOf(invocation, 0)] ?? "";
  if (invocation.json) printJson(invocation.io, { script });
  else invocation.io.out(script);
  return 0;
};

/** `ebpf complete`, over the table of commands. */
export function completeFrom(rows: readonly CommandRow[]): Handler {
  return async ({ io, json, arguments: given }) => {
    // PowerShell cannot pass an empty word.
    const words = listOf(given[0]).map((word) => (word === '""' ? "" : word));
    const found = await completions(rows, words, io);
    if (json) printJson(io, found);
    else io.out(found.map((word) => `${word}\n`).join(""));
    return 0;
  };
}

/** What the last of the words can be, in the order of the table. Nothing where a file is to be named: the shell does it. */
export async function completions(
  rows: readonly CommandRow[],
  words: readonly string[],
  io: Io,
): Promise<string[]> {
  const last = words.at(-1) ?? "";
  const before = words.slice(0, -1);
  const row = commandOf(rows, before);
  const all = row === undefined ? nextWords(rows, before) : await nextOf(row, before, last, io);
  return [...new Set(all)].filter((word) => word.startsWith(last));
}

function startsPath(row: CommandRow, words: readonly string[]): boolean {
  return words.every((word, index) => row.path[index] === word);
}

function commandOf(rows: readonly CommandRow[], words: readonly string[]): CommandRow | undefined {
  return rows.find(
    (row) => words.length >= row.path.length && row.path.every((word, index) => words[index] === word),
  );
}

function nextWords(rows: readonly CommandRow[], words: readonly string[]): string[] {
  const possible = rows.filter((row) => row.hidden !== true && startsPath(row, words));
  const next = possible.map((row) => row.path[words.length] ?? "");
  return words.length === 0 ? [...next, "help"] : next;
}

function longName(option: OptionRow): string {
  return option.flags.split(" ")[0] ?? "";
}

async function nextOf(row: CommandRow, words: readonly string[], last: string, io: Io): Promise<string[]> {
  const options = row.options ?? [];
  const previous = options.find((option) => longName(option) === words.at(-1));
  if (previous?.flags.includes("<") === true) return values(previous, io);
  if (last.startsWith("-")) {
    const used = new Set(words);
    const flags = [...options.map(longName), "--json", "--help"];
    return flags.filter((flag) => !used.has(flag));
  }
  const argument = argumentAt(row, words.slice(row.path.length));
  return argument === undefined ? [] : values(argument, io);
}

/** Counts the words that are arguments: neither options nor their values. */
function argumentAt(row: CommandRow, words: readonly string[]): ArgumentRow | undefined {
  const takesValue = new Set(
    (row.options ?? []).filter((option) => option.flags.includes("<")).map(longName),
  );
  const count = words.filter(
    (word, index) => !word.startsWith("-") && !takesValue.has(words[index - 1] ?? ""),
  ).length;
  const rows = row.arguments ?? [];
  return rows[count] ?? rows.findLast((argument) => argument.name.includes("..."));
}

async function values(row: ArgumentRow | OptionRow, io: Io): Promise<string[]> {
  if (row.choices !== undefined) return [...row.choices];
  if (row.completes === undefined || row.completes === "file") return [];
  return row.completes === "code" ? listCodes().map(({ code }) => code) : liveNames(row.completes, io);
}

const LIVE: Readonly<
  Record<Exclude<Completes, "file" | "code">, (client: ServiceClient) => Promise<string[]>>
> = {
  program: async (client) => (await client.call("program.list", {})).map((row) => row.name),
  map: async (client) => (await client.call("map.list", {})).map((row) => row.name),
  link: async (client) => (await client.call("link.list", {})).map((row) => String(row.id)),
  interface: async (client) => (await client.call("interface.list", {})).map((row) => row.name),
  hook: async (client) =>
    (await client.call("platform.hooks", {})).filter((row) => row.available).map((row) => row.name),
};

/** No service, no names: completing a word never starts one and never fails. */
async function liveNames(what: Exclude<Completes, "file" | "code">, io: Io): Promise<string[]> {
  try {
    const client = await io.connect({ start: false });
    try {
      return await LIVE[what](client);
    } finally {
      client.close();
    }
  } catch {
    return [];
  }
}
