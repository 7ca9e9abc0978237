// Paths that meet with different values of one thing, which later decides whether something is safe: what a verifier may
// forget of a state, and what not. The path that falls through is the harmless one, since it is followed first.
import { mayCall } from "../../core/platform/platform.ts";
import { END, PACKET, place, SCRATCH, SCRATCH_BYTES, type Writer } from "./writer.ts";

/** Where what differs is, and a register for what decides which way is taken. */
const X = 4;
const WHICH = 5;
const SLOT = -88;
const AREA = -192;

/** Steps that do nothing: states are kept only so many apart. */
function idle(w: Writer): void {
  if (w.chance(60)) for (let count = 0; count < 9; count++) w.add("r0 = 1");
}

/** Another place where paths meet. */
function meet(w: Writer): void {
  const label = w.label();
  w.add("r0 = 1", `if r${WHICH} > ${w.next(200)} goto ${label}`, "r0 = 2", `${label}:`);
}

/** X goes through moves, sums, slots and functions. */
function carry(w: Writer): void {
  const at = w.next(3);
  w.pick<() => void>([
    () => w.add(`r3 = r${X}`, `r${X} = r3`),
    () => w.add(`w3 = w${X}`, `r${X} = r3`),
    () => w.add("r3 = 1", `r3 += r${X}`, `r${X} = r3`, `r${X} -= 1`),
    () => w.add("r3 = 2", `r${X} += r3`, `r${X} -= r3`),
    () => w.add(`*(u64 *)(r10 - 88) = r${X}`, `r${X} = 0`, `r${X} = *(u64 *)(r10 - 88)`),
    () => w.add(`*(u32 *)(r10 - 88) = r${X}`, `r${X} = *(u32 *)(r10 - 88)`),
    () => w.add(`*(u32 *)(r10 - 84) = r${X}`, `r${X} = *(u32 *)(r10 - 84)`),
    () => w.add(`r9 = r${X}`, `r${X} = 0`, `r${X} = r9`),
    () => w.add(`r${X} = -r${X}`, `r${X} = -r${X}`),
    () => w.add("*(u64 *)(r10 - 88) = 1", `lock *(u64 *)(r10 - 88) += r${X}`),
    () => {
      const name = w.label();
      w.add(`r9 = r${X}`, `r1 = r${X}`, `call ${name}`, at === 0 ? `r${X} = r0` : `r${X} = r9`);
      w.afterCall();
      w.add(`r${WHICH} = *(u64 *)(r10 - 96)`, `r0 = 0`);
      const inner = w.label();
      w.functions.push(`${name}:`, `if r1 > ${w.next(9)} goto ${inner}`, ...nothing(w), `${inner}:`);
      w.functions.push("*(u64 *)(r10 - 88) = 0", "r9 = 7", "r0 = r1", "exit");
    },
  ])();
}

function nothing(w: Writer): string[] {
  return Array.from({ length: w.next(12) }, () => "r0 = 1");
}

/** What is safe only while X is small. */
function useSmall(w: Writer): void {
  w.pick<() => void>([
    () => w.add("r1 = r10", `r1 += ${AREA}`, `r1 += r${X}`, "*(u8 *)(r1 + 0) = 1"),
    () => w.add("r1 = r10", `r1 += ${AREA}`, `r${X} += r1`, `*(u8 *)(r${X} + 0) = 1`),
    () => w.add("r1 = r10", `r1 += -60`, `r1 -= r${X}`, "*(u8 *)(r1 + 0) = 1"),
    // One of the outcomes is impossible.
    () => unsafeIf(w, `r${X} > 100`),
    () => unsafeIf(w, `w${X} s> 100`),
    () => {
      w.add("r3 = 100");
      unsafeIf(w, `r3 < r${X}`);
    },
    // Another number is bounded by it.
    () => {
      w.unknownInto(3);
      w.add(`if r3 > r${X} goto out`, "r1 = r10", `r1 += ${AREA}`, "r1 += r3", "*(u8 *)(r1 + 0) = 1");
    },
    () => useSize(w),
  ])();
}

function unsafeIf(w: Writer, condition: string): void {
  const label = w.label();
  w.add(`if ${condition} goto ${label}`);
  w.trailer.push(`${label}:`, "r0 = *(u64 *)(r10 + 0)", "exit");
}

/** X as the size of memory for a helper. */
function useSize(w: Writer): void {
  const { platform, type } = w.scenario;
  const plain = ["memory", "size", "scalar", "anything"];
  const rows = platform.helpers.filter(
    (row) =>
      mayCall(row, type.name) &&
      row.arguments.some(({ kind }) => kind === "memory") &&
      row.arguments.every(({ kind }) => plain.includes(kind)),
  );
  const row = w.pick(rows);
  if (row === undefined) return;
  let given = false;
  for (const [position, { kind }] of row.arguments.entries()) {
    const r = position + 1;
    if (r === X) return;
    if (kind === "memory") w.add(`r${r} = r10`, `r${r} += ${SCRATCH}`);
    else if (kind === "size" && !given) {
      given = true;
      w.add(`r${r} = r${X}`);
    } else w.add(`r${r} = ${kind === "size" ? SCRATCH_BYTES : 0}`);
  }
  w.add(`call ${row.id}`);
  w.afterCall();
}

