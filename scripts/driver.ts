// `npm run build:driver`: compiles the portable core of the driver (driver/) to a library for this system, which tests and
// fuzzers load, and, with what is Windows' (driver/windows/), to EbpfCore.sys. What is made lies in a place named by a
// hash over all it was made of, so it is compiled once and never stale.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { parseArgs } from "node:util";
import { findClang } from "./fixtures.ts";

const ROOT = join(import.meta.dirname, "..");
const SOURCES = join(ROOT, "driver");
const OUTPUT = join(ROOT, "obj", "driver");

const COMMON = [
  ...["-std=c11", "-g", "-pthread", "-fno-strict-aliasing"],
  ...["-Wall", "-Wextra", "-Wshadow", "-Werror", `-I${SOURCES}`],
];
const LIBRARY = ["-shared", "-fPIC"];

export const DRIVER_BUILDS = ["release", "sanitized", "race", "race-sockets", "plugin", "speed"] as const;
export type DriverBuild = (typeof DRIVER_BUILDS)[number];

interface Recipe {
  readonly compiler: () => string | undefined;
  readonly flags: readonly string[];
  /** Beside the driver's own. */
  readonly sources?: readonly string[];
}

/** Rows of other platforms for the certificate checker: the driver has those of Windows. */
const ROWS_OF_TESTS = join(ROOT, "tests", "driver", "certificate-rows.c");

/** The other side of Windows' filtering platform, and frames that play there. */
export const SHIM = join(ROOT, "tests", "driver", "shim");
const SHIM_OF_LINUX = ["callouts.c", "engine.c", "frames.c", "sockets.c", "linux.c"].map((name) =>
  join(SHIM, name),
);

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
    sources: ["race.c", "race-hooks.c"].map((name) => join(ROOT, "tests", "driver", name)),
  },
  "race-sockets": {
    compiler: () => "gcc",
    flags: ["-O1", "-fsanitize=thread", `-I${join(ROOT, "tests", "driver")}`],
    sources: [join(ROOT, "tests", "driver", "race-sockets.c")],
  },
  // What bpf_conformance starts once a test.
  plugin: { compiler: findClang, flags: ["-O2"], sources: [join(ROOT, "tests", "driver", "plugin.c")] },
  // What `npm run bench` measures the engines with.
  speed: { compiler: findClang, flags: ["-O2"], sources: [join(ROOT, "tests", "driver", "speed.c")] },
};

/** What is of one system only. */
const SYSTEMS = {
  linux: (path: string) => path.startsWith("windows"),
  windows: (path: string) => path.startsWith("platform-linux."),
} as const;

/** The files that are not of another system than `system`. */
function listFiles(system: keyof typeof SYSTEMS, ending: string): string[] {
  return readdirSync(SOURCES, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(ending) && !SYSTEMS[system](path))
    .sort()
    .map((path) => join(SOURCES, path));
}

export function hashOf(recipe: unknown, files: readonly string[]): string {
  const hash = createHash("sha256").update(JSON.stringify(recipe));
  for (const file of files) hash.update(`${file}\n`).update(readFileSync(file));
  return hash.digest("hex").slice(0, 16);
}

export function compile(command: string, args: readonly string[], cwd = ROOT): void {
  const result = spawnSync(command, args, { cwd, encoding: "utf8" });
  if (result.status !== 0) throw new Error(`${command} failed:\n${result.error?.message ?? result.stderr}`);
}

/** The path of the library, or the program, compiled if it is not there. Throws with the compiler's own text. */
export function buildDriver(build: DriverBuild): string {
  const { compiler, flags, sources: others = [] } = BUILDS[build];
  const command = compiler();
  if (command === undefined) throw new Error("clang is not installed; on Debian: apt-get install clang");
  const sources = [...listFiles("linux", ".c"), ...SHIM_OF_LINUX, ...others];
  const args = [...COMMON, ...flags];
  const path = join(
    OUTPUT,
    `${build}-${hashOf([command, args], [...listFiles("linux", ".h"), join(SHIM, "shim.h"), ...sources])}`,
  );
  if (existsSync(path)) return path;
  mkdirSync(OUTPUT, { recursive: true });
  // Others may be compiling the same: whoever is last replaces a file by an equal one.
  const partial = `${path}.${process.pid}`;
  compile(command, [...args, ...sources, "-o", partial]);
  renameSync(partial, path);
  return path;
}

