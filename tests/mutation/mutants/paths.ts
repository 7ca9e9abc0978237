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
    name: "initialised bytes are not compared",
    find: "if ((a.mask & ~numberMask(b)) !== 0) return false;",
    replace: "",
    note: "a path on which they are not written is not followed",
  },
  {
    name: "what callers have saved is not compared",
    find: "if (!coversValue(left, b.callerSaved[index] ?? UNINITIALIZED, true)) return false;",
    replace: "if (left.kind !== (b.callerSaved[index] ?? UNINITIALIZED).kind) return false;",
    note: "the caller's numbers differ",
  },
  {
    name: "where a function returns to is not compared",
    find: "if (a.returnTo !== b.returnTo || a.callback",
    replace: "if (a.callback",
    note: "another caller goes on elsewhere",
  },
  {
    name: "a state with fewer references covers one with more",
    find: "if (a.length !== b.length) return false;",
    replace: "if (a.length > b.length) return false;",
    note: "a reference is leaked",
  },
  {
    name: "instances are not matched",
    find: "if (this.#from[at] === from) return this.#to[at] === to;",
    replace: "if (this.#from[at] === from) return true;",
    note: "two look-ups are not one: checking one says nothing of the other",
  },
  {
    name: "a known offset into the packet covers an unknown one",
    find: "return from === 0 ? to === 0 : this.#match(from, to);",
    replace: "return from === 0 || this.#match(from, to);",
    note: "the proof of the packet does not hold behind an unknown part",
  },
  {
    name: "values of different maps are alike",
    find: 'return b.kind === "mapValue" && a.map === b.map && a.inner === b.inner;',
    replace: 'return b.kind === "mapValue" && a.inner === b.inner;',
    note: "their sizes differ",
  },
  {
    name: "records of different size are alike",
    find: 'return b.kind === "allocated" && a.sizeBytes === b.sizeBytes;',
    replace: 'return b.kind === "allocated";',
    note: "a path with a smaller record is not followed",
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
    name: "a join keeps the lower bound of one pointer",
    find: "minimum: Math.min(a.minimum, b.minimum),",
    replace: "minimum: a.minimum,",
    note: "a join that drops a case",
  },
  {
    name: "a join forgets that the other pointer may be null",
    find: "nullable: a.nullable || b.nullable,",
    replace: "nullable: a.nullable,",
    note: "a join that drops a case",
  },
  {
    name: "a join keeps the proof of one side",
    find: "if (a.offset !== b.offset || a.proved !== b.proved || !sameKind(a.region, b.region)) return undefined;",
    replace: "if (a.offset !== b.offset || !sameKind(a.region, b.region)) return undefined;",
    note: "a join that drops a case",
  },
  {
    name: "a join keeps the alignment of one pointer",
    find: "zeros: Math.min(a.zeros, b.zeros),",
    replace: "zeros: a.zeros,",
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
    name: "a join keeps initialised bytes of one side",
    find: "if (mask === 0 || mask !== numberMask(b)) return null;",
    replace: "if (mask === 0) return null;",
    note: "a join that drops a case",
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
    name: "bytes proved of the packet are left out of invariants",
    find: "packet: proved(PACKET_BIT, state.packet),",
    replace: "packet: 0,",
    note: "the invariant says less than its proof needs",
  },
  {
    name: "bytes proved of the metadata are left out of invariants",
    find: "metadata: proved(METADATA_BIT, state.metadata),",
    replace: "metadata: 0,",
    note: "the invariant says less than its proof needs",
  },
  {
    name: "numbers that mattered are made vague",
    find: 'return value.kind === "number" && !precise ? UNKNOWN_NUMBER : value;',
    replace: 'return value.kind === "number" ? UNKNOWN_NUMBER : value;',
    note: "the invariant says less than its proof needs",
  },
  {
    name: "slots that were looked at are left out",
    find: "return slot === undefined || isRead === 0 ?",
    replace: "return slot === undefined || isPrecise === 0 ?",
    note: "the invariant says less than its proof needs",
  },
]);

