// The helpers of Linux (enum bpf_func_id, 1 to 211): arguments and results as the kernel's prototypes have them, and the
// program types that may call each (tried against Linux 6.18). Data only. What no kind of argument describes yet has a row
// that says so ("unsupported"), so that the program is refused for a reason.
import type { ArgumentKind, CallbackParameter, Helper, HelperReturn } from "../platform.ts";
import {
  ANY_SCALAR,
  ANYTHING,
  CONTEXT,
  MAP_KEY,
  MAP_VALUE,
  MAP_VALUE_OUT,
  MEMORY,
  MEMORY_IN_OUT,
  MEMORY_OR_NULL,
  MEMORY_OUT,
  MEMORY_OUT_OR_NULL,
  mapOf,
  mapTypesWith,
  mapWith,
  OPTIONAL,
  SIZE,
  SIZE_OR_ZERO,
  U32,
  WIDE_SIZE,
  WIDE_SIZE_OR_ZERO,
} from "../rows.ts";

// ---- who may call ----------------------------------------------------------------------------------------------------

const TC = ["sched_cls", "sched_act"];
const LWT = ["lwt_in", "lwt_out", "lwt_xmit", "lwt_seg6local"];
const RAW = ["raw_tracepoint", "raw_tracepoint_writable"];
/** Programs with typed arguments; which of them may call what, Linux decides by the function they are attached to. */
const TYPED = ["tracing", "lsm"];
const TRACING = ["kprobe", "tracepoint", "perf_event", ...RAW, ...TYPED];
const CGROUP_SOCKETS = ["cgroup_sock", "cgroup_sock_addr", "cgroup_sockopt"];
const CGROUP = [...CGROUP_SOCKETS, "cgroup_device", "cgroup_sysctl"];
/** All that look at packets or sockets. */
const NETWORKING = [
  ...TC,
  ...LWT,
  "xdp",
  "socket_filter",
  "cgroup_skb",
  "cgroup_sock_addr",
  "sock_ops",
  "sk_skb",
  "sk_msg",
  "flow_dissector",
  "sk_lookup",
];
const SOCKET_LOOKUP = [...TC, "xdp", "cgroup_skb", "cgroup_sock_addr", "sk_skb"];
const SKB_CHANGERS = [...TC, "lwt_xmit"];

type Rest = Pick<Helper, "programTypes" | "invalidatesPacket" | "gplOnly" | "maySleep">;

const to = (...programTypes: readonly string[]): Rest => ({ programTypes });
const GPL: Rest = { gplOnly: true };
const SLEEPS: Rest = { maySleep: true };
/** What moves or replaces bytes of the packet. */
const MOVES: Rest = { invalidatesPacket: true };

function helper(
  id: number,
  name: string,
  parameters: readonly ArgumentKind[],
  returns: HelperReturn,
  ...rest: readonly Rest[]
): Helper {
  return Object.assign({ name, id, arguments: parameters, returns }, ...rest);
}

// ---- arguments and results -------------------------------------------------------------------------------------------

const CONTEXT_OR_NULL: ArgumentKind = { kind: "context", orNull: true };
const MAP_VALUE_OR_NULL: ArgumentKind = { kind: "mapValue", access: "read", orNull: true };
const TEXT: ArgumentKind = { kind: "text" };
const RECORD_SIZE: ArgumentKind = { kind: "recordSize" };
const RECORD: ArgumentKind = { kind: "record", release: true };
const PASSED: ArgumentKind = { kind: "callbackContext" };
const KERNEL_OBJECT: ArgumentKind = { kind: "object", types: ["kernel"] };

const SOCKETS = ["sock_common", "socket", "tcp_sock", "kernel"];
const ANY_SOCKET: ArgumentKind = { kind: "object", types: SOCKETS };
const RELEASED_SOCKET: ArgumentKind = { kind: "object", types: SOCKETS, release: true };
const FULL_SOCKET_OR_NULL: ArgumentKind = { kind: "object", types: ["socket", "tcp_sock"], orNull: true };

const VALUE_OR_NULL: HelperReturn = { kind: "mapValueOrNull" };
const NOTHING: HelperReturn = { kind: "nothing" };
const KERNEL: HelperReturn = { kind: "kernel", nullable: false };
const KERNEL_OR_NULL: HelperReturn = { kind: "kernel", nullable: true };

function read(sizeBytes: number): ArgumentKind {
  return { kind: "fixedMemory", sizeBytes, access: "read" };
}

function write(sizeBytes: number): ArgumentKind {
  return { kind: "fixedMemory", sizeBytes, access: "write" };
}

function callback(...parameters: readonly CallbackParameter[]): ArgumentKind {
  return { kind: "callback", parameters };
}

function unsupported(what: string): ArgumentKind {
  return { kind: "unsupported", what };
}

function object(type: string, acquired: boolean): HelperReturn {
  return { kind: "objectOrNull", type, acquired };
}

const WRITE_OF_THIRD: ArgumentKind = { kind: "memory", access: "write", orNull: false, sizeAt: 2 };
const SPIN_LOCK = unsupported("a spin lock");
const TIMER = unsupported("a timer");
const DYNPTR = unsupported("a dynptr");
const PER_CPU = unsupported("a variable of the kernel");

