// Where programs of Linux are attached (enum bpf_attach_type) and the section names that say so: those that libbpf's
// documentation lists, and the shorter or numbered ones of older loaders. Data only.
import type { AttachType, ContextDescriptor } from "../platform.ts";
import {
  SOCK_ADDR_SENDMSG4,
  SOCK_ADDR_SENDMSG6,
  SOCK_ADDR4,
  SOCK_ADDR6,
  SOCK_OF_CREATE,
  SOCK_OF_POST_BIND4,
  SOCK_OF_POST_BIND6,
  SOCKOPT_OF_GET,
  SOCKOPT_OF_SET,
  XDP_MD_OF_DEVMAP,
} from "./contexts.ts";

function hook(
  name: string,
  id: number | undefined,
  programType: string,
  sections: readonly string[],
  description: string,
  rest: Pick<AttachType, "context" | "returnRange"> = {},
): AttachType {
  const row = { name, programType, sections, description, ...rest };
  return id === undefined ? row : { ...row, id };
}

/** A section name alone or before what it is attached to; also for programs that may sleep. */
function sleepable(name: string): string[] {
  return [name, `${name}/`, `${name}.s`, `${name}.s/`];
}

const ALWAYS_ZERO = { minimum: 0, maximum: 0 };
const ALWAYS_ONE = { minimum: 1, maximum: 1 };

function sockAddr(
  name: string,
  id: number,
  description: string,
  context: ContextDescriptor,
  returnRange?: AttachType["returnRange"],
): AttachType {
  const rest = returnRange === undefined ? { context } : { context, returnRange };
  return hook(name, id, "cgroup_sock_addr", [`cgroup/${name}`], description, rest);
}

const NETWORKING: readonly AttachType[] = [
  hook(
    "xdp",
    37,
    "xdp",
    ["xdp", "xdp.frags", "xdp/", "xdp.frags/", "xdp#"],
    "each frame that an interface receives, before anything else sees it",
  ),
  hook(
    "xdp_devmap",
    33,
    "xdp",
    ["xdp/devmap", "xdp.frags/devmap", "xdp_devmap", "xdp_devmap/"],
    "a frame that was redirected to an interface, before it is sent",
    { context: XDP_MD_OF_DEVMAP },
  ),
  hook(
    "xdp_cpumap",
    35,
    "xdp",
    ["xdp/cpumap", "xdp.frags/cpumap", "xdp_cpumap", "xdp_cpumap/"],
    "a frame that was redirected to a CPU, on that CPU",
  ),
  // Older tools call any program of a classifier `filter`.
  hook(
    "tc",
    undefined,
    "sched_cls",
    ["tc", "tc/", "classifier", "classifier/", "filter"],
    "packets of an interface's queueing discipline, in either direction",
  ),
  hook("tcx_ingress", 46, "sched_cls", ["tcx/ingress", "tc/ingress"], "packets that an interface receives"),
  hook("tcx_egress", 47, "sched_cls", ["tcx/egress", "tc/egress"], "packets that an interface sends"),
  hook("netkit_primary", 54, "sched_cls", ["netkit/primary"], "packets of the host's end of a netkit pair"),
  hook("netkit_peer", 55, "sched_cls", ["netkit/peer"], "packets of the container's end of a netkit pair"),
  hook("tc_action", undefined, "sched_act", ["action", "action/"], "packets that a classifier has chosen"),
  hook(
    "socket_filter",
    undefined,
    "socket_filter",
    ["socket", "socket/", "socket#"],
    "copies of packets that a socket is to receive; the answer is how many bytes it gets",
  ),
  hook(
    "cgroup_ingress",
    0,
    "cgroup_skb",
    ["cgroup_skb/ingress"],
    "packets that sockets of a control group receive",
  ),
  hook(
    "cgroup_egress",
    1,
    "cgroup_skb",
    ["cgroup_skb/egress"],
    "packets that sockets of a control group send",
    { returnRange: { minimum: 0, maximum: 3 } },
  ),
  hook("cgroup_skb", undefined, "cgroup_skb", ["cgroup/skb"], "packets of a control group's sockets"),
  hook("lwt_in", undefined, "lwt_in", ["lwt_in", "lwt_in/"], "packets that a route takes in"),
  hook("lwt_out", undefined, "lwt_out", ["lwt_out", "lwt_out/"], "packets that a route sends out"),
  hook(
    "lwt_xmit",
    undefined,
    "lwt_xmit",
    ["lwt_xmit", "lwt_xmit/"],
    "packets of a route just before they are sent",
  ),
  hook(
    "lwt_seg6local",
    undefined,
    "lwt_seg6local",
    ["lwt_seg6local", "lwt_seg6local/"],
    "packets for a segment of IPv6 segment routing",
  ),
  hook("flow_dissector", 17, "flow_dissector", ["flow_dissector"], "packets whose flow is to be told"),
  hook("netfilter", 45, "netfilter", ["netfilter"], "packets at a hook of netfilter"),
];

