// The manager: one method per user intention. What changes runs alone, one after the other; what only reads does not
// wait. Puts the operations of this room together over one state and one host; decides nothing itself.
import type { InterfaceKind } from "../host/host.ts";
import { createCheckpoints } from "./checkpoint.ts";
import { type Context, createQueue } from "./context.ts";
import { createEntries, type Entries } from "./entries.ts";
import { addInterface, removeInterface } from "./interfaces.ts";
import { attach, detach } from "./links.ts";
import type { Tell } from "./load.ts";
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

export { embeddedParts } from "./embedded.ts";
export type { AddProgram } from "./programs.ts";
export { openState, type State } from "./state.ts";

export interface Manager extends Entries {
  status(): Pick<
    ServiceStatusRecord,
    "memoryBytes" | "programs" | "maps" | "links" | "interfaces" | "problems"
  >;
  addProgram(request: AddProgram, progress: Tell): Promise<ProgramRecord>;
  programs(): ProgramRecord[];
  program(id: number): ProgramRecord;
  removeProgram(id: number): Promise<ProgramRecord>;
  programStats(id: number): ProgramStatsRecord;
  readRing(request: ReadRing): Promise<RingRecord>;
  maps(): MapRecord[];
  map(id: number): MapRecord;
  links(): LinkRecord[];
  attach(programId: number, interfaceName: string, hook?: string): Promise<LinkRecord>;
  detach(id: number): Promise<LinkRecord>;
  interfaces(): InterfaceRecord[];
  addInterface(
    kind: InterfaceKind,
    name: string | undefined,
    settings: Readonly<Record<string, unknown>>,
  ): Promise<InterfaceRecord>;
  removeInterface(name: string, force: boolean): Promise<InterfaceRecord>;
  /** Writes what persistent maps hold and ends everything live; the state keeps it all. */
  close(): Promise<void>;
}

/** A manager with all that the state holds brought back; what cannot be is kept and told by status(). */
export async function createManager(parts: Omit<Context, "registry">): Promise<Manager> {
  const { state, host, log } = parts;
  const registry = new Registry(host.kind);
  const context: Context = { ...parts, registry };
  const restorer = createRestorer(context);
  await restorer.restore();
  const alone = createQueue();
  const retry = restorer.retryFailed(alone);
  const checkpoints = createCheckpoints(registry, state, log);
  return {
    ...createEntries(registry, checkpoints),
    status: () => ({
      memoryBytes: process.memoryUsage.rss(),
      programs: registry.programs.size,
      maps: registry.maps.size,
      links: registry.links.size,
      interfaces: registry.interfaces.size,
      problems: restorer.problems(),
    }),
    addProgram: (request, progress) => alone(() => addProgram(context, request, progress)),
    programs: () => [...registry.programs.values()].map((program) => registry.programRecord(program)),
    program: (id) => registry.programRecord(registry.program(id)),
    removeProgram: (id) => alone(() => removeProgram(context, id)),
    programStats: (id) => programStats(registry, id),
    readRing: (request) => readRing(registry, request),
    maps: () => [...registry.maps.values()].map((map) => registry.mapRecord(map)),
    map: (id) => registry.mapRecord(registry.map(id)),
    links: () => [...registry.links.values()].map((link) => registry.linkRecord(link)),
    attach: (programId, name, hook) => alone(() => attach(context, programId, name, hook)),
    detach: (id) => alone(() => detach(context, id)),
    interfaces: () => [...registry.interfaces.values()].map((entry) => registry.interfaceRecord(entry)),
    addInterface: (kind, name, settings) => alone(() => addInterface(context, kind, name, settings)),
    removeInterface: (name, force) => alone(() => removeInterface(context, name, force)),
    close: () =>
      alone(async () => {
        retry.stop();
        await checkpoints.stop();
        await Promise.allSettled([...registry.interfaces.values()].map((entry) => entry.live?.close()));
        await host.close();
        state.close();
      }),
  };
}
