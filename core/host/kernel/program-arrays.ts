// Program arrays of this process: a program that is closed has no entry in them any more, though the driver would keep it for as
// long as one holds it.
import type { KernelMap } from "./map.ts";
import type { KernelProgram } from "./program.ts";

export interface ProgramArrays {
  /** The same map, known until it is closed. */
  keep(map: KernelMap): KernelMap;
  /** The same program, which leaves all arrays when it is closed. */
  leaving(program: KernelProgram): KernelProgram;
}

export function createProgramArrays(): ProgramArrays {
  const arrays = new Set<KernelMap>();
  return {
    keep(map) {
      const close = (): void => {
        arrays.delete(kept);
        map.close();
      };
      const kept = { ...map, close };
      arrays.add(kept);
      return kept;
    },
    leaving(program) {
      const close = (): void => {
        for (const array of arrays) {
          if (array.isLost()) arrays.delete(array);
          else if (program.isLost?.() !== true) leave(array, program.id);
        }
        program.close();
      };
      return { ...program, close };
    },
  };
}

function leave(array: KernelMap, id: number): void {
  for (const { key, value } of array.entries()) if (readId(value) === id) array.delete(key);
}

const readId = (bytes: Uint8Array): number =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0, true);
