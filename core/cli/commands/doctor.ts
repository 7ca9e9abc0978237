// ebpf doctor: what works here, what is missing, what to do. Every line is found out, not assumed; nothing is changed
// and no service is started.
import { accessSync, constants, existsSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { EbpfError } from "../../base/error.ts";
import type { Handler, Io } from "../command.ts";
import { paint, printJson, type Style } from "../output.ts";
import { pathsFor } from "../places.ts";
import { findDriver } from "./doctor-driver.ts";
import { findWinDivert } from "./doctor-windivert.ts";
import type { Finding } from "./finding.ts";

const STYLES: Readonly<Record<Finding["state"], Style>> = { ok: "green", absent: "yellow", missing: "red" };

/** Exit code 1 if something is missing. */
export const diagnose: Handler = async ({ io, json }) => {
  const findings = await findAll(io);
  if (json) printJson(io, findings);
  else {
    const width = Math.max(...findings.map(({ name }) => name.length));
    for (const { name, state, found, remedy } of findings) {
      io.out(`${paint(io, STYLES[state], state.padEnd(7))}  ${name.padEnd(width)}  ${found}\n`);
      if (remedy !== undefined) io.out(`${" ".repeat(11 + width)}${remedy}\n`);
    }
  }
  return findings.some(({ state }) => state === "missing") ? 1 : 0;
};

async function findAll(io: Io): Promise<Finding[]> {
  return [
    node(),
    await service(io),
    stateFolder(io),
    ...(await findDriver()),
    gateway(),
    tap(),
    await findWinDivert(),
    tool(io, "clang", "compiles programs", "Install clang (Debian: apt install clang)."),
    tool(
      io,
      "dnsmasq",
      "a DNS server for the demonstration",
      "Install dnsmasq-base; without it a small one is used.",
    ),
    tool(io, "pwsh", "PowerShell 7 for the cmdlets", "Install PowerShell 7 (https://aka.ms/powershell)."),
  ];
}

function node(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const ok = major > 22 || (major === 22 && minor >= 18);
  const found = `${process.version} (${process.platform} ${process.arch})`;
  return ok
    ? { name: "Node", state: "ok", found }
    : { name: "Node", state: "missing", found, remedy: "Install Node 22.18 or newer." };
}

async function service(io: Io): Promise<Finding> {
  try {
    const client = await io.connect({ start: false });
    try {
      const { processId, version, programs, interfaces, problems } = await client.call("service.status", {});
      const found = `version ${version}, process ${processId}, ${programs} programs, ${interfaces} interfaces`;
      const [problem] = problems;
      if (problem === undefined) return { name: "service", state: "ok", found };
      return { name: "service", state: "missing", found: `${found}; ${problem}` };
    } finally {
      client.close();
    }
  } catch (error) {
    if (!(error instanceof EbpfError)) throw error;
    if (error.code === "ServiceNotRunning") {
      return {
        name: "service",
        state: "ok",
        found: "not running; the first command that needs it starts it",
      };
    }
    return { name: "service", state: "missing", found: error.message, remedy: error.remedy };
  }
}

function stateFolder(io: Io): Finding {
  const name = "state folder";
  try {
    const { home } = pathsFor(io.env);
    if (!existsSync(home)) return { name, state: "ok", found: `${home} (made at the first start)` };
    accessSync(home, constants.W_OK | constants.X_OK);
    return { name, state: "ok", found: home };
  } catch (error) {
    const remedy =
      error instanceof EbpfError ? error.remedy : "Make it writable, or choose another with EBPF_HOME.";
    return { name, state: "missing", found: (error as Error).message, remedy };
  }
}

function gateway(): Finding {
  return { name: "gateway", state: "ok", found: "interfaces of kind gateway and pcap need nothing" };
}

function tap(): Finding {
  const name = "tap";
  if (process.platform !== "linux") {
    return { name, state: "absent", found: "only on Linux", remedy: "Use an interface of kind gateway." };
  }
  const device = "/dev/net/tun";
  if (!existsSync(device)) {
    return { name, state: "absent", found: `no ${device}`, remedy: "modprobe tun, or use a gateway." };
  }
  if (process.geteuid?.() !== 0) {
    return { name, state: "absent", found: "needs root", remedy: "Run as root, or use a gateway." };
  }
  return { name, state: "ok", found: `root, ${device}` };
}

/** A command on PATH, plain or with a version behind it (clang-14); servers are in /usr/sbin, which users' PATHs lack. */
function tool(io: Io, command: string, use: string, remedy: string): Finding {
  const pattern = new RegExp(`^${command}(-[0-9]+)?(\\.exe)?$`);
  const found = [...(io.env.PATH ?? "").split(delimiter), "/usr/sbin"]
    .flatMap((folder) => listFolder(folder).map((name) => ({ folder, name })))
    .filter(({ name }) => pattern.test(name))
    .map(({ folder, name }) => join(folder, name))
    .find(isExecutable);
  return found === undefined
    ? { name: command, state: "absent", found: `not found (${use})`, remedy }
    : { name: command, state: "ok", found };
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
