// The contexts of Linux' program types and the objects they point to: layouts of uapi/linux/bpf.h, and for each type what
// its programs may read and write, in which widths (the is_valid_access rules of Linux 6.18, tried field by field). Data.
import type { ContextDescriptor, ContextField, ObjectType } from "../platform.ts";
import { pointerField } from "../rows.ts";

type Rule = Partial<Pick<ContextField, "writable" | "narrow" | "leastWriteBytes">>;

/** Read whole only. */
const WHOLE: Rule = { narrow: false };
/** Read in parts too, written whole. */
const WRITABLE: Rule = { writable: true, leastWriteBytes: 4 };
/** Read and written whole. */
const WHOLE_WRITABLE: Rule = { writable: true, narrow: false };

function field(name: string, byteOffset: number, sizeBytes: number, rule: Rule = {}): ContextField {
  return { name, byteOffset, sizeBytes, kind: "scalar", writable: false, narrow: true, ...rule };
}

/** Fields of 4 bytes in a row. */
function words(names: readonly string[], byteOffset: number, rule: Rule = {}): ContextField[] {
  return names.map((name, index) => field(name, byteOffset + 4 * index, 4, rule));
}

/** The words of an array; Linux lets no access reach over two of them. */
function array(name: string, length: number, byteOffset: number, rule: Rule = {}): ContextField[] {
  return words(
    Array.from({ length }, (_, index) => `${name}[${index}]`),
    byteOffset,
    rule,
  );
}

function objectField(name: string, byteOffset: number, type: string, nullable: boolean): ContextField {
  return {
    ...field(name, byteOffset, 8, WHOLE),
    kind: "object",
    pointsTo: { kind: "object", type, nullable },
  };
}

/** The same fields with other rules for some of them. */
function ruled(fields: readonly ContextField[], rules: Readonly<Record<string, Rule>>): ContextField[] {
  return fields.map((one) => ({ ...one, ...rules[one.name] }));
}

function only(fields: readonly ContextField[], names: readonly string[]): ContextField[] {
  return fields.filter((one) => names.includes(one.name));
}

// ---- struct bpf_sock and what else a socket can be -------------------------------------------------------------------

const SOCK_FIELDS: readonly ContextField[] = [
  field("bound_dev_if", 0, 4, WHOLE),
  ...words(["family", "type", "protocol"], 4),
  ...words(["mark", "priority"], 16, WHOLE),
  field("src_ip4", 24, 4),
  ...array("src_ip6", 4, 28),
  field("src_port", 44, 4, WHOLE),
  // 16 bits wide since Linux 5.16; older programs read 32, of which the upper ones are 0.
  field("dst_port", 48, 4),
  field("dst_ip4", 52, 4),
  ...array("dst_ip6", 4, 56),
  field("state", 72, 4),
  field("rx_queue_mapping", 76, 4),
];

/** What may be read of a socket that may be a request or in TIME_WAIT. */
const SOCK_COMMON_FIELDS = [
  "bound_dev_if",
  "family",
  "src_ip4",
  ...[0, 1, 2, 3].map((index) => `src_ip6[${index}]`),
  "src_port",
  "dst_port",
  "dst_ip4",
  ...[0, 1, 2, 3].map((index) => `dst_ip6[${index}]`),
  "state",
  "rx_queue_mapping",
];

const SOCK_BYTES = 80;

const TCP_SOCK_FIELDS: readonly ContextField[] = [
  ...words(
    [
      "snd_cwnd",
      "srtt_us",
      "rtt_min",
      "snd_ssthresh",
      "rcv_nxt",
      "snd_nxt",
      "snd_una",
      "mss_cache",
      "ecn_flags",
      "rate_delivered",
      "rate_interval_us",
      "packets_out",
      "retrans_out",
      "total_retrans",
      "segs_in",
      "data_segs_in",
      "segs_out",
      "data_segs_out",
      "lost_out",
      "sacked_out",
    ],
    0,
    WHOLE,
  ),
  field("bytes_received", 80, 8, WHOLE),
  field("bytes_acked", 88, 8, WHOLE),
  ...words(["dsack_dups", "delivered", "delivered_ce", "icsk_retransmits"], 96, WHOLE),
];

