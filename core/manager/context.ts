// What the manager's operations share, and the order that every change keeps. Holds no operation itself.
import type { Host, Interface, InterfaceKind, LoadedProgram } from "../host/host.ts";
import type { KernelHost } from "../host/kernel/host.ts";
import type { Registry } from "./registry.ts";
import type { State, StateWriter } from "./state.ts";

export type MakeInterface = (
  kind: InterfaceKind,
  name: string,
  settings: Readonly<Record<string, unknown>>,
  /** Attached from the first packet on. */
  program?: LoadedProgram,
) => Promise<Interface>;

export interface Context {
  readonly registry: Registry;
  readonly state: State;
  /** The one that runs programs in this process. */
  readonly host: Host;
  readonly kernel: KernelHost;
  readonly makeInterface: MakeInterface;
  /** Hooks that the interfaces of this host have. */
  readonly hooks: readonly string[];
  /** One line for the service's log. */
  readonly log: (line: string) => void;
}

/** What is added becomes live first and is then written; if writing fails it ends again. */
export async function liveThenWritten(
  state: State,
  steps: {
    live(): Promise<void>;
    undo(): Promise<void>;
    write(writer: StateWriter): void;
  },
): Promise<void> {
  await steps.live();
  try {
    state.change(steps.write);
  } catch (error) {
    await steps.undo();
    throw error;
  }
}

/** Runs one change after the other; a failed one does not stop the next. */
export type Alone = <T>(change: () => Promise<T>) => Promise<T>;

export function createQueue(): Alone {
  let last: Promise<unknown> = Promise.resolve();
  return (change) => {
    const next = last.then(change);
    last = next.catch(() => {});
    return next;
  };
}
