// The manager: one method per user intention. What changes runs alone, one after the other; what only reads does not
// wait. Puts the operations of this room together over one state and one host; decides nothing itself.
import { EbpfError } from "../base/error.ts";
import type { InterfaceKind } from "../host/host.ts";
import type { KernelHost } from "../host/kernel/host.ts";
import { createCheckpoints } from "./checkpoint.ts";
import { type Context, createQueue } from "./context.ts";
import { createEntries, type Entries } from "./entries.ts";
import { addInterface, removeInterface } from "./interfaces.ts";
import { attach, detach } from "./links.ts";
import type { Tell } from "./load.ts";
import { otherLinks, otherMaps, otherPrograms } from "./others.ts";
import { type AddProgram, addProgram, programStats, removeProgram } from "./programs.ts";
import type {
  InterfaceRecord,
  LinkRecord,
  MapRecord,
  ProgramRecord,
  ProgramStatsRecord,
  RingRecord,
  ServiceStatusRecord,
} from "./records.ts";
import { Registry } from "./registry.ts";
import { createRestorer } from "./restore.ts";
import { type ReadRing, readRing } from "./rings.ts";

export { hostParts } from "./embedded.ts";
export type { AddProgram } from "./programs.ts";
export { openState, type State } from "./state.ts";

export interface Manager extends Entries {
  status(): Pick<
    ServiceStatusRecord,
    "memoryBytes" | "programs" | "maps" | "links" | "interfaces" | "problems"
  >;
  addProgram(request: AddProgram, progress: Tell): Promise<ProgramRecord>;
  /** Of one host, if it is named; of the kernel's also what others have in the driver. */
  programs(of?: "embedded" | "kernel"): ProgramRecord[];
  program(id: number): ProgramRecord;
  removeProgram(id: number): Promise<ProgramRecord>;
  programStats(id: number): ProgramStatsRecord;
  /** Takes nothing once the signal is aborted. */
  readRing(request: ReadRing, signal: AbortSignal): Promise<RingRecord>;
  /** From now on the driver counts and times runs of all its programs, or does not. */
  countRuns(enabled: boolean): void;
  maps(of?: "embedded" | "kernel"): MapRecord[];
  map(id: number): MapRecord;
  links(of?: "embedded" | "kernel"): LinkRecord[];
  /** Names of hooks that programs can be attached to. */
  hooks(): string[];
  attach(programId: number, interfaceName?: string, hook?: string): Promise<LinkRecord>;
  detach(id: number): Promise<LinkRecord>;
  interfaces(): InterfaceRecord[];
  addInterface(
    kind: InterfaceKind,
    name: string | undefined,
    settings: Readonly<Record<string, unknown>>,
  ): Promise<InterfaceRecord>;
  removeInterface(name: string, force: boolean): Promise<InterfaceRecord>;
  /**
   * Lets go of the driver, so that it can be stopped: what is in it ends, and is brought back when the driver runs again. Windows unloads a
   * driver only when nobody has it open.
   */
  releaseDriver(): Promise<void>;
  /** Writes what persistent maps hold and ends everything live; the state keeps it all. */
  close(): Promise<void>;
}

const hooksOf = (kernel: KernelHost): string[] =>
  kernel.isRunning() ? kernel.hooks().flatMap(({ name, present }) => (present ? [name] : [])) : [];

/** A manager with all that the state holds brought back; what cannot be is kept and told by status(). */
export async function createManager(parts: Omit<Context, "registry">): Promise<Manager> {
  const { state, host, kernel, log } = parts;
  const registry = new Registry();
  const context: Context = { ...parts, registry };
  const restorer = createRestorer(context);
  await restorer.restore();
  const alone = createQueue();
  const retry = restorer.retryFailed(alone);
  const checkpoints = createCheckpoints(registry, state, log);
  /** Once more without what the driver turned out to have lost. */
  const afterLoss = <T>(body: () => T): T => {
    try {
      return body();
    } catch (error) {
      if (!(error instanceof EbpfError) || error.code !== "DriverNotRunning") throw error;
      restorer.dropLost();
      return body();
    }
  };
  return {
    ...createEntries(registry, kernel, checkpoints),
    status: () => ({
      memoryBytes: process.memoryUsage.rss(),
      programs: registry.programs.size,
      maps: registry.maps.size,
      links: registry.links.size,
      interfaces: registry.interfaces.size,
      problems: restorer.problems(),
    }),
    addProgram: (request, progress) => alone(() => addProgram(context, request, progress)),
    programs(of) {
      const own = [...registry.programs.values()].map((program) => registry.programRecord(program));
      const all = [...own, ...restorer.failed()].filter(({ host }) => of === undefined || host === of);
      return of === "kernel" ? [...all, ...otherPrograms(registry, kernel)] : all;
    },
    program: (id) =>
      restorer.failed().find((row) => row.id === id) ?? registry.programRecord(registry.program(id)),
    removeProgram: (id) => alone(async () => restorer.giveUp(id) ?? (await removeProgram(context, id))),
    programStats: (id) => programStats(context, id),
    readRing: (request, signal) => readRing(registry, request, signal),
    countRuns: (enabled) => kernel.countRuns(enabled),
    maps: (of) =>
      afterLoss(() => {
        const own = [...registry.maps.values()].filter(
          ({ programId }) => of === undefined || registry.program(programId).host === of,
        );
        const others = of === "kernel" ? otherMaps(registry, kernel) : [];
        return [...own.map((map) => registry.mapRecord(map)), ...others];
      }),
    map: (id) => registry.mapRecord(registry.map(id)),
    hooks: () => [...new Set([...context.hooks, ...hooksOf(kernel)])],
    links: (of) =>
      afterLoss(() => {
        const own = [...registry.links.values()].filter(
          ({ programId }) => of === undefined || registry.isKernel(programId) === (of === "kernel"),
        );
        const others = of === "kernel" ? otherLinks(registry, kernel) : [];
        return [...own.map((link) => registry.linkRecord(link)), ...others];
      }),
    attach: (programId, name, hook) => alone(() => attach(context, programId, name, hook)),
    detach: (id) => alone(() => detach(context, id)),
    interfaces: () => [...registry.interfaces.values()].map((entry) => registry.interfaceRecord(entry)),
    addInterface: (kind, name, settings) => alone(() => addInterface(context, kind, name, settings)),
    removeInterface: (name, force) => alone(() => removeInterface(context, name, force)),
    releaseDriver: () =>
      alone(async () => {
        await checkpoints.flush();
        await kernel.close();
        restorer.dropLost();
      }),
    close: () =>
      alone(async () => {
        retry.stop();
        await checkpoints.stop();
        await Promise.allSettled([...registry.interfaces.values()].map((entry) => entry.live?.close()));
        await host.close();
        await kernel.close();
        state.close();
      }),
  };
}