const SOCKETS: readonly AttachType[] = [
  hook(
    "sock_create",
    2,
    "cgroup_sock",
    ["cgroup/sock_create", "cgroup/sock", "cgroup/sock#"],
    "a socket is made",
    { context: SOCK_OF_CREATE },
  ),
  hook("sock_release", 34, "cgroup_sock", ["cgroup/sock_release"], "a socket goes away", {
    context: SOCK_OF_CREATE,
  }),
  hook("post_bind4", 12, "cgroup_sock", ["cgroup/post_bind4"], "a socket has been bound to an IPv4 address", {
    context: SOCK_OF_POST_BIND4,
  }),
  hook("post_bind6", 13, "cgroup_sock", ["cgroup/post_bind6"], "a socket has been bound to an IPv6 address", {
    context: SOCK_OF_POST_BIND6,
  }),
  sockAddr("bind4", 8, "a socket is bound to an IPv4 address", SOCK_ADDR4, { minimum: 0, maximum: 3 }),
  sockAddr("bind6", 9, "a socket is bound to an IPv6 address", SOCK_ADDR6, { minimum: 0, maximum: 3 }),
  sockAddr("connect4", 10, "a socket connects to an IPv4 address; may be redirected", SOCK_ADDR4),
  sockAddr("connect6", 11, "a socket connects to an IPv6 address; may be redirected", SOCK_ADDR6),
  sockAddr("sendmsg4", 14, "a datagram is sent over IPv4", SOCK_ADDR_SENDMSG4),
  sockAddr("sendmsg6", 15, "a datagram is sent over IPv6", SOCK_ADDR_SENDMSG6),
  sockAddr(
    "recvmsg4",
    19,
    "a datagram has come over IPv4; its sender may be changed",
    SOCK_ADDR4,
    ALWAYS_ONE,
  ),
  sockAddr(
    "recvmsg6",
    20,
    "a datagram has come over IPv6; its sender may be changed",
    SOCK_ADDR6,
    ALWAYS_ONE,
  ),
  sockAddr("getpeername4", 29, "a program asks for the IPv4 address of its peer", SOCK_ADDR4, ALWAYS_ONE),
  sockAddr("getpeername6", 30, "a program asks for the IPv6 address of its peer", SOCK_ADDR6, ALWAYS_ONE),
  sockAddr("getsockname4", 31, "a program asks for its own IPv4 address", SOCK_ADDR4, ALWAYS_ONE),
  sockAddr("getsockname6", 32, "a program asks for its own IPv6 address", SOCK_ADDR6, ALWAYS_ONE),
  hook("sockops", 3, "sock_ops", ["sockops", "sockops/"], "what happens to TCP connections"),
  hook("sk_skb_parser", 4, "sk_skb", ["sk_skb/stream_parser"], "where messages of a stream end"),
  hook("sk_skb_verdict", 5, "sk_skb", ["sk_skb/stream_verdict"], "messages of a stream that sockets receive"),
  hook(
    "sk_skb",
    38,
    "sk_skb",
    ["sk_skb/verdict", "sk_skb", "sk_skb/"],
    "packets that sockets of a map receive",
  ),
  hook("sk_msg", 7, "sk_msg", ["sk_msg", "sk_msg/"], "messages that sockets of a map send"),
  hook("sk_reuseport", 39, "sk_reuseport", ["sk_reuseport"], "which socket of a group gets a connection"),
  hook(
    "sk_reuseport_migrate",
    40,
    "sk_reuseport",
    ["sk_reuseport/migrate"],
    "which socket of a group gets a connection, or takes one over",
  ),
  hook(
    "sk_lookup",
    36,
    "sk_lookup",
    ["sk_lookup", "sk_lookup/"],
    "which socket gets what comes for an address",
  ),
  hook("getsockopt", 21, "cgroup_sockopt", ["cgroup/getsockopt"], "a program asks for a socket's option", {
    context: SOCKOPT_OF_GET,
  }),
  hook("setsockopt", 22, "cgroup_sockopt", ["cgroup/setsockopt"], "a program sets a socket's option", {
    context: SOCKOPT_OF_SET,
  }),
  hook("sysctl", 18, "cgroup_sysctl", ["cgroup/sysctl"], "a setting of the kernel is read or written"),
  hook("cgroup_device", 6, "cgroup_device", ["cgroup/dev"], "a device is opened or made"),
];

