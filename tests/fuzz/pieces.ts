// Pieces of random programs that reckon, branch, loop and use the stack; each is safe most of the time.
import { mayCall } from "../../core/platform/platform.ts";
import { CONTEXT, COUNTER, END, loadPacketPointers, PACKET, place, SCRATCH, Writer } from "./writer.ts";

const ALU = ["+=", "-=", "*=", "/=", "s/=", "|=", "&=", "<<=", ">>=", "%=", "s%=", "^=", "s>>="];
const CONDITIONS = ["==", "!=", "&", ">", ">=", "<", "<=", "s>", "s>=", "s<", "s<="];
const SIZES = [8, 16, 32, 64];

export function alu(w: Writer): void {
  const wide = w.chance(60) ? "r" : "w";
  const left = w.number();
  const operation = w.pick(ALU);
  const right = w.chance(50) ? `${wide}${w.number()}` : `${w.immediate()}`;
  w.add(`${wide}${left} ${operation} ${right}`);
}

export function move(w: Writer): void {
  const from = w.number();
  const to = w.target();
  w.add(
    w.pick([
      `r${to} = r${from}`,
      `w${to} = w${from}`,
      `r${to} = ${w.immediate()}`,
      `w${to} = ${w.immediate()}`,
      `r${to} = (s8)r${from}`,
      `r${to} = (s16)r${from}`,
      `r${to} = (s32)r${from}`,
      `w${to} = (s8)w${from}`,
      `w${to} = (s16)w${from}`,
      `r${to} = ${w.pick(["0x8000000000000000", "0xffffffff00000000", "0x100000000", "0x7fffffffffffffff", "0x1fffffffffffff"])} ll`,
    ]),
  );
}

export function unary(w: Writer): void {
  const register = w.number();
  const order = w.pick(["be16", "be32", "be64", "le16", "le32", "bswap32", "neg64", "neg32"]);
  if (order === "neg64") w.add(`r${register} = -r${register}`);
  else if (order === "neg32") w.add(`w${register} = -w${register}`);
  else w.add(`r${register} = ${order} r${register}`);
}

export function unknown(w: Writer): void {
  w.unknownInto(w.target());
}

/** Copies and sums that stay equal to something, then tests of one of them. */
export function links(w: Writer): void {
  const from = w.number();
  const to = w.targetBut(from);
  const distance = w.immediate();
  w.pick<() => void>([
    () => w.add(`r${to} = r${from}`),
    () => w.add(`r${to} = r${from}`, `r${to} += ${distance}`),
    () => w.add(`w${to} = w${from}`),
    () => w.add(`w${to} = w${from}`, `r${to} += ${distance}`),
    () => w.add(`r${to} = r${from}`, `r${from} += ${distance}`),
    () => w.add(`r${to} = r${from}`, `w${to} += ${distance}`),
    () => w.add(`r${to} = r${from}`, `r${to} <<= 32`, `r${to} ${w.chance(50) ? ">>=" : "s>>="} 32`),
    () => {
      const [left, right] = [w.pick([32, 32, 8, 31, 40]), w.pick([32, 32, 16, 31, 33])];
      w.add(`r${to} = r${from}`, `r${to} <<= ${left}`, `r${to} ${w.chance(50) ? ">>=" : "s>>="} ${right}`);
    },
    // It falls when the other grows.
    () => w.add(`r${from} += 0`, `r${to} = r${from}`, `r${from} = ${distance}`, `r${from} -= r${to}`),
    () => w.add(`w${to} = w${from}`, `r${to} += ${distance}`, `w${from} = w${to}`),
    () => w.add(`*(u64 *)(r10 - 56) = r${from}`, `r${to} = *(u64 *)(r10 - 56)`),
    () => w.add(`*(u32 *)(r10 - 56) = r${from}`, `r${to} = *(u32 *)(r10 - 56)`),
    () => w.add(`r${to} = r${from}`, `r${to} -= ${distance}`),
  ])();
  const which = w.chance(50) ? from : to;
  if (w.chance(70)) {
    // Around where the two forms part.
    if (w.chance(15)) {
      const bound = w.targetBut(from, to);
      w.add(`r${bound} = ${w.pick(["0x100000000", "0xffffffff", "0x80000000", "0x100000010"])} ll`);
      w.add(`if r${which} ${w.pick(CONDITIONS)} r${bound} goto out`);
    } else w.add(`if ${w.chance(75) ? "r" : "w"}${which} ${w.pick(CONDITIONS)} ${w.immediate()} goto out`);
  }
  if (w.chance(50)) useIndex(w, w.chance(50) ? from : to, w.pick([7, 15, 31]));
}