const FLOW_KEYS_FIELDS: readonly ContextField[] = [
  field("nhoff", 0, 2, { writable: true }),
  field("thoff", 2, 2, { writable: true }),
  field("addr_proto", 4, 2, { writable: true }),
  field("is_frag", 6, 1, { writable: true }),
  field("is_first_frag", 7, 1, { writable: true }),
  field("is_encap", 8, 1, { writable: true }),
  field("ip_proto", 9, 1, { writable: true }),
  field("n_proto", 10, 2, { writable: true }),
  field("sport", 12, 2, { writable: true }),
  field("dport", 14, 2, { writable: true }),
  // In IPv4 the first two words.
  field("ipv6_src", 16, 16, { writable: true }),
  field("ipv6_dst", 32, 16, { writable: true }),
  field("flags", 48, 4, { writable: true }),
  field("flow_label", 52, 4, { writable: true }),
];

export const OBJECT_TYPES: readonly ObjectType[] = [
  { name: "sock_common", sizeBytes: SOCK_BYTES, fields: only(SOCK_FIELDS, SOCK_COMMON_FIELDS) },
  { name: "socket", sizeBytes: SOCK_BYTES, fields: SOCK_FIELDS },
  { name: "tcp_sock", sizeBytes: 112, fields: TCP_SOCK_FIELDS },
  { name: "flow_keys", sizeBytes: 56, fields: FLOW_KEYS_FIELDS },
];

// ---- struct __sk_buff ------------------------------------------------------------------------------------------------

const SKB_BYTES = 192;

const SKB_HEAD: readonly ContextField[] = [
  ...words(["len", "pkt_type", "mark", "queue_mapping", "protocol"], 0),
  ...words(
    ["vlan_present", "vlan_tci", "vlan_proto", "priority", "ingress_ifindex", "ifindex", "tc_index"],
    20,
  ),
  // u32 cb[5], which may be accessed in any aligned piece.
  field("cb", 48, 20, { writable: true }),
  field("hash", 68, 4),
];
const SKB_CLASSID: readonly ContextField[] = [field("tc_classid", 72, 4, WRITABLE)];
const SKB_DATA: readonly ContextField[] = [
  pointerField("data", 76, 4, "packetStart"),
  pointerField("data_end", 80, 4, "packetEnd"),
];
const SKB_NAPI: readonly ContextField[] = [field("napi_id", 84, 4)];
const SKB_SOCKET: readonly ContextField[] = [
  field("family", 88, 4),
  ...words(["remote_ip4", "local_ip4"], 92, WHOLE),
  ...array("remote_ip6", 4, 100, WHOLE),
  ...array("local_ip6", 4, 116, WHOLE),
  ...words(["remote_port", "local_port"], 132),
];
const SKB_META: readonly ContextField[] = [pointerField("data_meta", 140, 4, "packetMeta")];
const SKB_TIME: readonly ContextField[] = [field("tstamp", 152, 8, WHOLE_WRITABLE)];
const SKB_WIRE: readonly ContextField[] = [field("wire_len", 160, 4)];
const SKB_TAIL: readonly ContextField[] = [
  field("gso_segs", 164, 4),
  objectField("sk", 168, "sock_common", true),
  field("gso_size", 176, 4),
];
const SKB_TIME_TYPE: readonly ContextField[] = [field("tstamp_type", 180, 1)];
const SKB_HARDWARE_TIME: readonly ContextField[] = [field("hwtstamp", 184, 8, WHOLE)];

function skb(fields: readonly ContextField[], rest: Partial<ContextDescriptor> = {}): ContextDescriptor {
  return { name: "__sk_buff", sizeBytes: SKB_BYTES, fields, ...rest };
}

export const SKB_OF_SOCKET_FILTER = skb([...SKB_HEAD, ...SKB_NAPI, ...SKB_TAIL]);

export const SKB_OF_TC = skb(
  ruled(
    [
      ...SKB_HEAD,
      ...SKB_CLASSID,
      ...SKB_DATA,
      ...SKB_NAPI,
      ...SKB_META,
      ...SKB_TIME,
      ...SKB_WIRE,
      ...SKB_TAIL,
      ...SKB_TIME_TYPE,
      ...SKB_HARDWARE_TIME,
    ],
    { mark: WRITABLE, queue_mapping: WRITABLE, priority: WRITABLE, tc_index: WRITABLE },
  ),
);

export const SKB_OF_CGROUP = skb(
  ruled(
    [...SKB_HEAD, ...SKB_DATA, ...SKB_NAPI, ...SKB_SOCKET, ...SKB_TIME, ...SKB_TAIL, ...SKB_HARDWARE_TIME],
    { mark: WRITABLE, priority: WRITABLE },
  ),
  { packetReadOnly: true },
);

