// Helpers of the driver: their rows are those of the core's table, they answer as on the embedded host, and the interpreter
// lets them touch nothing that is not the program's.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { encode } from "../../core/isa/encode.ts";
import { parse } from "../../core/isa/parse.ts";
import type { ArgumentKind } from "../../core/platform/platform.ts";
import { WINDOWS } from "../../core/platform/windows.ts";
import { assembleProgram } from "../../core/program/assemble.ts";
import {
  countAllocations,
  DRIVER_ENGINES,
  type DriverEngine,
  type DriverMap,
  FAULTS,
  FINDINGS,
  library,
  loadProgram,
  type Output,
  release,
  runProgram,
  setProcessor,
} from "../harness/driver.ts";
import { createMap, erase, MAP, MAP_TYPES, perf, read, ring, write } from "../harness/driver-maps.ts";
import { createMaps, load, runOnPacket } from "../harness/driver-xdp.ts";
import { HELPER_CASES } from "../harness/helper-cases.ts";
import { mapSpec } from "../harness/programs.ts";

const DRIVER = join(import.meta.dirname, "..", "..", "driver");
const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);

/** What the rows of driver/helpers.c call the arguments of the core's rows. */
function argumentName(kind: ArgumentKind): string {
  switch (kind.kind) {
    case "map":
      return "MAP";
    case "mapKey":
      return "KEY";
    case "mapValue":
      return kind.access === "read" ? "VALUE" : "VALUE_OUT";
    case "memory":
      return kind.access === "read" ? (kind.orNull ? "MEMORY_OR_NULL" : "MEMORY") : "MEMORY_OUT";
    case "size":
      return "SIZE";
    default:
      return "SCALAR";
  }
}

test("rows have the numbers and arguments of the core's table", (t) => {
  const text = readFileSync(join(DRIVER, "helpers.c"), "utf8");
  const rows = [...text.matchAll(/^ {4}\[(\d+)\] = \{(\w+), \{(.*)\}\},$/gm)];
  t.is(rows.length, 31);
  for (const [, id, name = "", list = ""] of rows) {
    const helper = WINDOWS.helpers.find((row) => row.id === Number(id));
    t.is(name.toLowerCase(), helper?.name.replaceAll("_", "") ?? "");
    t.deepEqual(list === "0" ? [] : list.split(", "), helper?.arguments.map(argumentName), name);
  }
});

test("findings and faults have the numbers of the headers", (t) => {
  const names = (file: string, prefix: string): string[] =>
    [...readFileSync(join(DRIVER, file), "utf8").matchAll(new RegExp(`^ {4}${prefix}(\\w+),$`, "gm"))].map(
      ([, name = ""]) => name,
    );
  t.deepEqual(names("bytecode.h", "Finding"), [...FINDINGS]);
  t.deepEqual(names("run.h", "Fault"), [...FAULTS]);
});

const PACKET = Uint8Array.from({ length: 32 }, (_, index) => index + 1);

/** Assembles, loads and runs on 32 bytes of packet; what it was loaded with is released, the maps if they are its own. */
function run(
  text: string,
  maps: readonly DriverMap[] = [],
  budget?: number,
  engine: DriverEngine = "interpreter",
): Output {
  const first = { ...mapSpec("m", 4, 8, 4), type: MAP_TYPES.hash };
  const specs = [first, ...maps.slice(1).map(() => first)];
  const program = assembleProgram(text, { platform: "windows", type: "xdp", maps: specs });
  const all = maps.length > 0 ? maps : createMaps(program);
  const loaded = load(program, all, engine);
  const output = runOnPacket(loaded, Uint8Array.from(PACKET), budget);
  release(loaded);
  if (maps.length === 0) for (const map of all) release(map);
  return output;
}

for (const engine of DRIVER_ENGINES) {
  for (const { name, text, expected } of HELPER_CASES) {
    test(`${engine}: ${name}`, (t) => {
      const { result, fault } = run(text, [], undefined, engine);
      t.is(fault, "None");
      t.true(expected(result), result.toString(16));
    });
  }
}

const LOOKUP = "r2 = r10\nr2 += -4\n*(u32 *)(r10 - 4) = 1\nr1 = map[m]\n";