/** A number used as an offset into the stack, bounded once more most of the time. */
export function useIndex(w: Writer, register: number, most: number): void {
  if (w.chance(80)) w.bound(register, most);
  const into = [1, 2, 3].find((row) => row !== register) ?? 1;
  const bits = w.pick([8, 8, 16, 32]);
  w.add(`r${into} = r10`, `r${into} += ${-(most + bits / 8)}`, `r${into} += r${register}`);
  w.add(
    w.chance(75)
      ? `*(u${bits} *)(r${into} + 0) = ${w.immediate()}`
      : `r${into} = *(u${bits} *)(r${into} + 0)`,
  );
  w.add(`r${into} = 5`);
  w.give(into);
}

export function branch(w: Writer, depth: number, piece: (w: Writer, depth: number) => void): void {
  const wide = w.chance(60) ? "r" : "w";
  const right = w.chance(40) ? `${wide}${w.number()}` : `${w.immediate()}`;
  const label = w.label();
  w.add(`if ${wide}${w.number()} ${w.pick(CONDITIONS)} ${right} goto ${label}`);
  for (let count = w.next(3); count >= 0; count--) piece(w, depth + 1);
  w.add(`${label}:`);
}

export function stackStore(w: Writer): void {
  const bits = w.pick(SIZES);
  const offset = w.chance(80) ? (1 + w.next(6)) * 8 : 1 + w.next(60);
  const value = w.chance(70) ? `r${w.number()}` : `${w.immediate()}`;
  w.add(`*(u${bits} *)(r10 - ${offset}) = ${value}`);
}

export function stackLoad(w: Writer): void {
  const bits = w.pick(SIZES);
  const offset = w.chance(80) ? (1 + w.next(6)) * 8 : 8 + w.next(50);
  const sign = bits < 64 && w.chance(20) ? "s" : "u";
  w.add(`r${w.target()} = *(${sign}${bits} *)(r10 - ${offset})`);
}

/** A slot written whole and in part, then read in part: each byte is what was written there last. */
export function slotParts(w: Writer): void {
  const slot = 8 * (1 + w.next(6));
  const store = (bits: number): void => {
    const at = w.next((64 - bits) / 8 + 1);
    const value = w.chance(70) ? `r${w.number()}` : `${w.immediate()}`;
    w.add(`*(u${bits} *)(r10 - ${slot - (w.chance(60) ? at & -(bits / 8) : at)}) = ${value}`);
  };
  store(64);
  for (let count = w.next(3); count > 0; count--) store(w.pick([8, 16, 32, 32]));
  const bits = w.pick([8, 16, 32, 32, 64]);
  const at = w.next((64 - bits) / 8 + 1);
  const sign = bits < 64 && w.chance(20) ? "s" : "u";
  w.add(`r${w.target()} = *(${sign}${bits} *)(r10 - ${slot - (w.chance(75) ? at & -(bits / 8) : at)})`);
}

/** The distance of two pointers into the frame or the packet, one of them moved by a number that is not known. */
export function pointerDistance(w: Writer): void {
  const base = w.hasPacket && w.chance(50) ? PACKET : 10;
  const [index, other] = [3, 4];
  w.unknownInto(index);
  w.bound(index, w.pick([7, 15, 60]));
  w.add(`r1 = r${base}`, `r1 += r${index}`, `r2 = r${base}`);
  if (w.chance(50)) w.add(`r2 += ${base === 10 ? -w.next(16) : w.next(16)}`);
  if (w.chance(30)) {
    w.unknownInto(other);
    w.bound(other, 7);
    w.add(`r2 += r${other}`);
  }
  const [left, right] = w.chance(70) ? [1, 2] : [2, 1];
  w.add(`r${left} -= r${right}`, `r${right} = 1`);
  w.give(1, 2);
}

