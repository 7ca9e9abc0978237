// Externs: symbols that the object leaves to whoever loads it, and of which its BTF says more. Variables of the pseudo
// section `.kconfig` (the kernel's version and configuration) become one read-only map of unknown contents, as libbpf
// makes them; functions of `.ksyms` are the kernel's own.
import { sizeOfType } from "../btf/resolve.ts";
import type { BtfTypes } from "../btf/types.ts";
import { READ_ONLY_FOR_PROGRAMS } from "../platform/platform.ts";
import type { MapSpec, ReferenceTarget } from "../spec.ts";
import { MAP_TYPE_ARRAY } from "./data.ts";

const KERNEL_CONFIGURATION = ".kconfig";
const KERNEL_SYMBOLS = ".ksyms";
/** Each variable starts at a multiple of it; none is wider but text, which needs no alignment. */
const ALIGNMENT = 8;

export interface Externs {
  /** What a reference to an undefined symbol of this name means. */
  readonly targets: ReadonlyMap<string, ReferenceTarget>;
  /** The map of the variables of `.kconfig`, if there are any. */
  readonly map?: MapSpec;
}

/** Compilers leave sizes and offsets of `.kconfig` to the loader: variables are laid out here in the order of BTF. */
export function readExterns(btf: BtfTypes | undefined): Externs {
  const targets = new Map<string, ReferenceTarget>();
  const names: string[] = [];
  let sizeBytes = 0;
  for (const type of btf?.types ?? []) {
    if (btf === undefined || type.kind !== "dataSection") continue;
    for (const entry of type.variables) {
      const extern = btf.types[entry.type];
      if (type.name === KERNEL_SYMBOLS && (extern?.kind === "function" || extern?.kind === "variable")) {
        targets.set(extern.name, { kind: "extern", name: extern.name, kernel: true });
      }
      if (type.name !== KERNEL_CONFIGURATION || extern?.kind !== "variable") continue;
      const size = sizeOfType(btf, extern.type);
      if (size === undefined || size === 0) continue;
      targets.set(extern.name, { kind: "variable", map: KERNEL_CONFIGURATION, byteOffset: sizeBytes });
      names.push(extern.name);
      sizeBytes += Math.ceil(size / ALIGNMENT) * ALIGNMENT;
    }
  }
  return names.length === 0 ? { targets } : { targets, map: configurationMap(sizeBytes, names) };
}

function configurationMap(sizeBytes: number, externs: readonly string[]): MapSpec {
  return {
    name: KERNEL_CONFIGURATION,
    type: MAP_TYPE_ARRAY,
    keySizeBytes: 4,
    valueSizeBytes: sizeBytes,
    maxEntries: 1,
    flags: READ_ONLY_FOR_PROGRAMS,
    pinning: 0,
    externs,
  };
}
