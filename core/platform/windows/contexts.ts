// The contexts of Windows' program types, with the layouts of ebpf_nethooks.h, ebpf_ntos_hooks.h, ebpf_netevent_hooks.h,
// xdp-for-windows' ebpfhook.h and the sample extension. Data only.
import type { ContextDescriptor } from "../platform.ts";
import { pointerField, scalarField } from "../rows.ts";

export const XDP_MD: ContextDescriptor = {
  name: "xdp_md",
  sizeBytes: 32,
  fields: [
    pointerField("data", 0, 8, "packetStart"),
    pointerField("data_end", 8, 8, "packetEnd"),
    pointerField("data_meta", 16, 8, "packetMeta"),
    scalarField("ingress_ifindex", 24, 4),
  ],
};

export const BIND_MD: ContextDescriptor = {
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

export const SOCK_ADDR: ContextDescriptor = {
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

export const SOCK_OPS: ContextDescriptor = {
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

/** What neteventebpfext hands out: metadata from data_meta to data, then the event to data_end. */
export const NETEVENT_MD: ContextDescriptor = {
  name: "netevent_event_md",
  sizeBytes: 24,
  packetReadOnly: true,
  fields: [
    pointerField("data_meta", 0, 8, "packetMeta"),
    pointerField("data", 8, 8, "packetStart"),
    pointerField("data_end", 16, 8, "packetEnd"),
  ],
};

/** The "packet" is the command line, as UTF-16. */
export const PROCESS_MD: ContextDescriptor = {
  name: "process_md",
  sizeBytes: 144,
  packetReadOnly: true,
  fields: [
    pointerField("command_start", 0, 8, "packetStart"),
    pointerField("command_end", 8, 8, "packetEnd"),
    scalarField("process_id", 16, 8),
    scalarField("parent_process_id", 24, 8),
    scalarField("creating_process_id", 32, 8),
    scalarField("creating_thread_id", 40, 8),
    scalarField("creation_time", 48, 8),
    scalarField("exit_time", 56, 8),
    scalarField("process_exit_code", 64, 4),
    scalarField("operation", 68, 1),
    scalarField("token_sid_size", 72, 4),
    scalarField("token_sid", 76, 68),
  ],
};

export const SAMPLE_CONTEXT: ContextDescriptor = {
  name: "sample_program_context",
  sizeBytes: 32,
  fields: [
    pointerField("data_start", 0, 8, "packetStart"),
    pointerField("data_end", 8, 8, "packetEnd"),
    scalarField("uint32_data", 16, 4, true),
    scalarField("uint16_data", 20, 2, true),
    scalarField("helper_data_1", 24, 4, true),
    scalarField("helper_data_2", 28, 4, true),
  ],
};