/** Each would touch what is not the program's: the call is the fault. */
const REFUSED: readonly (readonly [name: string, text: string])[] = [
  ["a key that is a number", "r1 = map[m]\nr2 = 64\ncall map_lookup_elem\nexit"],
  ["a key that is half outside", "r1 = map[m]\nr2 = r10\nr2 += -2\ncall map_lookup_elem\nexit"],
  ["a value outside", `${LOOKUP}r3 = r10\nr3 += -7\nr4 = 0\ncall map_update_elem\nexit`],
  ["a map that is a number", `${LOOKUP}r1 = 2\ncall map_lookup_elem\nexit`],
  ["no map", `${LOOKUP}r1 = 0\ncall map_delete_elem\nexit`],
  ["memory that is too short", "r1 = r10\nr1 += -8\nr2 = 9\nr3 = 0\ncall memset\nexit"],
  ["memory of a size that is huge", "r1 = r10\nr1 += -8\nr2 = -1\nr3 = 0\ncall memset\nexit"],
  ["null where there must be memory", "r1 = 0\nr2 = 4\ncall strnlen_s\nexit"],
  ["text outside", "r1 = r10\nr2 = 4\ncall trace_printk2\nexit"],
];

for (const [name, text] of REFUSED) {
  test(`the interpreter refuses ${name}`, (t) => {
    t.like(run(`r0 = 0\n${text}`), { fault: "OutOfBounds", result: 0n });
  });
}

test("map_lookup_and_delete_elem: the entry's memory stays until the run ends", (t) => {
  const map = createMap({ type: MAP_TYPES.hash, keySizeBytes: 4, valueSizeBytes: 8, maxEntries: 4 });
  const set = `r6 = 0x55\n*(u64 *)(r10 - 16) = r6\nr3 = r10\nr3 += -16\nr4 = 0\ncall map_update_elem\n`;
  const other = set
    .replace("0x55", "0x66")
    .replace("r3 = r10", "*(u32 *)(r10 - 4) = 2\nr2 = r10\nr2 += -4\nr1 = map[m]\nr3 = r10");
  const text = `${LOOKUP}${set}${LOOKUP}call map_lookup_and_delete_elem\nr7 = r0\n${other}r0 = *(u64 *)(r7 + 0)\nexit`;
  t.like(run(text, [map]), { fault: "None", result: 0x55n });
  t.is(read(map, u32(1)), MAP.NOT_FOUND);
  t.deepEqual(read(map, u32(2)), Uint8Array.of(0x66, 0, 0, 0, 0, 0, 0, 0));
  release(map);
});

for (const engine of DRIVER_ENGINES) {
  test(`${engine}: look-ups in arrays, wherever r1 comes from`, (t) => {
    const definition = { type: MAP_TYPES.array, keySizeBytes: 4, valueSizeBytes: 12, maxEntries: 3 };
    const array = createMap(definition);
    const percpu = createMap({ ...definition, type: MAP_TYPES.percpu_array });
    for (let key = 0; key < 3; key++) write(array, u32(key), new Uint8Array(12).fill(key + 1));
    const maps = [array, percpu];
    const look = (key: number, set = "r1 = map[m]") =>
      `*(u32 *)(r10 - 4) = ${key}\n${set}\nr2 = r10\nr2 += -4\ncall map_lookup_elem\nif r0 == 0 goto none\nr0 = *(u8 *)(r0 + 11)\nexit\nnone:\nr0 = 99\nexit`;
    const result = (text: string) => run(`r6 = r1\n${text}`, maps, undefined, engine).result;
    t.deepEqual(
      [0, 1, 2, 3, -1].map((key) => result(look(key))),
      [1n, 2n, 3n, 99n, 99n],
    );
    t.is(result(look(1, "r1 = map[m]\nr3 = 5\nif r3 != 5 goto +1\nr3 = 6")), 2n);
    // One way the map is the array, the other it is not.
    for (const [byte, expected] of [
      [1, 2n],
      [2, 0n],
    ] as const) {
      const choose = `r3 = *(u64 *)(r6 + 0)\nr3 = *(u8 *)(r3 + 0)\nr1 = map[1]\nif r3 != ${byte} goto +2\nr1 = map[m]`;
      t.is(result(look(1, choose)), expected, `${byte}`);
    }
    t.is(result(look(1, "r1 = map[m]\nr4 = r1\nr1 = map[1]")), 0n);
    t.is(result(look(1, "r1 = map[1]\nr4 = r1\nr1 = map[m]\nr1 = r4")), 0n);
    for (const map of maps) release(map);
  });
}