const LWT_FIELDS = ruled([...SKB_HEAD, ...SKB_DATA, ...SKB_NAPI, ...SKB_TAIL], {
  mark: WRITABLE,
  priority: WRITABLE,
});

/** Routes that hand packets in or out may look at them only; lwt_xmit may write. */
export const SKB_OF_LWT = skb(LWT_FIELDS, { packetReadOnly: true });
export const SKB_OF_LWT_XMIT = skb(LWT_FIELDS);

export const SKB_OF_SK_SKB = skb(
  ruled(
    [...SKB_HEAD.filter(({ name }) => name !== "mark"), ...SKB_DATA, ...SKB_NAPI, ...SKB_SOCKET, ...SKB_TAIL],
    { priority: WRITABLE, tc_index: WRITABLE, cb: { writable: false } },
  ),
);

export const SKB_OF_FLOW_DISSECTOR = skb([...SKB_DATA, objectField("flow_keys", 144, "flow_keys", false)], {
  packetReadOnly: true,
});

// ---- the other networking contexts -----------------------------------------------------------------------------------

/** Every field 32 bits wide, also those that the program receives as pointers. */
function xdp(...more: readonly ContextField[]): ContextDescriptor {
  return {
    name: "xdp_md",
    sizeBytes: 24,
    fields: [
      pointerField("data", 0, 4, "packetStart"),
      pointerField("data_end", 4, 4, "packetEnd"),
      pointerField("data_meta", 8, 4, "packetMeta"),
      ...words(["ingress_ifindex", "rx_queue_index"], 12, WHOLE),
      ...more,
    ],
  };
}

export const XDP_MD = xdp();
/** Only a program in a device map knows where the frame goes. */
export const XDP_MD_OF_DEVMAP = xdp(field("egress_ifindex", 20, 4, WHOLE));

function sock(fields: readonly ContextField[]): ContextDescriptor {
  return { name: "bpf_sock", sizeBytes: SOCK_BYTES, fields };
}

const SOCK_WITHOUT_SOURCE = SOCK_FIELDS.filter(({ name }) => !name.startsWith("src_"));

const SOCK_CREATED = ruled(SOCK_WITHOUT_SOURCE, {
  bound_dev_if: WHOLE_WRITABLE,
  mark: WHOLE_WRITABLE,
  priority: WHOLE_WRITABLE,
});
const SOCK_WITHOUT_MARKS = SOCK_FIELDS.filter(
  ({ name }) => !["bound_dev_if", "mark", "priority"].includes(name),
);

/** A socket that is made or goes away; an address it has not yet, or no more. */
export const SOCK_OF_CREATE = sock(SOCK_CREATED);
export const SOCK_OF_POST_BIND4 = sock(SOCK_WITHOUT_MARKS.filter(({ name }) => !name.startsWith("src_ip6")));
export const SOCK_OF_POST_BIND6 = sock(SOCK_WITHOUT_MARKS.filter(({ name }) => name !== "src_ip4"));
/** What all of them allow. */
export const SOCK = sock(SOCK_WITHOUT_SOURCE.filter((one) => SOCK_WITHOUT_MARKS.includes(one)));

const SOCK_ADDR_HEAD = [field("user_family", 0, 4, WHOLE)];
const SOCK_ADDR_USER4 = [field("user_ip4", 4, 4, WRITABLE)];
// u32 user_ip6[4], read and written by words or pairs of them.
const SOCK_ADDR_USER6 = [field("user_ip6", 8, 16, WRITABLE)];
const SOCK_ADDR_MIDDLE = [
  field("user_port", 24, 4, WRITABLE),
  ...words(["family", "type", "protocol"], 28, WHOLE),
];
const SOCK_ADDR_SOURCE4 = [field("msg_src_ip4", 40, 4, WRITABLE)];
const SOCK_ADDR_SOURCE6 = [field("msg_src_ip6", 44, 16, WRITABLE)];
const SOCK_ADDR_TAIL = [objectField("sk", 64, "socket", false)];

function sockAddr(...fields: readonly ContextField[]): ContextDescriptor {
  return { name: "bpf_sock_addr", sizeBytes: 72, fields };
}

