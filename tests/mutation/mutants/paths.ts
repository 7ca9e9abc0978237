// Mistakes in what is kept of states and which paths are followed: covering, joining, marks, liveness, loops.
import { mutantsOf } from "./table.ts";

export const COVER_MUTANTS = mutantsOf("domain/cover.ts", [
  {
    name: "bytes proved of the packet are not compared",
    find: "if ((preciseRegisters >> PACKET_BIT) & 1 && a.packet > b.packet) return false;",
    replace: "",
    note: "a path without the proof is not followed",
  },
  {
    name: "proofs of pointers are not compared",
    find: "|| a.proved > b.proved) return false;",
    replace: ") return false;",
    note: "a path without the proof is not followed",
  },
  {
    name: "the lower bound of a pointer is not compared",
    find: "if (a.minimum > b.minimum || a.maximum < b.maximum",
    replace: "if (a.maximum < b.maximum",
    note: "a path with a smaller offset is not followed",
  },
  {
    name: "the upper bound of a pointer is not compared",
    find: "if (a.minimum > b.minimum || a.maximum < b.maximum",
    replace: "if (a.minimum > b.minimum",
    note: "a path with a larger offset is not followed",
  },
  {
    name: "a pointer that is not null covers one that may be",
    find: "if (a.offset !== b.offset || (b.nullable && !a.nullable) || a.zeros > b.zeros) return false;",
    replace: "if (a.offset !== b.offset || a.zeros > b.zeros) return false;",
    note: "the path with null is not followed",
  },
  {
    name: "the known offset of a pointer is not compared",
    find: "if (a.offset !== b.offset || (b.nullable",
    replace: "if ((b.nullable",
    note: "a path with another offset is not followed",
  },
  {
    name: "the alignment of a pointer is not compared",
    find: "|| a.zeros > b.zeros) return false;",
    replace: ") return false;",
    note: "a path with an unaligned pointer is not followed",
  },
  {
    name: "links are not compared",
    find: "return matching.link(a, b);",
    replace: "return true;",
    note: "a path on which the numbers are not equal is not followed",
  },
  {
    name: "distances of linked numbers are not compared",
    find: "if (b1.id === 0 || b1.id !== b2.id || b2.delta - b1.delta !== difference) return false;",
    replace: "if (b1.id === 0 || b1.id !== b2.id) return false;",
    note: "x and x + 1 are not x and x + 2",
  },
  {
    name: "forms of linked numbers are not compared",
    find: "return sameForm(a1, b1) && sameForm(a2, b2);",
    replace: "return true;",
    note: "a whole number is not its zero extension",
  },
  {
    name: "a state with fewer references covers one with more",
    find: "if (a.length !== b.length) return false;",
    replace: "if (a.length > b.length) return false;",
    note: "a reference is leaked",
  },
  {
    name: "values of different maps are alike",
    find: 'return b.kind === "mapValue" && a.map === b.map && a.inner === b.inner;',
    replace: 'return b.kind === "mapValue" && a.inner === b.inner;',
    note: "their sizes differ",
  },
  {
    name: "numbers are never compared",
    find: 'return b.kind === "number" && (!precise || coversNumber(a, b));',
    replace: 'return b.kind === "number";',
    note: "a path with other numbers is not followed",
  },
]);

export const JOIN_MUTANTS = mutantsOf("domain/join.ts", [
  {
    name: "a join keeps the range of one side",
    find: "const range = ranges.hull(a.range, b.range);",
    replace: "const range = a.range;",
    note: "a join that drops a case",
  },
  {
    name: "a join keeps the upper bound of one pointer",
    find: "maximum: Math.max(a.maximum, b.maximum),",
    replace: "maximum: a.maximum,",
    note: "a join that drops a case",
  },
  {
    name: "a join keeps the proof of one side",
    find: "if (a.offset !== b.offset || a.proved !== b.proved || !sameKind(a.region, b.region)) return undefined;",
    replace: "if (a.offset !== b.offset || !sameKind(a.region, b.region)) return undefined;",
    note: "a join that drops a case",
  },
  {
    name: "a join keeps the bytes proved of one side",
    find: "const packet = Math.min(a.packet, b.packet);",
    replace: "const packet = Math.max(a.packet, b.packet);",
    note: "a join that drops a case",
  },
  {
    name: "a join links numbers with different distances",
    find: "if (pair.left === left && pair.right === right && pair.shift === shift) return pair;",
    replace: "if (pair.left === left && pair.right === right) return pair;",
    note: "a link that holds on one side only",
  },
  {
    name: "a join links numbers that are linked on one side only",
    find: "if (pair.left === left && pair.right === right && pair.shift === shift) return pair;",
    replace: "if (pair.left === left && pair.shift === shift) return pair;",
    note: "a link that holds on one side only",
  },
  {
    name: "a join links a whole number and an extension",
    find: "if (extended && !(isExtension(a) && isExtension(b))) return undefined;",
    replace: "",
    note: "a link that does not hold above 2^32",
  },
  {
    name: "a join keeps the instance of one side",
    find: "if (left === right) return left;",
    replace: "if (left >= 0) return left;",
    note: "pointers of two look-ups become those of one",
  },
  {
    name: "a join keeps the unknown part of one packet pointer",
    find: "variable: this.#id(a.variable, b.variable),",
    replace: "variable: a.variable,",
    note: "pointers with different unknown parts share proofs",
  },
]);

export const GENERALISE_MUTANTS = mutantsOf("domain/generalise.ts", [
  {
    name: "numbers that mattered are made vague",
    find: 'return value.kind === "number" && !precise ? UNKNOWN_NUMBER : value;',
    replace: 'return value.kind === "number" ? UNKNOWN_NUMBER : value;',
    note: "the invariant says less than its proof needs",
  },
  {
    name: "slots that were looked at are left out",
    find: "slots.push(slot === undefined || isRead === 0 ?",
    replace: "slots.push(slot === undefined || isPrecise === 0 ?",
    note: "the invariant says less than its proof needs",
  },
]);

export const MARKS_MUTANTS = mutantsOf("marks.ts", [
  {
    name: "the number added to a pointer does not matter",
    find: "else if (isPointer(state, destination)) this.preciseOperand(source);",
    replace: "",
    note: "a mark too few",
  },
  {
    name: "the left side of a comparison with one outcome does not matter",
    find: "this.precise(left);\n    this.preciseOperand(right);",
    replace: "this.preciseOperand(right);",
    note: "a mark too few",
  },
  {
    name: "what narrowed a number does not matter",
    find: "this.#registers[bit] = union(this.#registers[bit] ?? NO_LOCATIONS, by);",
    replace: "this.#registers[bit] = this.#registers[bit] ?? by;",
    note: "a mark too few",
  },
  {
    name: "slots looked at are marked in the nearest kept state only",
    find: "high &= ~at.writtenHigh;\n    at = at.parent;",
    replace: "high &= ~at.writtenHigh;\n    at = undefined;",
    note: "a mark too few",
  },
]);

export const EXPLORE_MUTANTS = mutantsOf("explore.ts", []);

export const KEEP_MUTANTS = mutantsOf("keep.ts", []);

export const FLOW_MUTANTS = mutantsOf("flow.ts", []);

export const ASSERTION_MUTANTS = mutantsOf("assertion.ts", []);
