// The words of explain() as golden texts for made-up failures; those of real C programs are in tests/core/verifier/c.test.ts.
import test from "ava";
import { explain, explainFailure } from "../../../core/report/explain.ts";
import { failureRecord } from "../../../core/report/records.ts";
import type { Failure } from "../../../core/verifier/verdict.ts";
import { verify } from "../../../core/verifier/verify.ts";
import { testProgram } from "../verifier/programs.ts";

const FAILURE: Failure = {
  code: "PacketOutOfBounds",
  instruction: 7,
  slot: 8,
  text: "r3 = *(u16 *)(r1 + 12)",
  source: { file: "samples/x.c", line: 31, column: 6, text: "\tif (ethernet->type)" },
  message: "samples/x.c:31: reads 2 bytes at offset 12 of the packet",
  remedy: "Check the end of the packet first.",
  registers: { r0: "1", r1: "packet", r10: "stack" },
};

test("a failure with its C line, a caret, its instruction, the registers it reads, and help", (t) => {
  t.is(
    explainFailure(FAILURE),
    [
      "rejected: PacketOutOfBounds",
      "samples/x.c:31: reads 2 bytes at offset 12 of the packet",
      "",
      "  31 | \tif (ethernet->type)",
      "     | \t    ^",
      "  slot 8: r3 = *(u16 *)(r1 + 12)",
      "    r1 = packet",
      "  help: Check the end of the packet first.",
      "  more: ebpf explain PacketOutOfBounds",
    ].join("\n"),
  );
});

test("without a column there is no caret, without a source no line", (t) => {
  t.false(explainFailure({ ...FAILURE, source: { ...FAILURE.source!, column: 0 } }).includes("^"));
  const { source: _, ...rest } = FAILURE;
  t.false(explainFailure(rest).includes(" | "));
});

test("an example: the packet, the context, maps and helpers, and what the program then does", (t) => {
  const example = {
    packetLength: 20,
    packetHex: `4500${"00".repeat(18)}`,
    context: [{ field: "ingress_ifindex", value: "16" }],
    maps: [
      { map: "ports", keyHex: "0100", valueHex: null },
      { map: "sizes", keyHex: "0200", valueHex: "0000" },
    ],
    answers: [{ helper: "get_prandom_u32", value: "7" }],
    confirmed: true,
    observed: "reads 2 bytes at offset 19 of the packet of 20 bytes",
  } as const;
  const text = explainFailure(failureRecord(FAILURE, example));
  t.true(
    text.includes(
      [
        "  example: a packet of 20 bytes: 45 and 0 from there on",
        "    context: ingress_ifindex = 16",
        "    map ports has no entry for key 0100",
        "    map sizes has key 0200, its value all 0",
        "    bpf_get_prandom_u32 gives 7",
        "    then slot 8: reads 2 bytes at offset 19 of the packet of 20 bytes",
      ].join("\n"),
    ),
    text,
  );
  const rest = { confirmed: true, observed: "r0 is read before it has a value" } as const;
  t.true(
    explainFailure(failureRecord(FAILURE, rest)).includes(
      "  example: any packet and context\n    then slot 8: r0",
    ),
  );
});

test("colours only if asked for", (t) => {
  t.false(explainFailure(FAILURE).includes("\u001b"));
  t.true(explainFailure(FAILURE, { colors: true }).includes("\u001b[31mrejected\u001b[0m"));
});

test("the registers of a call and of exit", (t) => {
  const call = explain(verify(testProgram({ code: "r1 = 1\ncall 12\nexit" })));
  t.true(call.includes("  slot 1: call trace_printk2#12\n    r1 = 1\n  help"), call);
  const exit = explain(verify(testProgram({ code: "exit" })));
  t.true(exit.includes("  slot 0: exit\n    r0 = uninitialized\n  help"), exit);
});

test("an accepted program", (t) => {
  t.is(
    explain(verify(testProgram({ code: "r0 = 1\nexit" }))),
    "accepted: every path was followed, in 2 steps",
  );
});

test("a record is plain JSON with all the facts", (t) => {
  t.deepEqual(JSON.parse(JSON.stringify(failureRecord(FAILURE))), FAILURE);
  const { source: _, ...rest } = FAILURE;
  t.deepEqual(JSON.parse(JSON.stringify(failureRecord(rest))), rest);
});
