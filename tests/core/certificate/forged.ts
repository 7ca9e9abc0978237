// Certificates of loops written by hand, true ones and forged ones side by side: what they list is not what a verifier found.
import { ByteWriter } from "../../../core/base/bytes.ts";
import { writeUnsignedLeb128 } from "../../../core/base/leb128.ts";
import { covers } from "../../../core/certificate/cover.ts";
import { type Choose, Follower, type Listed } from "../../../core/certificate/follow.ts";
import { MOST_OPEN } from "../../../core/certificate/form.ts";
import { Listing } from "../../../core/certificate/listing.ts";
import { between, linked, type NumberValue, unknown } from "../../../core/certificate/number.ts";
import { digestOf, Refusal } from "../../../core/certificate/program.ts";
import type { Rank } from "../../../core/certificate/rank.ts";
import { emptyState, ownSlots, type Slot, type State } from "../../../core/certificate/state.ts";
import type { Program } from "../../../core/program/program.ts";
import { encodeListed } from "../../../core/verifier/encode.ts";
import { loopProgram } from "../../fuzz/loops.ts";

const STEPS = 4096;

/** Follows as the checker does, but believes that numbers have moved, and stops where something is refused. */
class Forger extends Follower {
  override isEnd(listed: Listed, state: State): boolean {
    return covers(listed.state, state);
  }

  override follow(from: Listed, open: readonly Listed[], choose: Choose): void {
    try {
      super.follow(from, open, choose);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
    }
  }
}

/** Where a number of a head is, and how it is said to move: "signed up", for one. */
type Way = readonly [cell: number, order: string];

interface Entry {
  readonly at: number;
  /** What registers hold; cells from 10 on are slots of the first frame. */
  readonly cells: Readonly<Record<number, Slot>>;
  readonly way?: Way;
  /** How many of the next are inside. */
  readonly inside?: number;
}

function rankOf([cell, order]: Way, anchor: number): Rank {
  return { cell, part: 0, signed: order.startsWith("signed"), up: order.endsWith("up"), anchor };
}

function stateOf(cells: Entry["cells"]): State {
  const state = emptyState();
  for (const [key, slot] of Object.entries(cells)) {
    const cell = Number(key);
    if (cell >= 10) ownSlots(state.frames[0] ?? (undefined as never))[63 - (cell - 10)] = slot;
    else state.registers[cell] = slot?.kind === "bytes" ? undefined : slot;
  }
  return state;
}

/** The certificate that lists those states, whatever is true of them. Links to heads: ids -1, -2 ... by entry. */
export function forge(program: Program, entries: readonly Entry[]): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter().put(digestOf(program)).u8(0);
  writeUnsignedLeb128(writer, entries.length);
  const follower = new Forger(program, false, { steps: STEPS });
  const choose: Choose = (_, state, before) => {
    const at = before.findLastIndex((listed) => follower.isEnd(listed, state));
    writeUnsignedLeb128(writer, at < 0 ? 0 : before.length - at);
    return before[at];
  };
  const listing = new Listing(follower, entries.length, choose);
  for (const [number, { at, cells, way, inside = 0 }] of entries.entries()) {
    const plain = { index: at, state: stateOf(cells) };
    const listed = way === undefined ? plain : { ...plain, rank: rankOf(way, -1 - number) };
    encodeListed(writer, listing, listed, inside);
    listing.add(listed, inside);
  }
  follower.enter(choose);
  return writer.bytes();
}

const U32 = 2 ** 32 - 1;
export const END = "r0 = 2; exit";
export const UP = "r1 = 0; l:; r1 += 1; if r1 < 1000 goto l";
const DOWN = "r1 = 1000; l:; r1 += -1; if r1 s> 0 goto l";
const STAYS = "l:; r1 += 0; if r1 s> -5 goto l";
const LESS: Entry["cells"] = { 1: between(0, 999) };
const WORD: Entry["cells"] = { 1: between(0, U32) };
const SEVEN: Entry["cells"] = { 7: between(0, 999) };

