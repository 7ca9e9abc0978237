// What lives in the service: programs, maps, links, interfaces, by id or name, and the records that show them. Changes
// nothing by itself: manager.ts keeps it in step with the host and the state.
import { EbpfError, type ErrorCode } from "../base/error.ts";
import type { BtfTypes } from "../btf/types.ts";
import type {
  EbpfMap,
  HostKind,
  Interface,
  InterfaceCounters,
  InterfaceKind,
  LoadedProgram,
} from "../host/host.ts";
import type { KernelLink } from "../host/kernel/host.ts";
import type { MapType } from "../platform/platform.ts";
import type { InterfaceRecord, LinkRecord, MapRecord, ProgramRecord } from "./records.ts";
import type { StoredLink } from "./state.ts";

export interface LiveProgram {
  readonly id: number;
  readonly name: string;
  readonly file: string;
  readonly persistent: boolean;
  readonly loadedAt: string;
  readonly host: HostKind;
  readonly loaded: LoadedProgram;
  readonly mapIds: readonly number[];
}

export interface LiveMap {
  readonly id: number;
  readonly programId: number;
  readonly map: EbpfMap;
  readonly type: MapType;
  readonly btf: BtfTypes | undefined;
  readonly persistent: boolean;
}

export type LiveLink = StoredLink;

export interface LiveInterface {
  readonly name: string;
  readonly kind: InterfaceKind;
  readonly settings: Readonly<Record<string, unknown>>;
  /** Undefined while it cannot be brought back; then `problem` says why. */
  live: Interface | undefined;
  problem: string | undefined;
}

const NO_COUNTERS: InterfaceCounters = {
  received: 0,
  receivedBytes: 0,
  passed: 0,
  dropped: 0,
  transmitted: 0,
  aborted: 0,
  errors: 0,
};

/** What is kept, in the order it was added. */
export class Registry {
  readonly programs = new Map<number, LiveProgram>();
  readonly maps = new Map<number, LiveMap>();
  readonly links = new Map<number, LiveLink>();
  /** The live ones of links to hooks of the kernel, by the same ids. */
  readonly kernelLinks = new Map<number, KernelLink>();
  readonly interfaces = new Map<string, LiveInterface>();
  #lastId = 0;

  get lastId(): number {
    return this.#lastId;
  }

  /** One sequence for programs, maps and links: a number names one thing, also after a restart. */
  nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  idsGivenUpTo(id: number): void {
    this.#lastId = Math.max(this.#lastId, id);
  }

  program(id: number): LiveProgram {
    return found(this.programs.get(id), "ProgramNotFound", "program", id);
  }

  map(id: number): LiveMap {
    return found(this.maps.get(id), "MapNotFound", "map", id);
  }

  link(id: number): LiveLink {
    return found(this.links.get(id), "LinkNotFound", "link", id);
  }

  interface(name: string): LiveInterface {
    return found(this.interfaces.get(name), "InterfaceNotFound", "interface", name);
  }

  linksOf(programId: number): LiveLink[] {
    return [...this.links.values()].filter((link) => link.programId === programId);
  }

  /** To an interface of the service: hooks of the kernel know interfaces of the system, which may have the same names. */
  linkOn(interfaceName: string): LiveLink | undefined {
    return [...this.links.values()].find(
      (link) => link.interface === interfaceName && !this.isKernel(link.programId),
    );
  }

  /** The first of ours to a point of a hook of the kernel. */
  linkAt(hook: string, point: string): LiveLink | undefined {
    return [...this.links.values()].find(
      (link) => link.hook === hook && link.interface === point && this.isKernel(link.programId),
    );
  }

  isKernel(programId: number): boolean {
    return this.programs.get(programId)?.host === "kernel";
  }

  /** Out of sight, with its maps and what is known of its links. */
  forget(program: LiveProgram): void {
    this.programs.delete(program.id);
    for (const id of program.mapIds) this.maps.delete(id);
  }

  programRecord(program: LiveProgram): ProgramRecord {
    const built = program.loaded.image.program;
    return {
      id: program.id,
      name: program.name,
      type: built.type.name,
      platform: built.platform.name,
      ...(built.attachType === undefined ? {} : { hook: built.attachType.name }),
      file: program.file,
      section: built.section,
      engine: program.loaded.engine,
      ...(program.loaded.engineReason === undefined ? {} : { engineReason: program.loaded.engineReason }),
      certified: program.loaded.certified,
      host: program.host,
      instructions: built.instructions.length,
      mapIds: program.mapIds,
      interfaces: this.linksOf(program.id).map((link) => link.interface),
      persistent: program.persistent,
      loadedAt: program.loadedAt,
    };
  }

  mapRecord(live: LiveMap): MapRecord {
    const { spec } = live.map;
    return {
      id: live.id,
      name: spec.name,
      type: live.type.name,
      keySizeBytes: spec.keySizeBytes,
      valueSizeBytes: spec.valueSizeBytes,
      maxEntries: spec.maxEntries,
      entries: live.map.count(),
      persistent: live.persistent,
      programIds: [live.programId],
    };
  }

  linkRecord(link: LiveLink): LinkRecord {
    return {
      id: link.id,
      programId: link.programId,
      program: this.programs.get(link.programId)?.name ?? "",
      hook: link.hook,
      interface: link.interface,
    };
  }

  interfaceRecord(entry: LiveInterface): InterfaceRecord {
    const link = this.linkOn(entry.name);
    const program = link === undefined ? undefined : this.programs.get(link.programId);
    const state = entry.live?.state();
    const problem = state?.kind === "failed" ? state.error.message : entry.problem;
    return {
      name: entry.name,
      kind: entry.kind,
      settings: entry.settings,
      ...(program === undefined ? {} : { programId: program.id, program: program.name }),
      counters: entry.live?.counters() ?? NO_COUNTERS,
      state: state?.kind ?? "failed",
      ...(state?.kind === "open" && state.progress !== undefined ? { progress: state.progress } : {}),
      ...(state?.kind === "open" && state.delayMilliseconds !== undefined
        ? { delayMilliseconds: state.delayMilliseconds }
        : {}),
      ...(problem === undefined ? {} : { problem }),
    };
  }
}

function found<T>(value: T | undefined, code: ErrorCode, what: string, key: number | string): T {
  if (value !== undefined) return value;
  throw new EbpfError(code, `there is no ${what} ${key}`, { target: String(key) });
}
