// The platform "windows": program types, hooks, helpers and map types with the numbers and layouts of eBPF for Windows and
// its extensions (netebpfext, xdp-for-windows, ntosebpfext, neteventebpfext, the sample extension). Data only.
import type { Platform } from "./platform.ts";
import { mapTypes } from "./rows.ts";
import { HELPERS } from "./windows/helpers.ts";
import { ATTACH_TYPES, PROGRAM_TYPES } from "./windows/types.ts";

export const WINDOWS: Platform = {
  name: "windows",
  programTypes: PROGRAM_TYPES,
  attachTypes: ATTACH_TYPES,
  helpers: HELPERS,
  mapTypes: mapTypes({
    1: "hash",
    2: "array",
    3: "prog_array",
    4: "percpu_hash",
    5: "percpu_array",
    6: "hash_of_maps",
    7: "array_of_maps",
    8: "lru_hash",
    9: "lpm_trie",
    10: "queue",
    11: "lru_percpu_hash",
    12: "stack",
    13: "ringbuf",
    14: "perf_event_array",
    15: "sample_hash_map",
    16: "xskmap",
  }),
};
