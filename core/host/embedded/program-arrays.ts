// The program arrays of a host: which programs may be in them, and that none stays there when it is closed. Like Linux', an
// array is for programs of one type, that of the first that has to do with it.
import { EbpfError } from "../../base/error.ts";
import type { Program } from "../../program/program.ts";
import type { EbpfMap } from "../host.ts";
import type { EmbeddedMap } from "./host-map.ts";
import type { Programs } from "./programs.ts";

export interface ProgramArrays {
  /** The map, which is one of them until it is closed. */
  keep(map: EmbeddedMap): EmbeddedMap;
  /** A program that has these maps is loaded; MapDefinitionInvalid if one is for programs of another type. */
  use(maps: readonly EbpfMap[], program: Program): void;
  /** MapValueInvalid if there is no such program, or one of another type; else every thread can have it from now on. */
  enter(map: EmbeddedMap, id: number): void;
  /** The program is closed. */
  leave(id: number): void;
}

export function createProgramArrays(programs: Programs): ProgramArrays {
  /** The type is undefined as long as no program has to do with it. */
  const arrays = new Map<number, { readonly map: EmbeddedMap; type: string | undefined }>();
  return {
    keep(map) {
      const kept: EmbeddedMap = {
        ...map,
        close() {
          arrays.delete(map.id);
          map.close();
        },
      };
      arrays.set(map.id, { map: kept, type: undefined });
      return kept;
    },
    use(maps, program) {
      for (const { id, spec } of maps) {
        const array = arrays.get(id);
        if (array === undefined) continue;
        array.type ??= typeOf(program);
        if (array.type === typeOf(program)) continue;
        throw refused("MapDefinitionInvalid", spec.name, program, array.type);
      }
    },
    enter({ id: mapId, spec }, id) {
      const program = programs.find(id)?.program;
      const array = arrays.get(mapId);
      if (program === undefined || array === undefined) {
        throw new EbpfError("MapValueInvalid", `map '${spec.name}': there is no program ${id}`, {
          target: spec.name,
        });
      }
      array.type ??= typeOf(program);
      if (array.type !== typeOf(program)) throw refused("MapValueInvalid", spec.name, program, array.type);
      programs.publish(id);
    },
    leave(id) {
      for (const { map } of arrays.values()) {
        for (const { key, value } of map.entries()) {
          if (new DataView(value.buffer).getUint32(0, true) === id) map.delete(key);
        }
      }
    },
  };
}

/** What a program is given: the context of its type on its platform. */
function typeOf({ platform, type }: Program): string {
  return `${platform.name} ${type.name}`;
}

function refused(
  code: "MapDefinitionInvalid" | "MapValueInvalid",
  map: string,
  program: Program,
  type: string,
): EbpfError {
  const text = `map '${map}' is for programs of type ${type}, ${program.name} is of type ${typeOf(program)}`;
  return new EbpfError(code, text, { target: map });
}
