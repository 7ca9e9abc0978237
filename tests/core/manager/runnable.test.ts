// What is verified is not always what this host can run: other contexts, functions that are no hook's program.
import test from "ava";
import type { BtfType } from "../../../core/btf/types.ts";
import { accepted } from "../../../core/manager/load.ts";
import { assembleProgram } from "../../../core/program/assemble.ts";
import type { Program } from "../../../core/program/program.ts";
import { verify } from "../../../core/verifier/verify.ts";

const TYPES: readonly BtfType[] = [
  { kind: "void" },
  { kind: "int", name: "int", sizeBytes: 4, encoding: "signed", bitOffset: 0, bitSize: 32 },
  { kind: "struct", name: "big", sizeBytes: 4096, members: [] },
  { kind: "pointer", type: 2 },
  { kind: "functionPrototype", returnType: 1, parameters: [{ name: "big", type: 3 }] },
  { kind: "function", name: "main", type: 4, linkage: "global" },
  { kind: "functionPrototype", returnType: 0, parameters: [] },
  { kind: "function", name: "nothing", type: 6, linkage: "global" },
];

function textFunction(code: string, btfId: number): Program {
  const program = assembleProgram(code, { platform: "linux", type: "xdp" });
  const subprograms = program.subprograms.map((row) => ({ ...row, btfId }));
  return { ...program, section: ".text", btf: { types: TYPES }, subprograms };
}

test("a function is judged by its prototype, and not run as a hook's program", (t) => {
  const program = textFunction("r0 = *(u32 *)(r1 + 4092)\nexit", 5);
  t.is(verify(program).kind, "accepted");
  t.throws(() => accepted(program), { code: "ProgramTypeUnsupported" });
  t.like(verify(textFunction("r0 = *(u32 *)(r1 + 4093)\nexit", 5)), {
    kind: "rejected",
    failures: [{ code: "MapValueOutOfBounds" }],
  });
  t.is(verify({ ...program, section: "xdp" }).kind, "rejected");
});

test("a void function need not give a result, a program must", (t) => {
  const program = textFunction("exit", 7);
  t.is(verify(program).kind, "accepted");
  t.throws(() => accepted(program), { code: "ProgramTypeUnsupported" });
  t.like(verify({ ...program, section: "xdp" }), { failures: [{ code: "RegisterUninitialized" }] });
});

test("a program whose context holds objects of a kernel is not run here", (t) => {
  const code = "r0 = 0\nexit";
  t.throws(() => accepted(assembleProgram(code, { platform: "linux", type: "tracing" })), {
    code: "ProgramTypeUnsupported",
  });
  t.notThrows(() => accepted(assembleProgram(code, { platform: "linux", type: "xdp" })));
});

test("what is loaded is held to the strict rules", (t) => {
  const program = assembleProgram("r0 = *(u64 *)(r10 - 8)\nexit", { platform: "linux", type: "xdp" });
  t.is(verify(program).kind, "accepted");
  t.like(
    t.throws(() => accepted(program)),
    { code: "ProgramRejected" },
  );
});
