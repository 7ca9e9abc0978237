// Why the Linux kernel rejects programs that we accept: its words, and what they come to. A rule of hygiene is one that
// no run of a program could do harm by breaking. Anything else is a defect of ours until a row explains it, and a row
// that explains says by what it can be told from a defect.
import { LINUX } from "../../../core/platform/linux.ts";
import { findHelper } from "../../../core/platform/platform.ts";
import type { Program } from "../../../core/program/program.ts";
import { verify } from "../../../core/verifier/verify.ts";
import { castNet } from "../net.ts";

/** What there is to tell a difference from a defect by. */
export interface Evidence {
  /** The line that says why. */
  readonly said: string;
  readonly log: string;
  readonly mutant: Program;
}

export interface Reason {
  readonly pattern: RegExp;
  readonly name: string;
  readonly hygiene: boolean;
  readonly why: string;
  /** Where the kernel's words alone do not tell. */
  readonly when?: (evidence: Evidence) => boolean;
}

const HYGIENE: readonly Omit<Reason, "hygiene">[] = [
  {
    pattern: /^misaligned (stack|value|packet|context) access/,
    name: "misaligned access",
    why: "x86 and arm64 read and write at any address; the kernel wants stack slots whole for its own book-keeping.",
  },
  {
    pattern: /^unreachable insn/,
    name: "unreachable instruction",
    why: "What is never run does nothing.",
  },
  {
    pattern: /^invalid shift/,
    name: "shift by the width or more",
    why: "RFC 9669 masks the amount; the kernel refuses constants that only make sense with the mask.",
  },
  {
    pattern: /^div by zero/,
    name: "division by the constant 0",
    why: "RFC 9669 gives it a result, 0 or what was divided; the kernel refuses the constant, not the register.",
  },
  {
    pattern: /^invalid size of register (spill|fill)/,
    name: "part of a pointer on the stack",
    why: "The bytes are a number from then on; who may see addresses may see part of one (--strict forbids it).",
  },
  {
    pattern: /^same insn cannot be used with different pointers/,
    name: "one access for the context and other memory",
    why: "The kernel translates accesses of the context when it loads a program; what is read is within bounds either way.",
  },
  {
    pattern: /^invalid bpf_context access off=20 size=1/,
    name: "one byte of eth_protocol",
    why: "The field's other bytes may be read in any piece; the kernel wants two of these, for its own field has two.",
    when: ({ mutant }) => mutant.type.name === "sk_reuseport",
  },
  {
    pattern: /^missing btf func_info/,
    name: "callback without types",
    why: "The kernel wants BTF for functions whose address is taken; the comparison loads programs without it.",
  },
  {
    pattern: /^R\d+ subtraction from stack pointer prohibited/,
    name: "subtraction from the frame's address",
    why: "The same as adding the negated number, which the kernel allows; what comes out is bounded all the same.",
  },
  {
    pattern: /^R\d+ 32-bit pointer arithmetic prohibited/,
    name: "32-bit arithmetic on an address",
    why: "What comes out is any number of 32 bits, and no address any more.",
  },
  {
    pattern: /^R\d+ pointer [-+]= pointer prohibited/,
    name: "sum of two addresses",
    why: "What comes out is any number, and no address any more.",
  },
  {
    pattern: /^(negative offset|dereference of modified) ctx ptr/,
    name: "context that was moved",
    why: "Where the context is read or handed on its whole offset counts, and that is within.",
  },
  {
    pattern: /^cannot return stack pointer to the caller/,
    name: "address of a frame that is left",
    why: "The caller cannot read r0 then: no pointer into a frame outlives it.",
  },
  {
    pattern: /^invalid func unknown#21474\d{5}/,
    name: "function of the C library",
    why: "A row of ours without a number of the kernel's (libc_memset), for objects that a loader still has to complete.",
  },
  {
    pattern: /^R0 !read_ok/,
    name: "result of a tail call",
    why: "A tail call that comes back leaves some number in r0, which whoever may see addresses may see.",
    when: ({ log }) => /.*\(85\) call (.*)/s.exec(log)?.[1]?.startsWith("bpf_tail_call#12") === true,
  },
  {
    pattern: /^At program exit the register R0 has (smin|unknown)/,
    name: "upper half of the answer",
    why: "Hooks take 32 bits of r0; the kernel's verifier wants all 64 within the range.",
    when: ({ said }) => upperHalfOnly(said),
  },
];