export const MARKS_MUTANTS = mutantsOf("marks.ts", [
  {
    name: "a number that is negated is made of nothing",
    find: 'case "neg":\n      case "byteSwap":\n      case "jump":\n      case "exit":\n        return;\n    }\n  }\n\n  #set',
    replace:
      'case "neg":\n      case "byteSwap":\n        this.#set(instruction.destination, NO_LOCATIONS);\n        return;\n      case "jump":\n      case "exit":\n        return;\n    }\n  }\n\n  #set',
    note: "a mark too few",
  },
  {
    name: "a sum with a constant is made of nothing",
    find: 'const { source, destination } = instruction;\n        if (source.kind === "register") {',
    replace:
      'const { source, destination } = instruction;\n        if (source.kind !== "register") this.#set(destination, NO_LOCATIONS);\n        else {',
    note: "a mark too few",
  },
  {
    name: "what callers' callers have saved is made of nothing",
    find: "const deeper = frames === 1 ? NO_LOCATIONS : (this.#registers[bit] ?? NO_LOCATIONS);",
    replace: "const deeper = NO_LOCATIONS;",
    note: "a mark too few: one bit stands for all depths",
  },
  {
    name: "a slot stored in a callee is made of that only",
    find: "const whole = instruction.sizeBytes === 8 && from % 8 === 0 && state.frames.length === 1;",
    replace: "const whole = instruction.sizeBytes === 8 && from % 8 === 0;",
    note: "one bit stands for the slots of all frames",
  },
  {
    name: "a slot that a helper writes in a callee is made of nothing",
    find: "if (state.frames.length > 1) return;\n    for",
    replace: "for",
    note: "one bit stands for the slots of all frames",
  },
  {
    name: "what narrowed a number in a slot does not matter",
    find: "(index) => this.#addToSlot(index, by),",
    replace: "(index) => this.#addToSlot(index, NO_LOCATIONS),",
    note: "a mark too few",
  },
  {
    name: "the right side of a comparison bounds nothing",
    find: 'if (right.kind === "register") by = union(by, this.#registers[right.register] ?? NO_LOCATIONS);',
    replace: "",
    note: "a mark too few",
  },
  {
    name: "the left side of a comparison bounds nothing",
    find: "let by = this.#registers[left] ?? NO_LOCATIONS;",
    replace: "let by = NO_LOCATIONS;",
    note: "a mark too few",
  },
  {
    name: "the number that a pointer is compared with does not matter",
    find: "else if (isPointer(state, condition.left)) this.precise(condition.right.register);",
    replace: "",
    note: "a mark too few: only 0 may be",
  },
  {
    name: "a sum is made of its right side only",
    find: "union(\n              this.#registers[destination] ?? NO_LOCATIONS,\n              this.#registers[source.register] ?? NO_LOCATIONS,\n            ),",
    replace: "this.#registers[source.register] ?? NO_LOCATIONS,",
    note: "a mark too few",
  },
  {
    name: "a move is made of nothing",
    find: 'source.kind === "register" ? (this.#registers[source.register] ?? NO_LOCATIONS) : NO_LOCATIONS,\n        );',
    replace: "NO_LOCATIONS,\n        );",
    note: "a mark too few",
  },
  {
    name: "a load of the stack is made of nothing",
    find: "return registers === 0 && low === 0 && high === 0 ? NO_LOCATIONS : { registers, low, high };",
    replace: "return NO_LOCATIONS;",
    note: "a mark too few",
  },
  {
    name: "a store is made of nothing",
    find: "if (whole) this.#setSlot(from >> 3, sources);",
    replace: "if (whole) this.#setSlot(from >> 3, NO_LOCATIONS);",
    note: "a mark too few",
  },
  {
    name: "a narrow store is made of what was there",
    find: "at++) this.#addToSlot(at, sources);",
    replace: "at++) this.#addToSlot(at, NO_LOCATIONS);",
    note: "a mark too few",
  },
  {
    name: "the number added to a pointer does not matter",
    find: "else if (isPointer(state, destination)) this.preciseOperand(source);",
    replace: "",
    note: "a mark too few",
  },
  {
    name: "the number to which a pointer is added does not matter",
    find: 'if (source.kind === "register" && isPointer(state, source.register)) this.precise(destination);',
    replace: 'if (source.kind === "register" && isPointer(state, source.register)) return;',
    note: "a mark too few",
  },
  {
    name: "sizes given to helpers do not matter",
    find: 'if (kind !== "scalar" && kind !== "anything") this.precise(position + 1);',
    replace: 'if (kind === "map") this.precise(position + 1);',
    note: "a mark too few",
  },
  {
    name: "the right side of a comparison with one outcome does not matter",
    find: "this.precise(left);\n    this.preciseOperand(right);",
    replace: "this.precise(left);",
    note: "a mark too few",
  },
  {
    name: "the left side of a comparison with one outcome does not matter",
    find: "this.precise(left);\n    this.preciseOperand(right);",
    replace: "this.preciseOperand(right);",
    note: "a mark too few",
  },
  {
    name: "what the program returns does not matter",
    find: "if (state.frames.length > 1 || program.type.returnRange !== undefined) this.precise(0);",
    replace: "if (state.frames.length > 1) this.precise(0);",
    note: "a mark too few: hooks take some results only",
  },
  {
    name: "what a callback returns does not matter",
    find: "if (state.frames.length > 1 || program.type.returnRange !== undefined) this.precise(0);",
    replace: "if (program.type.returnRange !== undefined) this.precise(0);",
    note: "a mark too few: its helper takes 0 or 1",
  },
  {
    name: "numbers that a covering state needed do not matter",
    find: "const set = sourcesOfAll(this.#registers, this.#slots, preciseRegisters, preciseLow, preciseHigh);\n    markPrecise(this.#kept, set);",
    replace: "",
    note: "a mark too few: what is covered relies on what is proved there",
  },
  {
    name: "slots that a covering state looked at do not matter",
    find: "markRead(this.#kept, readLow & ~this.#writtenLow, readHigh & ~this.#writtenHigh);\n    const set",
    replace: "const set",
    note: "a mark too few: what is covered relies on what is proved there",
  },
  {
    name: "what rules a side out by a link does not matter",
    find: "sourcesOfAll(this.#registers, this.#slots, changedRegisters, changedLow, changedHigh),",
    replace: "NO_LOCATIONS,",
    note: "a mark too few",
  },
  {
    name: "a slot that rules a side out by a link is not looked at",
    find: "markRead(this.#kept, changedLow & ~this.#writtenLow, changedHigh & ~this.#writtenHigh);",
    replace: "",
    note: "a mark too few: numbers in slots that nobody looked at are not compared",
  },
  {
    name: "an atomic makes its operand anew",
    find: "else if (instruction.fetch) this.#set(instruction.source, NO_LOCATIONS);",
    replace: "else this.#set(instruction.source, NO_LOCATIONS);",
    note: "a mark too few: only one that fetches does",
  },
  {
    name: "what narrowed a number does not matter",
    find: "this.#set(bit, union(this.#registers[bit] ?? NO_LOCATIONS, by));",
    replace: "this.#set(bit, this.#registers[bit] ?? by);",
    note: "a mark too few",
  },
  {
    name: "marks stop at the nearest kept state",
    find: "set = sourcesOfAll(at.registers, at.slots, registers, low, high);\n    at = at.parent;",
    replace: "set = sourcesOfAll(at.registers, at.slots, registers, low, high);\n    at = undefined;",
    note: "a mark too few",
  },
  {
    name: "slots looked at are marked in the nearest kept state only",
    find: "high &= ~at.writtenHigh;\n    at = at.parent;",
    replace: "high &= ~at.writtenHigh;\n    at = undefined;",
    note: "a mark too few",
  },
  {
    name: "a slot written in a callee hides the caller's",
    find: "if (frames === 1) {\n      this.#writtenLow",
    replace: "if (frames >= 1) {\n      this.#writtenLow",
    note: "one bit stands for the slots of all frames",
  },
  {
    name: "what callers have saved is made of nothing",
    find: "this.#set(bit, union(deeper, this.#registers[6 + saved] ?? NO_LOCATIONS));",
    replace: "this.#set(bit, deeper);",
    note: "a mark too few",
  },
  {
    name: "what callers get back is made of nothing",
    find: "this.#set(6 + saved, this.#registers[FIRST_CALLER_SAVED_BIT + saved] ?? NO_LOCATIONS);",
    replace: "this.#set(6 + saved, NO_LOCATIONS);",
    note: "a mark too few",
  },
  {
    name: "what was proved of the packet does not matter",
    find: "markPrecise(this.#kept, sourcesOfAll(this.#registers, this.#slots, usedRegisters, 0, 0));",
    replace: "",
    note: "a mark too few",
  },
]);

