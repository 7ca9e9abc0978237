// Bringing back the programs that the state holds, with their maps' contents and their links. What cannot be brought back stays in
// the state and in the listings with its problem. What was in a driver that has been stopped is tried again once that runs.
import { EbpfError } from "../base/error.ts";
import type { KernelProgram } from "../host/kernel/host.ts";
import type { Context } from "./context.ts";
import { hostNamed } from "./hosts.ts";
import { findPlace } from "./kernel-links.ts";
import { load, unload } from "./load.ts";
import { isProgramArray, readId } from "./program-arrays.ts";
import { mapsOf, register } from "./programs.ts";
import type { ProgramRecord } from "./records.ts";
import type { LiveProgram } from "./registry.ts";
import type { StoredLink, StoredProgram, StoredState } from "./state.ts";

export interface ProgramRestorer {
  restore(stored: StoredState): void;
  /** What is not back, one line each. */
  problems(): string[];
  /** Takes out of sight what the driver has lost, to be brought back when it runs again. */
  dropLost(): void;
  /** Programs that are not back, each with its problem. */
  failed(): ProgramRecord[];
  /** One of those is given up, and is not in the state any more. Undefined if there is none of that number. */
  giveUp(programId: number): ProgramRecord | undefined;
  /** Tries what was in the driver again, if that may do now. */
  retry(): void;
}

interface Failed {
  readonly row: StoredProgram;
  readonly problem: string;
  /** Only the driver was missing: else it is tried again with the driver's next start. */
  readonly waits: boolean;
}

const stoppedText = ({ id, name }: { readonly id: number; readonly name: string }): string =>
  `program ${id} (${name}): the driver has been stopped`;

export function createProgramRestorer(context: Context): ProgramRestorer {
  const { registry, state, kernel, log } = context;
  /** What arrays of programs do not hold again. */
  const entryProblems: string[] = [];
  const failed = new Map<number, Failed>();
  /** Why links that are known are not at their hook, by their ids. */
  const detached = new Map<number, string>();
  let wasRunning = false;

  function restoreOne(row: StoredProgram): boolean {
    const error = restoreProgram(context, row);
    if (error === undefined) failed.delete(row.id);
    else {
      const problem = `program ${row.id} (${row.name}): ${messageOf(error)}`;
      const waits = error instanceof EbpfError && error.code === "DriverNotRunning";
      failed.set(row.id, { row, problem, waits });
    }
    return error === undefined;
  }

  function restoreLink(link: StoredLink): void {
    registry.links.set(link.id, link);
    const problem = attachAgain(context, link);
    if (problem === undefined) detached.delete(link.id);
    else detached.set(link.id, problem);
  }

  function dropLost(): void {
    const lost = [...registry.programs.values()].filter(({ loaded }) => loaded.isLost?.() === true);
    if (lost.length === 0) return;
    const rows = state.read().programs;
    for (const program of lost) {
      const problem = stoppedText(program);
      log(problem);
      for (const link of registry.linksOf(program.id)) {
        registry.links.delete(link.id);
        registry.kernelLinks.delete(link.id);
      }
      registry.forget(program);
      unload(program.loaded);
      const row = rows.find(({ id }) => id === program.id);
      if (row !== undefined) failed.set(row.id, { row, problem, waits: true });
    }
  }

  function retryPrograms(started: boolean): void {
    const due = [...failed.values()].filter(({ row, waits }) => row.host === "kernel" && (waits || started));
    if (due.length === 0) return;
    const { links } = state.read();
    const back = due.filter(({ row }) => restoreOne(row));
    // All of them first: arrays of one may hold another.
    for (const { row } of back) {
      log(`program ${row.id} (${row.name}) is back`);
      for (const problem of restoreArrays(context, registry.program(row.id))) log(problem);
      for (const link of links) if (link.programId === row.id) restoreLink(link);
    }
  }

  return {
    restore(stored) {
      for (const row of stored.programs) restoreOne(row);
      // What one program's arrays hold may be a program after it.
      for (const program of registry.programs.values())
        entryProblems.push(...restoreArrays(context, program));
      for (const link of stored.links) if (registry.programs.has(link.programId)) restoreLink(link);
    },
    problems: () => [
      ...[...failed.values()].map(({ problem }) => problem),
      ...entryProblems,
      ...[...detached].flatMap(([id, problem]) => (registry.links.has(id) ? [problem] : [])),
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
    retry() {
      const inKernel = [...registry.programs.values()].some(({ host }) => host === "kernel");
      if (!inKernel && ![...failed.values()].some(({ row }) => row.host === "kernel")) return;
      const running = kernel.isRunning();
      dropLost();
      if (running) retryPrograms(!wasRunning);
      wasRunning = running;
      for (const id of detached.keys()) {
        const link = registry.links.get(id);
        if (link === undefined) detached.delete(id);
        else if (running) restoreLink(link);
      }
    },
  };
}

/** One line, for the log and the listings. */
export function messageOf(error: unknown): string {
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

/** From the bytes in the state, verified again: a damaged or forged state runs nothing unverified. The error, if there is one. */
function restoreProgram(context: Context, row: StoredProgram): unknown {
  const { registry, state } = context;
  try {
    const platform = row.platform === "linux" ? "linux" : "windows";
    const { file, program: name, type, engine } = row;
    const host = hostNamed(context, row.host);
    // What was filtered stays filtered, also if a checker of a later version knows less: its record tells that it is not certified.
    const choice = { file, program: name, type, platform, engine, proof: "wanted" } as const;
    const loaded = load(host, row.object, choice, () => {});
    const program = register(registry, { ...row, loaded });
    try {
      for (const live of mapsOf(registry, program)) {
        if (!live.persistent || isProgramArray(live)) continue;
        for (const { key, value } of state.entries(live.id)) live.map.update(key, value);
      }
    } catch (error) {
      registry.forget(program);
      unload(loaded);
      throw error;
    }
    if (!loaded.certified) context.log(`program ${row.id} (${row.name}) is not certified`);
    return undefined;
  } catch (error) {
    return error;
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
function attachAgain(context: Context, link: StoredLink): string | undefined {
  const { registry, kernel } = context;
  const { loaded, host } = registry.program(link.programId);
  if (host !== "kernel") return undefined;
  try {
    const { hook, point } = findPlace(context, loaded.image.program, link.hook, link.interface);
    registry.kernelLinks.set(link.id, kernel.attach(loaded as KernelProgram, hook, point));
    return undefined;
  } catch (error) {
    return `link ${link.id} (${link.hook} ${link.interface}): ${messageOf(error)}`;
  }
}
