// Windows' program types and hooks, with their numbers. Data only.
import type { AttachType, ProgramType } from "../platform.ts";
import { BIND_MD, NETEVENT_MD, PROCESS_MD, SAMPLE_CONTEXT, SOCK_ADDR, SOCK_OPS, XDP_MD } from "./contexts.ts";
import { SAMPLE_HELPERS } from "./sample.ts";

export const PROGRAM_TYPES: readonly ProgramType[] = [
  {
    name: "xdp",
    id: 1,
    context: XDP_MD,
    returns: [
      { value: 1, name: "XDP_PASS", action: "pass" },
      { value: 2, name: "XDP_DROP", action: "drop" },
      { value: 3, name: "XDP_TX", action: "transmit" },
    ],
    helpers: ["xdp_adjust_head"],
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
  {
    name: "netevent",
    id: 5,
    context: NETEVENT_MD,
    returns: [{ value: 0, name: "STATUS_SUCCESS" }],
    helpers: ["netevent_push_event"],
  },
  {
    name: "process",
    id: 6,
    context: PROCESS_MD,
    returns: [{ value: 0, name: "STATUS_SUCCESS" }],
    helpers: ["process_get_image_path", "process_get_account_name", "process_get_account_domain"],
  },
  {
    name: "sample",
    id: 999,
    context: SAMPLE_CONTEXT,
    returns: [],
    helpers: SAMPLE_HELPERS.map(({ name }) => name),
  },
];

function sockAddrHook(name: string, id: number, description: string): AttachType {
  return { name, id, programType: "cgroup_sock_addr", sections: [`cgroup/${name}`], description };
}

export const ATTACH_TYPES: readonly AttachType[] = [
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
  {
    name: "netevent_monitor",
    id: 10,
    programType: "netevent",
    sections: ["netevent_monitor"],
    description: "the packet monitor has an event: a packet dropped, or seen on its way",
  },
  {
    name: "process",
    id: 11,
    programType: "process",
    sections: ["process"],
    description: "a process is created, which may be denied, or has ended",
  },
  {
    name: "sample_ext",
    id: 8,
    programType: "sample",
    sections: ["sample_ext"],
    description: "what the sample extension of eBPF for Windows calls, for tests",
  },
];