const IPV4_HEADER = read(20);
const IPV6_HEADER = read(40);
const TCP_HEADER = read(20);

// ---- the rows, by subject --------------------------------------------------------------------------------------------

/** Of an array nothing is deleted: the helper is allowed, and answers -EINVAL. */
const DELETABLE: ArgumentKind = {
  kind: "map",
  types: [...mapTypesWith("delete"), "array", "percpu_array"],
};

/**
 * Functions of C that the compiler calls where it does not expand them. No loader provides them: an object that refers to
 * them can be judged, and run where they are linked in. The numbers are nobody's.
 */
const LIBRARY: readonly Helper[] = [
  helper(0x7fff_0001, "libc_memset", [WRITE_OF_THIRD, ANYTHING, SIZE_OR_ZERO], NOTHING),
  helper(
    0x7fff_0002,
    "libc_memcpy",
    [WRITE_OF_THIRD, { kind: "memory", access: "read", orNull: false, sizeAt: 2 }, SIZE_OR_ZERO],
    NOTHING,
  ),
];

const MAPS: readonly Helper[] = [
  helper(1, "map_lookup_elem", [mapWith("lookup"), MAP_KEY], VALUE_OR_NULL),
  helper(2, "map_update_elem", [mapWith("update"), MAP_KEY, MAP_VALUE, ANYTHING], ANY_SCALAR),
  helper(3, "map_delete_elem", [DELETABLE, MAP_KEY], ANY_SCALAR),
  helper(87, "map_push_elem", [mapOf("queue", "stack", "bloom_filter"), MAP_VALUE, ANYTHING], ANY_SCALAR),
  helper(88, "map_pop_elem", [mapOf("queue", "stack"), MAP_VALUE_OUT], ANY_SCALAR),
  // Of a bloom filter the value is read; that it is taken for written is on the safe side.
  helper(89, "map_peek_elem", [mapOf("queue", "stack", "bloom_filter"), MAP_VALUE_OUT], ANY_SCALAR),
  helper(
    164,
    "for_each_map_elem",
    [
      mapOf("array", "hash", "percpu_array", "percpu_hash", "lru_hash", "lru_percpu_hash"),
      callback("map", "mapKey", "mapValue", "passed"),
      PASSED,
      ANYTHING,
    ],
    ANY_SCALAR,
  ),
  helper(
    195,
    "map_lookup_percpu_elem",
    [mapOf("percpu_array", "percpu_hash", "lru_percpu_hash"), MAP_KEY, ANYTHING],
    VALUE_OR_NULL,
  ),
  helper(
    81,
    "get_local_storage",
    [mapOf("cgroup_storage", "percpu_cgroup_storage"), ANYTHING],
    { kind: "mapValue" },
    to(...CGROUP, "cgroup_skb", "sock_ops", "lsm"),
  ),
  helper(
    107,
    "sk_storage_get",
    [mapOf("sk_storage"), ANY_SOCKET, MAP_VALUE_OR_NULL, ANYTHING],
    VALUE_OR_NULL,
    to(...TC, ...CGROUP_SOCKETS, "cgroup_skb", "sk_msg", "sock_ops", "struct_ops", ...TYPED),
  ),
  helper(
    108,
    "sk_storage_delete",
    [mapOf("sk_storage"), ANY_SOCKET],
    ANY_SCALAR,
    to(
      ...TC,
      "cgroup_sock_addr",
      "cgroup_sockopt",
      "cgroup_skb",
      "sk_msg",
      "sock_ops",
      "struct_ops",
      ...TYPED,
    ),
  ),
  helper(
    145,
    "inode_storage_get",
    [mapOf("inode_storage"), KERNEL_OBJECT, MAP_VALUE_OR_NULL, ANYTHING],
    VALUE_OR_NULL,
    to("lsm"),
  ),
  helper(146, "inode_storage_delete", [mapOf("inode_storage"), KERNEL_OBJECT], ANY_SCALAR, to("lsm")),
  helper(
    156,
    "task_storage_get",
    [mapOf("task_storage"), KERNEL_OBJECT, MAP_VALUE_OR_NULL, ANYTHING],
    VALUE_OR_NULL,
  ),
  helper(157, "task_storage_delete", [mapOf("task_storage"), KERNEL_OBJECT], ANY_SCALAR),
  helper(
    210,
    "cgrp_storage_get",
    [mapOf("cgrp_storage"), KERNEL_OBJECT, MAP_VALUE_OR_NULL, ANYTHING],
    VALUE_OR_NULL,
  ),
  helper(211, "cgrp_storage_delete", [mapOf("cgrp_storage"), KERNEL_OBJECT], ANY_SCALAR),
  helper(93, "spin_lock", [SPIN_LOCK], ANY_SCALAR),
  helper(94, "spin_unlock", [SPIN_LOCK], ANY_SCALAR),
  helper(169, "timer_init", [TIMER, ANYTHING, ANYTHING], ANY_SCALAR, GPL),
  helper(170, "timer_set_callback", [TIMER, ANYTHING], ANY_SCALAR, GPL),
  helper(171, "timer_start", [TIMER, ANYTHING, ANYTHING], ANY_SCALAR, GPL),
  helper(172, "timer_cancel", [TIMER], ANY_SCALAR, GPL),
  helper(194, "kptr_xchg", [unsupported("a kernel pointer in a map"), ANYTHING], KERNEL_OR_NULL),
];

