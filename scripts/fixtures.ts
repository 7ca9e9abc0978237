// `npm run fixtures [--all | --check]`: compiles every C file of samples/ and tests/fixtures/c to the object beside it, and
// records in hashes.txt what each object was made of, so that a test can tell a stale object without a compiler. A source may say more flags in
// a line `// clang: -mcpu=v1`. Objects hold no path of this machine: names in debug info are relative to the root.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

const ROOT = join(import.meta.dirname, "..");
const FOLDERS = ["samples", "tests/fixtures/c"];
const FLAGS = [
  "-target",
  "bpf",
  "-g",
  "-O2",
  "-mcpu=v3",
  "-nostdlibinc",
  "-Iinclude",
  "-fdebug-compilation-dir=.",
];

/** One line of hashes.txt a object: its path, its SHA-256, the SHA-256 over its inputs, and the inputs (source first). */
export const MANIFEST = "tests/fixtures/c/hashes.txt";

interface Entry {
  readonly object: string;
  readonly objectHash: string;
  readonly inputHash: string;
  readonly inputs: readonly string[];
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** Line ends are made one, so that a checkout with CRLF has the same hash. */
function hashInputs(inputs: readonly string[]): string {
  const hash = createHash("sha256");
  for (const path of inputs) {
    const file = join(ROOT, path);
    hash.update(
      `${path}\n${existsSync(file) ? readFileSync(file, "utf8").replaceAll("\r\n", "\n") : "missing"}\n`,
    );
  }
  return hash.digest("hex");
}

/** Paths of all C sources, relative to the root. */
export function listSources(): string[] {
  return FOLDERS.filter((folder) => existsSync(join(ROOT, folder)))
    .flatMap((folder) => readdirSync(join(ROOT, folder)).map((name) => `${folder}/${name}`))
    .filter((path) => path.endsWith(".c"))
    .sort();
}

function readManifest(): Entry[] {
  const file = join(ROOT, MANIFEST);
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8")
    .split(/\r?\n/)
    .filter((line) => line !== "")
    .map((line) => {
      const [object = "", objectHash = "", inputHash = "", ...inputs] = line.split(" ");
      return { object, objectHash, inputHash, inputs };
    });
}

function stale(source: string, entries: readonly Entry[]): string | undefined {
  const object = source.replace(/\.c$/, ".o");
  const [entry, ...others] = entries.filter((candidate) => candidate.object === object);
  if (entry === undefined) return `${object} is not recorded`;
  if (others.length > 0) return `${object} is recorded more than once`;
  if (!existsSync(join(ROOT, object))) return `${object} is missing`;
  if (sha256(readFileSync(join(ROOT, object))) !== entry.objectHash)
    return `${object} is not what was compiled`;
  if (hashInputs(entry.inputs) !== entry.inputHash)
    return `${object} is older than ${entry.inputs.join(" or ")}`;
  return undefined;
}

/** One line for each object that is not what its source says; empty if all are fresh. */
export function findStale(): string[] {
  const sources = listSources();
  const entries = readManifest();
  const orphans = entries
    .map((entry) => entry.object)
    .filter((object) => !sources.includes(object.replace(/\.o$/, ".c")));
  return [
    ...sources.flatMap((source) => stale(source, entries) ?? []),
    ...orphans.map((object) => `${object} is recorded but has no source`),
  ];
}

/** `clang`, or the newest `clang-NN` on PATH; undefined if there is none. */
export function findClang(): string | undefined {
  const names = (process.env.PATH ?? "")
    .split(delimiter)
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder));
  const plain = names.find((name) => /^clang(\.exe)?$/.test(name));
  const numbered = names
    .filter((name) => /^clang-\d+(\.exe)?$/.test(name))
    .sort((a, b) => Number.parseInt(b.slice(6), 10) - Number.parseInt(a.slice(6), 10));
  return plain ?? numbered[0];
}

/** Flags that the source asks for in a line `// clang: FLAGS`; they come last, so they win. */
function flagsOf(source: string): string[] {
  const line = /^\/\/ clang: (.*)$/m.exec(readFileSync(join(ROOT, source), "utf8"));
  return line?.[1]?.trim().split(/\s+/) ?? [];
}

function compile(clang: string, source: string, scratch: string): Entry {
  const object = source.replace(/\.c$/, ".o");
  const dependencies = join(scratch, "dependencies");
  const result = spawnSync(
    clang,
    [...FLAGS, ...flagsOf(source), "-MMD", "-MF", dependencies, "-c", source, "-o", object],
    { cwd: ROOT, encoding: "utf8" },
  );
  process.stderr.write(result.stderr);
  if (result.status !== 0) throw new Error(`${clang} failed on ${source}`);
  const inputs = readFileSync(dependencies, "utf8")
    .replace(/^[^:]*:/, "")
    .split(/[\s\\]+/)
    .filter((path) => path !== "" && path !== source)
    .sort();
  const bytes = readFileSync(join(ROOT, object));
  if (bytes.includes(ROOT)) throw new Error(`${object} holds the path of this machine`);
  const all = [source, ...inputs];
  return { object, objectHash: sha256(bytes), inputHash: hashInputs(all), inputs: all };
}

function build(all: boolean): number {
  const recorded = readManifest();
  const sources = listSources();
  const pending = sources.filter((source) => all || stale(source, recorded) !== undefined);
  const clang = findClang();
  if (pending.length > 0 && clang === undefined) {
    process.stderr.write("clang is not on PATH; on Debian: apt-get install clang\n");
    return 1;
  }
  const scratch = mkdtempSync(join(tmpdir(), "ebpf-fixtures-"));
  try {
    const compiled = pending.map((source) => compile(clang ?? "", source, scratch));
    const kept = recorded.filter(
      (entry) =>
        sources.includes(entry.object.replace(/\.o$/, ".c")) &&
        !compiled.some((other) => other.object === entry.object),
    );
    const lines = [...kept, ...compiled]
      .map(({ object, objectHash, inputHash, inputs }) =>
        [object, objectHash, inputHash, ...inputs].join(" "),
      )
      .sort();
    writeFileSync(join(ROOT, MANIFEST), lines.map((line) => `${line}\n`).join(""));
    process.stdout.write(`${compiled.length} of ${sources.length} objects compiled\n`);
    return 0;
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

function check(): number {
  const lines = findStale();
  for (const line of lines) process.stdout.write(`${line}\n`);
  return lines.length === 0 ? 0 : 1;
}

if (import.meta.main) {
  process.exit(process.argv.includes("--check") ? check() : build(process.argv.includes("--all")));
}
