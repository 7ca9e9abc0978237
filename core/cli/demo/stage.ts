// The two stages of the demonstration: a wire between two machines (network namespaces), or a relay on loopback. A stage
// has an attacker's place, a server, an interface of the service between them, and the server's own count of datagrams.

import { createSocket } from "node:dgram";
import { once } from "node:events";
import { existsSync, readFileSync, readlinkSync } from "node:fs";
import { DEMO_ADDRESS, DEMO_NAME } from "./dns.ts";
import type { Sample } from "./meter.ts";
import { type Cleanup, findCommand, mustRun, runCommand, startChild, waitUntil } from "./process.ts";
import { type Place, startAnswerer, type Target } from "./traffic.ts";

export const INTERFACE_NAME = "wire";

export interface Stage {
  readonly kind: "tap" | "gateway";
  readonly lines: readonly string[];
  readonly attacker: Place;
  /** Where the attacker and the ones who ask in earnest send to. */
  readonly target: Target;
  /** Every UDP datagram that reached the server's socket so far. */
  sample(): Sample;
  /** Fails if the server has ended. */
  check(): void;
}

export interface StageSettings {
  readonly cleanup: Cleanup;
  readonly signal: AbortSignal;
  /** Runs a command of `ebpf` against the demonstration's own service. */
  readonly ebpf: (...words: string[]) => Promise<unknown>;
}

/** It is removed before what it stands between goes away. */
async function addInterface(
  { cleanup, ebpf }: StageSettings,
  kind: string,
  ends: readonly string[],
): Promise<void> {
  await ebpf("interface", "add", kind, "--name", INTERFACE_NAME, ...ends);
  cleanup.add(async () => {
    await ebpf("interface", "remove", INTERFACE_NAME, "--force");
  });
}

// ---- tap: two machines -----------------------------------------------------------------------------------------------

const PREFIX = "ebpf-demo-";
/** Of a documentation network (RFC 5737); seen in these two namespaces only. */
const ATTACKER_ADDRESS = "192.0.2.1";
const SERVER: Target = { address: "192.0.2.53", port: 53 };
/** The same as /proc/net/udp writes it: the address as a little-endian number, and the port. */
const SERVER_SOCKET = "350200C0:0035";
/** Room for some 10 ms of flood while the wire's loop waits for a processor. */
const QUEUE_FRAMES = 4_096;

/** Why this process cannot make namespaces and TAP devices; undefined if it can. A container's root often may not. */
export async function tapObstacle(): Promise<string | undefined> {
  if (process.platform !== "linux") return "Namespaces are Linux'.";
  if (process.geteuid?.() !== 0) return "Only root may make network namespaces.";
  if (findCommand("ip") === undefined)
    return "There is no command ip (Debian's iproute2) to make network namespaces.";
  if (!existsSync("/dev/net/tun")) return "There is no /dev/net/tun for a wire between network namespaces.";
  const probe = `${PREFIX}${process.pid}-probe`;
  const { status, err } = await runCommand("ip", ["netns", "add", probe]);
  if (status !== 0) return `Network namespaces cannot be made here: ${err.trim()}.`;
  await mustRun("ip", ["netns", "del", probe]);
  return undefined;
}

/**
 * Namespaces of demonstrations that were killed stay behind, with their servers; their names hold the id of the process
 * that made them.
 */
async function removeLeftNamespaces(): Promise<void> {
  const { out } = await runCommand("ip", ["netns", "list"]);
  for (const [name, id] of out.matchAll(new RegExp(`^${PREFIX}(\\d+)-\\w+`, "gm"))) {
    if (isAlive(Number(id))) continue;
    const { out: inside } = await runCommand("ip", ["netns", "pids", name]);
    for (const [processId] of inside.matchAll(/\d+/g)) endQuietly(Number(processId));
    await runCommand("ip", ["netns", "del", name]);
  }
}

function endQuietly(processId: number): void {
  try {
    process.kill(processId, "SIGTERM");
  } catch {
    // It has ended by itself.
  }
}

function isAlive(processId: number): boolean {
  try {
    return readlinkSync(`/proc/${processId}/cwd`) !== "";
  } catch {
    return false;
  }
}

async function addNamespace(role: string, cleanup: Cleanup): Promise<string> {
  const name = `${PREFIX}${process.pid}-${role}`;
  await mustRun("ip", ["netns", "add", name]);
  cleanup.add(async () => {
    await mustRun("ip", ["netns", "del", name]);
  });
  await mustRun("ip", ["-n", name, "link", "set", "lo", "up"]);
  return name;
}

interface Device {
  readonly name: string;
  readonly namespace: string;
  readonly address: string;
}

async function setDevice({ name, namespace, address }: Device): Promise<void> {
  await mustRun("ip", ["-n", namespace, "addr", "add", `${address}/24`, "dev", name]);
  await mustRun("ip", ["-n", namespace, "link", "set", name, "txqueuelen", String(QUEUE_FRAMES), "up"]);
}

