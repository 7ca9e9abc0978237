// Program arrays as people see them: an entry names a program by its id here, or by its name. Hosts number programs in their own way.
import { EbpfError } from "../base/error.ts";
import type { EbpfMap, HostKind } from "../host/host.ts";
import type { LiveMap, LiveProgram, Registry } from "./registry.ts";

export function isProgramArray({ type }: Pick<LiveMap, "type">): boolean {
  return type.name === "prog_array";
}

/** The map with the registry's ids for values; what the host has and the registry has not has no entry. */
export function withProgramIds(registry: Registry, map: EbpfMap, host: HostKind): EbpfMap {
  const programs = (): LiveProgram[] => [...registry.programs.values()].filter((one) => one.host === host);
  const translated = (value: Uint8Array | undefined): Uint8Array | undefined => {
    const program = value && programs().find(({ loaded }) => loaded.id === readId(value));
    return program && idBytes(program.id);
  };
  return {
    ...map,
    lookup: (key) => translated(map.lookup(key)),
    *entries() {
      for (const { key, value } of map.entries()) {
        const id = translated(value);
        if (id !== undefined) yield { key, value: id };
      }
    },
    update(key, value, mode) {
      const program = value.length === 4 ? registry.programs.get(readId(value)) : undefined;
      if (program?.host !== host) {
        const { name } = map.spec;
        const text = `map ${name}: its values are ids of programs that are loaded on the host ${host}`;
        throw new EbpfError("MapValueInvalid", text, { target: name });
      }
      map.update(key, idBytes(program.loaded.id), mode);
    },
  };
}

/** An index as it is typed; undefined if it is none. */
export function indexBytes(cell: unknown): Uint8Array | undefined {
  const fits = typeof cell === "number" && Number.isInteger(cell) && cell >= 0 && cell < 2 ** 32;
  return fits ? idBytes(cell) : undefined;
}

/** A program as it is typed: by its id or by its name; ProgramNotFound, or ArgumentInvalid if several have that name. */
export function programBytes(registry: Registry, cell: string | number): Uint8Array {
  if (typeof cell === "number") return idBytes(registry.program(cell).id);
  const named = [...registry.programs.values()].filter(({ name }) => name === cell);
  const [only, ...others] = named;
  if (only === undefined)
    throw new EbpfError("ProgramNotFound", `there is no program ${cell}`, { target: cell });
  if (others.length === 0) return idBytes(only.id);
  const ids = named.map(({ id }) => id).join(", ");
  throw new EbpfError("ArgumentInvalid", `several programs are named ${cell}: give one of the ids ${ids}`, {
    target: cell,
  });
}

export function readId(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
}

function idBytes(id: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, id, true);
  return bytes;
}