test("ringbuf_output: records, flags, and a map of another kind", (t) => {
  const map = createMap({ type: MAP_TYPES.ringbuf, keySizeBytes: 0, valueSizeBytes: 0, maxEntries: 4096 });
  const text = (flags: number) =>
    `*(u64 *)(r10 - 8) = 0x1234\nr1 = map[m]\nr2 = r10\nr2 += -8\nr3 = 5\nr4 = ${flags}\ncall ringbuf_output\nexit`;
  t.is(run(text(0), [map]).result, 0n);
  t.deepEqual(ring.read(map), Uint8Array.of(0x34, 0x12, 0, 0, 0));
  t.is(run(text(3), [map]).result, BigInt.asUintN(64, -22n));
  t.is(ring.read(map), MAP.NOT_FOUND);
  t.is(run(text(0)).result, BigInt.asUintN(64, -22n));
  t.is(run(`r0 = 0\n${LOOKUP}call map_lookup_elem\nexit`, [map]).result, 0n);
  release(map);
});

for (const engine of DRIVER_ENGINES) {
  test.serial(
    `${engine}: perf_event_output: a record in this processor's ring, with the begin of the packet if asked`,
    (t) => {
      setProcessor(0);
      const map = createMap({
        type: MAP_TYPES.perf_event_array,
        keySizeBytes: 4,
        valueSizeBytes: 4,
        maxEntries: 4096,
      });
      const output = (flags: bigint, size = 5): bigint =>
        run(
          `*(u64 *)(r10 - 8) = 0x1234\nr2 = map[m]\nr3 = ${flags} ll\nr4 = r10\nr4 += -8\nr5 = ${size}\ncall perf_event_output\nexit`,
          [map],
          undefined,
          engine,
        ).result;
      const record = (more: Uint8Array) => Uint8Array.of(0x34, 0x12, 0, 0, 0, ...more);
      const here = 0xffff_ffffn;
      t.is(output(here), 0n);
      t.deepEqual(perf.read(map), { processor: 0, data: record(new Uint8Array(0)) });
      t.is(output(here | (3n << 32n)), 0n);
      t.is(output(32n << 32n), 0n);
      t.deepEqual(perf.read(map), { processor: 0, data: record(PACKET.subarray(0, 3)) });
      t.deepEqual(perf.read(map), { processor: 0, data: record(PACKET) });
      // More than the packet has, another processor's ring, flags that are none.
      for (const flags of [here | (33n << 32n), 1n, here | (1n << 52n)])
        t.is(output(flags), BigInt.asUintN(64, -22n));
      t.is(perf.read(map), MAP.NOT_FOUND);
      // A ring holds records up to half of it; what finds no room is dropped.
      let written = 0;
      while (output(here) === 0n) written++;
      t.is(written, 4096 / 16);
      t.is(output(here), BigInt.asUintN(64, -28n));
      t.is(perf.read(map, 4), MAP.TOO_BIG);
      for (; written > 0; written--)
        t.deepEqual(perf.read(map), { processor: 0, data: record(new Uint8Array(0)) });
      t.is(perf.read(map), MAP.NOT_FOUND);
      release(map);
    },
  );
}

