// `npm run build:driver`: compiles the portable core of the driver (driver/) to a library for this system, which tests and
// fuzzers load. A library is named by a hash over all it was made of, so it is compiled once and never stale.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { findClang } from "./fixtures.ts";

const ROOT = join(import.meta.dirname, "..");
const SOURCES = join(ROOT, "driver");
const OUTPUT = join(ROOT, "obj", "driver");

const COMMON = [
  ...["-std=c11", "-g", "-pthread", "-fno-strict-aliasing"],
  ...["-Wall", "-Wextra", "-Wshadow", "-Werror", `-I${SOURCES}`],
];
const LIBRARY = ["-shared", "-fPIC"];

export const DRIVER_BUILDS = ["release", "sanitized", "race"] as const;
export type DriverBuild = (typeof DRIVER_BUILDS)[number];

interface Recipe {
  readonly compiler: () => string | undefined;
  readonly flags: readonly string[];
  /** Beside the driver's own. */
  readonly sources?: readonly string[];
}

/** Rows of other platforms for the certificate checker: the driver has those of Windows. */
const ROWS_OF_TESTS = join(ROOT, "tests", "driver", "certificate-rows.c");

/** Two compilers, so that both read the sources; Debian's gcc has the sanitizers' libraries with it. */
const BUILDS: Readonly<Record<DriverBuild, Recipe>> = {
  release: { compiler: findClang, flags: [...LIBRARY, "-O2"], sources: [ROWS_OF_TESTS] },
  sanitized: {
    compiler: () => "gcc",
    flags: [
      ...[...LIBRARY, "-O1", "-fno-omit-frame-pointer"],
      ...["-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
    ],
    sources: [ROWS_OF_TESTS],
  },
  // A program of its own: ThreadSanitizer cannot be preloaded into Node.
  race: {
    compiler: () => "gcc",
    flags: ["-O1", "-fsanitize=thread"],
    sources: [join(ROOT, "tests", "driver", "race.c")],
  },
};

function listFiles(ending: string): string[] {
  return readdirSync(SOURCES, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(ending))
    .sort()
    .map((path) => join(SOURCES, path));
}

/** The path of the library, or the program, compiled if it is not there. Throws with the compiler's own text. */
export function buildDriver(build: DriverBuild): string {
  const { compiler, flags, sources: others = [] } = BUILDS[build];
  const command = compiler();
  if (command === undefined) throw new Error("clang is not installed; on Debian: apt-get install clang");
  const sources = [...listFiles(".c"), ...others];
  const args = [...COMMON, ...flags];
  const hash = createHash("sha256").update(JSON.stringify([command, args]));
  for (const file of [...listFiles(".h"), ...sources]) hash.update(`${file}\n`).update(readFileSync(file));
  const path = join(OUTPUT, `${build}-${hash.digest("hex").slice(0, 16)}`);
  if (existsSync(path)) return path;
  mkdirSync(OUTPUT, { recursive: true });
  // Others may be compiling the same: whoever is last replaces a file by an equal one.
  const partial = `${path}.${process.pid}`;
  const result = spawnSync(command, [...args, ...sources, "-o", partial], { cwd: ROOT, encoding: "utf8" });
  if (result.status !== 0) throw new Error(`${command} failed:\n${result.error?.message ?? result.stderr}`);
  renameSync(partial, path);
  return path;
}

if (import.meta.main) {
  for (const build of DRIVER_BUILDS) process.stdout.write(`${buildDriver(build)}\n`);
}
