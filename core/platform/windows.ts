// The platform "windows": program types, hooks, helpers and map types with the numbers and layouts of eBPF for Windows
// (its ebpf_structs.h, ebpf_nethooks.h and bpf_helper_defs.h; XDP as in xdp-for-windows' ebpfhook.h). Data only.
// Left out, and so refused: what hands out things that no argument or return kind can describe yet
// (map_lookup_and_delete_elem, redirect_map, xdp_adjust_head).
import type { AttachType, ContextDescriptor, Helper, Platform, ProgramType } from "./platform.ts";
import {
  ANY_SCALAR,
  CONTEXT,
  MAP_KEY,
  MAP_VALUE,
  MAP_VALUE_OUT,
  MEMORY,
  MEMORY_IN_OUT,
  MEMORY_OR_NULL,
  MEMORY_OUT,
  mapOf,
  mapTypes,
  mapWith,
  pointerField,
  SCALAR,
  SIZE,
  SIZE_OR_ZERO,
  scalarField,
  U32,
} from "./rows.ts";

const XDP_MD: ContextDescriptor = {
  name: "xdp_md",
  sizeBytes: 32,
  fields: [
    pointerField("data", 0, 8, "packetStart"),
    pointerField("data_end", 8, 8, "packetEnd"),
    pointerField("data_meta", 16, 8, "packetMeta"),
    scalarField("ingress_ifindex", 24, 4),
  ],
};

const BIND_MD: ContextDescriptor = {
  name: "bind_md",
  sizeBytes: 56,
  packetReadOnly: true,
  fields: [
    pointerField("app_id_start", 0, 8, "packetStart"),
    pointerField("app_id_end", 8, 8, "packetEnd"),
    scalarField("process_id", 16, 8),
    scalarField("socket_address", 24, 16, true),
    scalarField("socket_address_length", 40, 1),
    scalarField("operation", 44, 4),
    scalarField("protocol", 48, 1),
  ],
};

const SOCK_ADDR: ContextDescriptor = {
  name: "bpf_sock_addr",
  sizeBytes: 64,
  fields: [
    scalarField("family", 0, 4),
    scalarField("msg_src_ip", 4, 16),
    scalarField("msg_src_port", 20, 2),
    scalarField("user_ip", 24, 16, true),
    scalarField("user_port", 40, 2, true),
    scalarField("protocol", 44, 4),
    scalarField("compartment_id", 48, 4),
    scalarField("interface_luid", 56, 8),
  ],
};

const SOCK_OPS: ContextDescriptor = {
  name: "bpf_sock_ops",
  sizeBytes: 64,
  fields: [
    scalarField("op", 0, 4),
    scalarField("family", 4, 4),
    scalarField("local_ip", 8, 16),
    scalarField("local_port", 24, 4),
    scalarField("remote_ip", 28, 16),
    scalarField("remote_port", 44, 4),
    scalarField("protocol", 48, 1),
    scalarField("compartment_id", 52, 4),
    scalarField("interface_luid", 56, 8),
  ],
};

const PROGRAM_TYPES: readonly ProgramType[] = [
  {
    name: "xdp",
    id: 1,
    context: XDP_MD,
    returns: [
      { value: 1, name: "XDP_PASS", action: "pass" },
      { value: 2, name: "XDP_DROP", action: "drop" },
      { value: 3, name: "XDP_TX", action: "transmit" },
    ],
    helpers: [],
  },
  {
    name: "bind",
    id: 2,
    context: BIND_MD,
    returns: [
      { value: 0, name: "BIND_PERMIT_SOFT" },
      { value: 1, name: "BIND_DENY" },
      { value: 2, name: "BIND_REDIRECT" },
      { value: 3, name: "BIND_PERMIT_HARD" },
    ],
    helpers: [],
  },
  {
    name: "cgroup_sock_addr",
    id: 3,
    context: SOCK_ADDR,
    returns: [
      { value: 0, name: "BPF_SOCK_ADDR_VERDICT_REJECT" },
      { value: 1, name: "BPF_SOCK_ADDR_VERDICT_PROCEED_SOFT" },
      { value: 2, name: "BPF_SOCK_ADDR_VERDICT_PROCEED_HARD" },
    ],
    helpers: ["get_socket_cookie", "sock_addr_set_redirect_context", "sock_addr_get_network_context"],
  },
  {
    name: "sock_ops",
    id: 4,
    context: SOCK_OPS,
    returns: [{ value: 0, name: "SUCCESS" }],
    helpers: ["sock_ops_get_flow_id"],
  },
];

