// Answers about types that need walking: what is behind names and qualifiers, how large. Every walk is bounded, because
// types may refer to each other in circles.
import type { BtfType, BtfTypes } from "./types.ts";

/** As the kernel's MAX_RESOLVE_DEPTH: deeper nesting is taken as a circle. */
const DEPTH_LIMIT = 32;

/** The type behind typedefs, qualifiers and tags; undefined if there is no end to them. */
export function resolveType(btf: BtfTypes, id: number): BtfType | undefined {
  const found = resolveTypeId(btf, id);
  return found === undefined ? undefined : btf.types[found];
}

/** As resolveType, the id instead of the type. */
export function resolveTypeId(btf: BtfTypes, id: number): number | undefined {
  let current = id;
  for (let depth = 0; depth < DEPTH_LIMIT; depth++) {
    const type = btf.types[current];
    switch (type?.kind) {
      case undefined:
        return undefined;
      case "typedef":
      case "volatile":
      case "const":
      case "restrict":
      case "typeTag":
      case "variable":
      case "declarationTag":
        current = type.type;
        break;
      default:
        return current;
    }
  }
  return undefined;
}

/** Size in bytes of a value of the type; undefined for void, functions, forwards, and circles. */
export function sizeOfType(btf: BtfTypes, id: number): number | undefined {
  let current = id;
  let factor = 1;
  for (let depth = 0; depth < DEPTH_LIMIT; depth++) {
    const type = resolveType(btf, current);
    switch (type?.kind) {
      case "int":
      case "struct":
      case "union":
      case "enum":
      case "float":
      case "dataSection":
        return factor * type.sizeBytes;
      case "pointer":
        return factor * 8;
      case "array":
        factor *= type.length;
        current = type.type;
        break;
      default:
        return undefined;
    }
  }
  return undefined;
}
