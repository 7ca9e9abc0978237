// Mistakes that accept nothing unsafe, because something else refuses what they let through: `note` says what. Not among
// the mutants; held to the source like them, so that the reason is looked at again when the place changes.
import type { Mutant } from "../mutant.ts";

export const EQUIVALENT: readonly Mutant[] = [
  {
    file: "assertion.ts",
    name: "r10 may be written by a mov",
    find: 'const list: Assertion[] = [{ kind: "writable", register: destination }, ...initialized(source)];',
    replace: "const list: Assertion[] = [...initialized(source)];",
    note: "structure.ts refuses every instruction that writes r10, before any path is followed",
  },
  {
    file: "check-argument.ts",
    name: "the context is plain memory",
    find: '    case "allocated":\n      return true;\n    case "context":',
    replace: '    case "allocated":\n    case "context":\n      return true;\n    case "packetEnd":',
    note: "checkBounds in check-memory.ts, which is asked next, knows no bounds of a context and refuses it (PointerExpected)",
  },
  {
    file: "check-argument.ts",
    name: "what a helper writes at an unknown place need not be initialised",
    find: "size.least === size.most && extent.low === extent.high;",
    replace: "size.least === size.most;",
    note: "writeSomewhere in stack.ts leaves uninitialised what may not have been hit, and takes spilled pointers away: who reads it is refused then",
  },
  {
    file: "marks.ts",
    name: "what callers have saved need not be compared",
    find: "if (frames > 1) markPrecise(kept, { registers: CALLER_SAVED_BITS, low: 0, high: 0 });",
    replace: "",
    note: "coversFrame in cover.ts compares it whole, marked or not; and where it decides something after the return, leaveFrame has it among the sources. The mark only keeps invariants closed",
  },
  {
    file: "domain/stack.ts",
    name: "a read across two slots gives the number in the first",
    find: "if (slot === undefined || inSlot + size > 8) return numberValue(unsignedOf(size));",
    replace: "if (slot === undefined) return numberValue(unsignedOf(size));",
    note: "readSlot finds only numbers that reach as far as what is read, and none reaches beyond its slot",
  },
  {
    file: "loop.ts",
    name: "a number that does not move counts as one that does",
    find: "if (delta === 0 || (extended && !isSmall)) return 0;",
    replace: "if (extended && !isSmall) return 0;",
    note: "the least move is then 0, and no number of rounds is small enough for that in rankOf()",
  },
  {
    file: "loop.ts",
    name: "a number without bounds does not wrap",
    find: "if (!extended && Number.isFinite(full.smin) && Number.isFinite(full.smax)) {",
    replace: "if (!extended) {",
    note: "its bounds are infinite in rankOf() too, so no number of rounds is small enough",
  },
  {
    file: "loop.ts",
    name: "a state for all rounds need not cover this one",
    find: "if (anchors.length === 0 || !covers(state, ALL_NEEDED, now, live)) return undefined;",
    replace: "if (anchors.length === 0) return undefined;",
    note: "it is made of this one's values, each widened or left out, so it does; the check says so where a plan would be wrong",
  },
  {
    file: "loop.ts",
    name: "what callers have saved is taken from the last round",
    find: "if (frame.callerSaved.some((saved, index) => !sameSaved(old.callerSaved[index], saved))) return undefined;",
    replace: "",
    note: "the state holds what they have saved now, and each path that comes back is compared with that",
  },
  {
    file: "loop.ts",
    name: "bytes that were written in one round are there in all",
    find: "const mask = a.mask & b.mask;",
    replace: "const mask = a.mask | b.mask;",
    note: "the state is compared with the one at the head, which would have to have them",
  },
  {
    file: "loop.ts",
    name: "the proof of the last round holds in all",
    find: "packet: Math.min(before.packet, now.packet),",
    replace: "packet: Math.max(before.packet, now.packet),",
    note: "the state is compared with the one at the head, which would have to have it",
  },
  {
    file: "assertion.ts",
    name: "the result is not live before an exit",
    find: "return { read: 1, written: 0 };",
    replace: "return { read: 0, written: 0 };",
    note: "where a state is kept dropDead in explore.ts takes such a register away: who reads it is refused",
  },
  {
    file: "assertion.ts",
    name: "the condition's right side need not be live",
    find: ": bit(instruction.condition.left) | source(instruction.condition.right),",
    replace: ": bit(instruction.condition.left),",
    note: "where a state is kept dropDead in explore.ts takes such a register away: who reads it is refused",
  },
];
