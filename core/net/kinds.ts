// The kinds of interfaces and what each can be set to, as tables that command line and documentation print.
import type { InterfaceKind } from "../host/host.ts";
import { DIRECTIONS } from "./windivert/expression.ts";

export interface SettingRow {
  readonly name: string;
  /**
   * "address" is host:port; "count" a whole number from `minimum` to `maximum`; "device" and "namespace" are names of
   * Linux; "choice" is one of `choices`.
   */
  readonly type: "address" | "count" | "flag" | "device" | "namespace" | "path" | "text" | "choice";
  readonly required: boolean;
  readonly default?: number | boolean | string;
  readonly choices?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  /** One sentence. */
  readonly description: string;
}

export interface InterfaceKindRow {
  readonly kind: InterfaceKind;
  readonly description: string;
  /** What the machine must have; empty: nothing. */
  readonly needs: string;
  readonly settings: readonly SettingRow[];
}

const PLAIN: SettingRow = {
  name: "plain",
  type: "flag",
  required: false,
  default: false,
  description: "Take and send packets one by one, without the batches that Linux offers.",
};

export const INTERFACE_KINDS: readonly InterfaceKindRow[] = [
  {
    kind: "gateway",
    description: "A UDP relay in front of a server: the program decides about every datagram of a client.",
    needs: "",
    settings: [
      { name: "listen", type: "address", required: true, description: "Where clients send to." },
      { name: "to", type: "address", required: true, description: "The server behind it." },
      {
        name: "clients",
        type: "count",
        required: false,
        default: 1024,
        minimum: 1,
        maximum: 65_536,
        description: "How many clients are remembered at once; the one idle longest makes room.",
      },
      {
        name: "idleSeconds",
        type: "count",
        required: false,
        default: 30,
        minimum: 1,
        maximum: 86_400,
        description: "How long a client is remembered that sends nothing and is answered nothing.",
      },
      PLAIN,
    ],
  },
  {
    kind: "tap",
    description:
      "A wire between two TAP devices: the program decides about frames from the outside one to the inside one.",
    needs: "Linux, root, /dev/net/tun",
    settings: [
      {
        name: "outside",
        type: "device",
        required: true,
        description: "The device that packets come in by; it is made.",
      },
      {
        name: "inside",
        type: "device",
        required: true,
        description: "The device that is defended; it is made.",
      },
      {
        name: "outsideNamespace",
        type: "namespace",
        required: false,
        description: "The network namespace (ip netns) of the outside device.",
      },
      {
        name: "insideNamespace",
        type: "namespace",
        required: false,
        description: "The network namespace of the inside device.",
      },
      PLAIN,
    ],
  },
  {
    kind: "pcap",
    description: "A capture file: the program decides about every frame of it once it is attached.",
    needs: "",
    settings: [
      { name: "input", type: "path", required: true, description: "The capture, pcap or pcapng." },
      {
        name: "output",
        type: "path",
        required: false,
        description: "Where the frames that pass are written, as pcap.",
      },
      {
        name: "verdicts",
        type: "path",
        required: false,
        description: "Where a line of JSON for every frame is written.",
      },
    ],
  },
  {
    kind: "windivert",
    description:
      "The packets of this Windows machine, taken and given back by WinDivert: the program decides about each as a frame.",
    needs: "Windows, administrator, WinDivert 2.2",
    settings: [
      {
        name: "filter",
        type: "text",
        required: false,
        default: "true",
        description: "Which packets, in WinDivert's filter language; others never leave the kernel.",
      },
      {
        name: "direction",
        type: "choice",
        required: false,
        default: "inbound",
        choices: DIRECTIONS,
        description: "Which way packets go that are taken.",
      },
      {
        name: "loopback",
        type: "flag",
        required: false,
        default: false,
        description: "Take packets of this machine to itself too.",
      },
      {
        name: "adapter",
        type: "text",
        required: false,
        description: "Only packets of this network adapter, by name or index.",
      },
      {
        name: "priority",
        type: "count",
        required: false,
        default: 0,
        minimum: -30_000,
        maximum: 30_000,
        description: "Among the programs that use WinDivert: a higher one sees packets first.",
      },
      {
        name: "queuePackets",
        type: "count",
        required: false,
        default: 16_384,
        minimum: 32,
        maximum: 16_384,
        description: "Packets that may wait; the oldest makes room.",
      },
      {
        name: "queueMilliseconds",
        type: "count",
        required: false,
        default: 500,
        minimum: 100,
        maximum: 16_000,
        description: "How long a packet may wait; then it is dropped.",
      },
      {
        name: "queueBytes",
        type: "count",
        required: false,
        default: 33_554_432,
        minimum: 65_535,
        maximum: 33_554_432,
        description: "Bytes of packets that may wait; the oldest makes room.",
      },
      {
        name: "library",
        type: "path",
        required: false,
        description: "WinDivert.dll, where it is not under Program Files.",
      },
    ],
  },
];
