// Damaged objects and damaged code: whatever comes in, the answer is a result or an error with a code, and soon.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { EbpfError } from "../../core/base/error.ts";
import { loadObject } from "../../core/elf/object.ts";
import { encode } from "../../core/isa/encode.ts";
import { programFromBytes } from "../../core/program/assemble.ts";
import { buildProgram } from "../../core/program/build.ts";
import { buildCfg } from "../../core/program/cfg.ts";
import { relocateTypes } from "../../core/program/co-re.ts";
import { generator, mutate } from "../harness/mutate.ts";
import type { Fuzzer } from "./fuzzer.ts";

const MICROSECONDS = 2_000_000;

const fixtures = join(import.meta.dirname, "..", "fixtures", "c");
const objects = readdirSync(fixtures)
  .filter((name) => name.endsWith(".o"))
  .map((name) => readFileSync(join(fixtures, name)));

/** Runs one step; errors with a code are answers, anything else and slowness are not. */
function answer(step: () => void): string {
  const start = process.cpuUsage();
  let outcome = "done";
  try {
    step();
  } catch (error) {
    if (!(error instanceof EbpfError) || error.code === "InternalError") throw error;
    outcome = error.code;
  }
  const { user } = process.cpuUsage(start);
  if (user > MICROSECONDS) throw new Error(`it took ${user} us`);
  return outcome;
}

export const fuzzers: readonly Fuzzer[] = [
  {
    name: "damaged objects, loaded and built",
    run(seed) {
      const bytes = mutate(objects[seed % objects.length] ?? new Uint8Array(), seed);
      return answer(() => {
        const spec = loadObject(bytes, "damaged.o");
        for (const { name } of [...spec.programs, ...spec.functions]) {
          for (const platform of ["windows", "linux", undefined] as const) {
            answer(() => {
              const options = platform === undefined ? {} : { platform, type: "xdp" };
              const program = buildProgram(spec, name, options);
              buildCfg(program);
              encode(program.instructions);
            });
          }
        }
      });
    },
  },
  {
    name: "damaged types, and objects made to fit them",
    run(seed) {
      const [object, target] = [join(fixtures, "co-re.o"), join(fixtures, "co-re-target.o")].map((file) =>
        readFileSync(file),
      );
      const damaged = (bytes: Uint8Array = new Uint8Array(), number: number) =>
        (seed + number) % 3 === 0 ? bytes : mutate(bytes, seed + number, bytes.length >> 3);
      return answer(() => {
        const { btf } = loadObject(damaged(target, 1), "target.o");
        const spec = loadObject(damaged(object, 2), "object.o");
        const fitted = btf === undefined ? spec : relocateTypes(spec, btf);
        for (const { name } of fitted.programs) {
          answer(() => encode(buildProgram(fitted, name, { platform: "linux" }).instructions));
        }
      });
    },
  },
  {
    name: "random code, decoded and linked",
    run(seed) {
      const next = generator(seed);
      const bytes = Uint8Array.from({ length: 8 * (1 + next(64)) }, () => next(256));
      // Opcodes at random hardly ever decode; most of these do.
      for (let at = 0; at < bytes.length; at += 8) {
        bytes.set([[0xb7, 0x05, 0x15, 0x85, 0x95, 0x0f][next(6)] ?? 0x95, next(10)], at);
        if (bytes[at] === 0x85) bytes.set([0x85, 0x10, 0, 0, next(64), 0, 0, 0], at);
        else if (bytes[at] === 0x05) bytes.set([0x05, 0, next(64), 0, 0, 0, 0, 0], at);
        else if (bytes[at] === 0x95) bytes.set([0x95, 0, 0, 0, 0, 0, 0, 0], at);
        else if (bytes[at] === 0xb7) bytes.set([0xb7, next(10), 0, 0], at);
        else if (bytes[at] === 0x0f) bytes.set([0x0f, next(10) | (next(10) << 4), 0, 0, 0, 0, 0, 0], at);
      }
      return answer(() => buildCfg(programFromBytes(bytes, { platform: "raw" })));
    },
  },
];
