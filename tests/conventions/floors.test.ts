// Holds the table of floors: imports go down only, a room is entered by its door files, there are no cycles.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import test from "ava";

const core = join(import.meta.dirname, "..", "..", "core");

/** Floor of each room; a file may import its own room, and rooms on lower floors through their doors. */
const ROOMS: Record<string, { floor: number; doors: string[] }> = {
  cli: { floor: 11, doors: ["main"] },
  service: { floor: 10, doors: ["client", "methods", "main", "paths", "version"] },
  index: { floor: 10, doors: ["index"] },
  manager: {
    floor: 9,
    doors: [
      "manager",
      "load",
      "inspect",
      "certificates",
      "batch",
      "objects",
      "run",
      "records",
      "target-types",
    ],
  },
  driver: { floor: 8, doors: ["driver"] },
  net: { floor: 8, doors: ["interfaces", "frame", "worker", "windivert/find"] },
  example: { floor: 8, doors: ["example"] },
  host: {
    floor: 7,
    doors: ["host", "embedded/host", "embedded/lane", "embedded/checked", "kernel/host", "kernel/wire"],
  },
  image: { floor: 6, doors: ["image", "compile", "print", "abi", "table-layout"] },
  report: { floor: 6, doors: ["explain", "records", "codes", "sarif"] },
  verifier: { floor: 5, doors: ["verify", "certify", "encode", "verdict", "failure"] },
  program: {
    floor: 4,
    doors: ["program", "build", "cfg", "platform", "assemble", "co-re", "configuration", "for-kernel"],
  },
  elf: { floor: 4, doors: ["file", "object"] },
  certificate: {
    floor: 4,
    doors: ["check", "cover", "follow", "form", "listing", "number", "program", "rank", "same", "state"],
  },
  spec: { floor: 3, doors: ["spec"] },
  isa: { floor: 2, doors: ["instruction", "opcode", "decode", "encode", "print", "parse"] },
  btf: {
    floor: 2,
    doors: ["types", "read", "ext", "resolve", "print", "value", "write-value", "co-re/compute"],
  },
  platform: { floor: 1, doors: ["platform", "platforms"] },
  base: { floor: 1, doors: ["bytes", "int", "error", "leb128", "hex", "files", "native"] },
};

interface File {
  readonly path: string;
  readonly room: string;
  readonly imports: readonly string[];
}

function roomOf(path: string): string {
  const first = path.split("/")[0] ?? "";
  return first.endsWith(".ts") ? first.slice(0, -3) : first;
}

function readFiles(): File[] {
  return readdirSync(core, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => {
      const text = readFileSync(join(core, path), "utf8");
      const imports = [...text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)].map((match) =>
        relative(core, normalize(join(core, dirname(path), match[1] ?? ""))),
      );
      return { path, room: roomOf(path), imports };
    });
}

const files = readFiles();

test("every file of core belongs to a room of the table", (t) => {
  t.true(files.length > 10);
  t.deepEqual(
    files.filter((file) => ROOMS[file.room] === undefined).map((file) => file.path),
    [],
  );
});

test("imports go down only, through doors", (t) => {
  const wrong: string[] = [];
  for (const file of files) {
    for (const target of file.imports) {
      const room = roomOf(target);
      if (room === file.room) continue;
      const own = ROOMS[file.room];
      const other = ROOMS[room];
      if (own === undefined || other === undefined) continue;
      const door = target.startsWith(`${room}/`) ? target.slice(room.length + 1, -3) : room;
      if (other.floor >= own.floor) wrong.push(`${file.path} looks up at ${target}`);
      else if (!other.doors.includes(door))
        wrong.push(`${file.path} enters ${room} by a side door: ${target}`);
    }
  }
  t.deepEqual(wrong, []);
});

test("no cycles between files", (t) => {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const state = new Map<string, "open" | "done">();
  const cycles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (state.get(path) === "done") return;
    if (state.get(path) === "open") {
      cycles.push([...trail.slice(trail.indexOf(path)), path].join(" -> "));
      return;
    }
    state.set(path, "open");
    for (const next of byPath.get(path)?.imports ?? []) visit(next, [...trail, path]);
    state.set(path, "done");
  };
  for (const file of files) visit(file.path, []);
  t.deepEqual(cycles, []);
});