/** A number's link to the head of entry number `entry`. */
function headOf(entry: number, value: NumberValue, delta = 0): NumberValue {
  return linked(value, -1 - entry, delta, false);
}

const head = (at: number, cells: Entry["cells"], cell: number, order: string, inside = 0): Entry => ({
  at,
  cells,
  way: [cell, order],
  inside,
});

/** An outer loop of r1, an inner one of r2: heads at 1 and 2. */
const nested = (body: string, step = "r1 += 1", last = "if r1 < 1000 goto a"): string =>
  `r1 = 0; a:; r2 = 0; b:; ${body}; if r2 < 1000 goto b; ${step}; ${last}`;
const NESTED: readonly Entry[] = [
  head(1, LESS, 1, "unsigned up", 1),
  head(2, { 1: headOf(0, between(0, 999)), 2: between(0, 999) }, 2, "unsigned up"),
];

/** Before the jump of UP. */
const INSIDE: Entry = { at: 2, cells: { 1: headOf(0, between(1, 1000), 1) } };

const writes = (test: string): string =>
  `r7 = 0; l:; r2 = r10; r2 += -64; r1 = r7; r1 >>= 14; r2 += r1; *(u8 *)(r2 + 0) = 1; r7 += 1; if r7 ${test} 1048576 goto l`;

export const many = (count: number): readonly Entry[] =>
  Array.from({ length: count }, (_, at) => head(1, LESS, 1, "unsigned up", count - 1 - at));