function sockAddrHook(name: string, id: number, description: string): AttachType {
  return { name, id, programType: "cgroup_sock_addr", sections: [`cgroup/${name}`], description };
}

const ATTACH_TYPES: readonly AttachType[] = [
  {
    name: "xdp",
    id: 1,
    programType: "xdp",
    sections: ["xdp", "xdp/"],
    description: "each frame that an interface receives, before anything else sees it",
  },
  {
    name: "bind",
    id: 2,
    programType: "bind",
    sections: ["bind", "bind/"],
    description: "a socket is bound to a local address, or lets go of it",
  },
  sockAddrHook("connect4", 3, "a socket connects to an IPv4 address; may be redirected"),
  sockAddrHook("connect6", 4, "a socket connects to an IPv6 address; may be redirected"),
  sockAddrHook("recv_accept4", 5, "an IPv4 connection or first datagram is accepted"),
  sockAddrHook("recv_accept6", 6, "an IPv6 connection or first datagram is accepted"),
  {
    name: "sockops",
    id: 7,
    programType: "sock_ops",
    sections: ["sockops"],
    description: "a connection is established or deleted",
  },
  sockAddrHook("connect_authorization4", 12, "an IPv4 connection is authorised after its route is chosen"),
  sockAddrHook("connect_authorization6", 13, "an IPv6 connection is authorised after its route is chosen"),
  sockAddrHook("bind4", 14, "a socket is bound to an IPv4 address"),
  sockAddrHook("bind6", 15, "a socket is bound to an IPv6 address"),
  sockAddrHook("listen4", 16, "a socket listens on an IPv4 address"),
  sockAddrHook("listen6", 17, "a socket listens on an IPv6 address"),
];

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
  { name: "tail_call", id: 5, arguments: [CONTEXT, mapOf("prog_array"), SCALAR], returns: ANY_SCALAR },
  { name: "get_prandom_u32", id: 6, arguments: [], returns: U32 },
  { name: "ktime_get_boot_ns", id: 7, arguments: [], returns: ANY_SCALAR },
  { name: "get_smp_processor_id", id: 8, arguments: [], returns: U32 },
  { name: "ktime_get_ns", id: 9, arguments: [], returns: ANY_SCALAR },
  {
    name: "csum_diff",
    id: 10,
    arguments: [MEMORY_OR_NULL, SIZE_OR_ZERO, MEMORY_OR_NULL, SIZE_OR_ZERO, SCALAR],
    returns: ANY_SCALAR,
  },
  {
    name: "ringbuf_output",
    id: 11,
    arguments: [mapOf("ringbuf"), MEMORY, SIZE, SCALAR],
    returns: ANY_SCALAR,
  },
  { name: "trace_printk2", id: 12, arguments: [MEMORY, SIZE], returns: ANY_SCALAR },
  { name: "trace_printk3", id: 13, arguments: [MEMORY, SIZE, SCALAR], returns: ANY_SCALAR },
  { name: "trace_printk4", id: 14, arguments: [MEMORY, SIZE, SCALAR, SCALAR], returns: ANY_SCALAR },
  { name: "trace_printk5", id: 15, arguments: [MEMORY, SIZE, SCALAR, SCALAR, SCALAR], returns: ANY_SCALAR },
  {
    name: "map_push_elem",
    id: 16,
    arguments: [mapOf("queue", "stack"), MAP_VALUE, SCALAR],
    returns: ANY_SCALAR,
  },
  { name: "map_pop_elem", id: 17, arguments: [mapOf("queue", "stack"), MAP_VALUE_OUT], returns: ANY_SCALAR },
  { name: "map_peek_elem", id: 18, arguments: [mapOf("queue", "stack"), MAP_VALUE_OUT], returns: ANY_SCALAR },
  { name: "get_current_pid_tgid", id: 19, arguments: [], returns: ANY_SCALAR },
  { name: "get_current_logon_id", id: 20, arguments: [CONTEXT], returns: ANY_SCALAR },
  { name: "is_current_admin", id: 21, arguments: [CONTEXT], returns: ANY_SCALAR },
  {
    name: "memcpy_s",
    id: 22,
    arguments: [MEMORY_IN_OUT, SIZE_OR_ZERO, MEMORY, SIZE_OR_ZERO],
    returns: ANY_SCALAR,
  },
  { name: "memcmp_s", id: 23, arguments: [MEMORY, SIZE_OR_ZERO, MEMORY, SIZE_OR_ZERO], returns: ANY_SCALAR },
  // As in C it returns its first argument, an address, which must not become a number.
  { name: "memset", id: 24, arguments: [MEMORY_OUT, SIZE_OR_ZERO, SCALAR], returns: { kind: "nothing" } },
  {
    name: "memmove_s",
    id: 25,
    arguments: [MEMORY_IN_OUT, SIZE_OR_ZERO, MEMORY, SIZE_OR_ZERO],
    returns: ANY_SCALAR,
  },
  {
    name: "get_socket_cookie",
    id: 26,
    arguments: [CONTEXT],
    returns: ANY_SCALAR,
    programTypes: ["cgroup_sock_addr"],
  },
  // Like memcpy_s and memmove_s, these leave part of the destination as it was, so it must be initialised.
  {
    name: "strncpy_s",
    id: 27,
    arguments: [MEMORY_IN_OUT, SIZE_OR_ZERO, MEMORY, SIZE_OR_ZERO],
    returns: ANY_SCALAR,
  },
  {
    name: "strncat_s",
    id: 28,
    arguments: [MEMORY_IN_OUT, SIZE_OR_ZERO, MEMORY, SIZE_OR_ZERO],
    returns: ANY_SCALAR,
  },
  { name: "strnlen_s", id: 29, arguments: [MEMORY, SIZE_OR_ZERO], returns: U32 },
  { name: "ktime_get_boot_ms", id: 30, arguments: [], returns: ANY_SCALAR },
  { name: "ktime_get_ms", id: 31, arguments: [], returns: ANY_SCALAR },
  {
    name: "perf_event_output",
    id: 32,
    arguments: [CONTEXT, mapOf("perf_event_array"), SCALAR, MEMORY, SIZE],
    returns: ANY_SCALAR,
  },
  { name: "get_current_process_start_key", id: 33, arguments: [], returns: ANY_SCALAR },
  { name: "get_current_thread_create_time", id: 34, arguments: [], returns: ANY_SCALAR },
  {
    name: "sock_ops_get_flow_id",
    id: 0x10000,
    arguments: [CONTEXT],
    returns: ANY_SCALAR,
    programTypes: ["sock_ops"],
  },
  {
    name: "sock_addr_set_redirect_context",
    id: 0x10001,
    arguments: [CONTEXT, MEMORY, SIZE],
    returns: ANY_SCALAR,
    programTypes: ["cgroup_sock_addr"],
  },
  {
    name: "sock_addr_get_network_context",
    id: 0x10002,
    arguments: [CONTEXT, MEMORY_OUT, SIZE],
    returns: ANY_SCALAR,
    programTypes: ["cgroup_sock_addr"],
  },
];

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
