// The program types of Linux (enum bpf_prog_type), with what their programs see and may answer. Data only.
import type { ContextDescriptor, ProgramType } from "../platform.ts";
import {
  CGROUP_DEVICE,
  KERNEL_ARGUMENTS,
  LIRC_MODE2,
  PERF_EVENT_DATA,
  PT_REGS,
  RAW_TRACEPOINT_ARGUMENTS,
  RAW_TRACEPOINT_WRITABLE_ARGUMENTS,
  SK_LOOKUP,
  SK_MSG_MD,
  SK_REUSEPORT_MD,
  SKB_OF_CGROUP,
  SKB_OF_FLOW_DISSECTOR,
  SKB_OF_LWT,
  SKB_OF_LWT_XMIT,
  SKB_OF_SK_SKB,
  SKB_OF_SOCKET_FILTER,
  SKB_OF_TC,
  SOCK,
  SOCK_ADDR,
  SOCK_OPS,
  SOCKOPT,
  SYSCALL_BUFFER,
  SYSCTL,
  TRACEPOINT_RECORD,
  UNKNOWN_CONTEXT,
  XDP_MD,
} from "./contexts.ts";

type Returns = ProgramType["returns"];

const XDP_RETURNS: Returns = [
  { value: 0, name: "XDP_ABORTED", action: "aborted" },
  { value: 1, name: "XDP_DROP", action: "drop" },
  { value: 2, name: "XDP_PASS", action: "pass" },
  { value: 3, name: "XDP_TX", action: "transmit" },
  // No host here redirects.
  { value: 4, name: "XDP_REDIRECT", action: "aborted" },
];

const TC_RETURNS: Returns = [
  { value: -1, name: "TC_ACT_UNSPEC" },
  { value: 0, name: "TC_ACT_OK" },
  { value: 1, name: "TC_ACT_RECLASSIFY" },
  { value: 2, name: "TC_ACT_SHOT" },
  { value: 3, name: "TC_ACT_PIPE" },
  { value: 4, name: "TC_ACT_STOLEN" },
  { value: 5, name: "TC_ACT_QUEUED" },
  { value: 6, name: "TC_ACT_REPEAT" },
  { value: 7, name: "TC_ACT_REDIRECT" },
  { value: 8, name: "TC_ACT_TRAP" },
];

const LWT_RETURNS: Returns = [
  { value: 0, name: "BPF_OK" },
  { value: 2, name: "BPF_DROP" },
  { value: 7, name: "BPF_REDIRECT" },
  { value: 128, name: "BPF_LWT_REROUTE" },
];

const SK_RETURNS: Returns = [
  { value: 0, name: "SK_DROP" },
  { value: 1, name: "SK_PASS" },
];

const CGROUP_RETURNS: Returns = [
  { value: 0, name: "reject" },
  { value: 1, name: "allow" },
];

const ZERO_OR_ONE = { minimum: 0, maximum: 1 };

function type(
  id: number,
  name: string,
  context: ContextDescriptor,
  returns: Returns = [],
  returnRange?: ProgramType["returnRange"],
): ProgramType {
  const row = { name, id, context, returns, helpers: [] };
  return returnRange === undefined ? row : { ...row, returnRange };
}

export const PROGRAM_TYPES: readonly ProgramType[] = [
  // What a person means who does not say; first, because it is.
  type(6, "xdp", XDP_MD, XDP_RETURNS),
  { ...type(1, "socket_filter", SKB_OF_SOCKET_FILTER), packetLoads: true },
  type(2, "kprobe", PT_REGS),
  { ...type(3, "sched_cls", SKB_OF_TC, TC_RETURNS), packetLoads: true },
  { ...type(4, "sched_act", SKB_OF_TC, TC_RETURNS), packetLoads: true },
  type(5, "tracepoint", TRACEPOINT_RECORD),
  type(7, "perf_event", PERF_EVENT_DATA),
  type(8, "cgroup_skb", SKB_OF_CGROUP, CGROUP_RETURNS, ZERO_OR_ONE),
  type(9, "cgroup_sock", SOCK, CGROUP_RETURNS, ZERO_OR_ONE),
  type(10, "lwt_in", SKB_OF_LWT, LWT_RETURNS),
  type(11, "lwt_out", SKB_OF_LWT, LWT_RETURNS),
  type(12, "lwt_xmit", SKB_OF_LWT_XMIT, LWT_RETURNS),
  type(13, "sock_ops", SOCK_OPS, CGROUP_RETURNS, ZERO_OR_ONE),
  type(14, "sk_skb", SKB_OF_SK_SKB, SK_RETURNS),
  type(15, "cgroup_device", CGROUP_DEVICE, CGROUP_RETURNS, ZERO_OR_ONE),
  type(16, "sk_msg", SK_MSG_MD, SK_RETURNS),
  type(17, "raw_tracepoint", RAW_TRACEPOINT_ARGUMENTS),
  type(18, "cgroup_sock_addr", SOCK_ADDR, CGROUP_RETURNS, ZERO_OR_ONE),
  type(19, "lwt_seg6local", SKB_OF_LWT, LWT_RETURNS),
  type(20, "lirc_mode2", LIRC_MODE2),
  type(21, "sk_reuseport", SK_REUSEPORT_MD, SK_RETURNS),
  type(22, "flow_dissector", SKB_OF_FLOW_DISSECTOR, LWT_RETURNS),
  type(23, "cgroup_sysctl", SYSCTL, CGROUP_RETURNS, ZERO_OR_ONE),
  type(24, "raw_tracepoint_writable", RAW_TRACEPOINT_WRITABLE_ARGUMENTS),
  type(25, "cgroup_sockopt", SOCKOPT, CGROUP_RETURNS, ZERO_OR_ONE),
  type(26, "tracing", KERNEL_ARGUMENTS),
  type(27, "struct_ops", KERNEL_ARGUMENTS),
  type(29, "lsm", KERNEL_ARGUMENTS),
  type(30, "sk_lookup", SK_LOOKUP, SK_RETURNS, ZERO_OR_ONE),
  type(31, "syscall", SYSCALL_BUFFER),
  type(32, "netfilter", { ...KERNEL_ARGUMENTS, name: "bpf_nf_ctx", sizeBytes: 16 }, [], ZERO_OR_ONE),
  // No number of Linux: the type of a program whose section, file and code tell nothing.
  type(0, "unknown", UNKNOWN_CONTEXT),
];
