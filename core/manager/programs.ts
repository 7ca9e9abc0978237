// Programs: adding (with attaching and replacing as one step), removing, counters.
import { readBytes } from "../base/files.ts";
import type { LoadedProgram } from "../host/host.ts";
import { type Context, liveThenWritten } from "./context.ts";
import {
  attachedTo,
  checkFree,
  checkHook,
  checkHookName,
  chooseInterface,
  endLink,
  running,
} from "./links.ts";
import { engineNamed, load, type Tell, unload } from "./load.ts";
import { isProgramArray, withProgramIds } from "./program-arrays.ts";
import type { ProgramRecord, ProgramStatsRecord } from "./records.ts";
import type { LiveInterface, LiveLink, LiveMap, LiveProgram, Registry } from "./registry.ts";
import type { StateWriter, StoredProgram } from "./state.ts";

export interface AddProgram {
  /** Absolute. */
  readonly file: string;
  readonly hook?: string;
  readonly interface?: string;
  readonly name?: string;
  readonly program?: string;
  readonly engine?: string;
  readonly platform?: "windows" | "linux";
  readonly persistent?: boolean;
  readonly replace?: boolean;
  /** Load it also if the independent checker cannot follow why it is safe. */
  readonly allowUncertified?: boolean;
}

/** An object is kept in the state with each program of it; more is no program. */
const OBJECT_LIMIT_BYTES = 64 << 20;

export async function addProgram(context: Context, request: AddProgram, tell: Tell): Promise<ProgramRecord> {
  const { registry, host } = context;
  const attaches = request.hook !== undefined || request.interface !== undefined;
  if (request.hook !== undefined) checkHookName(context, request.hook);
  const entry = attaches ? chooseInterface(registry, request.interface) : undefined;
  tell({ message: `reading ${request.file}` });
  const object = readBytes(request.file, OBJECT_LIMIT_BYTES);
  const engine = engineNamed(request.engine);
  const proof = request.allowUncertified === true ? "wanted" : "required";
  const loaded = load(host, object, { ...request, engine, proof }, tell);
  try {
    const hook = entry === undefined ? undefined : checkHook(context, loaded.image.program, request.hook);
    if (entry !== undefined && request.replace !== true) checkFree(registry, entry);
    const program = register(registry, {
      id: registry.nextId(),
      name: request.name ?? loaded.image.program.name,
      file: request.file,
      persistent: request.persistent ?? false,
      loadedAt: new Date().toISOString(),
      mapIds: loaded.maps.map(() => registry.nextId()),
      loaded,
    });
    try {
      if (entry === undefined || hook === undefined) writeProgram(context, program, object);
      else await attachNew(context, program, object, entry, hook, tell);
    } catch (error) {
      unregister(registry, program);
      throw error;
    }
    return registry.programRecord(program);
  } catch (error) {
    unload(loaded);
    throw error;
  }
}

/** A live program and its maps under their ids. */
export function register(registry: Registry, program: LiveProgram): LiveProgram {
  const built = program.loaded.image.program;
  registry.programs.set(program.id, program);
  program.loaded.maps.forEach((own, index) => {
    const id = program.mapIds[index];
    const type = built.maps[index]?.type;
    if (id === undefined || type === undefined) return;
    const map = isProgramArray({ type }) ? withProgramIds(registry, own) : own;
    const persistent = program.persistent && map.spec.data?.readOnly !== true;
    registry.maps.set(id, { id, programId: program.id, map, type, btf: built.btf, persistent });
  });
  return program;
}

function unregister(registry: Registry, program: LiveProgram): void {
  registry.programs.delete(program.id);
  for (const id of program.mapIds) registry.maps.delete(id);
}

export function mapsOf(registry: Registry, program: LiveProgram): LiveMap[] {
  return program.mapIds.flatMap((id) => registry.maps.get(id) ?? []);
}

function stored(program: LiveProgram, object: Uint8Array): StoredProgram {
  const { image } = program.loaded;
  return {
    id: program.id,
    name: program.name,
    file: program.file,
    object,
    program: image.program.name,
    type: image.program.type.name,
    platform: image.program.platform.name,
    engine: image.engine,
    persistent: program.persistent,
    loadedAt: program.loadedAt,
    mapIds: program.mapIds,
  };
}

function writeRows(context: Context, writer: StateWriter, program: LiveProgram, object: Uint8Array): void {
  writer.addProgram(stored(program, object));
  writer.setLastId(context.registry.lastId);
}

function writeProgram(context: Context, program: LiveProgram, object: Uint8Array): void {
  context.state.change((writer) => writeRows(context, writer, program, object));
}

/** Attaches in place of what is there, if anything; a program that is attached nowhere else is then removed. */
async function attachNew(
  context: Context,
  program: LiveProgram,
  object: Uint8Array,
  entry: LiveInterface,
  hook: string,
  tell: Tell,
): Promise<void> {
  const { registry, state } = context;
  const live = running(entry);
  const before: LoadedProgram | undefined = attachedTo(registry, entry);
  const oldLink = registry.linkOn(entry.name);
  const oldProgram = oldLink === undefined ? undefined : registry.program(oldLink.programId);
  const replaced =
    oldProgram !== undefined && registry.linksOf(oldProgram.id).length === 1 ? oldProgram : undefined;
  const link: LiveLink = { id: registry.nextId(), programId: program.id, interface: entry.name, hook };
  tell({ message: `attaching to ${entry.name}` });
  await liveThenWritten(state, {
    live: () => live.attach(program.loaded),
    undo: () => live.attach(before),
    write(writer) {
      if (oldLink !== undefined) writer.removeLink(oldLink.id);
      if (replaced !== undefined) writer.removeProgram(replaced.id, replaced.mapIds);
      writer.addLink(link);
      writeRows(context, writer, program, object);
    },
  });
  if (oldLink !== undefined) registry.links.delete(oldLink.id);
  if (replaced !== undefined) {
    unregister(registry, replaced);
    unload(replaced.loaded);
  }
  registry.links.set(link.id, link);
}

export async function removeProgram(context: Context, id: number): Promise<ProgramRecord> {
  const { registry, state } = context;
  const program = registry.program(id);
  const record = registry.programRecord(program);
  const links = registry.linksOf(id);
  state.change((writer) => {
    for (const link of links) writer.removeLink(link.id);
    writer.removeProgram(id, program.mapIds);
  });
  for (const link of links) {
    registry.links.delete(link.id);
    await endLink(context, link);
  }
  unregister(registry, program);
  unload(program.loaded);
  return record;
}

export function programStats(registry: Registry, id: number): ProgramStatsRecord {
  const { name } = registry.program(id);
  const interfaces = registry.linksOf(id).map((link) => {
    const entry = registry.interface(link.interface);
    return { interface: link.interface, counters: registry.interfaceRecord(entry).counters };
  });
  return { id, name, interfaces };
}