test.serial("perf_event_output: a map of another kind, no packet, and rings that are read in turn", (t) => {
  const map = createMap({
    type: MAP_TYPES.perf_event_array,
    keySizeBytes: 0,
    valueSizeBytes: 0,
    maxEntries: 4096,
  });
  const text =
    "r2 = map[0]\nr3 = 0xffffffff ll\nr4 = r10\nr4 += -8\nr5 = 8\n*(u64 *)(r10 - 8) = 7\ncall 32\nexit";
  const other = createMap({ type: MAP_TYPES.ringbuf, keySizeBytes: 0, valueSizeBytes: 0, maxEntries: 4096 });
  const result = (code: string, one: DriverMap): bigint => {
    const program = loadProgram(encode(parse(code)), [one]);
    const output = runProgram(program, {});
    release(program);
    return output.result;
  };
  t.is(result(text, other), BigInt.asUintN(64, -22n));
  t.is(result(text.replace("0xffffffff", "0x1ffffffff"), map), BigInt.asUintN(64, -95n));
  for (const processor of [0, 0, 1, 1]) {
    setProcessor(processor);
    t.is(result(text, map), 0n);
  }
  setProcessor(0);
  const turns = [1, 2, 3, 4].map(() => perf.read(map));
  t.deepEqual(
    turns.map((turn) => (typeof turn === "number" ? turn : turn.processor)),
    [0, 1, 0, 1],
  );
  t.is(perf.read(map), MAP.NOT_FOUND);
  release(map);
  release(other);
});

for (const engine of DRIVER_ENGINES) {
  test(`${engine}: programs push, peek and pop`, (t) => {
    const map = createMap({ type: MAP_TYPES.queue, keySizeBytes: 0, valueSizeBytes: 8, maxEntries: 2 });
    const push = (value: number) =>
      `*(u64 *)(r10 - 8) = ${value}\nr1 = map[m]\nr2 = r10\nr2 += -8\nr3 = 0\ncall map_push_elem\nr6 += r0\n`;
    const take = (name: string) =>
      `r1 = map[m]\nr2 = r10\nr2 += -8\ncall map_${name}_elem\nr6 += r0\nr6 *= 16\nr0 = *(u64 *)(r10 - 8)\nr6 += r0\n`;
    const text = `r6 = 0\n${push(5)}${push(6)}${take("peek")}${take("pop")}${take("pop")}${take("pop")}r0 = r6\nexit`;
    // Peek 5, pop 5, pop 6, and nothing left: -2, and the value is 0.
    t.is(run(text, [map], undefined, engine).result, BigInt(((5 * 16 + 5) * 16 + 6) * 16 - 2 * 16));
    t.is(
      run(`r6 = 0\n${push(1)}${push(2)}${push(3)}r0 = r6\nexit`, [map], undefined, engine).result,
      BigInt.asUintN(64, -7n),
    );
    t.is(run(`r6 = 0\n${push(1)}r0 = r6\nexit`, [], undefined, engine).result, BigInt.asUintN(64, -22n));
    release(map);
  });
}

test("programs do not change a map that is read-only, and do not look into program arrays", (t) => {
  const update = `${LOOKUP}*(u64 *)(r10 - 16) = 1\nr3 = r10\nr3 += -16\nr4 = 0\ncall map_update_elem\nexit`;
  const definition = {
    type: MAP_TYPES.array,
    keySizeBytes: 4,
    valueSizeBytes: 8,
    maxEntries: 4,
    flags: 0x80,
  };
  const constants = createMap(definition);
  t.is(run(update, [constants]).result, BigInt.asUintN(64, -22n));
  const programs = createMap({
    type: MAP_TYPES.prog_array,
    keySizeBytes: 4,
    valueSizeBytes: 4,
    maxEntries: 4,
  });
  t.is(run(update, [programs]).result, BigInt.asUintN(64, -22n));
  t.is(run(`${LOOKUP}call map_lookup_elem\nexit`, [programs]).result, 0n);
  t.is(run(`${LOOKUP}call map_delete_elem\nexit`, [programs]).result, BigInt.asUintN(64, -22n));
  release(constants);
  release(programs);
});

const traceRead = library.func("bool TraceRead(void*, _Out_ uint32*)");

function readLine(): string | undefined {
  const line = new Uint8Array(256);
  const size = [0];
  return traceRead(line, size) ? Buffer.from(line.subarray(0, size[0])).toString("latin1") : undefined;
}