/** A number that is small, or not, or only otherwise small. */
function meetingNumber(w: Writer): void {
  const other = w.chance(45) ? w.pick([200, 4000, -1, 0x7fffffff]) : w.next(16);
  const label = w.label();
  w.add(`r${X} = ${other}`, `if r${WHICH} > ${w.pick([10, 100, 200])} goto ${label}`);
  w.add(`r${X} = ${8 * w.next(3)}`, `${label}:`);
  idle(w);
  for (let count = w.next(3); count > 0; count--) w.chance(50) ? carry(w) : meet(w);
  useSmall(w);
}

/** A slot that is written, or not, before it is read. */
function meetingSlot(w: Writer): void {
  const label = w.label();
  const [slot, initial] = w.chance(45) ? [-104, []] : [SLOT, [`*(u64 *)(${place(10, SLOT)}) = 3`]];
  w.add(...initial, `if r${WHICH} > ${w.pick([10, 100, 200])} goto ${label}`);
  w.add(`*(u${w.pick([64, 64, 32])} *)(${place(10, slot)}) = 5`, `${label}:`);
  idle(w);
  if (w.chance(40)) meet(w);
  if (w.chance(30)) {
    const name = w.label();
    w.add(`call ${name}`);
    w.afterCall();
    w.functions.push(`${name}:`, `*(u64 *)(${place(10, slot)}) = 9`, "r0 = 1", "exit");
  }
  w.add(`r0 = *(u64 *)(${place(10, slot)})`);
}

/** Bytes of the packet that are checked on one side only, or on both. */
function meetingProof(w: Writer): void {
  if (!w.hasPacket) return;
  const label = w.label();
  const bytes = 1 + w.next(30);
  w.add(`r1 = r${PACKET}`, `r1 += ${bytes}`, `if r1 > r${END} goto ${w.chance(45) ? label : "out"}`);
  w.add("r1 = 1", "r0 = 2", `if r${WHICH} > 9 goto ${label}`, "r0 = 1", `${label}:`, "r1 = 5");
  idle(w);
  if (w.chance(40)) meet(w);
  w.add(`r0 = *(u8 *)(${place(PACKET, bytes - 1)})`);
}

/** Four paths: the third is joined with one before it, the fourth is another number within the join. */
function meetingMany(w: Writer): void {
  const label = w.label();
  const odd = w.chance(50) ? 2 + w.next(7) : 40;
  const slot = place(10, SLOT);
  for (const [value, bound] of [
    [odd === 40 ? 5 : odd, 150],
    [9, 100],
    [1, 50],
  ] as const) {
    w.add(`*(u64 *)(${slot}) = ${value}`, `if r${WHICH} > ${bound} goto ${label}`);
  }
  w.add(`*(u64 *)(${slot}) = 0`, `${label}:`, `r${X} = *(u64 *)(${slot})`);
  if (w.chance(50)) meet(w);
  unsafeIf(w, `r${X} == ${odd}`);
}

/** X is linked on one side only, to a number that rules a later outcome out; nothing else looks at that one. */
function meetingLink(w: Writer): void {
  const label = w.label();
  const by = 1 + w.next(9);
  const inSlot = w.chance(50);
  w.unknownInto(3);
  w.add("r3 *= r3", `r${X} = r${WHICH}`, `if r${WHICH} > ${w.pick([10, 100])} goto ${label}`);
  if (w.chance(60)) w.add(`if r3 s< 0 goto ${label}`);
  w.add(inSlot ? `*(u64 *)(${place(10, SLOT)}) = r3` : "r0 = 1", `r${X} = r3`, `r${X} += ${by}`, `${label}:`);
  idle(w);
  unsafeIf(w, `r${X} == ${w.next(by + 2)}`);
  w.add(inSlot ? "r3 = 1" : "r0 = r3");
}

export function meeting(w: Writer): void {
  w.unknownInto(WHICH);
  idle(w);
  w.add(`*(u64 *)(r10 - 96) = r${WHICH}`, "r0 = 0");
  w.pick([meetingNumber, meetingNumber, meetingNumber, meetingSlot, meetingProof, meetingMany, meetingLink])(
    w,
  );
  w.add("r0 = 1", "r1 = 2", "r3 = 3", `r${WHICH} = 5`, "r9 = 6");
  w.give(0, 1, 3, WHICH, 9);
  w.lose(X);
  if (w.chance(70)) w.add(`r${X} = 4`);
}