const GENERAL: readonly Helper[] = [
  // What a call in a subprogram that succeeds leaves behind is another program's work: the packet may have moved.
  helper(12, "tail_call", [CONTEXT, mapOf("prog_array"), ANYTHING], ANY_SCALAR, MOVES),
  helper(5, "ktime_get_ns", [], ANY_SCALAR),
  helper(125, "ktime_get_boot_ns", [], ANY_SCALAR),
  helper(
    160,
    "ktime_get_coarse_ns",
    [],
    ANY_SCALAR,
    to(...NETWORKING, "cgroup_sock", "cgroup_sysctl", "sk_reuseport"),
  ),
  helper(208, "ktime_get_tai_ns", [], ANY_SCALAR),
  helper(118, "jiffies64", [], ANY_SCALAR),
  helper(6, "trace_printk", [MEMORY, SIZE, OPTIONAL, OPTIONAL, OPTIONAL], ANY_SCALAR, GPL),
  helper(177, "trace_vprintk", [MEMORY, SIZE, MEMORY_OR_NULL, SIZE_OR_ZERO], ANY_SCALAR, GPL),
  helper(
    165,
    "snprintf",
    [MEMORY_OUT_OR_NULL, SIZE_OR_ZERO, TEXT, MEMORY_OR_NULL, SIZE_OR_ZERO],
    ANY_SCALAR,
    GPL,
  ),
  helper(149, "snprintf_btf", [MEMORY_OUT, SIZE, MEMORY, SIZE, ANYTHING], ANY_SCALAR),
  helper(7, "get_prandom_u32", [], U32),
  helper(8, "get_smp_processor_id", [], U32),
  helper(42, "get_numa_node_id", [], ANY_SCALAR),
  helper(14, "get_current_pid_tgid", [], ANY_SCALAR),
  helper(15, "get_current_uid_gid", [], ANY_SCALAR),
  helper(16, "get_current_comm", [MEMORY_OUT, SIZE], ANY_SCALAR),
  helper(35, "get_current_task", [], ANY_SCALAR, GPL),
  helper(158, "get_current_task_btf", [], KERNEL, GPL),
  helper(175, "task_pt_regs", [KERNEL_OBJECT], KERNEL, GPL),
  helper(120, "get_ns_current_pid_tgid", [ANYTHING, ANYTHING, MEMORY_OUT, SIZE], ANY_SCALAR),
  helper(80, "get_current_cgroup_id", [], ANY_SCALAR),
  helper(123, "get_current_ancestor_cgroup_id", [ANYTHING], ANY_SCALAR),
  helper(37, "current_task_under_cgroup", [mapOf("cgroup_array"), ANYTHING], ANY_SCALAR),
  helper(105, "strtol", [MEMORY, WIDE_SIZE, ANYTHING, write(8)], ANY_SCALAR),
  helper(106, "strtoul", [MEMORY, WIDE_SIZE, ANYTHING, write(8)], ANY_SCALAR),
  helper(182, "strncmp", [MEMORY, SIZE, TEXT], ANY_SCALAR),
  helper(181, "loop", [ANYTHING, callback("number", "passed"), PASSED, ANYTHING], ANY_SCALAR),
  helper(153, "per_cpu_ptr", [PER_CPU, ANYTHING], KERNEL_OR_NULL),
  helper(154, "this_cpu_ptr", [PER_CPU], KERNEL),
  helper(186, "get_retval", [], ANY_SCALAR, to(...CGROUP, "lsm")),
  helper(187, "set_retval", [ANYTHING], ANY_SCALAR, to(...CGROUP, "lsm")),
];

const RINGS: readonly Helper[] = [
  helper(
    25,
    "perf_event_output",
    [CONTEXT, mapOf("perf_event_array"), ANYTHING, MEMORY, WIDE_SIZE_OR_ZERO],
    ANY_SCALAR,
    GPL,
    to(...NETWORKING, ...CGROUP.filter((type) => type !== "cgroup_sock_addr"), ...TRACING),
  ),
  helper(22, "perf_event_read", [mapOf("perf_event_array"), ANYTHING], ANY_SCALAR, GPL),
  helper(
    55,
    "perf_event_read_value",
    [mapOf("perf_event_array"), ANYTHING, MEMORY_OUT, SIZE],
    ANY_SCALAR,
    GPL,
  ),
  helper(130, "ringbuf_output", [mapOf("ringbuf"), MEMORY, WIDE_SIZE_OR_ZERO, ANYTHING], ANY_SCALAR),
  helper(131, "ringbuf_reserve", [mapOf("ringbuf"), RECORD_SIZE, ANYTHING], { kind: "recordOrNull" }),
  helper(132, "ringbuf_submit", [RECORD, ANYTHING], NOTHING),
  helper(133, "ringbuf_discard", [RECORD, ANYTHING], NOTHING),
  helper(134, "ringbuf_query", [mapOf("ringbuf"), ANYTHING], ANY_SCALAR),
  helper(209, "user_ringbuf_drain", [mapOf("user_ringbuf"), DYNPTR, ANYTHING, ANYTHING], ANY_SCALAR),
  helper(197, "dynptr_from_mem", [ANYTHING, ANYTHING, ANYTHING, DYNPTR], ANY_SCALAR),
  helper(198, "ringbuf_reserve_dynptr", [mapOf("ringbuf"), ANYTHING, ANYTHING, DYNPTR], ANY_SCALAR),
  helper(199, "ringbuf_submit_dynptr", [DYNPTR, ANYTHING], ANY_SCALAR),
  helper(200, "ringbuf_discard_dynptr", [DYNPTR, ANYTHING], ANY_SCALAR),
  helper(201, "dynptr_read", [MEMORY_OUT, SIZE_OR_ZERO, DYNPTR, ANYTHING, ANYTHING], ANY_SCALAR),
  helper(202, "dynptr_write", [DYNPTR, ANYTHING, MEMORY, SIZE_OR_ZERO, ANYTHING], ANY_SCALAR),
  helper(203, "dynptr_data", [DYNPTR, ANYTHING, ANYTHING], ANY_SCALAR),
];