/** Where the hook is not known: what all hooks allow. */
export const SOCK_ADDR = sockAddr(...SOCK_ADDR_HEAD, ...SOCK_ADDR_MIDDLE, ...SOCK_ADDR_TAIL);
export const SOCK_ADDR4 = sockAddr(
  ...SOCK_ADDR_HEAD,
  ...SOCK_ADDR_USER4,
  ...SOCK_ADDR_MIDDLE,
  ...SOCK_ADDR_TAIL,
);
export const SOCK_ADDR6 = sockAddr(
  ...SOCK_ADDR_HEAD,
  ...SOCK_ADDR_USER6,
  ...SOCK_ADDR_MIDDLE,
  ...SOCK_ADDR_TAIL,
);
export const SOCK_ADDR_SENDMSG4 = sockAddr(
  ...SOCK_ADDR_HEAD,
  ...SOCK_ADDR_USER4,
  ...SOCK_ADDR_MIDDLE,
  ...SOCK_ADDR_SOURCE4,
  ...SOCK_ADDR_TAIL,
);
export const SOCK_ADDR_SENDMSG6 = sockAddr(
  ...SOCK_ADDR_HEAD,
  ...SOCK_ADDR_USER6,
  ...SOCK_ADDR_MIDDLE,
  ...SOCK_ADDR_SOURCE6,
  ...SOCK_ADDR_TAIL,
);

export const SOCK_OPS: ContextDescriptor = {
  name: "bpf_sock_ops",
  sizeBytes: 224,
  packetReadOnly: true,
  fields: [
    field("op", 0, 4, WHOLE),
    // u32 args[4] before the program, reply after it.
    field("reply", 4, 4, WHOLE_WRITABLE),
    ...words(["args[1]", "args[2]", "args[3]", "family", "remote_ip4", "local_ip4"], 8, WHOLE),
    ...array("remote_ip6", 4, 32, WHOLE),
    ...array("local_ip6", 4, 48, WHOLE),
    ...words(
      [
        "remote_port",
        "local_port",
        "is_fullsock",
        "snd_cwnd",
        "srtt_us",
        "bpf_sock_ops_cb_flags",
        "state",
        "rtt_min",
        "snd_ssthresh",
        "rcv_nxt",
        "snd_nxt",
        "snd_una",
        "mss_cache",
        "ecn_flags",
        "rate_delivered",
        "rate_interval_us",
        "packets_out",
        "retrans_out",
        "total_retrans",
        "segs_in",
        "data_segs_in",
        "segs_out",
        "data_segs_out",
        "lost_out",
        "sacked_out",
      ],
      64,
      WHOLE,
    ),
    field("sk_txhash", 164, 4, WHOLE_WRITABLE),
    field("bytes_received", 168, 8, WHOLE),
    field("bytes_acked", 176, 8, WHOLE),
    objectField("sk", 184, "socket", true),
    pointerField("skb_data", 192, 8, "packetStart"),
    pointerField("skb_data_end", 200, 8, "packetEnd"),
    field("skb_len", 208, 4, WHOLE),
    field("skb_tcp_flags", 212, 4),
    field("skb_hwtstamp", 216, 8, WHOLE),
  ],
};

export const SK_MSG_MD: ContextDescriptor = {
  name: "sk_msg_md",
  sizeBytes: 80,
  fields: [
    pointerField("data", 0, 8, "packetStart"),
    pointerField("data_end", 8, 8, "packetEnd"),
    ...words(["family", "remote_ip4", "local_ip4"], 16, WHOLE),
    ...array("remote_ip6", 4, 28, WHOLE),
    ...array("local_ip6", 4, 44, WHOLE),
    ...words(["remote_port", "local_port", "size"], 60, WHOLE),
    objectField("sk", 72, "socket", false),
  ],
};

export const SK_REUSEPORT_MD: ContextDescriptor = {
  name: "sk_reuseport_md",
  sizeBytes: 56,
  packetReadOnly: true,
  fields: [
    pointerField("data", 0, 8, "packetStart"),
    pointerField("data_end", 8, 8, "packetEnd"),
    ...words(["len", "eth_protocol", "ip_protocol", "bind_inany"], 16),
    field("hash", 32, 4, WHOLE),
    objectField("sk", 40, "socket", false),
    objectField("migrating_sk", 48, "sock_common", true),
  ],
};

export const SK_LOOKUP: ContextDescriptor = {
  name: "bpf_sk_lookup",
  sizeBytes: 72,
  fields: [
    objectField("sk", 0, "socket", true),
    ...words(["family", "protocol", "remote_ip4"], 8),
    ...array("remote_ip6", 4, 20),
    // 16 bits wide since Linux 5.18; older programs read 32.
    field("remote_port", 36, 4),
    field("local_ip4", 40, 4),
    ...array("local_ip6", 4, 44),
    ...words(["local_port", "ingress_ifindex"], 60),
  ],
};

