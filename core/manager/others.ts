// What other processes have in the driver, for listings and look-ups. Their numbers are the driver's, put above all that the
// service ever gives, so that one number means one thing.
import { EbpfError } from "../base/error.ts";
import type { DriverMap, DriverProgram, KernelHost } from "../host/kernel/host.ts";
import { findMapType, type MapType } from "../platform/platform.ts";
import { PLATFORMS } from "../platform/platforms.ts";
import { EVERY } from "./kernel-links.ts";
import type { LinkRecord, MapRecord, ProgramRecord } from "./records.ts";
import type { LiveMap, Registry } from "./registry.ts";

const FIRST = 1_000_000_000;

/** The driver's number of a thing of others; undefined if it is one of the service's own. */
export const numberOfOther = (id: number): number | undefined => (id > FIRST ? id - FIRST : undefined);

const idOf = (number: number): number => FIRST + number;

const nameOf = (number: number, name: string): string => (name === "" ? `program-${number}` : name);

interface Own {
  readonly programs: ReadonlySet<number>;
  /** The service's numbers by the driver's. */
  readonly maps: ReadonlyMap<number, number>;
}

function ownOf(registry: Registry): Own {
  const inKernel = [...registry.programs.values()].filter(({ host }) => host === "kernel");
  return {
    programs: new Set(inKernel.map(({ loaded }) => loaded.id)),
    maps: new Map(
      [...registry.maps.values()]
        .filter(({ programId }) => registry.isKernel(programId))
        .map(({ id, map }) => [map.id, id]),
    ),
  };
}

export function otherPrograms(registry: Registry, kernel: KernelHost): ProgramRecord[] {
  const own = ownOf(registry);
  return kernel
    .programs()
    .filter(({ id }) => !own.programs.has(id))
    .map((program) => programRecord(program, own));
}

function programRecord(program: DriverProgram, own: Own): ProgramRecord {
  const { id, name, type, slots, engine, engineReason, certified, mapIds } = program;
  const row = PLATFORMS.windows.programTypes.find((candidate) => candidate.id === type);
  return {
    id: idOf(id),
    name: nameOf(id, name),
    type: row?.name ?? `type ${type}`,
    platform: "windows",
    file: "",
    section: "",
    engine,
    ...(engineReason === undefined ? {} : { engineReason }),
    certified,
    host: "kernel",
    instructions: slots,
    mapIds: mapIds.map((map) => own.maps.get(map) ?? idOf(map)),
    interfaces: [],
    persistent: false,
  };
}

export function otherMaps(registry: Registry, kernel: KernelHost): MapRecord[] {
  const own = ownOf(registry);
  const programs = kernel.programs();
  return kernel
    .allMaps()
    .filter(({ id }) => !own.maps.has(id))
    .map((map) => mapRecord(map, programs));
}

function mapRecord({ id, spec, entries }: DriverMap, programs: readonly DriverProgram[]): MapRecord {
  return {
    id: idOf(id),
    name: spec.name,
    type: typeOf(spec.type).name,
    keySizeBytes: spec.keySizeBytes,
    valueSizeBytes: spec.valueSizeBytes,
    maxEntries: spec.maxEntries,
    entries,
    persistent: false,
    programIds: programs.filter(({ mapIds }) => mapIds.includes(id)).map((program) => idOf(program.id)),
  };
}

function typeOf(number: number): MapType {
  const type = findMapType(PLATFORMS.windows, number);
  if (type !== undefined) return type;
  throw new EbpfError(
    "MapTypeUnsupported",
    `the driver has a map of type ${number}, which is not known here`,
  );
}

export function otherLinks(registry: Registry, kernel: KernelHost): LinkRecord[] {
  const own = new Set([...registry.kernelLinks.values()].map(({ id }) => id));
  const programs = new Map(
    kernel.programs().map(({ id, name }) => [id, { id: idOf(id), name: nameOf(id, name) }]),
  );
  // Others may attach a program of the service's too.
  for (const { host, loaded, id, name } of registry.programs.values())
    if (host === "kernel") programs.set(loaded.id, { id, name });
  const hooks = new Map(kernel.hooks().map(({ attachType, name }) => [attachType, name]));
  return kernel
    .links()
    .filter(({ id }) => !own.has(id))
    .map(({ id, programId, attachType, point }) => {
      const program = programs.get(programId) ?? { id: idOf(programId), name: nameOf(programId, "") };
      return {
        id: idOf(id),
        programId: program.id,
        program: program.name,
        hook: hooks.get(attachType) ?? `attach type ${attachType}`,
        interface: point === 0 ? EVERY : String(point),
      };
    });
}

/** A map of another process, for as long as `body` looks at it; MapNotFound. */
export function withOtherMap<T>(kernel: KernelHost, number: number, body: (live: LiveMap) => T): T {
  const map = kernel.openMap(number);
  try {
    const live: LiveMap = {
      id: idOf(number),
      programId: 0,
      map,
      type: typeOf(map.spec.type),
      btf: undefined,
      persistent: false,
    };
    return body(live);
  } finally {
    map.close();
  }
}
