// The structural check: one row an opcode as the core has it, and the same answer on random streams.
import test from "ava";
import fc from "fast-check";
import { EbpfError } from "../../core/base/error.ts";
import { decode } from "../../core/isa/decode.ts";
import { encode } from "../../core/isa/encode.ts";
import type { Instruction } from "../../core/isa/instruction.ts";
import { parse } from "../../core/isa/parse.ts";
import { programFromBytes } from "../../core/program/assemble.ts";
import { structureFailures } from "../../core/verifier/structure.ts";
import { legalBytes } from "../core/isa/arbitrary.ts";
import {
  checkBytecode,
  countAllocations,
  type Finding,
  failAllocation,
  STATUS,
  share,
} from "../harness/driver.ts";
import { programs } from "../harness/generate.ts";
import { generator } from "../harness/mutate.ts";

const EXIT = encode(parse("exit"));

/** What the core calls what the driver finds. */
const CODES: Readonly<Record<Finding["finding"], readonly string[]>> = {
  None: [],
  InstructionInvalid: ["InstructionInvalid"],
  InstructionUnsupported: ["InstructionUnsupported", "FeatureUnsupported", "RelocationInvalid"],
  FramePointerReadOnly: ["FramePointerReadOnly"],
  MapInvalid: ["RelocationInvalid", "InstructionUnsupported"],
  JumpOutOfRange: ["JumpOutOfRange"],
  FallThrough: ["FallThrough"],
  Recursion: ["Recursion"],
  CallDepth: [],
  TooComplex: ["TooComplex"],
  HelperUnknown: [],
};

/** Everything that the core finds, but for helpers: the driver looks at them when it loads a program. */
function coreFinds(bytes: Uint8Array): Set<string> {
  try {
    const failures = [...structureFailures(programFromBytes(bytes, { platform: "windows" }))];
    const codes = failures.map(({ finding }) => finding.code);
    return new Set(codes.filter((code) => code !== "HelperUnknown" && code !== "HelperNotAllowed"));
  } catch (error) {
    if (error instanceof EbpfError) return new Set([error.code]);
    throw error;
  }
}

/** An address of a function, which the core can follow and the driver's engines cannot. */
const isFunctionAddress = (bytes: Uint8Array, slot: number): boolean =>
  bytes[slot * 8] === 0x18 && (bytes[slot * 8 + 1] ?? 0) >> 4 === 4;

/** Undefined if they agree. */
function disagreement(bytes: Uint8Array): string | undefined {
  const { finding, slot } = checkBytecode(bytes);
  const core = coreFinds(bytes);
  if (finding === "InstructionUnsupported" && isFunctionAddress(bytes, slot)) return undefined;
  if (finding === "CallDepth") return undefined;
  const same = finding === "None" ? core.size === 0 : CODES[finding].some((code) => core.has(code));
  // A map that is not there is found before anything else by one, in its turn by the other.
  if (same || (finding !== "None" && core.has("RelocationInvalid"))) return undefined;
  return `driver ${finding} at slot ${slot}, core ${[...core].join(" ") || "None"}: ${Buffer.from(bytes).toString("hex")}`;
}

test("an instruction is legal exactly if the core decodes it", (t) => {
  const next = generator(7);
  const counts = { legal: 0, illegal: 0 };
  for (let opcode = 0; opcode < 256; opcode++) {
    for (let count = 0; count < share(200); count++) {
      const bytes = new Uint8Array(16);
      const view = new DataView(bytes.buffer);
      view.setUint8(0, opcode);
      view.setUint8(1, next(3) === 0 ? next(256) : next(11) | (next(2) === 0 ? 0 : next(7) << 4));
      view.setInt16(2, [0, 0, 0, 1, 8, 16, 32, 2, -1][next(9)] ?? 0, true);
      view.setInt32(4, [0, 0, 1, 16, 32, 64, 0xe1, 0xf1, 0xa1, 0x50, 2, -1][next(12)] ?? 0, true);
      if (next(8) === 0) view.setUint8(8 + next(8), next(256));
      const stream = Uint8Array.from([...bytes.slice(0, opcode === 0x18 ? 16 : 8), ...EXIT]);
      let legal = true;
      try {
        decode(stream);
      } catch {
        legal = false;
      }
      const { finding } = checkBytecode(stream, 0x7fff_ffff);
      counts[legal ? "legal" : "illegal"]++;
      if (legal !== (finding !== "InstructionInvalid")) {
        return t.fail(`${Buffer.from(stream).toString("hex")}: core ${legal}, driver ${finding}`);
      }
    }
  }
  t.true(counts.legal > share(3000) && counts.illegal > share(5000), JSON.stringify(counts));
});

