// `npm run bundle [FOLDER]`: what gets shipped, in dist/ (or FOLDER): ebpf.cjs (a loader that turns on Node's compile
// cache), core.cjs (all of core), worker.cjs (the packet loop),
// batch-worker.cjs (a thread of `verify --jobs`), certify-worker.cjs (one that makes a certificate), errors.md (what `ebpf explain` prints),
// EbpfCore.sys, which `ebpf driver install` finds there, and koffi's files, the one package that cannot be bundled.
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { type BuildOptions, build } from "esbuild";
import { findCommand } from "../core/cli/demo/process.ts";
import { buildSys, MINGW } from "./driver.ts";

const ROOT = join(import.meta.dirname, "..");
const MODULES = join(ROOT, "node_modules");

/**
 * The loader is apart because the cache only holds modules that are loaded after it is on. Its folder is the user's own:
 * Node's default is in the shared temporary folder, where somebody else could put code for us to run.
 */
const LOADER = `#!/usr/bin/env node
"use strict";
const { homedir } = require("node:os");
const { join } = require("node:path");
const { env, platform, versions } = process;
const [major, minor] = versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write("ebpf: ToolMissing: Node 22.18 or newer is needed; this is Node " + versions.node + "\\n");
  process.exit(1);
}
const cache = platform === "win32"
  ? join(env.LOCALAPPDATA || join(homedir(), "AppData", "Local"), "ebpf", "cache")
  : join(env.XDG_CACHE_HOME || join(homedir(), ".cache"), "ebpf");
try {
  require("node:module").enableCompileCache?.(cache);
} catch {
  // Only slower without.
}
void require("./core.cjs").main();
`;

const COMMON: BuildOptions = {
  absWorkingDir: ROOT,
  bundle: true,
  platform: "node",
  target: "node22.18",
  format: "cjs",
  // Names are not kept: naming every function at the start takes longer than verifying a program.
  minify: true,
  sourcemap: "external",
  sourcesContent: false,
  external: ["koffi"],
  define: {
    "import.meta.filename": "__filename",
    "import.meta.dirname": "__dirname",
    // Only used where __filename is not there (core/net/interfaces.ts).
    "import.meta.url": '""',
  },
  logLevel: "warning",
};

const OUTPUTS = [
  { entry: "core/cli/main.ts", file: "core.cjs" },
  { entry: "core/net/worker.ts", file: "worker.cjs" },
  { entry: "core/manager/batch-worker.ts", file: "batch-worker.cjs" },
  { entry: "core/manager/certify-worker.ts", file: "certify-worker.cjs" },
] as const;

/** Builds into the folder, which is emptied first; koffi as npm has installed it in `modules`. Whether the driver is in it. */
export async function bundle(folder: string, modules = MODULES): Promise<boolean> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await Promise.all(
    OUTPUTS.map(({ entry, file }) => build({ ...COMMON, entryPoints: [entry], outfile: join(folder, file) })),
  );
  writeFileSync(join(folder, "ebpf.cjs"), LOADER);
  chmodSync(join(folder, "ebpf.cjs"), 0o755);
  cpSync(join(ROOT, "docs", "errors.md"), join(folder, "errors.md"));
  copyKoffi(folder, modules);
  return copyDriver(folder);
}

/** False without the compiler for it; one that fails is an error. */
function copyDriver(folder: string): boolean {
  if (findCommand(`${MINGW}gcc`) === undefined) return false;
  cpSync(buildSys(), join(folder, "EbpfCore.sys"));
  return true;
}

/** koffi and its native parts: those of the system that they were installed for, and of others if they are there. */
function copyKoffi(folder: string, modules: string): void {
  const from = join(modules, "koffi");
  const to = join(folder, "node_modules", "koffi");
  for (const part of ["package.json", "index.cjs", "index.js", "LICENSE.txt", "src/koffi"]) {
    cpSync(join(from, part), join(to, part), {
      recursive: true,
      filter: (path) => !/\.(cc|hh|h|S|asm|txt)$/.test(path) || path.endsWith("LICENSE.txt"),
    });
  }
  const natives = join(modules, "@koromix");
  for (const name of existsSync(natives) ? readdirSync(natives) : []) {
    cpSync(join(natives, name), join(folder, "node_modules", "@koromix", name), { recursive: true });
  }
}

/** Bytes of all files of a folder. */
function sizeOf(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

/** Builds, and tells what it is. What is shipped has the driver: without it, that is told, and in CI it is a failure. */
async function main(folder: string): Promise<void> {
  const hasDriver = await bundle(folder);
  const size = `${(sizeOf(folder) / 1e6).toFixed(1)} MB`;
  process.stdout.write(`${folder}: ${size}${hasDriver ? ", with EbpfCore.sys" : ""}\n`);
  if (hasDriver) return;
  process.stderr.write(
    `WITHOUT the driver EbpfCore.sys: ${MINGW}gcc is not installed; on Debian: apt-get install gcc-mingw-w64-x86-64\n`,
  );
  if (process.env.CI !== undefined) process.exitCode = 1;
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === import.meta.filename) {
  await main(resolve(process.argv[2] ?? join(ROOT, "dist")));
}
