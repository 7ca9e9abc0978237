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
import type { MapType } from "../platform/platform.ts";
import type { InterfaceRecord, LinkRecord, MapRecord, ProgramRecord } from "./records.ts";
import type { StoredLink } from "./state.ts";

export interface LiveProgram {
  readonly id: number;
  readonly name: string;
  readonly file: string;
  readonly persistent: boolean;
  readonly loadedAt: string;
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
  readonly interfaces = new Map<string, LiveInterface>();
  readonly hostKind: HostKind;
  #lastId = 0;

  constructor(hostKind: HostKind) {
    this.hostKind = hostKind;
  }

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

  linkOn(interfaceName: string): LiveLink | undefined {
    return [...this.links.values()].find((link) => link.interface === interfaceName);
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
      host: this.hostKind,
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