const PACKETS: readonly Helper[] = [
  helper(
    9,
    "skb_store_bytes",
    [CONTEXT, ANYTHING, MEMORY, SIZE, ANYTHING],
    ANY_SCALAR,
    MOVES,
    to(...SKB_CHANGERS, "sk_skb"),
  ),
  helper(
    26,
    "skb_load_bytes",
    [CONTEXT, ANYTHING, MEMORY_OUT, SIZE],
    ANY_SCALAR,
    to(...TC, ...LWT, "socket_filter", "cgroup_skb", "sk_skb", "sk_reuseport", "flow_dissector"),
  ),
  helper(
    68,
    "skb_load_bytes_relative",
    [CONTEXT, ANYTHING, MEMORY_OUT, SIZE, ANYTHING],
    ANY_SCALAR,
    to(...TC, "socket_filter", "cgroup_skb", "sk_reuseport"),
  ),
  helper(
    10,
    "l3_csum_replace",
    [CONTEXT, ANYTHING, ANYTHING, ANYTHING, ANYTHING],
    ANY_SCALAR,
    MOVES,
    to(...SKB_CHANGERS),
  ),
  helper(
    11,
    "l4_csum_replace",
    [CONTEXT, ANYTHING, ANYTHING, ANYTHING, ANYTHING],
    ANY_SCALAR,
    MOVES,
    to(...SKB_CHANGERS),
  ),
  helper(
    28,
    "csum_diff",
    [MEMORY_OR_NULL, SIZE_OR_ZERO, MEMORY_OR_NULL, SIZE_OR_ZERO, ANYTHING],
    ANY_SCALAR,
    to(...TC, ...LWT, "xdp"),
  ),
  helper(40, "csum_update", [CONTEXT, ANYTHING], ANY_SCALAR, to(...SKB_CHANGERS)),
  helper(135, "csum_level", [CONTEXT, ANYTHING], ANY_SCALAR, to(...SKB_CHANGERS)),
  helper(13, "clone_redirect", [CONTEXT, ANYTHING, ANYTHING], ANY_SCALAR, MOVES, to(...SKB_CHANGERS)),
  helper(23, "redirect", [ANYTHING, ANYTHING], ANY_SCALAR, to(...SKB_CHANGERS, "xdp")),
  helper(155, "redirect_peer", [ANYTHING, ANYTHING], ANY_SCALAR, to(...TC)),
  helper(152, "redirect_neigh", [ANYTHING, MEMORY_OR_NULL, SIZE_OR_ZERO, ANYTHING], ANY_SCALAR, to(...TC)),
  helper(18, "skb_vlan_push", [CONTEXT, ANYTHING, ANYTHING], ANY_SCALAR, MOVES, to(...TC)),
  helper(19, "skb_vlan_pop", [CONTEXT], ANY_SCALAR, MOVES, to(...TC)),
  helper(31, "skb_change_proto", [CONTEXT, ANYTHING, ANYTHING], ANY_SCALAR, MOVES, to(...TC)),
  helper(32, "skb_change_type", [CONTEXT, ANYTHING], ANY_SCALAR, to(...TC)),
  helper(
    38,
    "skb_change_tail",
    [CONTEXT, ANYTHING, ANYTHING],
    ANY_SCALAR,
    MOVES,
    to(...SKB_CHANGERS, "sk_skb"),
  ),
  helper(
    43,
    "skb_change_head",
    [CONTEXT, ANYTHING, ANYTHING],
    ANY_SCALAR,
    MOVES,
    to(...SKB_CHANGERS, "sk_skb"),
  ),
  helper(39, "skb_pull_data", [CONTEXT, ANYTHING], ANY_SCALAR, MOVES, to(...TC, ...LWT, "sk_skb")),
  helper(
    50,
    "skb_adjust_room",
    [CONTEXT, ANYTHING, ANYTHING, ANYTHING],
    ANY_SCALAR,
    MOVES,
    to(...TC, "sk_skb"),
  ),
  helper(20, "skb_get_tunnel_key", [CONTEXT, MEMORY_OUT, SIZE, ANYTHING], ANY_SCALAR, to(...SKB_CHANGERS)),
  helper(21, "skb_set_tunnel_key", [CONTEXT, MEMORY, SIZE, ANYTHING], ANY_SCALAR, to(...SKB_CHANGERS)),
  helper(29, "skb_get_tunnel_opt", [CONTEXT, MEMORY_OUT, SIZE], ANY_SCALAR, to(...SKB_CHANGERS)),
  helper(30, "skb_set_tunnel_opt", [CONTEXT, MEMORY, SIZE], ANY_SCALAR, to(...SKB_CHANGERS)),
  helper(66, "skb_get_xfrm_state", [CONTEXT, ANYTHING, MEMORY_OUT, SIZE, ANYTHING], ANY_SCALAR, to(...TC)),
  helper(33, "skb_under_cgroup", [CONTEXT, mapOf("cgroup_array"), ANYTHING], ANY_SCALAR, to(...TC, ...LWT)),
  helper(34, "get_hash_recalc", [CONTEXT], ANY_SCALAR, to(...TC, ...LWT)),
  helper(41, "set_hash_invalid", [CONTEXT], ANY_SCALAR, to(...SKB_CHANGERS)),
  helper(48, "set_hash", [CONTEXT, ANYTHING], ANY_SCALAR, to(...TC)),
  helper(24, "get_route_realm", [CONTEXT], ANY_SCALAR, to(...TC, ...LWT)),
  // For packets their socket's class is meant, else the current task's.
  helper(17, "get_cgroup_classid", [OPTIONAL], ANY_SCALAR),
  helper(151, "skb_cgroup_classid", [CONTEXT], ANY_SCALAR, to(...TC)),
  helper(79, "skb_cgroup_id", [CONTEXT], ANY_SCALAR, to(...TC, "cgroup_skb")),
  helper(83, "skb_ancestor_cgroup_id", [CONTEXT, ANYTHING], ANY_SCALAR, to(...TC, "cgroup_skb")),
  helper(97, "skb_ecn_set_ce", [CONTEXT], ANY_SCALAR, to(...TC, "cgroup_skb")),
  helper(192, "skb_set_tstamp", [CONTEXT, ANYTHING, ANYTHING], ANY_SCALAR, to(...TC)),
  // The parameters are filled in with the route.
  helper(69, "fib_lookup", [CONTEXT, MEMORY_IN_OUT, SIZE, ANYTHING], ANY_SCALAR, GPL, to(...TC, "xdp")),
  helper(
    163,
    "check_mtu",
    [CONTEXT, ANYTHING, { kind: "fixedMemory", sizeBytes: 4, access: "readWrite" }, ANYTHING, ANYTHING],
    ANY_SCALAR,
    GPL,
    to(...TC, "xdp"),
  ),
  helper(44, "xdp_adjust_head", [CONTEXT, ANYTHING], ANY_SCALAR, MOVES, to("xdp")),
  helper(54, "xdp_adjust_meta", [CONTEXT, ANYTHING], ANY_SCALAR, MOVES, to("xdp")),
  helper(65, "xdp_adjust_tail", [CONTEXT, ANYTHING], ANY_SCALAR, MOVES, to("xdp")),
  helper(188, "xdp_get_buff_len", [CONTEXT], ANY_SCALAR, to("xdp")),
  helper(188, "xdp_get_buff_len", [KERNEL_OBJECT], ANY_SCALAR, to(...TYPED)),
  helper(189, "xdp_load_bytes", [CONTEXT, ANYTHING, MEMORY_OUT, SIZE], ANY_SCALAR, to("xdp")),
  helper(190, "xdp_store_bytes", [CONTEXT, ANYTHING, MEMORY, SIZE], ANY_SCALAR, to("xdp")),
  helper(
    51,
    "redirect_map",
    [mapOf("devmap", "devmap_hash", "cpumap", "xskmap"), ANYTHING, ANYTHING],
    ANY_SCALAR,
    to("xdp"),
  ),
  helper(
    73,
    "lwt_push_encap",
    [CONTEXT, ANYTHING, MEMORY, SIZE],
    ANY_SCALAR,
    MOVES,
    to("lwt_in", "lwt_xmit"),
  ),
  helper(
    74,
    "lwt_seg6_store_bytes",
    [CONTEXT, ANYTHING, MEMORY, SIZE],
    ANY_SCALAR,
    MOVES,
    to("lwt_seg6local"),
  ),
  helper(75, "lwt_seg6_adjust_srh", [CONTEXT, ANYTHING, ANYTHING], ANY_SCALAR, MOVES, to("lwt_seg6local")),
  helper(76, "lwt_seg6_action", [CONTEXT, ANYTHING, MEMORY, SIZE], ANY_SCALAR, MOVES, to("lwt_seg6local")),
];

