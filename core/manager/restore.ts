// Bringing back what the state holds. What cannot be brought back (a port in use, a device that is gone) stays in the
// state and in the listings with its problem; interfaces are tried again from time to time.
import type { InterfaceKind } from "../host/host.ts";
import type { Alone, Context } from "./context.ts";
import type { LiveInterface } from "./registry.ts";
import { createProgramRestorer, messageOf, type ProgramRestorer } from "./restore-programs.ts";
import type { StoredInterface } from "./state.ts";

const RETRY_MILLISECONDS = 2000;

export interface Restorer extends Omit<ProgramRestorer, "restore" | "retry"> {
  restore(): Promise<void>;
  /** Tries failed interfaces, and what was in the driver, again until stopped. */
  retryFailed(alone: Alone): { stop(): void };
}

export function createRestorer(context: Context): Restorer {
  const { registry, state, log } = context;
  const programs = createProgramRestorer(context);
  return {
    ...programs,
    async restore() {
      const stored = state.read();
      registry.idsGivenUpTo(stored.lastId);
      programs.restore(stored);
      for (const row of stored.interfaces) await restoreInterface(context, entryOf(context, row));
      for (const problem of this.problems()) log(problem);
    },
    problems: () => [
      ...programs.problems(),
      ...[...registry.interfaces.values()].flatMap(({ name, problem }) =>
        problem === undefined ? [] : `interface ${name}: ${problem}`,
      ),
    ],
    retryFailed(alone) {
      const timer = setInterval(() => {
        for (const entry of registry.interfaces.values()) {
          // A damaged capture does not mend itself, and running it again would write its output again.
          const ended = entry.kind !== "pcap" && entry.live?.state().kind === "failed";
          if (ended || entry.live === undefined) {
            void alone(() => restoreInterface(context, entry));
          }
        }
        alone(async () => programs.retry()).catch((error: unknown) => log(messageOf(error)));
      }, RETRY_MILLISECONDS);
      timer.unref();
      return { stop: () => clearInterval(timer) };
    },
  };
}

function entryOf(context: Context, row: StoredInterface): LiveInterface {
  const { name, settings } = row;
  const entry: LiveInterface = {
    name,
    kind: row.kind as InterfaceKind,
    settings,
    live: undefined,
    problem: undefined,
  };
  context.registry.interfaces.set(name, entry);
  return entry;
}

async function restoreInterface(context: Context, entry: LiveInterface): Promise<void> {
  const { registry, makeInterface, log } = context;
  if (registry.interfaces.get(entry.name) !== entry) return;
  try {
    await endFailed(entry);
    if (entry.live !== undefined) return;
    const link = registry.linkOn(entry.name);
    // With its program from the start: not one packet passes before the program is back.
    const program = link === undefined ? undefined : registry.program(link.programId).loaded;
    const live = await makeInterface(entry.kind, entry.name, entry.settings, program);
    if (entry.problem !== undefined) log(`interface ${entry.name} is back`);
    entry.live = live;
    entry.problem = undefined;
  } catch (error) {
    entry.problem = messageOf(error);
  }
}

/** A loop that ended by itself (its device was deleted) leaves an interface that only can be closed. */
async function endFailed(entry: LiveInterface): Promise<void> {
  const state = entry.live?.state();
  if (state?.kind !== "failed") return;
  const { live } = entry;
  entry.live = undefined;
  entry.problem = messageOf(state.error);
  await live?.close();
}