const SOCKOPT_HEAD = [
  objectField("sk", 0, "socket", false),
  pointerField("optval", 8, 8, "packetStart"),
  pointerField("optval_end", 16, 8, "packetEnd"),
];

function sockopt(...fields: readonly ContextField[]): ContextDescriptor {
  return { name: "bpf_sockopt", sizeBytes: 40, fields: [...SOCKOPT_HEAD, ...fields] };
}

export const SOCKOPT = sockopt();
export const SOCKOPT_OF_GET = sockopt(
  ...words(["level", "optname"], 24, WHOLE),
  ...words(["optlen", "retval"], 32, WHOLE_WRITABLE),
);
export const SOCKOPT_OF_SET = sockopt(...words(["level", "optname", "optlen"], 24, WHOLE_WRITABLE));

export const SYSCTL: ContextDescriptor = {
  name: "bpf_sysctl",
  sizeBytes: 8,
  fields: [field("write", 0, 4), field("file_pos", 4, 4, WRITABLE)],
};

export const CGROUP_DEVICE: ContextDescriptor = {
  name: "bpf_cgroup_dev_ctx",
  sizeBytes: 12,
  fields: [field("access_type", 0, 4), ...words(["major", "minor"], 4, WHOLE)],
};

// ---- tracing ---------------------------------------------------------------------------------------------------------

/** struct pt_regs of x86-64, as registers are saved. */
const REGISTERS = [
  "r15",
  "r14",
  "r13",
  "r12",
  "rbp",
  "rbx",
  "r11",
  "r10",
  "r9",
  "r8",
  "rax",
  "rcx",
  "rdx",
  "rsi",
  "rdi",
  "orig_rax",
  "rip",
  "cs",
  "eflags",
  "rsp",
  "ss",
].map((name, index) => field(name, 8 * index, 8));

export const PT_REGS: ContextDescriptor = { name: "pt_regs", sizeBytes: 168, fields: REGISTERS };

export const PERF_EVENT_DATA: ContextDescriptor = {
  name: "bpf_perf_event_data",
  sizeBytes: 184,
  fields: [
    ...REGISTERS.map((one) => ({ ...one, narrow: false })),
    field("sample_period", 168, 8),
    field("addr", 176, 8),
  ],
};

/** A record of the tracing system, whose format the event says; its first 8 bytes are the kernel's. */
export const TRACEPOINT_RECORD: ContextDescriptor = {
  name: "tracepoint record",
  sizeBytes: 8192,
  fields: [field("record", 8, 8184)],
};

/** u64 args[12]. */
export const RAW_TRACEPOINT_ARGUMENTS: ContextDescriptor = {
  name: "bpf_raw_tracepoint_args",
  sizeBytes: 96,
  fields: Array.from({ length: 12 }, (_, index) => field(`args[${index}]`, 8 * index, 8)),
};

/** The first is the address of what may be changed: it is only read whole. */
export const RAW_TRACEPOINT_WRITABLE_ARGUMENTS: ContextDescriptor = {
  ...RAW_TRACEPOINT_ARGUMENTS,
  fields: ruled(RAW_TRACEPOINT_ARGUMENTS.fields, { "args[0]": WHOLE }),
};

/** Up to 12 arguments of a kernel function, and what it returned, each 8 bytes: numbers or kernel objects, by BTF. */
export const KERNEL_ARGUMENTS: ContextDescriptor = {
  name: "function arguments",
  sizeBytes: 104,
  fields: [],
  elsewhere: "kernel",
};

/** What a person hands to a program of type syscall: any bytes. */
export const SYSCALL_BUFFER: ContextDescriptor = {
  name: "syscall buffer",
  sizeBytes: 65_535,
  fields: [field("buffer", 0, 65_535, { writable: true })],
};

/** Of a program whose type nothing tells: any numbers. */
export const UNKNOWN_CONTEXT: ContextDescriptor = {
  name: "unknown context",
  sizeBytes: 256,
  fields: [],
  elsewhere: "number",
};

/** An infrared receiver's code. */
export const LIRC_MODE2: ContextDescriptor = {
  name: "lirc_mode2",
  sizeBytes: 4,
  fields: [field("code", 0, 4)],
};