export function spillPointer(w: Writer): void {
  const offset = (1 + w.next(6)) * 8;
  const context = !w.hasPacket || w.chance(50);
  w.add(`*(u64 *)(r10 - ${offset}) = r${context ? CONTEXT : PACKET}`);
  if (w.chance(30)) stackStore(w);
  if (w.chance(20)) variableStack(w);
  w.add(`r1 = *(u64 *)(r10 - ${offset})`);
  w.lose(1);
  if (context && w.scenario.memory === undefined && w.chance(70)) {
    w.add(`r${CONTEXT} = r1`);
    w.unknownInto(w.targetBut(1));
  }
  w.add("r1 = 0", `*(u64 *)(r10 - ${offset}) = 1`);
  w.give(1);
}

export function variableStack(w: Writer): void {
  const index = w.pick([0, 2, 3, 4, 5, 9]);
  w.unknownInto(index);
  w.bound(index, w.pick([3, 7, 15, 31]));
  const base = (1 + w.next(6)) * 8;
  const bits = w.pick(SIZES);
  w.add("r1 = r10", `r1 += -${base + w.next(3)}`, `r1 ${w.chance(85) ? "+=" : "-="} r${index}`);
  const at = w.next(5) - 1;
  if (w.chance(50)) w.add(`*(u${bits} *)(${place(1, at)}) = ${w.immediate()}`);
  else w.add(`r0 = *(u${bits} *)(${place(1, at)})`);
  w.give(0);
  w.add("r1 = 5");
  w.give(1);
}

export function loop(w: Writer): void {
  const label = w.label();
  const rounds = 2 + w.next(12);
  const down = w.chance(30);
  const step = 1 + w.next(2);
  const counter = `*(u64 *)(${place(10, COUNTER)})`;
  w.add(`${counter} = ${down ? rounds : 0}`, `${label}:`);
  for (let count = w.next(2); count >= 0; count--) w.pick([alu, move, unary, stackStore, links])(w);
  w.add(`r5 = ${counter}`, `r5 += ${down ? -1 : step}`, `${counter} = r5`);
  w.add(down ? `if r5 != 0 goto ${label}` : `if r5 < ${rounds} goto ${label}`);
  w.give(5);
}

/** A loop as long as a number that is not known, so that it has to be joined. */
export function longLoop(w: Writer): void {
  const label = w.label();
  const counter = w.pick([3, 4, 9]);
  const most = w.pick([100, 300, 1000]);
  w.add("r0 = 0");
  w.unknownInto(2);
  w.bound(2, most);
  w.add(`r${counter} = 0`, `${label}:`);
  w.add("r1 = r10", `r1 += ${-8 - w.next(40)}`);
  w.add(w.chance(80) ? `r0 += ${w.immediate()}` : `*(u64 *)(r10 - 8) = r${counter}`);
  w.add(`r${counter} += 1`, `if r${counter} < ${w.chance(50) ? "r2" : most} goto ${label}`, "r1 = 1");
  w.give(0, 1, counter);
}