const EXPLAINED: readonly Omit<Reason, "hygiene">[] = [
  {
    pattern: /^access beyond (the end of member|struct)/,
    name: "members of the kernel's objects",
    why: "We have no types of the kernel's: to us a read through its pointer gives a number at any offset, as probe_read does.",
  },
  {
    pattern: /^R\d+ offset is outside of the packet/,
    name: "bytes proved before the packet was loaded again",
    why: "The packet does not move between two loads of its address if nothing moves it: what was compared then still holds.",
    when: ({ log }) => wasProved(log),
  },
  {
    pattern: /^/,
    name: "reached on the kernel's paths only",
    why: "Bounds that only we have show that no run goes that way, and runs in the model machine do no harm.",
    when: ({ log, mutant }) => !isReached(log, mutant) && holdsInModel(mutant),
  },
  {
    // What the kernel's arithmetic loses: division and remainder, shifts by a register, a packet's end compared for
    // equality, links between halves of a number.
    pattern:
      /^(math between \S+ pointer and register with unbounded|value -?\d+ makes \S+ pointer be out of bounds|R\d+ (invalid mem access|offset is outside|unbounded memory|min value is|max value is|invalid zero-sized)|invalid (unbounded )?variable-offset|invalid access to (packet|map value)|At program exit|BPF program is too large)/,
    name: "bounds that only we have",
    why: "Runs of the program on random and extreme inputs stay within the states we kept, do nothing wrong, and end.",
    when: ({ mutant }) => holdsInModel(mutant),
  },
];

export const REASONS: readonly Reason[] = [
  ...HYGIENE.map((row) => ({ ...row, hygiene: true })),
  ...EXPLAINED.map((row) => ({ ...row, hygiene: false })),
];

/** Undefined: nothing explains why we accept the program. */
export function findReason(evidence: Evidence): Reason | undefined {
  return REASONS.find(({ pattern, when }) => pattern.test(evidence.said) && (when?.(evidence) ?? true));
}

/** "has smin=A smax=B should have been in [C, D]": the low halves are. */
function upperHalfOnly(said: string): boolean {
  const found = /smin=(-?\d+) smax=(-?\d+) should have been in \[(-?\d+), (-?\d+)\]/.exec(said);
  if (found === null) return false;
  const [least = 0n, most = 0n, from = 0n, to = 0n] = found.slice(1).map(BigInt);
  const low = BigInt.asIntN(32, least);
  return least === most && low >= from && low <= to;
}

/** Have so many bytes of the packet been proved on the kernel's own path, since a helper last could move it? */
function wasProved(log: string): boolean {
  const moved = [...log.matchAll(/\(85\) call bpf_\w+#(\d+)/g)].filter(
    ([, id]) => findHelper(LINUX, Number(id))?.invalidatesPacket === true,
  );
  const path = log.slice(moved.at(-1)?.index ?? 0);
  const asked = /invalid access to packet, off=(\d+) size=(\d+), R\d+\(id=0,/.exec(path);
  if (asked === null) return false;
  const needed = Number(asked[1]) + Number(asked[2]);
  return [...path.matchAll(/=pkt\([^)]*\br=(\d+)\)/g)].some(([, proved]) => Number(proved) >= needed);
}

function holdsInModel(mutant: Program): boolean {
  return castNet(mutant, 1, false).outcome === "accepted";
}

/** Have we gone the last stretch of the way that the kernel's log tells, up to the instruction that it ends with? */
function isReached(log: string, mutant: Program): boolean {
  const stretch = log.slice(Math.max(0, log.lastIndexOf("\nfrom ")));
  const way = [...stretch.matchAll(/^(\d+): \([0-9a-f]{2}\)/gm)].map(([, slot]) => Number(slot));
  if (way.length === 0) return true;
  const steps = new Set<string>();
  verify(mutant, {
    log: ({ instruction, from }) => {
      const slot = mutant.slots[instruction];
      steps.add(`${slot}`);
      if (from !== undefined) steps.add(`${mutant.slots[from]} ${slot}`);
    },
  });
  return way.every((slot, index) => steps.has(index === 0 ? `${slot}` : `${way[index - 1]} ${slot}`));
}