/** Each knows the other's hardware address for good: under a flood the question for it could get lost. */
async function introduce(device: Device, other: Device): Promise<void> {
  const out = await mustRun("ip", ["-json", "-n", other.namespace, "link", "show", "dev", other.name]);
  const [link] = JSON.parse(out) as { readonly address: string }[];
  const words = ["neigh", "replace", other.address, "lladdr", link?.address ?? "", "dev", device.name];
  await mustRun("ip", ["-n", device.namespace, ...words, "nud", "permanent"]);
}

interface Server {
  readonly name: string;
  readonly processId: number;
  check(): void;
}

/** dnsmasq where it is installed, else the small server of our own. */
async function startServer(place: Place, { cleanup, signal }: StageSettings): Promise<Server> {
  const dnsmasq = findCommand("dnsmasq");
  if (dnsmasq === undefined) {
    return { ...(await startAnswerer(place, SERVER, cleanup, signal)), name: "a small DNS server of ours" };
  }
  const options = [
    "--keep-in-foreground",
    "--conf-file=/dev/null",
    "--no-resolv",
    "--no-hosts",
    "--pid-file=",
  ];
  const serve = [
    `--listen-address=${SERVER.address}`,
    "--bind-interfaces",
    `--address=/${DEMO_NAME}/${DEMO_ADDRESS}`,
  ];
  const { child, check } = startChild([...place, dnsmasq, ...options, ...serve, "--log-facility=-"], {
    cleanup,
  });
  const processId = child.pid ?? 0;
  const listening = (): boolean => {
    check();
    return readNetFile(processId, "udp").includes(SERVER_SOCKET);
  };
  await waitUntil("the start of dnsmasq", listening, signal);
  return { name: "dnsmasq", processId, check };
}

function readNetFile(processId: number, name: string): string {
  return readFileSync(`/proc/${processId}/net/${name}`, "utf8");
}

/**
 * What reached UDP sockets, from the counters of the namespace's kernel (RFC 4113): InDatagrams counts what the server
 * took, InErrors what was dropped at its socket, mostly for want of room in the buffer (RcvbufErrors, MemErrors).
 * NoPorts is left out: that reached no socket.
 */
export function readUdpCounters(snmp: string): number {
  const [names, values] = snmp
    .split("\n")
    .filter((line) => line.startsWith("Udp: "))
    .map((line) => line.split(" "));
  const value = (name: string): number => Number(values?.[names?.indexOf(name) ?? -1] ?? 0);
  return value("InDatagrams") + value("InErrors") - value("InCsumErrors");
}

export async function openTapStage(settings: StageSettings): Promise<Stage> {
  const { cleanup } = settings;
  await removeLeftNamespaces();
  const attacker = await addNamespace("attacker", cleanup);
  const defender = await addNamespace("defender", cleanup);
  const outside = { name: "outside", namespace: attacker, address: ATTACKER_ADDRESS };
  const inside = { name: "inside", namespace: defender, address: SERVER.address };
  const devices = ["--outside", outside.name, "--inside", inside.name];
  const places = ["--outside-namespace", attacker, "--inside-namespace", defender];
  await addInterface(settings, "tap", [...devices, ...places]);
  for (const device of [outside, inside]) await setDevice(device);
  await introduce(outside, inside);
  await introduce(inside, outside);
  const server = await startServer(["ip", "netns", "exec", defender], settings);
  return {
    kind: "tap",
    lines: [
      "Two machines on this one: network namespaces with kernels' counters of their own, an attacker and a defender.",
      "The wire between them is an interface of the service (tap): every frame passes through it.",
      `On the defender ${server.name} answers. Rates are what reaches its socket, from the defender kernel's own`,
      "counters (/proc/net/snmp, Udp: InDatagrams + InErrors).",
    ],
    attacker: ["ip", "netns", "exec", attacker],
    target: SERVER,
    sample: () => ({
      milliseconds: performance.now(),
      datagrams: readUdpCounters(readNetFile(server.processId, "snmp")),
    }),
    check: () => server.check(),
  };
}

// ---- gateway: a relay on loopback ------------------------------------------------------------------------------------

const LOOPBACK = "127.0.0.1";

async function freePort(): Promise<number> {
  const socket = createSocket("udp4");
  socket.bind(0, LOOPBACK);
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  await once(socket, "close");
  return port;
}

/** `reason` says why it is this stage, if it was not asked for. */
export async function openGatewayStage(settings: StageSettings, reason?: string): Promise<Stage> {
  const { cleanup, signal } = settings;
  const server = await startAnswerer([], { address: LOOPBACK, port: 0 }, cleanup, signal);
  const target = { address: LOOPBACK, port: await freePort() };
  const ends = ["--listen", `${LOOPBACK}:${target.port}`, "--to", `${LOOPBACK}:${server.port}`];
  await addInterface(settings, "gateway", ends);
  return {
    kind: "gateway",
    lines: [
      ...(reason === undefined ? [] : [reason]),
      "All on loopback, without privileges: a small DNS server of ours, and in front of it a relay that is an",
      "interface of the service (gateway): every datagram becomes a frame for the program.",
      "Rates are what reaches the server's socket: what it took, and what the kernel dropped at its full buffer.",
    ],
    attacker: [],
    target,
    sample: () => server.received(),
    check: () => server.check(),
  };
}