const TRACING: readonly AttachType[] = [
  hook(
    "kprobe",
    undefined,
    "kprobe",
    ["kprobe", "kprobe/", "ksyscall", "ksyscall/"],
    "a function of the kernel is entered",
  ),
  hook(
    "kretprobe",
    undefined,
    "kprobe",
    ["kretprobe", "kretprobe/", "kretsyscall", "kretsyscall/"],
    "a function of the kernel returns",
  ),
  hook(
    "kprobe_multi",
    42,
    "kprobe",
    ["kprobe.multi", "kprobe.multi/", "kretprobe.multi", "kretprobe.multi/"],
    "many functions of the kernel are entered or return",
  ),
  hook(
    "kprobe_session",
    56,
    "kprobe",
    ["kprobe.session", "kprobe.session/"],
    "many functions of the kernel are entered and return",
  ),
  hook("uprobe", undefined, "kprobe", sleepable("uprobe"), "a function of a program is entered"),
  hook("uretprobe", undefined, "kprobe", sleepable("uretprobe"), "a function of a program returns"),
  hook(
    "uprobe_multi",
    48,
    "kprobe",
    [...sleepable("uprobe.multi"), ...sleepable("uretprobe.multi")],
    "many functions of a program are entered or return",
  ),
  hook("usdt", undefined, "kprobe", sleepable("usdt"), "a probe that a program defines is passed"),
  hook(
    "tracepoint",
    undefined,
    "tracepoint",
    ["tracepoint", "tracepoint/", "tp", "tp/"],
    "an event that the kernel defines, with its record",
  ),
  hook(
    "raw_tracepoint",
    undefined,
    "raw_tracepoint",
    ["raw_tracepoint", "raw_tracepoint/", "raw_tp", "raw_tp/"],
    "an event that the kernel defines, with its bare arguments",
  ),
  hook(
    "raw_tracepoint_writable",
    undefined,
    "raw_tracepoint_writable",
    ["raw_tracepoint.w", "raw_tracepoint.w/", "raw_tp.w", "raw_tp.w/"],
    "an event that the kernel defines, whose first argument may be changed",
  ),
  hook(
    "perf_event",
    41,
    "perf_event",
    ["perf_event", "perf_event/"],
    "a counter of the processor or the kernel runs over",
  ),
  hook(
    "tp_btf",
    23,
    "tracing",
    ["tp_btf", "tp_btf/"],
    "an event that the kernel defines, with typed arguments",
  ),
  hook(
    "fentry",
    24,
    "tracing",
    sleepable("fentry"),
    "a function of the kernel is entered, with typed arguments",
    {
      returnRange: ALWAYS_ZERO,
    },
  ),
  hook("fexit", 25, "tracing", sleepable("fexit"), "a function of the kernel returns, with typed arguments", {
    returnRange: ALWAYS_ZERO,
  }),
  hook(
    "fmod_ret",
    26,
    "tracing",
    sleepable("fmod_ret"),
    "what a function of the kernel returns may be changed",
  ),
  hook("iter", 28, "tracing", sleepable("iter"), "each object of a kind that the kernel has", {
    returnRange: { minimum: 0, maximum: 1 },
  }),
  hook("lsm", 27, "lsm", sleepable("lsm"), "a decision of the kernel's security"),
  hook(
    "lsm_cgroup",
    43,
    "lsm",
    ["lsm_cgroup", "lsm_cgroup/"],
    "a decision of the kernel's security in a control group",
  ),
  hook(
    "struct_ops",
    undefined,
    "struct_ops",
    sleepable("struct_ops"),
    "a function that the kernel asks programs for",
  ),
  hook("lirc_mode2", 16, "lirc_mode2", ["lirc_mode2"], "a code of an infrared remote control"),
  hook(
    "syscall",
    undefined,
    "syscall",
    ["syscall", "syscall/"],
    "a program that is run by hand and may make system calls",
  ),
];

export const ATTACH_TYPES: readonly AttachType[] = [...NETWORKING, ...SOCKETS, ...TRACING];
