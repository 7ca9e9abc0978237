// The commander program, built from the table of commands. Knows how arguments are written; not what commands do.
import { Argument, Command, InvalidArgumentError, Option } from "commander";
import type { ArgumentRow, CommandRow, Invocation, Io, OptionRow, OptionValue } from "./command.ts";

export interface ParsedCommand {
  readonly row: CommandRow;
  readonly invocation: Invocation;
}

export interface ProgramOptions {
  readonly io: Io;
  readonly version: string;
  readonly groups: Readonly<Record<string, string>>;
  readonly rows: readonly CommandRow[];
}

/**
 * The command that the words name, with its arguments; undefined if help or the version was printed instead.
 * CommanderError if they are wrong; commander has then written why to stderr.
 */
export function parseCommand(words: readonly string[], options: ProgramOptions): ParsedCommand | undefined {
  let parsed: ParsedCommand | undefined;
  // Making all commands takes longer than many of them run: only those of the first word, if it is one of ours.
  const own = options.rows.filter((row) => row.path[0] === words[0]);
  const program = buildProgram(
    { ...options, rows: own.length > 0 ? own : options.rows },
    (row, invocation) => {
      parsed = { row, invocation };
    },
  );
  program.parse(words, { from: "user" });
  return parsed;
}

function buildProgram(
  { io, version, groups, rows }: ProgramOptions,
  found: (row: CommandRow, invocation: Invocation) => void,
): Command {
  const program = new Command("ebpf")
    .description("eBPF for Windows: verify, load and run eBPF programs.")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print help")
    .helpCommand("help [command]", "print the help of a command")
    .exitOverride()
    .configureOutput({ writeOut: (text) => io.out(text), writeErr: (text) => io.err(text) })
    .showSuggestionAfterError();
  const made = new Map<string, Command>([["", program]]);
  const parentOf = (path: readonly string[]): Command => {
    const key = path.join(" ");
    const known = made.get(key);
    if (known !== undefined) return known;
    const group = parentOf(path.slice(0, -1))
      .command(path.at(-1) ?? "")
      .description(groups[key] ?? "");
    made.set(key, group);
    return group;
  };
  for (const row of rows) addCommand(parentOf(row.path.slice(0, -1)), row, io, found);
  return program;
}

function addCommand(
  parent: Command,
  row: CommandRow,
  io: Io,
  found: (row: CommandRow, invocation: Invocation) => void,
): void {
  const command = parent
    .command(row.path.at(-1) ?? "", { hidden: row.hidden ?? false })
    .description(row.help)
    .allowExcessArguments(false);
  for (const argument of row.arguments ?? []) command.addArgument(argumentOf(argument));
  for (const option of row.options ?? []) command.addOption(optionOf(option));
  command.option("--json", "print JSON");
  if (row.examples !== undefined) {
    const lines = row.examples.map((example) => `  ebpf ${example}`).join("\n");
    command.addHelpText("after", `\nExamples:\n${lines}`);
  }
  command.action((...given: unknown[]) => {
    const count = row.arguments?.length ?? 0;
    const { json, ...options } = given[count] as Record<string, OptionValue>;
    const words = given.slice(0, count) as Invocation["arguments"];
    found(row, { io, arguments: words, options, json: json === true });
  });
}

function argumentOf(row: ArgumentRow): Argument {
  const argument = new Argument(row.name, row.help);
  return row.choices === undefined ? argument : argument.choices(row.choices);
}

function optionOf(row: OptionRow): Option {
  const option = new Option(row.flags, row.help);
  if (row.choices !== undefined) option.choices(row.choices);
  if (row.integer !== undefined) option.argParser(integerParser(row.integer));
  if (row.repeated === true) {
    option.argParser((text: string, before: readonly string[] | undefined) => [...(before ?? []), text]);
  }
  return option;
}

function integerParser(bounds: { readonly minimum: number; readonly maximum: number }) {
  return (text: string): number => {
    const value = /^-?[0-9]{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= bounds.minimum && value <= bounds.maximum) return value;
    throw new InvalidArgumentError(`A whole number from ${bounds.minimum} to ${bounds.maximum} is needed.`);
  };
}
