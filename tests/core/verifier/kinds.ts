// A platform with a helper for each kind of argument and result, under Linux' numbers and rules, so that the cases of those
// kinds do not depend on which helpers a table has.
import type { Helper, ObjectType, Platform } from "../../../core/platform/platform.ts";
import {
  ANY_SCALAR,
  CONTEXT,
  MAP_KEY,
  MAP_VALUE,
  MEMORY,
  MEMORY_OR_NULL,
  MEMORY_OUT,
  mapOf,
  mapTypes,
  pointerField,
  SCALAR,
  SIZE,
  SIZE_OR_ZERO,
  scalarField,
} from "../../../core/platform/rows.ts";

const SOCK: ObjectType = {
  name: "sock",
  sizeBytes: 16,
  fields: [scalarField("family", 0, 4), { ...scalarField("port", 4, 2), narrow: false }],
};

const ANYTHING = { kind: "anything" } as const;
const WITH_ENTRIES = mapOf("hash", "array", "hash_of_maps", "array_of_maps");

const HELPERS: readonly Helper[] = [
  { name: "map_lookup_elem", id: 1, arguments: [WITH_ENTRIES, MAP_KEY], returns: { kind: "mapValueOrNull" } },
  {
    name: "map_update_elem",
    id: 2,
    arguments: [mapOf("hash", "array"), MAP_KEY, MAP_VALUE, SCALAR],
    returns: ANY_SCALAR,
  },
  { name: "probe_read", id: 4, arguments: [MEMORY_OUT, SIZE_OR_ZERO, ANYTHING], returns: ANY_SCALAR },
  {
    name: "trace_printk",
    id: 6,
    arguments: [MEMORY, SIZE, { ...ANYTHING, optional: true }],
    returns: ANY_SCALAR,
  },
  { name: "tail_call", id: 12, arguments: [CONTEXT, mapOf("prog_array"), ANYTHING], returns: ANY_SCALAR },
  {
    name: "csum_diff",
    id: 28,
    arguments: [MEMORY_OR_NULL, SIZE_OR_ZERO, MEMORY_OR_NULL, SIZE_OR_ZERO, SCALAR],
    returns: ANY_SCALAR,
  },
  {
    name: "skb_pull_data",
    id: 39,
    arguments: [CONTEXT, SCALAR],
    returns: ANY_SCALAR,
    invalidatesPacket: true,
  },
  {
    name: "sk_lookup_tcp",
    id: 84,
    arguments: [CONTEXT],
    returns: { kind: "objectOrNull", type: "sock", acquired: true },
  },
  {
    name: "sk_release",
    id: 86,
    arguments: [{ kind: "object", types: ["sock"], release: true }],
    returns: ANY_SCALAR,
  },
  {
    name: "spin_lock",
    id: 93,
    arguments: [{ kind: "unsupported", what: "a spin lock" }],
    returns: ANY_SCALAR,
  },
  {
    name: "tcp_sock",
    id: 96,
    arguments: [{ kind: "object", types: ["sock"] }],
    returns: { kind: "objectOrNull", type: "sock", acquired: false },
  },
  {
    name: "strtol",
    id: 105,
    arguments: [MEMORY, SIZE, SCALAR, { kind: "fixedMemory", sizeBytes: 8, access: "write" }],
    returns: ANY_SCALAR,
  },
  {
    name: "get_netns_cookie",
    id: 122,
    arguments: [{ kind: "context", orNull: true }],
    returns: ANY_SCALAR,
  },
  {
    name: "ringbuf_reserve",
    id: 131,
    arguments: [mapOf("ringbuf"), { kind: "recordSize" }, SCALAR],
    returns: { kind: "recordOrNull" },
  },
  {
    name: "ringbuf_submit",
    id: 132,
    arguments: [{ kind: "record", release: true }, SCALAR],
    returns: { kind: "nothing" },
  },
  {
    name: "skc_to_tcp_sock",
    id: 137,
    arguments: [{ kind: "object", types: ["sock", "kernel"] }],
    returns: { kind: "kernel", nullable: true },
  },
  {
    name: "for_each_map_elem",
    id: 164,
    arguments: [
      mapOf("hash", "array"),
      { kind: "callback", parameters: ["map", "mapKey", "mapValue", "passed"] },
      { kind: "callbackContext" },
      SCALAR,
    ],
    returns: ANY_SCALAR,
  },
  {
    name: "strncmp",
    id: 182,
    arguments: [MEMORY, SIZE, { kind: "text" }],
    returns: ANY_SCALAR,
  },
];

const PACKET_FIELDS = [
  scalarField("len", 0, 4),
  scalarField("mark", 8, 4, true),
  pointerField("data", 76, 4, "packetStart"),
  pointerField("data_end", 80, 4, "packetEnd"),
] as const;

export const KINDS: Platform = {
  name: "linux",
  programTypes: [
    {
      name: "sched_cls",
      id: 3,
      context: {
        name: "__sk_buff",
        sizeBytes: 192,
        fields: [
          ...PACKET_FIELDS,
          {
            name: "sk",
            byteOffset: 168,
            sizeBytes: 8,
            kind: "object",
            writable: false,
            narrow: false,
            pointsTo: { kind: "object", type: "sock", nullable: true },
          },
          {
            name: "flow_keys",
            byteOffset: 144,
            sizeBytes: 8,
            kind: "memory",
            writable: false,
            narrow: false,
            pointsTo: { kind: "memory", sizeBytes: 56, nullable: false },
          },
        ],
      },
      returns: [],
      helpers: [],
      packetLoads: true,
    },
    {
      name: "tracepoint",
      id: 5,
      context: { name: "record", sizeBytes: 256, fields: [], elsewhere: "number" },
      returns: [],
      helpers: [],
    },
    {
      name: "unknown",
      id: 1,
      context: { name: "__sk_buff", sizeBytes: 256, fields: PACKET_FIELDS, elsewhere: "number" },
      returns: [],
      helpers: [],
    },
    {
      name: "tracing",
      id: 26,
      context: { name: "arguments", sizeBytes: 96, fields: [], elsewhere: "kernel" },
      returns: [],
      helpers: [],
    },
  ],
  attachTypes: [],
  helpers: HELPERS,
  mapTypes: mapTypes({
    1: "hash",
    2: "array",
    3: "prog_array",
    12: "array_of_maps",
    13: "hash_of_maps",
    27: "ringbuf",
  }),
  objectTypes: [SOCK],
};
