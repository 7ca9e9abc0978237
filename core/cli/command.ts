// What a command is: a row of data, and a handler that gets its arguments and the world it may touch. Knows no command.
import type { ServiceClient } from "../service/client.ts";

/** The world as a command sees it; tests give another one. */
export interface Io {
  out(text: string): void;
  err(text: string): void;
  readStdin(): Promise<string>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Progress and colours are for terminals only. */
  readonly outIsTerminal: boolean;
  readonly errIsTerminal: boolean;
  /** Aborts when the user interrupts. */
  readonly signal: AbortSignal;
  /** Starts a service if none runs, unless `start` is false. */
  connect(options?: { readonly start?: boolean; readonly anyProtocol?: boolean }): Promise<ServiceClient>;
}

/** What completes a word: names of the live system, files, codes. */
export type Completes = "file" | "code" | "program" | "map" | "link" | "interface" | "hook";

export interface ArgumentRow {
  /** As commander writes it: `<file>`, `[memory]`, `<files...>`. */
  readonly name: string;
  readonly help: string;
  readonly choices?: readonly string[];
  readonly completes?: Completes;
}

export interface OptionRow {
  /** As commander writes it: `--hook <name>`, `--replace`. */
  readonly flags: string;
  readonly help: string;
  readonly choices?: readonly string[];
  readonly completes?: Completes;
  /** A whole number, within these bounds. */
  readonly integer?: { readonly minimum: number; readonly maximum: number };
  /** May be given several times; the values are a list. */
  readonly repeated?: boolean;
}

export type OptionValue = string | number | boolean | readonly string[] | undefined;

export interface Invocation {
  readonly io: Io;
  readonly arguments: readonly (string | readonly string[] | undefined)[];
  readonly options: Readonly<Record<string, OptionValue>>;
  /** `--json` was given. */
  readonly json: boolean;
}

/** Returns the exit code: 0 ok or accepted, 1 rejected or refused. Errors are thrown. */
export type Handler = (invocation: Invocation) => Promise<number>;

export interface CommandRow {
  /** Its words: `["program", "add"]`. */
  readonly path: readonly string[];
  readonly help: string;
  readonly arguments?: readonly ArgumentRow[];
  readonly options?: readonly OptionRow[];
  readonly examples?: readonly string[];
  readonly hidden?: boolean;
  /** Loads the handler; a command pays only for what it uses. */
  readonly load: () => Promise<Handler>;
}

/** An option or argument that is a string, or undefined if it was not given. */
export function textOf(value: OptionValue | readonly string[]): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** The command's argument at that place; commander has made sure that a required one is there. */
export function argumentOf(invocation: Invocation, index: number): string {
  const value = invocation.arguments[index];
  return typeof value === "string" ? value : "";
}

export function listOf(value: OptionValue | readonly string[]): readonly string[] {
  return Array.isArray(value) ? value : [];
}

/** An object of the options that were given, under the names the service takes. */
export function given<T extends Readonly<Record<string, OptionValue>>>(
  values: T,
): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

/** A handler that asks the service and then lets it go. */
export function withService(
  body: (client: ServiceClient, invocation: Invocation) => Promise<void>,
  options: { readonly start?: boolean } = {},
): Handler {
  return async (invocation) => {
    const client = await invocation.io.connect(options);
    try {
      await body(client, invocation);
      return 0;
    } finally {
      client.close();
    }
  };
}