export const EXPLORE_MUTANTS = mutantsOf("explore.ts", [
  {
    name: "registers that are not read any more stay where a state is kept",
    find: "} else dropDead(state, label.live);",
    replace: "}",
    note: "they are not compared, but rule out sides of branches by their links",
  },
  {
    name: "any comparison proves the packet",
    find: "if (side.packet !== packet) marks.provedPacket();",
    replace: "marks.provedPacket();",
    note: "a mark too few: what was proved before it still mattered",
  },
  {
    name: "a path goes on with its own state where a join is kept",
    find: "Object.assign(state, next.state);\n      this.#held.made(newValues(state, next.replaces.state));\n    } else dropDead(state, label.live);\n    const marked = this.#marks.keep(state.frames.length, this.#options.exact === true);\n    const holds = { bytes: this.#held.hold(), loop: this.#loopNumber() };\n    const kept = keep(label, state,",
    replace:
      "this.#held.made(newValues(state, next.replaces.state));\n    } else dropDead(state, label.live);\n    const marked = this.#marks.keep(state.frames.length, this.#options.exact === true);\n    const holds = { bytes: this.#held.hold(), loop: this.#loopNumber() };\n    const kept = keep(label, next.state,",
    note: "nobody has followed what the join stands for",
  },
  {
    name: "what a callback looks at does not matter",
    find: "this.#marks.coveredBy(ALL_NEEDED);\n    const trail",
    replace: "const trail",
    note: "a mark too few: its path has marks of its own",
  },
  {
    name: "a state that comes again is covered by itself",
    find: 'return { index: from, finding: { code: "LoopNotBounded", rounds: 0 }, state };',
    replace: 'return "covered";',
    note: "a loop without end",
  },
  {
    name: "the other side of a branch is not followed",
    find: "this.#wait(target, index, taken, takenMarks, trail);",
    replace: "if (trail === undefined) this.#wait(target, index, taken, takenMarks, trail);",
    note: "a path that nobody has seen",
  },
  {
    name: "both sides of a branch share their marks",
    find: "const takenMarks = takes && falls ? marks.clone() : marks;",
    replace: "const takenMarks = marks;",
    note: "what one side has written hides what the other reads",
  },
  {
    name: "what narrowed a number does not matter",
    find: "if (numbers) marks.narrowed(condition.left, condition.right);",
    replace: "",
    note: "a mark too few",
  },
  {
    name: "a branch with one possible side decides nothing",
    find: "if (!(takes && falls)) marks.oneSided(condition.left, condition.right);",
    replace: "",
    note: "a mark too few",
  },
  {
    name: "callbacks are not followed",
    find: "this.#wait(path.start, index, path.state, new Marks(), trail);",
    replace: "if (trail === undefined) this.#wait(path.start, index, path.state, new Marks(), trail);",
    note: "a path that nobody has seen",
  },
  {
    name: "the proof of a comparison is owed to what came before it",
    find: "this.#marks.takeTouched(state.frames.length);\n    return undefined;",
    replace: "return undefined;",
    note: "a mark too few: what the assertions have looked at",
  },
]);

export const KEEP_MUTANTS = mutantsOf("keep.ts", [
  {
    name: "a kept state changes with its path",
    find: "state: cloneState(state),",
    replace: "state,",
    note: "what it was is what was proved",
  },
  {
    name: "a state covers before its paths have been followed",
    find: "label.made += 1;",
    replace: "label.made += 1;\n  label.finished.push(kept);",
    note: "covering by an open state: what mattered is not known yet",
  },
]);