test("streams of legal instructions", (t) => {
  fc.assert(
    fc.property(fc.array(legalBytes, { maxLength: 6 }), (parts) => {
      t.is(disagreement(Uint8Array.from([...parts.flatMap((part) => [...part]), ...EXIT])), undefined);
    }),
    { numRuns: share(1000), seed: 11 },
  );
});

/** Small pieces that lead to each other, so that most findings come up, and none does often too. */
const flow: fc.Arbitrary<Instruction> = fc.oneof(
  fc.constant<Instruction>({ kind: "exit" }),
  fc.integer({ min: -6, max: 6 }).map((offset): Instruction => ({ kind: "jump", width: 64, offset })),
  fc.integer({ min: -6, max: 6 }).map(
    (offset): Instruction => ({
      kind: "jump",
      width: 32,
      offset,
      condition: { test: "eq", left: 1, right: { kind: "immediate", value: 0 } },
    }),
  ),
  fc
    .integer({ min: -6, max: 6 })
    .map((offset): Instruction => ({ kind: "call", target: { kind: "local", offset } })),
  fc.constant<Instruction>({
    kind: "loadImmediate",
    destination: 3,
    source: { kind: "number", value: 0x9500000095n },
  }),
  { weight: 3, arbitrary: fc.constant<Instruction>({ kind: "neg", width: 64, destination: 0 }) },
);

test("streams of jumps, calls and exits", (t) => {
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(fc.array(flow, { maxLength: 12 }), fc.boolean(), (stream, ends) => {
      const bytes = encode(ends ? [...stream, { kind: "exit" }] : stream);
      const { finding } = checkBytecode(bytes);
      seen.set(finding, (seen.get(finding) ?? 0) + 1);
      t.is(disagreement(bytes), undefined);
    }),
    { numRuns: share(5000), seed: 12 },
  );
  for (const finding of ["None", "JumpOutOfRange", "FallThrough", "Recursion"]) {
    t.true((seen.get(finding) ?? 0) > share(20), `${finding}: ${seen.get(finding)}`);
  }
});

test("programs that are whole, and with a byte changed", (t) => {
  const next = generator(5);
  for (const instructions of fc.sample(programs(true), { seed: 3, numRuns: share(100) })) {
    const bytes = encode(instructions);
    t.is(checkBytecode(bytes).finding, "None");
    for (let count = 0; count < 10; count++) {
      t.is(disagreement(bytes.with(next(bytes.length), next(256))), undefined);
    }
  }
});

test("chains of calls: eight functions, not nine", (t) => {
  const chain = (length: number) =>
    encode(
      parse(
        `${Array.from({ length }, (_, i) => `f${i}:\ncall f${i + 1}\nexit`).join("\n")}\nf${length}:\nexit`,
      ),
    );
  t.is(checkBytecode(chain(7)).finding, "None");
  t.is(checkBytecode(chain(8)).finding, "CallDepth");
});

test("sizes: nothing, and more instructions than a program may have", (t) => {
  t.is(checkBytecode(new Uint8Array(0)).finding, "FallThrough");
  const many = (count: number) => {
    const bytes = new Uint8Array(count * 8);
    for (let at = 0; at < bytes.length; at += 8) bytes[at] = 0x95;
    return bytes;
  };
  t.is(checkBytecode(many(100_000)).finding, "None");
  t.is(checkBytecode(many(100_001)).finding, "TooComplex");
  t.is(checkBytecode(many(200_001)).finding, "TooComplex");
});

test("a circle and a fan of thousands of functions end soon", (t) => {
  const functions = 20_000;
  const call = (offset: number): Instruction => ({ kind: "call", target: { kind: "local", offset } });
  const circle = Array.from({ length: functions }, (_, i) => [
    call(i === functions - 1 ? -2 * functions + 1 : 1),
    { kind: "exit" as const },
  ]).flat();
  const fan: Instruction[] = [
    ...Array.from({ length: functions }, (_, i) => call(functions - i)),
    { kind: "exit" },
    { kind: "exit" },
  ];
  const start = performance.now();
  t.is(checkBytecode(encode(circle)).finding, "Recursion");
  t.is(checkBytecode(encode(fan)).finding, "None");
  t.true(performance.now() - start < 5000);
});

test("each allocation that fails is told, and nothing is kept", (t) => {
  const bytes = encode(parse("call f\nexit\nf:\nexit"));
  const before = countAllocations();
  let failed = 0;
  for (let number = 1; checkAfter(number).status !== STATUS.SUCCESS; number++) failed++;
  failAllocation(0);
  t.is(failed, 4);
  t.is(countAllocations(), before);

  function checkAfter(number: number): Finding {
    failAllocation(number);
    const found = checkBytecode(bytes);
    if (found.status !== STATUS.SUCCESS) t.is(found.status, STATUS.NO_MEMORY);
    return found;
  }
});
