// How a failure came about: the steps of its slice with their words, and what was known against what was needed.
import test from "ava";
import { verify } from "../../../core/verifier/verify.ts";
import { mapsOf, testProgram } from "./programs.ts";

interface Case {
  readonly code: string;
  readonly type?: string;
  readonly maps?: string;
  /** "slot: note". */
  readonly slice: readonly string[];
  readonly known?: string;
  readonly needed?: string | number;
}

const LOOK_UP = "r2 = r10\nr2 += -4\n*(u32 *)(r10 - 4) = 0\nr1 = map[values]\ncall 1";

const CASES: Readonly<Record<string, Case>> = {
  "a packet that is too short by the check": {
    code: "r2 = *(u64 *)(r1 + 0)\nr3 = *(u64 *)(r1 + 8)\nr4 = r2\nr4 += 14\nif r4 > r3 goto end\nr0 = *(u32 *)(r2 + 34)\nend:\nr0 = 0\nexit",
    slice: ["0: r2 is a pointer to the packet", "4: not taken: the packet has at least 14 bytes"],
    known: "the packet has at least 14 bytes",
    needed: 38,
  },
  "an index that two branches bound, through the stack": {
    code: `r6 = *(u32 *)(r1 + 24)\nif r6 > 20 goto end\n*(u64 *)(r10 - 16) = r6\n${LOOK_UP}\nif r0 == 0 goto end\nr1 = *(u64 *)(r10 - 16)\nr0 += r1\nr0 = *(u8 *)(r0 + 0)\nend:\nr0 = 0\nexit`,
    maps: "values array 4 16 4",
    slice: [
      "0: r6 is any 32-bit number",
      "1: not taken: r6 is a number between 0 and 20",
      "2: keeps a number between 0 and 20 on the stack",
      "8: bpf_map_lookup_elem gives a pointer to a value of map values, or NULL",
      "9: not taken: r0 is not NULL",
      "10: r1 is a number between 0 and 20",
      "11: r0 is a pointer to a value of map values at an offset between 0 and 20",
    ],
    known: "an offset between 0 and 20, 1 byte",
    needed: "within 0 to 16",
  },
  "a pointer that may be null, of a copy": {
    code: `${LOOK_UP}\nr6 = r0\nr0 = *(u8 *)(r6 + 0)\nexit`,
    maps: "values array 4 16 4",
    slice: [
      "5: bpf_map_lookup_elem gives a pointer to a value of map values, or NULL",
      "6: r6 is a pointer to a value of map values, or NULL",
    ],
    known: "r6 is a pointer to a value of map values, or NULL",
    needed: "not NULL",
  },
  "what a function is given and gives back": {
    code: "r1 = *(u32 *)(r1 + 24)\ncall f\nr1 = r10\nr1 += r0\nr0 = *(u8 *)(r1 + 0)\nexit\nf:\nr0 = r1\nr0 &= 15\nexit",
    slice: [
      "0: r1 is any 32-bit number",
      "6: r0 is any 32-bit number",
      "7: r0 is a number between 0 and 15",
      "2: r1 is a pointer to the stack",
      "3: r1 is a pointer to the stack at an offset between 0 and 15",
    ],
    known: "an offset between 0 and 15, 1 byte",
    needed: "within -512 to 0",
  },
  "a register without a value: the branches on the way": {
    code: "r2 = *(u32 *)(r1 + 24)\nif r2 == 7 goto end\nr0 = 0\nend:\nexit",
    slice: ["1: taken"],
  },
  "a field of the context that there is not": {
    code: "r0 = *(u64 *)(r1 + 20)\nexit",
    slice: [],
    known: "offset 20, 8 bytes",
    needed: "8 bytes at offset 16 (data_meta)",
  },
};

for (const [name, { code, maps = "", slice, known, needed }] of Object.entries(CASES)) {
  test(name, (t) => {
    const verdict = verify(testProgram({ code, maps: mapsOf(maps, "windows") }));
    if (verdict.kind === "accepted") {
      t.fail("accepted");
      return;
    }
    const [failure] = verdict.failures;
    t.deepEqual(
      failure.slice?.map((row) => `${row.slot}: ${row.note}`),
      slice,
    );
    t.is(failure.known, known);
    t.is(failure.needed, needed);
  });
}

test("of a loop the last round is told, and of a long way the last steps and the first", (t) => {
  const rows = Array.from({ length: 40 }, () => "r2 += 1").join("\n");
  const verdict = verify(
    testProgram({ code: `r2 = *(u32 *)(r1 + 24)\n${rows}\nr3 = r10\nr3 += r2\nr0 = *(u8 *)(r3 + 0)\nexit` }),
  );
  const slice = verdict.kind === "rejected" ? verdict.failures[0].slice : undefined;
  t.is(slice?.length, 12);
  t.deepEqual([slice?.[0]?.slot, slice?.at(-1)?.slot], [0, 40]);
});
