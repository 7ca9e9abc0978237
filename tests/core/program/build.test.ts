import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { EbpfError, type ErrorCode } from "../../../core/base/error.ts";
import { loadObject } from "../../../core/elf/object.ts";
import { decode } from "../../../core/isa/decode.ts";
import { encode } from "../../../core/isa/encode.ts";
import { assembleProgram, programFromBytes } from "../../../core/program/assemble.ts";
import { type BuildOptions, buildProgram } from "../../../core/program/build.ts";
import type { Program } from "../../../core/program/program.ts";
import type { ObjectSpec } from "../../../core/spec.ts";
import { mutate } from "../../harness/mutate.ts";

const folder = join(import.meta.dirname, "..", "..", "fixtures", "c");
const load = (name: string): ObjectSpec => loadObject(readFileSync(join(folder, name)), name);
const programs = load("object-programs.o");

/** What each call and jump of a program leads to, as text. */
function edges(program: Program): string[] {
  const name = (index: number) =>
    program.subprograms.find(({ start }) => start === index)?.name ?? `${index}`;
  return [...program.targets].flatMap((target, index) => {
    const kind = program.instructions[index]?.kind;
    return target >= 0 ? [`${index} ${kind} ${kind === "jump" ? target : name(target)}`] : [];
  });
}

test("callees that are reached are appended once, and calls lead to them", (t) => {
  const program = buildProgram(programs, "first");
  t.deepEqual(
    program.subprograms.map(({ name, start, end }) => ({ name, start, end })),
    [
      { name: "first", start: 0, end: 14 },
      { name: "twice", start: 14, end: 17 },
      { name: "longer_than", start: 17, end: 25 },
    ],
  );
  t.true(program.subprograms.every(({ btfId }) => btfId !== undefined));
  t.deepEqual(edges(program), ["5 call twice", "8 call longer_than", "11 jump 13", "22 jump 24"]);
  t.is(program.license, "Dual MIT/GPL");
  t.is(program.attachType?.name, "xdp");
  t.deepEqual(
    buildProgram(programs, "second").subprograms.map(({ name }) => name),
    ["second", "longer_than"],
  );
});

test("a program is found by its name, and by its section if it is alone there", (t) => {
  t.is(buildProgram(programs, "xdp/last").name, "last");
  const error = t.throws(() => buildProgram(programs, "xdp/first"), { instanceOf: EbpfError });
  t.regex(error?.message ?? "", /no program "xdp\/first"; it has first, second, last/);
  const alone = { ...programs, programs: programs.programs.filter(({ name }) => name !== "last") };
  t.is(buildProgram(alone, undefined).name, "first", "the only one that is not static");
});

test("the encoded stream decodes to the program and its offsets hold", (t) => {
  for (const name of ["first", "second", "last"]) {
    const program = buildProgram(programs, name);
    t.deepEqual(decode(encode(program.instructions)), [...program.instructions]);
    for (const [index, instruction] of program.instructions.entries()) {
      if (instruction.kind !== "call" || instruction.target.kind !== "local") continue;
      const slot = (program.slots[index] ?? 0) + 1 + instruction.target.offset;
      t.is(slot, program.slots[program.targets[index] ?? -1] ?? -1);
    }
  }
});

test("maps, variables and initial values become indexes", (t) => {
  const maps = buildProgram(load("object-maps.o"), "entry");
  t.deepEqual(
    maps.maps.map(({ spec, type }) => `${spec.name} ${type.name}`),
    ["flows hash", "outer array_of_maps", "jumps prog_array", "inner_second array", "inner_first array"],
  );
  const sources = maps.instructions.flatMap((one) => (one.kind === "loadImmediate" ? [one.source] : []));
  t.deepEqual(sources, [
    { kind: "map", map: 0 },
    { kind: "map", map: 1 },
    { kind: "map", map: 2 },
  ]);
  const data = buildProgram(load("object-data.o"), undefined);
  t.deepEqual(
    data.instructions.flatMap((one) =>
      one.kind === "loadImmediate" && one.source.kind === "mapValue"
        ? [`${data.maps[one.source.map]?.spec.name}+${one.source.byteOffset}`]
        : [],
    ),
    [
      ".data+0",
      ".bss+0",
      ".bss+4",
      ".data+8",
      ".bss+0",
      ".rodata.config+0",
      ".data+0",
      ".rodata+0",
      ".rodata+4",
    ],
  );
});