const TUPLE_LOOKUP: readonly ArgumentKind[] = [CONTEXT, MEMORY, SIZE, ANYTHING, ANYTHING];
const OPTION_SET: readonly ArgumentKind[] = [CONTEXT, ANYTHING, ANYTHING, MEMORY, SIZE];
const OPTION_GET: readonly ArgumentKind[] = [CONTEXT, ANYTHING, ANYTHING, MEMORY_OUT, SIZE];

/** Other views of one socket; null if it is none of that kind. */
function converted(id: number, name: string): Helper {
  return helper(id, name, [ANY_SOCKET], KERNEL_OR_NULL, to(...NETWORKING, "struct_ops", ...TYPED));
}

const SOCKET_HELPERS: readonly Helper[] = [
  helper(84, "sk_lookup_tcp", TUPLE_LOOKUP, object("socket", true), to(...SOCKET_LOOKUP)),
  helper(85, "sk_lookup_udp", TUPLE_LOOKUP, object("socket", true), to(...SOCKET_LOOKUP)),
  helper(99, "skc_lookup_tcp", TUPLE_LOOKUP, object("sock_common", true), to(...SOCKET_LOOKUP)),
  helper(86, "sk_release", [RELEASED_SOCKET], ANY_SCALAR, to(...SOCKET_LOOKUP, "sk_lookup")),
  helper(95, "sk_fullsock", [ANY_SOCKET], object("socket", false), to(...TC, "cgroup_skb")),
  helper(
    96,
    "tcp_sock",
    [ANY_SOCKET],
    object("tcp_sock", false),
    to(...TC, "cgroup_skb", "cgroup_sockopt", "sock_ops"),
  ),
  helper(98, "get_listener_sock", [ANY_SOCKET], object("socket", false), to(...TC, "cgroup_skb")),
  helper(124, "sk_assign", [CONTEXT, ANY_SOCKET, ANYTHING], ANY_SCALAR, to(...TC)),
  helper(124, "sk_assign", [CONTEXT, FULL_SOCKET_OR_NULL, ANYTHING], ANY_SCALAR, to("sk_lookup")),
  converted(136, "skc_to_tcp6_sock"),
  converted(137, "skc_to_tcp_sock"),
  converted(138, "skc_to_tcp_timewait_sock"),
  converted(139, "skc_to_tcp_request_sock"),
  converted(140, "skc_to_udp6_sock"),
  converted(178, "skc_to_unix_sock"),
  converted(196, "skc_to_mptcp_sock"),
  helper(128, "sk_cgroup_id", [ANY_SOCKET], ANY_SCALAR, to("cgroup_skb")),
  helper(129, "sk_ancestor_cgroup_id", [ANY_SOCKET, ANYTHING], ANY_SCALAR, to("cgroup_skb")),
  helper(
    46,
    "get_socket_cookie",
    [CONTEXT],
    ANY_SCALAR,
    to(...TC, "socket_filter", "cgroup_skb", "cgroup_sock", "cgroup_sock_addr", "sk_skb", "sock_ops"),
  ),
  helper(46, "get_socket_cookie", [ANY_SOCKET], ANY_SCALAR, to("sk_reuseport", ...TYPED)),
  helper(47, "get_socket_uid", [CONTEXT], ANY_SCALAR, to(...TC, "socket_filter", "cgroup_skb", "sk_skb")),
  helper(
    122,
    "get_netns_cookie",
    [CONTEXT_OR_NULL],
    ANY_SCALAR,
    to(...TC, ...CGROUP_SOCKETS, "socket_filter", "cgroup_skb", "sk_msg", "sock_ops"),
  ),
  helper(49, "setsockopt", OPTION_SET, ANY_SCALAR, to("cgroup_sock_addr", "sock_ops")),
  helper(
    49,
    "setsockopt",
    [ANY_SOCKET, ...OPTION_SET.slice(1)],
    ANY_SCALAR,
    to("cgroup_sockopt", "struct_ops", ...TYPED),
  ),
  helper(57, "getsockopt", OPTION_GET, ANY_SCALAR, to("cgroup_sock_addr", "sock_ops")),
  helper(
    57,
    "getsockopt",
    [ANY_SOCKET, ...OPTION_GET.slice(1)],
    ANY_SCALAR,
    to("cgroup_sockopt", "struct_ops", ...TYPED),
  ),
  helper(64, "bind", [CONTEXT, MEMORY, SIZE], ANY_SCALAR, to("cgroup_sock_addr")),
  helper(59, "sock_ops_cb_flags_set", [CONTEXT, ANYTHING], ANY_SCALAR, to("sock_ops")),
  helper(142, "load_hdr_opt", [CONTEXT, MEMORY_IN_OUT, SIZE, ANYTHING], ANY_SCALAR, to("sock_ops")),
  helper(143, "store_hdr_opt", [CONTEXT, MEMORY, SIZE, ANYTHING], ANY_SCALAR, to("sock_ops")),
  helper(144, "reserve_hdr_opt", [CONTEXT, ANYTHING, ANYTHING], ANY_SCALAR, to("sock_ops")),
  helper(53, "sock_map_update", [CONTEXT, mapOf("sockmap"), MAP_KEY, ANYTHING], ANY_SCALAR, to("sock_ops")),
  helper(70, "sock_hash_update", [CONTEXT, mapOf("sockhash"), MAP_KEY, ANYTHING], ANY_SCALAR, to("sock_ops")),
  helper(52, "sk_redirect_map", [CONTEXT, mapOf("sockmap"), ANYTHING, ANYTHING], ANY_SCALAR, to("sk_skb")),
  helper(72, "sk_redirect_hash", [CONTEXT, mapOf("sockhash"), MAP_KEY, ANYTHING], ANY_SCALAR, to("sk_skb")),
  helper(60, "msg_redirect_map", [CONTEXT, mapOf("sockmap"), ANYTHING, ANYTHING], ANY_SCALAR, to("sk_msg")),
  helper(71, "msg_redirect_hash", [CONTEXT, mapOf("sockhash"), MAP_KEY, ANYTHING], ANY_SCALAR, to("sk_msg")),
  helper(61, "msg_apply_bytes", [CONTEXT, ANYTHING], ANY_SCALAR, to("sk_msg")),
  helper(62, "msg_cork_bytes", [CONTEXT, ANYTHING], ANY_SCALAR, to("sk_msg")),
  helper(63, "msg_pull_data", [CONTEXT, ANYTHING, ANYTHING, ANYTHING], ANY_SCALAR, MOVES, to("sk_msg")),
  helper(90, "msg_push_data", [CONTEXT, ANYTHING, ANYTHING, ANYTHING], ANY_SCALAR, MOVES, to("sk_msg")),
  helper(91, "msg_pop_data", [CONTEXT, ANYTHING, ANYTHING, ANYTHING], ANY_SCALAR, MOVES, to("sk_msg")),
  helper(
    82,
    "sk_select_reuseport",
    [CONTEXT, mapOf("reuseport_sockarray", "sockmap", "sockhash"), MAP_KEY, ANYTHING],
    ANY_SCALAR,
    to("sk_reuseport"),
  ),
  helper(
    100,
    "tcp_check_syncookie",
    [ANY_SOCKET, MEMORY, SIZE, MEMORY, SIZE],
    ANY_SCALAR,
    GPL,
    to(...TC, "xdp"),
  ),
  helper(
    110,
    "tcp_gen_syncookie",
    [ANY_SOCKET, MEMORY, SIZE, MEMORY, SIZE],
    ANY_SCALAR,
    GPL,
    to(...TC, "xdp"),
  ),
  helper(204, "tcp_raw_gen_syncookie_ipv4", [IPV4_HEADER, MEMORY, SIZE], ANY_SCALAR, GPL, to(...TC, "xdp")),
  helper(205, "tcp_raw_gen_syncookie_ipv6", [IPV6_HEADER, MEMORY, SIZE], ANY_SCALAR, GPL, to(...TC, "xdp")),
  helper(206, "tcp_raw_check_syncookie_ipv4", [IPV4_HEADER, TCP_HEADER], ANY_SCALAR, GPL, to(...TC, "xdp")),
  helper(207, "tcp_raw_check_syncookie_ipv6", [IPV6_HEADER, TCP_HEADER], ANY_SCALAR, GPL, to(...TC, "xdp")),
  helper(116, "tcp_send_ack", [KERNEL_OBJECT, ANYTHING], ANY_SCALAR, GPL, to("struct_ops")),
  helper(101, "sysctl_get_name", [CONTEXT, MEMORY_OUT, WIDE_SIZE, ANYTHING], ANY_SCALAR, to("cgroup_sysctl")),
  helper(102, "sysctl_get_current_value", [CONTEXT, MEMORY_OUT, WIDE_SIZE], ANY_SCALAR, to("cgroup_sysctl")),
  helper(103, "sysctl_get_new_value", [CONTEXT, MEMORY_OUT, WIDE_SIZE], ANY_SCALAR, to("cgroup_sysctl")),
  helper(104, "sysctl_set_new_value", [CONTEXT, MEMORY, WIDE_SIZE], ANY_SCALAR, to("cgroup_sysctl")),
];

