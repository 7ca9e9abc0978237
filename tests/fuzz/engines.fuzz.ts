// Both engines run the same programs, for as long as wanted: programs that are safe by construction, and programs that
// the verifier accepts, with helpers, maps and functions.
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { createEmbeddedHost } from "../../core/host/embedded/host.ts";
import { compile } from "../../core/image/compile.ts";
import type { EngineName } from "../../core/image/image.ts";
import type { VerifiedProgram } from "../../core/verifier/verdict.ts";
import { verify } from "../../core/verifier/verify.ts";
import { checkAgreement } from "../harness/agree.ts";
import { ENGINES } from "../harness/engines.ts";
import { MEMORY_BYTES, programs } from "../harness/generate.ts";
import { generator } from "../harness/mutate.ts";
import type { Fuzzer } from "./fuzzer.ts";
import { generateForHost } from "./generate.ts";
import { listing } from "./net.ts";

const cases = fc.tuple(programs(true), fc.uint8Array({ minLength: MEMORY_BYTES, maxLength: MEMORY_BYTES }));

const RUNS = 4;

/** What a program answers and leaves behind in a host of its own, as text. */
function behaviour(program: VerifiedProgram, engine: EngineName, seed: number): string {
  const host = createEmbeddedHost({ maximumMemoryBytes: 4 << 20 });
  const maps = program.maps.map(({ spec, type }) => host.createMap(spec, type.name));
  const loaded = host.load(compile(program, engine), maps);
  const next = generator(seed);
  const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString("hex");
  const runs = Array.from({ length: RUNS }, () => {
    const data = Uint8Array.from({ length: next(100) }, () => (next(4) === 0 ? 255 : next(256)));
    const after = loaded.run({ data });
    return `r0 ${after.returnValue.toString(16)}, packet ${hex(after.data)}`;
  });
  const entries = maps.flatMap((map) => [...map.keys()].map((key) => `${hex(key)}: ${hex(map.lookup(key))}`));
  return [...runs, ...entries.sort()].join("\n");
}

function checkVerified(seed: number): string {
  const program = generateForHost(seed);
  const verdict = verify(program, { maximumSteps: 20_000, strict: true });
  if (verdict.kind === "rejected") return verdict.failures[0].code;
  const [first, ...others] = ENGINES.map((engine) => behaviour(verdict.program, engine, seed));
  if (others.some((other) => other !== first)) {
    throw new Error(`seed ${seed}: ${[first, ...others].join("\n--\n")}\n${listing(program)}`);
  }
  return "agreed";
}

export const fuzzers: readonly Fuzzer[] = [
  {
    name: "random programs, run by the interpreter and through WebAssembly",
    run(seed) {
      for (const [instructions, memory] of fc.sample(cases, { seed, numRuns: 1 })) {
        checkAgreement(instructions, memory);
      }
      return "agreed";
    },
  },
  { name: "random programs that the verifier accepts, in both engines", run: checkVerified },
];