test("a function's address leads to it, and outside functions are found by name", (t) => {
  const program = buildProgram(load("object-callback.o"), "total", { platform: "linux" });
  t.like(program.instructions[0], { kind: "call", target: { kind: "helper", id: 5 } });
  t.deepEqual(edges(program), ["5 loadImmediate add", "10 jump 12"]);
  t.is(program.subprograms[1]?.name, "add");
});

const refusals: {
  name: string;
  object: string;
  program?: string;
  options?: BuildOptions;
  code: ErrorCode;
}[] = [
  { name: "no such program", object: "object-programs.o", program: "nothing", code: "ProgramNotFound" },
  { name: "several programs and no name", object: "object-programs.o", code: "ProgramAmbiguous" },
  {
    name: "an unknown type",
    object: "object-data.o",
    options: { type: "keyboard" },
    code: "ProgramTypeUnknown",
  },
  {
    name: "a section that is no hook",
    object: "object-programs.o",
    program: "twice",
    code: "ProgramTypeUnknown",
  },
  {
    name: "a type the platform lacks",
    object: "object-data.o",
    options: { platform: "linux", type: "bind" },
    code: "ProgramTypeUnknown",
  },
  { name: "nothing tells the platform", object: "object-core.o", code: "PlatformAmbiguous" },
];

for (const { name, object, program, options, code } of refusals) {
  test(`refused: ${name}`, (t) => {
    const error = t.throws(() => buildProgram(load(object), program, options), { instanceOf: EbpfError });
    t.is(error?.code, code);
    t.is(error?.data.file, object);
  });
}

test("a map type that the platform lacks is refused by name", (t) => {
  const spec = load("object-data.o");
  const broken = { ...spec, maps: spec.maps.map((map) => ({ ...map, type: 99 })) };
  const error = t.throws(() => buildProgram(broken, undefined), { instanceOf: EbpfError });
  t.like(error, { code: "MapTypeUnsupported", data: { target: ".data" } });
});

test("an outside function that is no helper is refused with its line", (t) => {
  const spec = load("object-callback.o");
  const renamed = spec.programs.map((one) => ({
    ...one,
    references: one.references.map((reference) =>
      reference.target.kind === "extern"
        ? { ...reference, target: { kind: "extern" as const, name: "memchr" } }
        : reference,
    ),
  }));
  const error = t.throws(() => buildProgram({ ...spec, programs: renamed }, "total", { platform: "linux" }), {
    instanceOf: EbpfError,
  });
  t.is(error?.code, "RelocationInvalid");
  t.regex(
    error?.message ?? "",
    /"total" \(tests\/fixtures\/c\/object-callback.c:22\): "memchr" is not defined/,
  );
});

test("a function that does not decode is refused when it is reached", (t) => {
  const functions = programs.functions.map((spec) =>
    spec.name === "twice"
      ? {
          ...spec,
          instructions: [],
          undecodable: { code: "InstructionInvalid" as const, message: "slot 0: bad", byteOffset: 64 },
        }
      : spec,
  );
  const damaged = { ...programs, functions };
  const error = t.throws(() => buildProgram(damaged, "first"), { instanceOf: EbpfError });
  t.like(error, { code: "InstructionInvalid", data: { section: ".text", offset: 64, target: "twice" } });
  t.notThrows(() => buildProgram(damaged, "second"));
});