/** What copies from addresses that may not be there: any number is such an address. */
const PROBE: readonly ArgumentKind[] = [MEMORY_OUT, SIZE_OR_ZERO, ANYTHING];

const TRACING_HELPERS: readonly Helper[] = [
  helper(4, "probe_read", PROBE, ANY_SCALAR, GPL, to(...TRACING)),
  helper(45, "probe_read_str", PROBE, ANY_SCALAR, GPL, to(...TRACING)),
  helper(112, "probe_read_user", PROBE, ANY_SCALAR, GPL),
  helper(113, "probe_read_kernel", PROBE, ANY_SCALAR, GPL),
  helper(114, "probe_read_user_str", PROBE, ANY_SCALAR, GPL),
  helper(115, "probe_read_kernel_str", PROBE, ANY_SCALAR, GPL),
  helper(36, "probe_write_user", [ANYTHING, MEMORY, SIZE], ANY_SCALAR, GPL, to(...TRACING)),
  helper(148, "copy_from_user", PROBE, ANY_SCALAR, SLEEPS),
  helper(191, "copy_from_user_task", [...PROBE, KERNEL_OBJECT, ANYTHING], ANY_SCALAR, GPL, SLEEPS),
  helper(27, "get_stackid", [CONTEXT, mapOf("stack_trace"), ANYTHING], ANY_SCALAR, GPL, to(...TRACING)),
  helper(67, "get_stack", [CONTEXT, MEMORY_OUT, SIZE_OR_ZERO, ANYTHING], ANY_SCALAR, GPL, to(...TRACING)),
  helper(141, "get_task_stack", [KERNEL_OBJECT, MEMORY_OUT, SIZE_OR_ZERO, ANYTHING], ANY_SCALAR),
  helper(56, "perf_prog_read_value", [CONTEXT, MEMORY_OUT, SIZE], ANY_SCALAR, GPL, to("perf_event")),
  helper(
    119,
    "read_branch_records",
    [CONTEXT, MEMORY_OUT_OR_NULL, SIZE_OR_ZERO, ANYTHING],
    ANY_SCALAR,
    GPL,
    to("perf_event"),
  ),
  helper(176, "get_branch_snapshot", [MEMORY_OUT, SIZE_OR_ZERO, ANYTHING], ANY_SCALAR, GPL),
  helper(58, "override_return", [CONTEXT, ANYTHING], ANY_SCALAR, GPL, to("kprobe")),
  helper(109, "send_signal", [ANYTHING], ANY_SCALAR),
  helper(117, "send_signal_thread", [ANYTHING], ANY_SCALAR),
  helper(173, "get_func_ip", [CONTEXT], ANY_SCALAR, GPL, to(...TRACING)),
  helper(174, "get_attach_cookie", [CONTEXT], ANY_SCALAR, to(...TRACING)),
  helper(183, "get_func_arg", [CONTEXT, ANYTHING, write(8)], ANY_SCALAR, to("tracing", "lsm")),
  helper(184, "get_func_ret", [CONTEXT, write(8)], ANY_SCALAR, to("tracing", "lsm")),
  helper(185, "get_func_arg_cnt", [CONTEXT], ANY_SCALAR, to("tracing", "lsm")),
  helper(
    180,
    "find_vma",
    [KERNEL_OBJECT, ANYTHING, callback("kernel", "kernel", "passed"), PASSED, ANYTHING],
    ANY_SCALAR,
  ),
  helper(
    111,
    "skb_output",
    [KERNEL_OBJECT, mapOf("perf_event_array"), ANYTHING, MEMORY, WIDE_SIZE_OR_ZERO],
    ANY_SCALAR,
    GPL,
    to(...TYPED),
  ),
  helper(
    121,
    "xdp_output",
    [KERNEL_OBJECT, mapOf("perf_event_array"), ANYTHING, MEMORY, WIDE_SIZE_OR_ZERO],
    ANY_SCALAR,
    GPL,
    to(...TYPED),
  ),
  helper(
    126,
    "seq_printf",
    [KERNEL_OBJECT, MEMORY, SIZE, MEMORY_OR_NULL, SIZE_OR_ZERO],
    ANY_SCALAR,
    GPL,
    to("tracing"),
  ),
  helper(127, "seq_write", [KERNEL_OBJECT, MEMORY, SIZE_OR_ZERO], ANY_SCALAR, GPL, to("tracing")),
  helper(
    150,
    "seq_printf_btf",
    [KERNEL_OBJECT, MEMORY, SIZE_OR_ZERO, ANYTHING],
    ANY_SCALAR,
    GPL,
    to("tracing"),
  ),
  helper(147, "d_path", [KERNEL_OBJECT, MEMORY_OUT, SIZE_OR_ZERO], ANY_SCALAR, to(...TYPED)),
  helper(162, "sock_from_file", [KERNEL_OBJECT], KERNEL_OR_NULL, to(...TYPED)),
  helper(159, "bprm_opts_set", [KERNEL_OBJECT, ANYTHING], ANY_SCALAR, to("lsm")),
  helper(161, "ima_inode_hash", [KERNEL_OBJECT, MEMORY_OUT, SIZE], ANY_SCALAR, to("lsm"), SLEEPS),
  helper(193, "ima_file_hash", [KERNEL_OBJECT, MEMORY_OUT, SIZE], ANY_SCALAR, to("lsm"), SLEEPS),
  helper(166, "sys_bpf", [ANYTHING, MEMORY_IN_OUT, SIZE], ANY_SCALAR, to("syscall")),
  helper(167, "btf_find_by_name_kind", [MEMORY, SIZE, ANYTHING, ANYTHING], ANY_SCALAR, to("syscall")),
  helper(168, "sys_close", [ANYTHING], ANY_SCALAR, to("syscall")),
  helper(179, "kallsyms_lookup_name", [MEMORY, SIZE_OR_ZERO, ANYTHING, write(8)], ANY_SCALAR, to("syscall")),
  helper(77, "rc_repeat", [CONTEXT], ANY_SCALAR, GPL, to("lirc_mode2")),
  helper(78, "rc_keydown", [CONTEXT, ANYTHING, ANYTHING, ANYTHING], ANY_SCALAR, GPL, to("lirc_mode2")),
  helper(92, "rc_pointer_rel", [CONTEXT, ANYTHING, ANYTHING], ANY_SCALAR, GPL, to("lirc_mode2")),
];

export const HELPERS: readonly Helper[] = [
  ...MAPS,
  ...LIBRARY,
  ...GENERAL,
  ...RINGS,
  ...PACKETS,
  ...SOCKET_HELPERS,
  ...TRACING_HELPERS,
];