/** Name, code, what is listed, and whether that is a proof. */
const FORGED: readonly (readonly [string, string, readonly Entry[], boolean])[] = [
  ["up", UP, [head(1, LESS, 1, "unsigned up")], true],
  ["up, signed", UP, [head(1, LESS, 1, "signed up")], true],
  ["up, said to be down", UP, [head(1, LESS, 1, "unsigned down")], false],
  ["up, said to be down, signed", UP, [head(1, LESS, 1, "signed down")], false],
  [
    "up a million times, not ranked",
    "r1 = 0; l:; r1 += 1; if r1 < 1000000 goto l",
    [{ at: 1, cells: { 1: between(0, 999_999) } }],
    false,
  ],
  ["up, of another number", `r2 = 0; ${UP}`, [head(2, { ...LESS, 2: between(0, 1) }, 2, "signed up")], false],
  ["down", DOWN, [head(1, { 1: between(1, 1000) }, 1, "signed down")], true],
  ["down, unsigned", DOWN, [head(1, { 1: between(1, 1000) }, 1, "unsigned down")], true],
  ["down, said to be up", DOWN, [head(1, { 1: between(1, 1000) }, 1, "signed up")], false],
  [
    "a step on both paths",
    "r7 = 0; l:; r7 += 1; call 7; if r0 == 77 goto m; r7 += 1; m:; if r7 < 1000 goto l",
    [head(1, SEVEN, 7, "unsigned up")],
    true,
  ],
  [
    "no step on one path",
    "r7 = 0; l:; r7 += 0; call 7; if r0 == 77 goto m; r7 += 1; m:; if r7 < 1000 goto l",
    [head(1, SEVEN, 7, "unsigned up")],
    false,
  ],
  [
    "no step, said to be down",
    `r1 = 9; ${STAYS}`,
    [head(1, { 1: between(1, 999) }, 1, "signed down")],
    false,
  ],
  [
    "a step of another number",
    "r7 = 0; l:; call 7; w0 &= 7; r1 = r0; r7 = r1; r7 += 1; if r7 < 1000 goto l",
    [head(1, SEVEN, 7, "unsigned up")],
    false,
  ],
  [
    "half a slot, moved to another half",
    "*(u32 *)(r10 - 8) = 0; l:; r1 = *(u32 *)(r10 - 8); r1 += 1; *(u32 *)(r10 - 6) = r1; if r1 < 1000 goto l",
    [
      head(
        1,
        { 10: { kind: "bytes", mask: 15, parts: [{ at: 0, size: 4, value: between(0, U32) }] } },
        10,
        "unsigned up",
      ),
    ],
    false,
  ],
  [
    "a state inside that says of a step what is not so",
    `r1 = 0; ${STAYS}`,
    [head(1, LESS, 1, "signed up", 1), { at: 2, cells: { 1: headOf(0, between(0, 999), 1) } }],
    false,
  ],
  [
    "a state inside that says 64 bits where there are 32",
    "w1 = 1; l:; w1 += 2; if w1 != 0 goto l",
    [head(1, WORD, 1, "signed up", 1), { at: 2, cells: { 1: headOf(0, between(0, U32), 2) } }],
    false,
  ],
  ["more states inside than there are", `r1 = 0; ${STAYS}`, [head(1, LESS, 1, "unsigned up", 1)], false],
  ["a rank of no number", "r1 = 0; l:; r1 += 1", [head(1, LESS, 2, "unsigned up")], false],
  ["a rank that no round needs", "r1 = 0; l:; r1 += 1", [head(1, LESS, 1, "unsigned up")], true],
  [
    "back on one path",
    "r7 = 9; l:; call 7; if r0 == 77 goto m; r7 += 2; m:; r7 += -1; if r7 < 1000 goto l",
    [head(1, SEVEN, 7, "unsigned up")],
    false,
  ],
  [
    "reset on one path",
    "r7 = 0; l:; call 7; if r0 != 77 goto m; r7 = 0; m:; r7 += 1; if r7 < 1000 goto l",
    [head(1, SEVEN, 7, "unsigned up")],
    false,
  ],
  [
    "an unknown step",
    "r7 = 0; l:; call 7; w0 &= 7; r0 += 1; r7 += r0; if r7 < 1000 goto l",
    [head(1, SEVEN, 7, "unsigned up")],
    false,
  ],
  [
    "32 bits up to their end, in ones",
    "w1 = 1; l:; w1 += 1; if w1 != 0 goto l",
    [head(1, WORD, 1, "unsigned up")],
    true,
  ],
  ["32 bits that wrap", "w1 = 1; l:; w1 += 2; if w1 != 0 goto l", [head(1, WORD, 1, "unsigned up")], false],
  [
    "32 bits that wrap, signed",
    "w1 = 1; l:; w1 += 2; if w1 != 0 goto l",
    [head(1, WORD, 1, "signed up")],
    false,
  ],
  [
    "32 bits down to their end, in ones",
    "w1 = 9; l:; w1 += -1; if w1 != -1 goto l",
    [head(1, WORD, 1, "unsigned down")],
    true,
  ],
  [
    "32 bits that wrap below 0",
    "w1 = 9; l:; w1 += -2; if w1 != 0 goto l",
    [head(1, WORD, 1, "unsigned down")],
    false,
  ],
  [
    "32 bits of a number that has more",
    "call 7; r1 = r0; l:; w1 += 1; if w1 == 0 goto o; if w1 < 1000 goto l; o:",
    [head(2, { 1: unknown() }, 1, "unsigned up")],
    false,
  ],
  [
    "32 bits of a number that has no more",
    "call 7; w1 = w0; l:; w1 += 1; if w1 == 0 goto o; if w1 < 1000 goto l; o:",
    [head(2, WORD, 1, "unsigned up")],
    true,
  ],
  [
    "64 bits that wrap",
    "r1 = 1; l:; r1 += 2; if r1 != 0 goto l",
    [head(1, { 1: unknown() }, 1, "unsigned up")],
    false,
  ],
  [
    "64 bits that wrap, signed",
    "r1 = 1; l:; r1 += 2; if r1 != 0 goto l",
    [head(1, { 1: unknown() }, 1, "signed up")],
    false,
  ],
  [
    "64 bits that wrap below 0",
    "r1 = 9; l:; r1 += -2; if r1 != 0 goto l",
    [head(1, { 1: unknown() }, 1, "unsigned down")],
    false,
  ],
  [
    "64 bits that wrap below 0, signed",
    "r1 = 9; l:; r1 += -2; if r1 != 0 goto l",
    [head(1, { 1: unknown() }, 1, "signed down")],
    false,
  ],
  [
    "a counter in a slot",
    "r1 = 0; *(u64 *)(r10 - 8) = r1; l:; r1 = *(u64 *)(r10 - 8); r1 += 1; *(u64 *)(r10 - 8) = r1; if r1 < 1000 goto l",
    [head(2, { 10: between(0, 999) }, 10, "unsigned up")],
    true,
  ],
  [
    "a counter in a slot that is written in part",
    "r1 = 0; *(u64 *)(r10 - 8) = r1; l:; r1 = *(u64 *)(r10 - 8); r1 += 1; *(u16 *)(r10 - 8) = r1; if r1 < 1000 goto l",
    [head(2, { 10: unknown() }, 10, "unsigned up")],
    false,
  ],
  [
    "half a slot",
    "*(u32 *)(r10 - 8) = 0; l:; r1 = *(u32 *)(r10 - 8); r1 += 1; *(u32 *)(r10 - 8) = r1; if r1 < 1000 goto l",
    [
      head(
        1,
        { 10: { kind: "bytes", mask: 15, parts: [{ at: 0, size: 4, value: between(0, 999) }] } },
        10,
        "unsigned up",
      ),
    ],
    true,
  ],
  [
    "writes up to the last byte",
    writes("<"),
    [head(1, { 7: between(0, 2 ** 20 - 1) }, 7, "signed up")],
    true,
  ],
  [
    "a write beyond in the last round",
    writes("<="),
    [head(1, { 7: between(0, 2 ** 20) }, 7, "signed up")],
    false,
  ],
  ["a state inside", UP, [head(1, LESS, 1, "unsigned up", 1), INSIDE], true],
  ["a link to a loop that is not open", UP, [head(1, LESS, 1, "unsigned up", 1), INSIDE, INSIDE], false],
  ["so many loops in one another", UP, many(MOST_OPEN), true],
  ["one in another", nested("r2 += 1"), NESTED, true],
  ["one in another, the outer one stays", nested("r2 += 1", "r1 += 0"), NESTED, false],
  ["one in another, the inner one stays", nested("r2 += 0"), NESTED, false],
  [
    "one in another, the inner one sets the outer one back",
    nested("r1 = 0; r2 += 1"),
    [NESTED[0] as Entry, head(2, { 1: between(0, 999), 2: between(0, 999) }, 2, "unsigned up")],
    false,
  ],
  [
    "one in another, the inner one forgets the outer one",
    nested("r2 += 1"),
    [NESTED[0] as Entry, head(2, { 1: between(0, 999), 2: between(0, 999) }, 2, "unsigned up")],
    false,
  ],
  [
    "one in another, back from the inner one without a step",
    nested("if r2 == 5 goto a; r2 += 1"),
    NESTED,
    false,
  ],
  [
    "one in another, back from the inner one with a step",
    nested("r2 += 1; if r2 != 5 goto c; r1 += 1; if r1 >= 1000 goto o; goto a; c:").concat("; o:"),
    NESTED,
    true,
  ],
  [
    "one in another, the inner one listed outside of the outer one",
    nested("r2 += 1"),
    [head(2, { 1: between(0, 999), 2: between(0, 999) }, 2, "unsigned up"), head(1, LESS, 1, "unsigned up")],
    false,
  ],
  [
    "two loops in each other, each the reason of the other",
    "r6 = 0; r7 = 0; a:; r6 += 1; r7 = 0; if r6 > 999 goto o; b:; r7 += 1; r6 = 0; if r7 > 999 goto o; call 7; if r0 == 1 goto b; goto a; o:",
    [
      head(2, { 6: between(0, 999), 7: between(0, 999) }, 6, "unsigned up", 1),
      head(5, { 7: between(0, 999) }, 7, "unsigned up"),
    ],
    false,
  ],
];

/** One of them, and whether it proves its program. */
export interface Forgery {
  readonly name: string;
  readonly program: Program;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly proves: boolean;
}

export function forgeries(): readonly Forgery[] {
  return FORGED.map(([name, code, entries, proves]) => {
    const program = loopProgram(name, `${code}; ${END}`);
    return { name, program, bytes: forge(program, entries), proves };
  });
}
