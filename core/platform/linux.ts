// The platform "linux": what xdp programs made for Linux expect, with the numbers and layouts of its uapi/linux/bpf.h,
// so that such an object can be verified and run on the embedded host. Only the helpers a host here implements have a
// row; the others are refused. Data only.
import type { ContextDescriptor, Helper, Platform } from "./platform.ts";
import {
  ANY_SCALAR,
  MAP_KEY,
  MAP_VALUE,
  MEMORY,
  MEMORY_OR_NULL,
  mapTypes,
  mapWith,
  OPTIONAL_SCALAR,
  pointerField,
  SCALAR,
  SIZE,
  SIZE_OR_ZERO,
  scalarField,
  U32,
} from "./rows.ts";

/** The struct of uapi: every field 32 bits wide, also those that the program receives as pointers. */
const XDP_MD: ContextDescriptor = {
  name: "xdp_md",
  sizeBytes: 24,
  fields: [
    pointerField("data", 0, 4, "packetStart"),
    pointerField("data_end", 4, 4, "packetEnd"),
    pointerField("data_meta", 8, 4, "packetMeta"),
    scalarField("ingress_ifindex", 12, 4),
    scalarField("rx_queue_index", 16, 4),
    scalarField("egress_ifindex", 20, 4),
  ],
};

const HELPERS: readonly Helper[] = [
  {
    name: "map_lookup_elem",
    id: 1,
    arguments: [mapWith("lookup"), MAP_KEY],
    returns: { kind: "mapValueOrNull" },
  },
  {
    name: "map_update_elem",
    id: 2,
    arguments: [mapWith("update"), MAP_KEY, MAP_VALUE, SCALAR],
    returns: ANY_SCALAR,
  },
  { name: "map_delete_elem", id: 3, arguments: [mapWith("delete"), MAP_KEY], returns: ANY_SCALAR },
  { name: "ktime_get_ns", id: 5, arguments: [], returns: ANY_SCALAR },
  {
    name: "trace_printk",
    id: 6,
    arguments: [MEMORY, SIZE, OPTIONAL_SCALAR, OPTIONAL_SCALAR, OPTIONAL_SCALAR],
    returns: ANY_SCALAR,
  },
  { name: "get_prandom_u32", id: 7, arguments: [], returns: U32 },
  { name: "get_smp_processor_id", id: 8, arguments: [], returns: U32 },
  {
    name: "csum_diff",
    id: 28,
    arguments: [MEMORY_OR_NULL, SIZE_OR_ZERO, MEMORY_OR_NULL, SIZE_OR_ZERO, SCALAR],
    returns: ANY_SCALAR,
  },
  { name: "ktime_get_boot_ns", id: 125, arguments: [], returns: ANY_SCALAR },
];

export const LINUX: Platform = {
  name: "linux",
  programTypes: [
    {
      name: "xdp",
      id: 6,
      context: XDP_MD,
      returns: [
        { value: 0, name: "XDP_ABORTED", action: "aborted" },
        { value: 1, name: "XDP_DROP", action: "drop" },
        { value: 2, name: "XDP_PASS", action: "pass" },
        { value: 3, name: "XDP_TX", action: "transmit" },
        // No host here redirects.
        { value: 4, name: "XDP_REDIRECT", action: "aborted" },
      ],
      helpers: [],
    },
  ],
  attachTypes: [
    {
      name: "xdp",
      id: 37,
      programType: "xdp",
      sections: ["xdp", "xdp.frags", "xdp/", "xdp.frags/"],
      description: "each frame that an interface receives, before anything else sees it",
    },
  ],
  helpers: HELPERS,
  mapTypes: mapTypes({
    1: "hash",
    2: "array",
    3: "prog_array",
    4: "perf_event_array",
    5: "percpu_hash",
    6: "percpu_array",
    // stack_trace, cgroup_array
    7: "other",
    8: "other",
    9: "lru_hash",
    10: "lru_percpu_hash",
    11: "lpm_trie",
    12: "array_of_maps",
    13: "hash_of_maps",
    // devmap, sockmap, cpumap, xskmap, sockhash
    14: "other",
    15: "other",
    16: "other",
    17: "other",
    18: "other",
    22: "queue",
    23: "stack",
    // devmap_hash
    25: "other",
    27: "ringbuf",
  }),
};