export function localCall(w: Writer): void {
  const name = w.label();
  const body = new Writer(w.next, w.scenario, w);
  const { platform, type, memory } = w.scenario;
  // Helpers that move the packet and need no more than the context and numbers.
  const movers = platform.helpers.filter(
    (row) =>
      row.invalidatesPacket === true &&
      mayCall(row, type.name) &&
      row.arguments.every(({ kind }) => kind === "context" || kind === "scalar" || kind === "anything"),
  );
  const mover = memory === undefined && movers.length > 0 && w.chance(35) ? w.pick(movers) : undefined;
  w.add("r1 = r10", `r1 += -${8 * (1 + w.next(4))}`, `r2 = ${w.immediate()}`, `r3 = r${CONTEXT}`);
  w.add(`call ${name}`);
  w.afterCall();
  if (mover !== undefined && w.chance(85)) loadPacketPointers(w);
  body.add(`${name}:`, "r0 = r2");
  if (mover !== undefined) {
    body.add("r6 = r1", "r7 = r2", "r1 = r3");
    for (let position = 1; position < mover.arguments.length; position++)
      body.add(`r${position + 1} = ${w.next(9)}`);
    body.add(`call ${mover.id}`, "r1 = r6", "r2 = r7", "r6 = 0", "r7 = 0", "r0 = 4");
  }
  body.add(w.pick(["*(u64 *)(r1 + 0) = r2", "*(u32 *)(r1 + 4) = r2", "r0 = *(u64 *)(r1 + 0)", "r0 = 3"]));
  body.give(0, 2);
  for (let slot = 1; slot <= 6; slot++) body.add(`*(u64 *)(r10 - ${8 * slot}) = ${slot}`);
  for (let count = w.next(4); count > 0; count--) w.pick([alu, move, unary, stackStore, stackLoad])(body);
  body.add(w.chance(70) ? "r0 = 7" : `r0 = r${body.number()}`, "exit");
  w.functions.push(...body.lines);
}

export function atomicOnStack(w: Writer): void {
  const offset = 8 * (1 + w.next(6));
  const register = w.number();
  w.add(`*(u64 *)(r10 - ${offset}) = ${w.immediate()}`);
  w.add(
    w.pick([
      `lock *(u64 *)(r10 - ${offset}) += r${register}`,
      `r${register} = atomic_fetch_add((u64 *)(r10 - ${offset}), r${register})`,
      `w${register} = atomic_fetch_xor((u32 *)(r10 - ${offset}), w${register})`,
      `r${register} = xchg_64(r10 - ${offset}, r${register})`,
      `r0 = cmpxchg_64(r10 - ${offset}, r0, r${register})`,
      `w0 = cmpxchg32_32(r10 - ${offset}, w0, w${register})`,
    ]),
  );
}

/** Mostly unsafe: a pointer on its way out of the program, or into a number. */
export function leak(w: Writer): void {
  const pointer = w.pick([CONTEXT, ...(w.hasPacket ? [PACKET, END] : []), 10]);
  const to = w.target();
  const bits = w.pick([8, 16, 32]);
  w.add(
    ...w.pick<readonly string[]>([
      [`r${to} = r${pointer}`, "r0 = 1"],
      [`*(u${bits} *)(r10 - 8) = r${pointer}`],
      [`*(u64 *)(r10 - 8) = r${pointer}`, `r${to} = *(u${bits} *)(r10 - 8)`],
      // What is left of it.
      [
        `*(u64 *)(r10 - 8) = r${pointer}`,
        `*(u${bits} *)(r10 - ${w.pick([4, 8])}) = 0`,
        `r${to} = *(u${w.pick([8, 16, 32, 64])} *)(r10 - 8)`,
      ],
      [
        `*(u64 *)(r10 - 8) = r${pointer}`,
        "*(u8 *)(r10 - 1) = 0",
        `r${to} = *(u${w.pick([8, 16, 32, 64])} *)(r10 - 8)`,
      ],
      [`r${to} = 0`, `r${to} += r${pointer}`, `r${to} -= r${pointer}`],
      [`r${to} = r${pointer}`, `w${to} -= ${w.immediate()}`],
      [`if r${pointer} > r${w.number()} goto out`],
    ]),
  );
  // And out of the program with it: in the context, to a helper, as the result.
  const field = w.scenario.memory === undefined ? w.pick([...w.writableFields(), undefined]) : undefined;
  if (field !== undefined) w.add(`*(u${8 * field.sizeBytes} *)(r${CONTEXT} + ${field.byteOffset}) = r${to}`);
  w.add(`*(u64 *)(${place(10, SCRATCH)}) = r${to}`, `r9 = r${to}`);
  w.give(9);
}
