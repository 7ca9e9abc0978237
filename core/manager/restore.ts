// Bringing back what the state holds. What cannot be brought back (a port in use, a device that is gone) stays in the
// state and in the listings with its problem; interfaces are tried again from time to time.
import { EbpfError } from "../base/error.ts";
import type { InterfaceKind } from "../host/host.ts";
import type { Alone, Context } from "./context.ts";
import { load } from "./load.ts";
import { isProgramArray, readId } from "./program-arrays.ts";
import { mapsOf, register } from "./programs.ts";
import type { LiveInterface, LiveProgram } from "./registry.ts";
import type { StoredInterface, StoredProgram } from "./state.ts";

const RETRY_MILLISECONDS = 2000;

export interface Restorer {
  restore(): Promise<void>;
  /** What is not back, one line each. */
  problems(): string[];
  /** Tries failed interfaces again until stopped. */
  retryFailed(alone: Alone): { stop(): void };
}

export function createRestorer(context: Context): Restorer {
  const { registry, state, log } = context;
  const failedPrograms: string[] = [];
  return {
    async restore() {
      const stored = state.read();
      registry.idsGivenUpTo(stored.lastId);
      for (const row of stored.programs) {
        const problem = restoreProgram(context, row);
        if (problem !== undefined) failedPrograms.push(problem);
      }
      // What one program's arrays hold may be a program after it.
      for (const program of registry.programs.values())
        failedPrograms.push(...restoreArrays(context, program));
      for (const link of stored.links) {
        if (registry.programs.has(link.programId)) registry.links.set(link.id, link);
      }
      for (const row of stored.interfaces) await restoreInterface(context, entryOf(context, row));
      for (const problem of this.problems()) log(problem);
    },
    problems: () => [
      ...failedPrograms,
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
      }, RETRY_MILLISECONDS);
      timer.unref();
      return { stop: () => clearInterval(timer) };
    },
  };
}

function messageOf(error: unknown): string {
  return error instanceof EbpfError ? `${error.code}: ${error.message}` : String(error);
}

/** From the bytes in the state, verified again: a damaged or forged state runs nothing unverified. */
function restoreProgram(context: Context, row: StoredProgram): string | undefined {
  const { registry, host, state } = context;
  try {
    const platform = row.platform === "linux" ? "linux" : "windows";
    const { file, program: name, type, engine } = row;
    // What was filtered stays filtered, also if a checker of a later version knows less: its record tells that it is not certified.
    const choice = { file, program: name, type, platform, engine, proof: "wanted" } as const;
    const loaded = load(host, row.object, choice, () => {});
    const program = register(registry, { ...row, loaded });
    if (!loaded.certified) context.log(`program ${row.id} (${row.name}) is not certified`);
    for (const live of mapsOf(registry, program)) {
      if (!live.persistent || isProgramArray(live)) continue;
      for (const { key, value } of state.entries(live.id)) live.map.update(key, value);
    }
    return undefined;
  } catch (error) {
    return `program ${row.id} (${row.name}): ${messageOf(error)}`;
  }
}

/** Of a persistent program; what cannot be brought back, a line each. */
function restoreArrays({ registry, state }: Context, program: LiveProgram): string[] {
  const arrays = mapsOf(registry, program).filter((live) => live.persistent && isProgramArray(live));
  return arrays.flatMap((live) =>
    state.entries(live.id).flatMap(({ key, value }) => {
      try {
        live.map.update(key, value);
        return [];
      } catch (error) {
        return `map ${live.id} (${live.map.spec.name}), entry ${readId(key)}: ${messageOf(error)}`;
      }
    }),
  );
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
