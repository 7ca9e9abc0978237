// Bringing back what the state holds. What cannot be brought back (a port in use, a device that is gone) stays in the
// state and in the listings with its problem; interfaces are tried again from time to time.
import { EbpfError } from "../base/error.ts";
import type { InterfaceKind } from "../host/host.ts";
import type { KernelProgram } from "../host/kernel/host.ts";
import type { Alone, Context } from "./context.ts";
import { hostNamed } from "./hosts.ts";
import { findPlace } from "./kernel-links.ts";
import { load } from "./load.ts";
import { isProgramArray, readId } from "./program-arrays.ts";
import { mapsOf, register } from "./programs.ts";
import type { ProgramRecord } from "./records.ts";
import type { LiveInterface, LiveProgram } from "./registry.ts";
import type { StoredInterface, StoredLink, StoredProgram } from "./state.ts";

const RETRY_MILLISECONDS = 2000;

export interface Restorer {
  restore(): Promise<void>;
  /** What is not back, one line each. */
  problems(): string[];
  /** Takes out of sight what the driver has lost, to be brought back when it runs again. */
  dropLost(): void;
  /** Programs that are not back, each with its problem. */
  failed(): ProgramRecord[];
  /** One of those is given up, and is not in the state any more. Undefined if there is none of that number. */
  giveUp(programId: number): ProgramRecord | undefined;
  /** Tries failed interfaces, and what was in the driver, again until stopped. */
  retryFailed(alone: Alone): { stop(): void };
}

interface Failed {
  readonly row: StoredProgram;
  problem: string;
}

export function createRestorer(context: Context): Restorer {
  const { registry, state, log } = context;
  /** What arrays of programs do not hold again. */
  const entryProblems: string[] = [];
  const failed = new Map<number, Failed>();
  /** Links of programs that are back, whose place is not. */
  const detached = new Map<number, { readonly link: StoredLink; problem: string }>();

  function restoreOne(row: StoredProgram): void {
    const problem = restoreProgram(context, row);
    if (problem === undefined) failed.delete(row.id);
    else failed.set(row.id, { row, problem });
  }

  function restoreLink(link: StoredLink): void {
    const problem = linkAgain(context, link);
    if (problem === undefined) detached.delete(link.id);
    else detached.set(link.id, { link, problem });
  }

  function dropLost(): void {
    const lost = [...registry.programs.values()].filter(({ loaded }) => loaded.isLost?.() === true);
    if (lost.length === 0) return;
    const rows = state.read().programs;
    for (const program of lost) {
      log(`program ${program.id} (${program.name}): the driver has been stopped`);
      for (const link of registry.linksOf(program.id)) {
        registry.links.delete(link.id);
        registry.kernelLinks.delete(link.id);
      }
      registry.forget(program);
      const row = rows.find(({ id }) => id === program.id);
      const problem = `program ${program.id} (${program.name}): the driver has been stopped`;
      if (row !== undefined) failed.set(row.id, { row, problem });
    }
  }

  function retryKernel(): void {
    const inKernel = [...registry.programs.values()].some(({ host }) => host === "kernel");
    const waiting = [...failed.values()].filter(({ row }) => row.host === "kernel");
    if (!inKernel && waiting.length === 0 && detached.size === 0) return;
    const running = context.kernel.isRunning();
    dropLost();
    if (!running) return;
    const { programs, links } = state.read();
    const back = programs.filter((row) => {
      if (row.host !== "kernel" || !failed.has(row.id)) return false;
      restoreOne(row);
      return !failed.has(row.id);
    });
    // All of them first: arrays of one may hold another.
    for (const { id, name } of back) {
      log(`program ${id} (${name}) is back`);
      for (const problem of restoreArrays(context, registry.program(id))) log(problem);
      for (const link of links) if (link.programId === id) restoreLink(link);
    }
    for (const { link } of [...detached.values()]) {
      if (!links.some(({ id }) => id === link.id)) detached.delete(link.id);
      else if (registry.programs.has(link.programId)) restoreLink(link);
    }
  }

  return {
    async restore() {
      const stored = state.read();
      registry.idsGivenUpTo(stored.lastId);
      for (const row of stored.programs) restoreOne(row);
      // What one program's arrays hold may be a program after it.
      for (const program of registry.programs.values())
        entryProblems.push(...restoreArrays(context, program));
      for (const link of stored.links) if (registry.programs.has(link.programId)) restoreLink(link);
      for (const row of stored.interfaces) await restoreInterface(context, entryOf(context, row));
      for (const problem of this.problems()) log(problem);
    },
    problems: () => [
      ...[...failed.values()].map(({ problem }) => problem),
      ...entryProblems,
      ...[...detached.values()].map(({ problem }) => problem),
      ...[...registry.interfaces.values()].flatMap(({ name, problem }) =>
        problem === undefined ? [] : `interface ${name}: ${problem}`,
      ),
    ],
    dropLost,
    failed: () => [...failed.values()].map(recordOf),
    giveUp(programId) {
      const one = failed.get(programId);
      if (one === undefined) return undefined;
      const links = state.read().links.filter((link) => link.programId === programId);
      state.change((writer) => {
        for (const link of links) writer.removeLink(link.id);
        writer.removeProgram(programId, one.row.mapIds);
      });
      failed.delete(programId);
      return recordOf(one);
    },
    retryFailed(alone) {
      const timer = setInterval(() => {
        for (const entry of registry.interfaces.values()) {
          // A damaged capture does not mend itself, and running it again would write its output again.
          const ended = entry.kind !== "pcap" && entry.live?.state().kind === "failed";
          if (ended || entry.live === undefined) {
            void alone(() => restoreInterface(context, entry));
          }
        }
        void alone(async () => retryKernel());
      }, RETRY_MILLISECONDS);
      timer.unref();
      return { stop: () => clearInterval(timer) };
    },
  };
}

function messageOf(error: unknown): string {
  return error instanceof EbpfError ? `${error.code}: ${error.message}` : String(error);
}

/** What the state knows; what only its object tells is left out. */
function recordOf({ row, problem }: Failed): ProgramRecord {
  const { id, name, type, file, engine, host, mapIds, persistent, loadedAt } = row;
  return {
    ...{ id, name, type, file, engine, host, mapIds, persistent, loadedAt, problem },
    ...{ section: "", certified: false, instructions: 0, interfaces: [] },
    platform: row.platform === "linux" ? "linux" : "windows",
  };
}

/** From the bytes in the state, verified again: a damaged or forged state runs nothing unverified. */
function restoreProgram(context: Context, row: StoredProgram): string | undefined {
  const { registry, state } = context;
  try {
    const platform = row.platform === "linux" ? "linux" : "windows";
    const { file, program: name, type, engine } = row;
    const host = hostNamed(context, row.host);
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

/** A link of a program that is back. What is on an interface of the service comes back with that. */
function linkAgain(context: Context, link: StoredLink): string | undefined {
  const { registry, kernel } = context;
  const { loaded, host } = registry.program(link.programId);
  try {
    if (host === "kernel") {
      const { hook, point } = findPlace(context, loaded.image.program, link.hook, link.interface);
      registry.kernelLinks.set(link.id, kernel.attach(loaded as KernelProgram, hook, point));
    }
    registry.links.set(link.id, link);
    return undefined;
  } catch (error) {
    return `link ${link.id} (${link.hook}): ${messageOf(error)}`;
  }
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
