// Programs: adding (with attaching and replacing as one step), removing, counters.
import { EbpfError } from "../base/error.ts";
import { readBytes } from "../base/files.ts";
import type { Host } from "../host/host.ts";
import type { Program } from "../program/program.ts";
import { type Context, liveThenWritten } from "./context.ts";
import { chooseHost } from "./hosts.ts";
import { findPlace } from "./kernel-links.ts";
import { checkFree, checkHook, checkHookKnown, checkHookName, chooseInterface, endLink } from "./links.ts";
import { engineNamed, hostsOfEngine, loadAside, readProgram, type Tell, unload } from "./load.ts";
import { numberOfOther } from "./others.ts";
import { interfacePlace, kernelPlace, type Place } from "./places.ts";
import { isProgramArray, withProgramIds } from "./program-arrays.ts";
import type { ProgramRecord, ProgramStatsRecord } from "./records.ts";
import type { LiveLink, LiveMap, LiveProgram, Registry } from "./registry.ts";
import type { StateWriter, StoredProgram } from "./state.ts";

export interface AddProgram {
  /** Absolute. */
  readonly file: string;
  readonly hook?: string;
  readonly interface?: string;
  readonly name?: string;
  readonly program?: string;
  readonly engine?: string;
  /** Without it, that which chooseHost() finds. */
  readonly host?: "embedded" | "kernel";
  readonly platform?: "windows" | "linux";
  readonly persistent?: boolean;
  readonly replace?: boolean;
  /** Load it also if the independent checker cannot follow why it is safe. */
  readonly allowUncertified?: boolean;
}

/** An object is kept in the state with each program of it; more is no program. */
const OBJECT_LIMIT_BYTES = 64 << 20;

export async function addProgram(context: Context, request: AddProgram, tell: Tell): Promise<ProgramRecord> {
  const { registry } = context;
  const attaches = request.hook !== undefined || request.interface !== undefined;
  checkEarly(context, request);
  tell({ message: `reading ${request.file}` });
  const object = readBytes(request.file, OBJECT_LIMIT_BYTES);
  const verified = readProgram(object, request, tell);
  const host = chooseHost(context, request, verified);
  const engine = engineNamed(request.engine, host.kind);
  const place = attaches ? placeOf(context, host, verified, request) : undefined;
  const proof = request.allowUncertified === true ? "wanted" : "required";
  const loaded = await loadAside(host, verified, object, { ...request, engine, proof }, tell);
  try {
    const program = register(registry, {
      id: registry.nextId(),
      name: request.name ?? loaded.image.program.name,
      file: request.file,
      persistent: request.persistent ?? false,
      loadedAt: new Date().toISOString(),
      host: host.kind,
      mapIds: loaded.maps.map(() => registry.nextId()),
      loaded,
    });
    try {
      if (place === undefined) writeProgram(context, program, object);
      else await attachNew(context, program, object, place, tell);
    } catch (error) {
      registry.forget(program);
      throw error;
    }
    return registry.programRecord(program);
  } catch (error) {
    unload(loaded);
    throw error;
  }
}

/** What can be told of the place and the engine before anything of the program is looked at. */
function checkEarly(context: Context, { host, engine, hook, interface: name }: AddProgram): void {
  if (host !== undefined) engineNamed(engine, host);
  else if (engine !== undefined) hostsOfEngine(engine);
  if (hook !== undefined) checkHookKnown(hook);
  if (host === "kernel" || (host === undefined && context.kernel.isRunning())) return;
  if (hook !== undefined) checkHookName(context, hook);
  if (hook !== undefined || name !== undefined) chooseInterface(context, name);
}

/** Checked, and free unless it is to be taken over. */
function placeOf(context: Context, host: Host, program: Program, request: AddProgram): Place {
  const { registry } = context;
  const { hook, interface: name, replace = false } = request;
  if (host.kind === "kernel") return kernelPlace(context, findPlace(context, program, hook, name), replace);
  const entry = chooseInterface(context, name);
  const hookName = checkHook(context, program, hook);
  if (!replace) checkFree(registry, entry);
  return interfacePlace(context, entry, hookName);
}

/** A live program and its maps under their ids. */
export function register(registry: Registry, program: LiveProgram): LiveProgram {
  const built = program.loaded.image.program;
  registry.programs.set(program.id, program);
  program.loaded.maps.forEach((own, index) => {
    const id = program.mapIds[index];
    const type = built.maps[index]?.type;
    if (id === undefined || type === undefined) return;
    const map = isProgramArray({ type }) ? withProgramIds(registry, own, program.host) : own;
    const persistent = program.persistent && map.spec.data?.readOnly !== true;
    registry.maps.set(id, { id, programId: program.id, map, type, btf: built.btf, persistent });
  });
  return program;
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
    host: program.host === "kernel" ? "kernel" : "embedded",
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
  place: Place,
  tell: Tell,
): Promise<void> {
  const { registry, state } = context;
  const { before } = place;
  const replaced =
    before !== undefined && registry.linksOf(before.program.id).length === 1 ? before.program : undefined;
  const link: LiveLink = {
    id: registry.nextId(),
    programId: program.id,
    interface: place.name,
    hook: place.hook,
  };
  tell({ message: `attaching to ${place.name}` });
  await liveThenWritten(state, {
    live: () => place.attach(program, link.id),
    undo: () => place.undo(link.id),
    write(writer) {
      if (before !== undefined) writer.removeLink(before.link.id);
      if (replaced !== undefined) writer.removeProgram(replaced.id, replaced.mapIds);
      writer.addLink(link);
      writeRows(context, writer, program, object);
    },
  });
  if (before !== undefined) {
    registry.links.delete(before.link.id);
    registry.kernelLinks.delete(before.link.id);
  }
  if (replaced !== undefined) {
    registry.forget(replaced);
    unload(replaced.loaded);
  }
  registry.links.set(link.id, link);
}

export async function removeProgram(context: Context, id: number): Promise<ProgramRecord> {
  const { registry, state } = context;
  if (numberOfOther(id) !== undefined) {
    throw new EbpfError("ArgumentInvalid", `program ${id} is another process's, and ends with that`, {
      target: String(id),
    });
  }
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
  registry.forget(program);
  unload(program.loaded);
  return record;
}

export function programStats({ registry, kernel }: Context, id: number): ProgramStatsRecord {
  const { name, host, loaded } = registry.program(id);
  const interfaces = registry.linksOf(id).flatMap((link) => {
    if (host !== "embedded") return [];
    const entry = registry.interface(link.interface);
    return [{ interface: link.interface, counters: registry.interfaceRecord(entry).counters }];
  });
  const counts = loaded.counts?.();
  if (counts === undefined) return { id, name, interfaces };
  return { id, name, interfaces, counts: { ...counts, counting: kernel.status().statistics } };
}
