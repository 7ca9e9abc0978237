// What is told to do about a failure where its code alone says too little: by what was found, and by the way that led to it.
import test from "ava";
import { verify } from "../../../core/verifier/verify.ts";
import { mapsOf, testProgram } from "./programs.ts";

interface Case {
  readonly code: string;
  readonly platform?: string;
  readonly type?: string;
  readonly maps?: string;
  readonly message?: RegExp;
  readonly known?: string;
  readonly needed?: string | number;
  readonly remedy: RegExp;
}

const LINUX_PACKET = "r6 = *(u32 *)(r1 + 0)\nr7 = *(u32 *)(r1 + 4)\nr2 = r6\nr2 += 14\nif r2 > r7 goto end";
const PACKET = "r6 = *(u64 *)(r1 + 0)\nr7 = *(u64 *)(r1 + 8)";
const END = "end:\nr0 = 1\nexit";

const CASES: Readonly<Record<string, Case>> = {
  "a pointer from before a call that may move the packet": {
    platform: "linux",
    code: `${LINUX_PACKET}\nr2 = -4\ncall 44\nr0 = *(u8 *)(r6 + 3)\n${END}`,
    remedy: /^After a call that may move the packet read data and data_end from the context again/,
  },
  "a record of a ring that was submitted": {
    maps: "records ringbuf 0 0 4096",
    code: `r1 = map[records]\nr2 = 8\nr3 = 0\ncall 131\nif r0 == 0 goto end\nr6 = r0\nr1 = r0\nr2 = 0\ncall 132\n*(u64 *)(r6 + 0) = 1\n${END}`,
    platform: "linux",
    remedy: /^Do not use it after it was given back/,
  },
  "no value to return": { code: "exit", remedy: /^Return a value on every path/ },
  "the low half of a pointer": {
    code: `${PACKET}\nw6 += 4\n${END}`,
    remedy: /^Calculate with all 64 bits/,
  },
  "pointers that are added": {
    code: `${PACKET}\nr6 += r7\n${END}`,
    remedy: /^Subtract one pointer from another into the same object/,
  },
  "a number without a bound as size": {
    code: `*(u64 *)(r10 - 8) = 0\ncall 6\nr1 = r10\nr1 += -8\nr2 = r0\ncall 12\n${END}`,
    message: /has to be a size between 1 and 536870912 \(it has no sign\), but is any 32-bit number$/,
    known: "r2 is any 32-bit number",
    needed: "a size between 1 and 8: so many bytes are behind r1",
    remedy: /if \(size < 1 \|\| size > N\) return/,
  },
  "a number below 0 as size, which may be 0": {
    code: `*(u64 *)(r10 - 8) = 0\nr1 = r10\nr1 += -8\nr2 = -39\nr3 = 0\nr4 = 0\nr5 = 0\ncall 10\n${END}`,
    message: /has to be a size between 0 and/,
    needed: "a size between 0 and 8: so many bytes are behind r1",
    remedy: /if \(size < 0 \|\| size > N\) return/,
  },
  "a size made of the packet's two ends": {
    code: `${PACKET}\n*(u64 *)(r10 - 8) = 0\nr4 = r7\nr4 -= r6\nif r4 > 8 goto end\nr1 = r10\nr1 += -8\nr2 = 8\nr3 = r6\ncall 22\n${END}`,
    remedy: /^A size made of data_end - data is a number .* if \(data \+ 8 > data_end\) return/,
  },
  "a size that is one whatever the packet": {
    code: `${PACKET}\n*(u64 *)(r10 - 8) = 0\nr1 = r10\nr1 += -8\nr2 = 8\nr3 = r6\nr4 = 8\ncall 22\n${END}`,
    remedy: /^Check the end of the packet first/,
  },
  "a map of another type": {
    maps: "values array 4 4 4",
    code: `r2 = map[values]\nr3 = 0\ncall 12\n${END}`,
    platform: "linux",
    known: "it is of type array",
    needed: "prog_array",
    remedy: /or a map of another type/,
  },
  "an atomic operation on the packet": {
    code: `${PACKET}\nr2 = r6\nr2 += 8\nif r2 > r7 goto end\nr1 = 1\nlock *(u64 *)(r6 + 0) += r1\n${END}`,
    known: "r6 is a pointer to the packet",
    needed: "a pointer to the stack or a map value",
    remedy: /^Work atomically on the stack/,
  },
  "a field of the context at an offset that varies": {
    code: "r2 = *(u32 *)(r1 + 24)\nr2 &= 3\nr1 += r2\nr0 = *(u8 *)(r1 + 24)\nexit",
    message: /whose fields are at constant offsets$/,
    known: "a number between 0 and 3",
    needed: "a constant",
    remedy: /^Read the field by its name/,
  },
  "an offset in front of the packet": {
    code: `${PACKET}\nr2 = r6\nr2 += 8\nif r2 > r7 goto end\nr0 = *(u8 *)(r6 - 1)\n${END}`,
    remedy: /^Keep the offset from being negative/,
  },
  "a write of a helper that may leave bytes out": {
    code: "r6 = *(u32 *)(r1 + 24)\nr6 &= 7\nr6 += 1\nr1 = r10\nr1 += -8\nr2 = r6\nr3 = 0\ncall 24\nr0 = 1\nexit",
    remedy: /^Initialise all of it first/,
  },
  "a map that programs only read": {
    maps: "constants array 4 8 1 readonly",
    code: `*(u32 *)(r10 - 4) = 0\n*(u64 *)(r10 - 16) = 0\nr1 = map[constants]\nr2 = r10\nr2 += -4\nr3 = r10\nr3 += -16\nr4 = 0\ncall 2\n${END}`,
    remedy: /^Do not write to it/,
  },
  "a packet load where there is none": {
    code: "r6 = r1\nr0 = *(u16 *)skb[12]\nexit",
    message: /which programs of type xdp do not have$/,
    remedy: /^Read memory through pointers/,
  },
  "a helper of other types": {
    platform: "linux",
    code: `r2 = 4\nr3 = 0\ncall 43\n${END}`,
    known: "the program is of type xdp",
    needed: "one of sched_cls, sched_act, lwt_xmit, sk_skb",
    remedy: /a program of a type that may call it/,
  },
};

for (const [name, { code, maps = "", platform = "windows", type, ...expected }] of Object.entries(CASES)) {
  test(name, (t) => {
    const program = testProgram({
      code,
      platform,
      maps: mapsOf(maps, platform),
      ...(type !== undefined && { type }),
    });
    const verdict = verify(program, { strict: true });
    if (verdict.kind === "accepted") return t.fail("accepted");
    const [{ message, known, needed, remedy }] = verdict.failures;
    t.regex(remedy, expected.remedy);
    if (expected.message !== undefined) t.regex(message, expected.message);
    if (expected.known !== undefined) t.is(known, expected.known);
    if (expected.needed !== undefined) t.is(needed, expected.needed);
  });
}