export const MINGW = "x86_64-w64-mingw32-";

/** What EbpfCore.sys is made of, whichever compiler makes it: driver/driver.vcxproj and driver.props are held to this by test. */
export const SYS_PARTS = {
  defines: ["_WIN32_WINNT=0x0A00", "NTDDI_VERSION=0x0A000000"],
  /** Folders, relative to driver/. */
  includes: ["."],
  libraries: ["ntoskrnl", "hal"],
  resource: "windows/EbpfCore.rc",
  /** Import libraries that mingw-w64 has not got: by name, what is in them. */
  imports: { cng: "windows/cng.def", fwpkclnt: "windows/fwpkclnt.def", ndis: "windows/ndis.def" },
  /** Relative to driver/, of one ending. */
  files: (ending: ".c" | ".h"): readonly string[] =>
    listFiles("windows", ending).map((path) => relative(SOURCES, path).replaceAll("\\", "/")),
} as const;

export const SYS_COMPILE = [
  ...["-std=gnu11", "-O2", "-fno-strict-aliasing", "-fno-ident"],
  ...SYS_PARTS.defines.map((define) => `-D${define}`),
  // A kernel's stack is there as a whole, and below its pointer nothing is anybody's.
  ...["-mno-stack-arg-probe", "-mno-red-zone"],
  ...["-Wall", "-Wextra", "-Wshadow", "-Werror"],
  ...SYS_PARTS.includes.map((folder) => `-I${join(SOURCES, folder)}`),
];
export const SYS_LINK = [
  ...["-shared", "-nostdlib", "-nostartfiles", "-s", "-Wl,-e,DriverEntry", "-Wl,--image-base,0x140000000"],
  ...["-Wl,--subsystem,native:10.0", "-Wl,--dynamicbase", "-Wl,--nxcompat", "-Wl,--exclude-all-symbols"],
  // Equal sources give equal bytes.
  "-Wl,--no-insert-timestamp",
];

/** The DDK's own headers, whose warnings are not ours: their folder is known from that of the others. */
export function ddkFolder(): string {
  const { stdout } = spawnSync(`${MINGW}gcc`, ["-E", "-Wp,-M", "-x", "c", "-"], {
    encoding: "utf8",
    input: "#include <windef.h>\n",
  });
  const [, folder] = /(\S+)\/windef\.h/.exec(stdout ?? "") ?? [];
  if (folder === undefined)
    throw new Error(`${MINGW}gcc is not installed; on Debian: apt-get install gcc-mingw-w64-x86-64`);
  return join(folder, "ddk");
}

function versionDefines(): string[] {
  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
  const [major, minor, patch] = version.split(".");
  return [`-DEBPF_VERSION_MAJOR=${major}`, `-DEBPF_VERSION_MINOR=${minor}`, `-DEBPF_VERSION_PATCH=${patch}`];
}

/** The import library of one, put into a folder; its name there. */
export function importLibrary(name: keyof typeof SYS_PARTS.imports, folder: string): string {
  compile(`${MINGW}dlltool`, ["-d", join(SOURCES, SYS_PARTS.imports[name]), "-l", `lib${name}.a`], folder);
  return `lib${name}.a`;
}

