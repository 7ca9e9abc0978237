// Tail calls on the embedded host beyond what tests/fixtures/maps holds: types, programs that are closed, other threads, traces.
import test from "ava";
import { EbpfError } from "../../../core/base/error.ts";
import {
  createEmbeddedHost,
  type EmbeddedHost,
  type EmbeddedProgram,
} from "../../../core/host/embedded/host.ts";
import type { EbpfMap, TraceStep } from "../../../core/host/host.ts";
import { compile } from "../../../core/image/compile.ts";
import type { EngineName } from "../../../core/image/image.ts";
import type { PlatformName } from "../../../core/platform/platform.ts";
import { assembleProgram } from "../../../core/program/assemble.ts";
import { ENGINES } from "../../harness/engines.ts";
import { mapSpec, trust } from "../../harness/programs.ts";
import { startRunning } from "./run-threads.ts";

const JUMPS = { ...mapSpec("jumps", 4, 4, 4), type: 3 };
const VALUE = { ...mapSpec("value", 4, 8, 1), type: 2 };
const ARRAY_KEY = new Uint8Array(4);

const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);

/** With the array of programs as map 0 and, if there is one, an array of a value as map 1. */
function load(
  host: EmbeddedHost,
  text: string,
  maps: readonly EbpfMap[],
  options: { engine?: EngineName; platform?: PlatformName; type?: string } = {},
): EmbeddedProgram {
  const { engine = "wasm", platform = "windows", type = "xdp" } = options;
  const specs = [JUMPS, VALUE].slice(0, maps.length);
  const program = assembleProgram(text, { platform, type, maps: specs });
  return host.load(compile(trust(program), engine), maps);
}

const CALL = "r2 = map[jumps]\nr3 = 0\ncall tail_call\nr0 = 3\nexit";

for (const engine of ENGINES) {
  test(`a program that is closed is in no array any more, and its caller goes on: ${engine}`, (t) => {
    const host = createEmbeddedHost();
    const jumps = host.createMap(JUMPS, "prog_array");
    const caller = load(host, CALL, [jumps], { engine });
    const run = () => caller.run({ data: new Uint8Array() }).returnValue;
    t.is(run(), 3n);
    const target = load(host, "r0 = 7\nexit", [], { engine });
    jumps.update(u32(0), u32(target.id));
    jumps.update(u32(3), u32(target.id));
    t.is(jumps.count(), 2);
    t.is(run(), 7n);
    target.close();
    t.is(jumps.count(), 0);
    t.is(run(), 3n);
    const error = t.throws(() => jumps.update(u32(0), u32(target.id)), { instanceOf: EbpfError });
    t.is(error.code, "MapValueInvalid");
  });

  test(`between engines: from ${engine} to the others and back`, (t) => {
    const host = createEmbeddedHost();
    const jumps = host.createMap(JUMPS, "prog_array");
    const next = (index: number) => `r2 = map[jumps]\nr3 = ${index}\ncall tail_call\nr0 = 9\nexit`;
    const last = load(host, "r0 = 5\nexit", [], { engine });
    const middle = load(host, next(1), [jumps], { engine: engine === "wasm" ? "interpreter" : "wasm" });
    const first = load(host, next(0), [jumps], { engine });
    jumps.update(u32(0), u32(middle.id));
    jumps.update(u32(1), u32(last.id));
    t.is(first.run({ data: new Uint8Array() }).returnValue, 5n);
  });
}

test("an array is for programs of one type: that of its own program, or of the first that is put into it", (t) => {
  const host = createEmbeddedHost();
  const jumps = host.createMap(JUMPS, "prog_array");
  load(host, CALL, [jumps]);
  const xdp = load(host, "r0 = 1\nexit", []);
  const linux = load(host, "r0 = 1\nexit", [], { platform: "linux" });
  const bind = load(host, "r0 = 0\nexit", [], { type: "bind" });
  jumps.update(u32(0), u32(xdp.id));
  for (const other of [linux, bind]) {
    const error = t.throws(() => jumps.update(u32(1), u32(other.id)), { instanceOf: EbpfError });
    t.is(error.code, "MapValueInvalid");
    t.regex(error.message, /is for programs of type windows xdp/);
  }
  const free = host.createMap(JUMPS, "prog_array");
  free.update(u32(0), u32(bind.id));
  t.throws(() => free.update(u32(0), u32(xdp.id)), { instanceOf: EbpfError });
  const error = t.throws(() => load(host, CALL, [free]), { instanceOf: EbpfError });
  t.is(error.code, "MapDefinitionInvalid");
});

test("a map is closed while lanes lie where the memory has grown", (t) => {
  const host = createEmbeddedHost();
  const map = host.createMap({ ...VALUE, maxEntries: 1 << 20 }, "array");
  host.allocateLane();
  t.notThrows(() => map.close());
});

test("a trace goes on in the program that a tail call leads to", (t) => {
  const host = createEmbeddedHost();
  const jumps = host.createMap(JUMPS, "prog_array");
  const caller = load(host, CALL, [jumps]);
  const target = load(host, "r0 = 7\nr0 += 1\nexit", []);
  jumps.update(u32(0), u32(target.id));
  const steps: string[] = [];
  const trace = ({ text }: TraceStep): void => void steps.push(text);
  t.is(caller.run({ data: new Uint8Array(), trace }).returnValue, 8n);
  t.deepEqual(steps.slice(-4), ["call 5", "r0 = 7", "r0 += 1", "exit"]);
});

/** Reads the value again and again, for a while: 1 if it was its own each time. */
const reads = (own: number): string => `
  *(u32 *)(r10 - 4) = 0
  r6 = 2000
  again:
  r1 = map[value]
  r2 = r10
  r2 += -4
  call map_lookup_elem
  r1 = *(u64 *)(r0 + 0)
  r0 = 2
  if r1 != ${own} goto out
  r6 += -1
  if r6 != 0 goto again
  r0 = 1
  out:
  exit`;

for (const engine of ENGINES) {
  test(`other threads get programs that come later; what is closed is not used by others while it runs: ${engine}`, async (t) => {
    const host = createEmbeddedHost();
    const jumps = host.createMap(JUMPS, "prog_array");
    const caller = load(host, CALL, [jumps], { engine });
    const threads = [startRunning(host, caller), startRunning(host, caller)];
    const value = (number: number): Uint8Array => new Uint8Array(BigUint64Array.of(BigInt(number)).buffer);
    let before: EmbeddedProgram | undefined;
    let rounds = 0;
    while (rounds < 100 || threads.some((thread) => thread.rounds() < 100)) {
      rounds++;
      const map = host.createMap(VALUE, "array");
      map.update(ARRAY_KEY, value(rounds));
      const target = load(host, reads(rounds), [host.createMap(JUMPS, "prog_array"), map], { engine });
      jumps.update(u32(0), u32(target.id));
      before?.close();
      for (const old of before?.maps ?? []) old.close();
      before = target;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    for (const thread of threads) thread.stop();
    for (const { results } of threads) {
      const seen = await results;
      t.is(seen.get(2), undefined);
      t.true((seen.get(1) ?? 0) > 50, JSON.stringify([...seen]));
    }
    before?.close();
    for (const old of before?.maps ?? []) old.close();
    const kept = host.memoryBytes();
    jumps.close();
    t.true(host.memoryBytes() < kept);
  });
}