test.serial("trace_printk: formats as on the embedded host; the latest lines are kept", (t) => {
  while (readLine() !== undefined);
  const format = library.func("uint32 TraceFormat(void*, const void*, uint32, const void*, uint32)");
  const print = (text: string, ...values: bigint[]): string => {
    const line = new Uint8Array(256);
    const bytes = Buffer.from(`${text}\0`);
    const size = format(line, bytes, bytes.length, BigUint64Array.from(values), values.length);
    return Buffer.from(line.subarray(0, size)).toString("latin1");
  };
  t.is(print("%d %u %x", -1n, -1n, 255n), "-1 4294967295 ff");
  t.is(print("%lld %llu %lx", -1n, -1n, -1n), "-1 18446744073709551615 ffffffffffffffff");
  t.is(print("%04x|%4d|%c|%%|%p|%X", 0xabn, 7n, 0x41n, 4096n, 0xabn), "00ab|   7|A|%|0x1000|AB");
  t.is(print("%s %d % %"), "%s 0 % %");
  t.is(print("%99d%99d%99d", 1n, 2n, 3n).length, 256);
  // "n=%d" on the stack.
  const text =
    "r1 = 0x64253d6e\n*(u64 *)(r10 - 8) = r1\nr1 = r10\nr1 += -8\nr2 = 8\nr3 = 42\ncall trace_printk3\nexit";
  for (let count = 0; count < 300; count++) t.is(run(text).result, 4n);
  const lines: string[] = [];
  for (let line = readLine(); line !== undefined; line = readLine()) lines.push(line);
  t.deepEqual(lines, Array(256).fill("n=42"));
});

for (const engine of DRIVER_ENGINES) {
  test.serial(
    `${engine}: tail calls: the other program's answer, or on with this one; 33 of them; one budget`,
    (t) => {
      const before = countAllocations();
      const array = createMap({
        type: MAP_TYPES.prog_array,
        keySizeBytes: 4,
        valueSizeBytes: 4,
        maxEntries: 4,
      });
      const nextId = library.func("uint32 ObjectNextId(uint32, uint32)");
      const put = (index: number, text: string): void => {
        const loaded = load(
          assembleProgram(text, {
            platform: "windows",
            type: "xdp",
            maps: [{ ...mapSpec("m", 4, 4, 4), type: 3 }],
          }),
          [array],
          engine,
        );
        let id = 0;
        for (let next = nextId(0, 0); next !== 0; next = nextId(0, id)) id = next;
        t.is(write(array, u32(index), u32(id)), MAP.OK);
        release(loaded);
      };
      const call = (index: number) => `r2 = map[m]\nr3 = ${index}\ncall tail_call\n`;
      put(0, "r0 = *(u64 *)(r1 + 0)\nr0 = *(u8 *)(r0 + 3)\nexit");
      t.like(run(`${call(0)}r0 = 99\nexit`, [array], undefined, engine), { fault: "None", result: 4n });
      t.like(run(`${call(1)}r0 += 100\nexit`, [array], undefined, engine), { fault: "None", result: 98n });
      t.like(run(`${call(4)}r0 += 100\nexit`, [array], undefined, engine), { fault: "None", result: 98n });
      // From a function too the whole program is over.
      t.like(run(`call f\nr0 = 99\nexit\nf:\n${call(0)}r0 = 98\nexit`, [array], undefined, engine), {
        result: 4n,
      });
      // It calls itself until it may not: 33 times from the first.
      put(
        2,
        `r6 = *(u64 *)(r1 + 0)\nr7 = *(u8 *)(r6 + 0)\nr7 += 1\n*(u8 *)(r6 + 0) = r7\n${call(2)}r0 = r7\nexit`,
      );
      t.like(run(`${call(2)}r0 = 99\nexit`, [array], undefined, engine), { fault: "None", result: 34n });
      put(3, "r6 = 0\nagain:\nr6 += 1\nif r6 < 100 goto again\nr0 = r6\nexit");
      t.like(run(`${call(3)}exit`, [array], 198, engine), { fault: "None", result: 100n, budget: 0 });
      t.like(run(`${call(3)}exit`, [array], 197, engine), { fault: "Budget", result: 0n });
      for (const index of [0, 2, 3]) t.is(erase(array, u32(index)), MAP.OK);
      release(array);
      t.is(countAllocations(), before);
    },
  );
}
