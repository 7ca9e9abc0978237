// Compiles C to bpf objects in the tests, with the flags that users are told to use.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { findClang } from "../../scripts/fixtures.ts";

const ROOT = join(import.meta.dirname, "..", "..");

/** Where Debian keeps the machine's own headers, which linux-libc-dev's include. */
const MULTIARCH = { x64: "x86_64-linux-gnu", arm64: "aarch64-linux-gnu" } as const;

export const HEADERS = {
  /** Of this project: the object is one for Windows. */
  ours: ["-nostdlibinc", "-Iinclude"],
  /** Debian's linux-libc-dev and libbpf-dev: the object is one for Linux. */
  linux: [`-I/usr/include/${MULTIARCH[process.arch as keyof typeof MULTIARCH]}`],
} as const;

const compiled = new Map<string, Buffer>();

/** The object's bytes; compiled once a process. Fails with clang's own text; warnings are errors. */
export function compileC(source: string, flags: readonly string[]): Buffer {
  const key = [source, ...flags].join(" ");
  const known = compiled.get(key) ?? runClang(source, flags);
  compiled.set(key, known);
  return known;
}

function runClang(source: string, flags: readonly string[]): Buffer {
  const clang = findClang();
  if (clang === undefined) throw new Error("clang is not installed; on Debian: apt-get install clang");
  const folder = mkdtempSync(join(tmpdir(), "ebpf-clang-"));
  try {
    const object = join(folder, basename(source).replace(/\.c$/, ".o"));
    const common = ["-target", "bpf", "-g", "-O2", "-mcpu=v3", "-Wall", "-Wextra", "-Werror"];
    execFileSync(clang, [...common, "-fdebug-compilation-dir=.", ...flags, "-c", source, "-o", object], {
      cwd: ROOT,
      stdio: ["ignore", "ignore", "pipe"],
      encoding: "utf8",
    });
    return readFileSync(object);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