test("an offset without a relocation does not lead into another function", (t) => {
  const [first] = programs.programs;
  t.truthy(first);
  if (first === undefined) return;
  // "first" calls longer_than at 8; without that reference the offset would land in whatever was linked behind.
  const stray = { kind: "call" as const, target: { kind: "local" as const, offset: 5 } };
  const instructions = first.instructions.with(8, stray);
  const references = first.references.filter((reference) => reference.instructionIndex !== 8);
  const program = buildProgram({ ...programs, programs: [{ ...first, instructions, references }] }, "first");
  t.is(program.targets[8], -1);
  t.deepEqual(
    program.subprograms.map(({ name }) => name),
    ["first", "twice"],
  );
});

// ---- programs without an object ------------------------------------------------------------------------------------

test("called places begin functions of their own; jumps between them lead nowhere", (t) => {
  const program = assembleProgram(
    `r1 = 0x123456789 ll
     call helper_function
     if r0 == 0 goto helper_function
     exit
     helper_function:
     r0 = 1
     exit`,
    { platform: "raw" },
  );
  t.deepEqual(program.subprograms, [
    { name: "main", start: 0, end: 4 },
    { name: "subprogram_5", start: 4, end: 6 },
  ]);
  t.deepEqual([...program.slots], [0, 2, 3, 4, 5, 6]);
  t.deepEqual([...program.targets], [-1, 4, -1, -1, -1, -1]);
  t.is(program.rawMemorySizeBytes, 0);
});

const badTargets: { name: string; text: string; targets: number[] }[] = [
  { name: "before the start", text: "goto -2\nexit", targets: [-1, -1] },
  { name: "behind the end", text: "goto +5\nexit", targets: [-1, -1] },
  { name: "the middle of an instruction", text: "goto +1\nr1 = 5 ll\nexit", targets: [-1, -1, -1] },
  { name: "itself", text: "goto -1\nexit", targets: [0, -1] },
  { name: "a call behind the end", text: "call pc+9\nexit", targets: [-1, -1] },
];

for (const { name, text, targets } of badTargets) {
  test(`where a bad jump leads: ${name}`, (t) => {
    t.deepEqual([...assembleProgram(text, { platform: "raw" }).targets], targets);
  });
}

test("raw bytes make a program; maps are checked", (t) => {
  const bytes = encode(assembleProgram("r0 = 7\nexit", { platform: "raw" }).instructions);
  const program = programFromBytes(bytes, { platform: "raw", rawMemorySizeBytes: 64 });
  t.like(program, { name: "main", rawMemorySizeBytes: 64, type: { name: "raw" } });
  t.throws(() => programFromBytes(bytes.subarray(0, 9), { platform: "raw" }), { instanceOf: EbpfError });
  const map = { name: "m", type: 2, keySizeBytes: 4, valueSizeBytes: 4, maxEntries: 1, flags: 0, pinning: 0 };
  const text = "r1 = map[m]\nr0 = 0\nexit";
  t.is(assembleProgram(text, { platform: "windows", type: "xdp", maps: [map] }).maps[0]?.type.name, "array");
  const error = t.throws(() => assembleProgram("r1 = map[3]\nexit", { platform: "windows", maps: [map] }), {
    instanceOf: EbpfError,
  });
  t.is(error?.code, "RelocationInvalid");
});

test("2,000 damaged objects are built or refused", (t) => {
  const objects = ["object-maps.o", "object-programs.o", "object-callback.o"].map((name) =>
    readFileSync(join(folder, name)),
  );
  for (let seed = 0; seed < 2_000; seed++) {
    // Damage in the first kilobyte hits code; what is behind it is debug information for the most part.
    const bytes = mutate(objects[seed % objects.length] ?? new Uint8Array(), seed, 64, 1024);
    try {
      const spec = loadObject(bytes, "damaged.o");
      for (const { name } of spec.programs) buildProgram(spec, name, { platform: "linux" });
    } catch (error) {
      if (!(error instanceof EbpfError) || error.code === "InternalError") {
        t.fail(`seed ${seed}: ${error instanceof Error ? error.stack : error}`);
        return;
      }
    }
  }
  t.pass();
});