/** Compiles EbpfCore.sys into a folder, whatever is there. */
export function compileSys(folder: string): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, "EbpfCore.sys");
  // Names without a folder: by its path and that of its parts the linker puts the import library in order.
  const resource = "EbpfCore.res.o";
  const names = Object.keys(SYS_PARTS.imports) as (keyof typeof SYS_PARTS.imports)[];
  const imports = names.map((name) => importLibrary(name, folder));
  compile(
    `${MINGW}windres`,
    [...versionDefines(), `-I${SOURCES}`, join(SOURCES, SYS_PARTS.resource), resource],
    folder,
  );
  const flags = [...SYS_COMPILE, "-isystem", ddkFolder(), ...SYS_LINK];
  const libraries = SYS_PARTS.libraries.map((name) => `-l${name}`);
  const inputs = [...listFiles("windows", ".c"), resource, ...imports, ...libraries];
  compile(`${MINGW}gcc`, [...flags, ...inputs, "-o", path], folder);
  return path;
}

/** The folder of that name with what `make` puts into it, made if it is not there. */
export function buildFolder(name: string, make: (folder: string) => void): string {
  const folder = join(OUTPUT, name);
  if (existsSync(folder)) return folder;
  const partial = `${folder}.${process.pid}`;
  try {
    make(partial);
    // Another may have been quicker, with equal bytes.
    if (!existsSync(folder)) renameSync(partial, folder);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
  return folder;
}

/** What the driver is made of, and what it is asked to be. */
export const sysHash = (): string => {
  const files = [".c", ".h", ".rc", ".def", ".bin"].flatMap((ending) => listFiles("windows", ending));
  return hashOf([SYS_COMPILE, SYS_LINK, versionDefines()], files);
};

/** The path of EbpfCore.sys, compiled if it is not there. Throws with the compiler's own text. */
export const buildSys = (): string => join(buildFolder(`sys-${sysHash()}`, compileSys), "EbpfCore.sys");

/** A certificate of our own that only machines for tests are told to trust, made once; and the key to it. */
export interface TestCertificate {
  readonly certificate: string;
  /** As Windows imports it. */
  readonly der: string;
  readonly key: string;
}

export function testCertificate(): TestCertificate {
  const folder = join(OUTPUT, "test-certificate");
  const parts = {
    certificate: join(folder, "ebpf-test.pem"),
    der: join(folder, "ebpf-test.cer"),
    key: join(folder, "ebpf-test.key"),
  };
  if (existsSync(folder)) return parts;
  const partial = `${folder}.${process.pid}`;
  mkdirSync(partial, { recursive: true, mode: 0o700 });
  const subject = ["-subj", "/CN=ebpf, for tests only", "-addext", "extendedKeyUsage=critical,codeSigning"];
  const made = ["-keyout", "ebpf-test.key", "-out", "ebpf-test.pem"];
  compile(
    "openssl",
    ["req", "-x509", "-newkey", "rsa:3072", "-nodes", "-days", "730", ...subject, ...made],
    partial,
  );
  compile("openssl", ["x509", "-in", "ebpf-test.pem", "-outform", "DER", "-out", "ebpf-test.cer"], partial);
  // Another may have been quicker: then its certificate is the one.
  try {
    renameSync(partial, folder);
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
  return parts;
}

/** Signs a copy of EbpfCore.sys with the certificate for tests; the path of the copy. */
export function signSys(unsigned: string, signed: string): string {
  const { certificate, key } = testCertificate();
  mkdirSync(dirname(signed), { recursive: true });
  const partial = `${signed}.${process.pid}`;
  const about = ["-h", "sha256", "-n", "eBPF for Windows, for tests only"];
  compile("osslsigncode", [
    "sign",
    "-certs",
    certificate,
    "-key",
    key,
    ...about,
    "-in",
    unsigned,
    "-out",
    partial,
  ]);
  renameSync(partial, signed);
  return signed;
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { sign: { type: "boolean", default: false } } });
  for (const build of DRIVER_BUILDS) process.stdout.write(`${buildDriver(build)}\n`);
  const sys = buildSys();
  process.stdout.write(`${sys}\n`);
  if (values.sign) {
    const signed = signSys(sys, join(OUTPUT, "signed", "EbpfCore.sys"));
    process.stdout.write(`${signed}\nsigned; for machines that trust ${testCertificate().der}\n`);
  }
}
