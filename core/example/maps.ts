// The maps of a checked run: a list of values that exist, each an object of its own. Look-ups are the world's business.
import type { MapAccess } from "../host/embedded/checked.ts";
import type { MapSpec } from "../spec.ts";

/** The failing path needs what a checked run cannot give: there is no example then. */
export class Unrepresentable extends Error {}

/** An object that programs may point into. */
export interface Thing {
  /** Its name in the input. */
  readonly key: string;
  readonly words: string;
  readonly address: number;
  readonly sizeBytes: number;
  /** What it holds where the input says nothing; absent: zeros. */
  readonly content?: Uint8Array;
}

export interface OpenMap extends MapAccess {
  readonly spec: MapSpec;
  /** The values that exist; the interpreter lets a program touch these. */
  readonly things: Thing[];
  readonly isArray: boolean;
  /** Of a map of maps: what its entries are like. */
  readonly inner: MapSpec | undefined;
}

const NO_SPEC: MapSpec = {
  name: "",
  type: 0,
  keySizeBytes: 0,
  valueSizeBytes: 0,
  maxEntries: 0,
  flags: 0,
  pinning: 0,
};

/** Without a spec: other objects that programs may touch. */
export function openMap(spec: MapSpec = NO_SPEC, things: Thing[] = [], kind = "hash"): OpenMap {
  const none = (): never => {
    throw new Unrepresentable("a map is used by itself");
  };
  const { keySizeBytes, valueSizeBytes, maxEntries } = spec;
  return {
    spec,
    things,
    isArray: kind === "array" || kind === "percpu_array",
    inner: kind.endsWith("_of_maps") ? spec.inner : undefined,
    descriptor: {
      id: 0,
      kind: kind as MapAccess["descriptor"]["kind"],
      address: 0,
      keySizeBytes,
      valueSizeBytes,
      maxEntries,
    },
    contains: (address, sizeBytes) =>
      things.some((row) => address >= row.address && address + sizeBytes <= row.address + row.sizeBytes),
    lookup: none,
    update: none,
    remove: none,
    peek: none,
    count: none,
    keys: none,
  };
}
