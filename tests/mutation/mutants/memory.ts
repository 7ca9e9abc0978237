// Mistakes about memory: the stack's slots, bounds, proofs of packet bytes, what loads and stores do.
import { mutantsOf } from "./table.ts";

export const STACK_MUTANTS = mutantsOf("domain/stack.ts", [
  {
    name: "a slot written in part counts as written whole",
    find: "if (first === 0 && end === 8) writesOver(index);",
    replace: "writesOver(index);",
    note: "a look at it is still a look at what was there",
  },
  {
    name: "a pointer stays where unknown bytes are written over part of it",
    find: "return overwrite(slot, first, end);",
    replace:
      'return slot?.kind === "spill" && end - first < 8 ? (slot as never) : overwrite(slot, first, end);',
    note: "a partial overwrite",
  },
  {
    name: "a pointer stays where a write may have hit it",
    find: "if (mask === 0) return undefined;\n  return mask",
    replace: "if (mask === 0) return slot;\n  return mask",
    note: "a partial overwrite",
  },
  {
    name: "a write at an unknown place leaves the first slot",
    find: "unknownNumbers, from >> 3, (to + 7) >> 3",
    replace: "unknownNumbers, (from + 7) >> 3, (to + 7) >> 3",
    note: "it may have been hit",
  },
  {
    name: "bytes that are checked are not looked at",
    find: "looksAt(at >> 3);\n  const slot = slotAt(stack, at >> 3);\n  if (slot?.kind",
    replace: "const slot = slotAt(stack, at >> 3);\n  if (slot?.kind",
    note: "a mark too few",
  },
  {
    name: "bytes that are read are not looked at",
    find: "const inSlot = at & 7;\n  looksAt(at >> 3);",
    replace: "const inSlot = at & 7;",
    note: "a mark too few: where nothing is checked before",
  },
  {
    name: "a slot that is read whole is not looked at",
    find: "if (size !== 8 || at % 8 !== 0) return undefined;\n  looksAt(at >> 3);",
    replace: "if (size !== 8 || at % 8 !== 0) return undefined;",
    note: "a mark too few",
  },
  {
    name: "a number stored across two slots is the first one's",
    find: "if (size === 8 && inSlot === 0) return spill(stack, at, value);",
    replace: "if (size === 8) return spill(stack, at, value);",
    note: "other bytes hold other numbers",
  },
  {
    name: "what is written over in part is kept",
    find: "parts.filter((part) => part.at + part.size <= from || part.at >= to),",
    replace: "parts.filter((part) => part.at !== from),",
    note: "a write into the middle of a number changes it",
  },
  {
    name: "four bytes of a number are the number",
    find: "if (sizeBytes === 8) return value;",
    replace: "if (sizeBytes >= 4) return value;",
    note: "the upper half is not stored",
  },
  {
    name: "a byte of a number stays linked to it",
    find: "return sizeBytes === 4 ? extendedOf(value, range) : numberValue(range);",
    replace: "return extendedOf(value, range);",
    note: "a link kept through truncation",
  },
  {
    name: "a read of more than was stored gives what was stored",
    find: "const part = slot.parts.find((row) => row.at === at && row.size >= size);",
    replace: "const part = slot.parts.find((row) => row.at === at);",
    note: "the bytes behind it can be anything",
  },
  {
    name: "the upper half of a spilled number is its lower one",
    find: 'if (slot.value.kind === "number" && at === 0) return',
    replace: 'if (slot.value.kind === "number") return',
    note: "other bytes hold other numbers",
  },
  {
    name: "a write at an unknown place leaves the last slot",
    find: "unknownNumbers, from >> 3, (to + 7) >> 3",
    replace: "unknownNumbers, from >> 3, (to - 1) >> 3",
    note: "it may have been hit",
  },
  {
    name: "a write at an unknown place makes bytes initialised",
    find: "if (mask === 0) return undefined;\n  return mask",
    replace: "if (mask === 0) return UNKNOWN_SLOT;\n  return mask",
    note: "most of them were not hit",
  },
  {
    name: "the bytes of a spilled pointer are numbers",
    find: 'return slot.value.kind === "number" ? ALL_BYTES : 0;',
    replace: "return ALL_BYTES;",
    note: "an address leaks",
  },
  {
    name: "the last byte of a read need not be initialised",
    find: "for (let at = from; at < to; at++) {",
    replace: "for (let at = from; at < to - 1; at++) {",
    note: "an off-by-one in a bound",
  },
  {
    name: "numbers survive the rounds of a callback",
    find: 'return slot?.kind === "spill" && slot.value.kind !== "number";',
    replace: 'return slot?.kind === "spill";',
    note: "the callback may have written them",
  },
  {
    name: "a narrow write leaves the number under it",
    find: "const slot = overwrite(slotAt(stack, at >> 3), inSlot, inSlot + size);",
    replace:
      'const below = slotAt(stack, at >> 3);\n  const slot = below?.kind === "bytes" ? below : overwrite(below, inSlot, inSlot + size);',
    note: "a partial overwrite",
  },
  {
    name: "a write of unknown bytes initialises the whole slot",
    find: "mask: numberMask(slot) | written,",
    replace: "mask: numberMask(slot) | written | (written << 1),",
    note: "an off-by-one in a bound",
  },
]);

export const STATE_MUTANTS = mutantsOf("domain/state.ts", [
  {
    name: "what was proved of the packet survives its move",
    find: "state.packet = 0;",
    replace: "",
    note: "it may be shorter now",
  },
  {
    name: "what was proved of the metadata survives a move",
    find: "state.metadata = 0;",
    replace: "",
    note: "it may be shorter now",
  },
  {
    name: "pointers into the packet survive its move",
    find: "mapValues(state, (value) => (isPacketPointer(value) ? STALE : value));",
    replace: "",
    note: "a stale pointer",
  },
  {
    name: "spilled values do not change with the others",
    find: "const stack = mapSpills(frame.stack, change);",
    replace: "const stack = frame.stack;",
    note: "a stale pointer comes back from the stack",
  },
  {
    name: "callers' registers do not change with the others",
    find: "frame.callerSaved.length === 0 ? frame.callerSaved : mapSaved(frame.callerSaved, change);",
    replace: "frame.callerSaved.length === 0 ? mapSaved([], change) : frame.callerSaved;",
    note: "a stale pointer comes back with the return",
  },
  {
    name: "a proof holds for all pointers into the packet",
    find: "value.variable === variable &&\n    value.proved < length",
    replace: "value.proved < length",
    note: "their unknown parts differ",
  },
  {
    name: "a proof behind an unknown part is one of the packet",
    find: "if (variable !== 0) return;",
    replace: "",
    note: "the unknown part may be 0 only in other runs",
  },
  {
    name: "what is proved of the packet holds behind any unknown part",
    find: "if (pointer.variable !== 0 || length > (metadata ? state.metadata : state.packet)) return false;",
    replace: "if (length > (metadata ? state.metadata : state.packet)) return false;",
    note: "the unknown part moves the pointer beyond",
  },
  {
    name: "what is proved of the metadata holds for the packet",
    find: "if (pointer.variable !== 0 || length > (metadata ? state.metadata : state.packet)) return false;",
    replace: "if (pointer.variable !== 0 || length > Math.max(state.metadata, state.packet)) return false;",
    note: "they are different bytes",
  },
  {
    name: "what is released can still be used",
    find: "holderOf(value.region) === instance ? RELEASED : value,",
    replace: "holderOf(value.region) === instance && value.nullable ? RELEASED : value,",
    note: "use after free",
  },
]);

export const CHECK_MEMORY_MUTANTS = mutantsOf("check-memory.ts", [
  {
    name: "one byte beyond a map value is in bounds",
    find: "extent.low < 0 || extent.high + extent.sizeBytes > limit",
    replace: "extent.low < 0 || extent.high + extent.sizeBytes > limit + 1",
    note: "an off-by-one in a bound",
  },
  {
    name: "the size of an access to a map value does not count",
    find: "extent.low < 0 || extent.high + extent.sizeBytes > limit",
    replace: "extent.low < 0 || extent.high >= limit",
    note: "its last byte may lie beyond",
  },
  {
    name: "the unknown part of an offset into a map value does not count",
    find: "extent.low < 0 || extent.high + extent.sizeBytes > limit",
    replace: "extent.low < 0 || extent.low + extent.sizeBytes > limit",
    note: "the largest offset decides",
  },
  {
    name: "negative offsets into a map value are in bounds",
    find: "extent.low < 0 || extent.high + extent.sizeBytes > limit",
    replace: "extent.high + extent.sizeBytes > limit",
    note: "a negative offset",
  },
  {
    name: "a byte below the stack is in bounds",
    find: "if (extent.low < -STACK_SIZE_BYTES || end > 0) return",
    replace: "if (extent.low < -STACK_SIZE_BYTES - 1 || end > 0) return",
    note: "an off-by-one in a bound",
  },
  {
    name: "the stack above the frame is in bounds",
    find: "if (extent.low < -STACK_SIZE_BYTES || end > 0) return",
    replace: "if (extent.low < -STACK_SIZE_BYTES || extent.high > 0) return",
    note: "the size of the access does not count",
  },
  {
    name: "helpers may write above the frame",
    find: "return extent.low < -STACK_SIZE_BYTES || end > 0 ?",
    replace: "return extent.low < -STACK_SIZE_BYTES || extent.high > 0 ?",
    note: "the size of the memory does not count",
  },
  {
    name: "bytes before the packet are in bounds",
    find: "if (extent.low >= 0 && isProved(state, pointer, knownEnd)) return undefined;",
    replace: "if (isProved(state, pointer, knownEnd)) return undefined;",
    note: "a negative offset",
  },
  {
    name: "one byte behind what is proved is in bounds",
    find: "const knownEnd = extent.high - pointer.maximum + extent.sizeBytes;",
    replace: "const knownEnd = extent.high - pointer.maximum + extent.sizeBytes - 1;",
    note: "an off-by-one in a bound",
  },
  {
    name: "a pointer that may be null is used",
    find: 'if (base.nullable) return { code: "PointerMaybeNull", register: access.base, value: base };',
    replace: "",
    note: "a look-up may find nothing",
  },
  {
    name: "read-only memory is written",
    find: 'if (extent.access === "read") return undefined;',
    replace: 'if (extent.access !== "atomic") return undefined;',
    note: "constants of the program change",
  },
  {
    name: "a packet is written where it is read-only",
    find: 'if (extent.access === "write" && program.type.context.packetReadOnly === true) {',
    replace: 'if (extent.access === "atomic" && program.type.context.packetReadOnly === true) {',
    note: "the host maps it read-only",
  },
  {
    name: "half the alignment is enough for an atomic",
    find: "return 2 ** zeros < access.sizeBytes",
    replace: "return 2 ** (zeros + 1) < access.sizeBytes",
    note: "an unaligned atomic tears",
  },
  {
    name: "the unknown part of an atomic's address is aligned",
    find: "const zeros = Math.min(trailingZeros(known), pointer.zeros);",
    replace: "const zeros = trailingZeros(known);",
    note: "an unaligned atomic tears",
  },
  {
    name: "every field of the context is writable",
    find: "if (!field.writable || field.kind",
    replace: "if (field.kind",
    note: "the host relies on them",
  },
  {
    name: "a field is read beyond its end",
    find: "offset + sizeBytes <= field.byteOffset + field.sizeBytes,",
    replace: "offset < field.byteOffset + field.sizeBytes,",
    note: "the size of the access does not count",
  },
  {
    name: "part of a pointer's field is read",
    find: 'return exact || (field.narrow && field.kind === "scalar" && offset % sizeBytes === 0);',
    replace: "return exact || offset % sizeBytes === 0;",
    note: "half an address is a pointer to somewhere",
  },
  {
    name: "an atomic operates on a packet",
    find: 'if (bounds !== undefined || access.kind !== "atomic") return bounds;',
    replace: "if (bounds !== undefined || access.sizeBytes > 0) return bounds;",
    note: "packets are not aligned",
  },
]);

export const TRANSFER_MEMORY_MUTANTS = mutantsOf("transfer-memory.ts", [
  {
    name: "sign-extending loads are not negative",
    find: "return signed ? ranges.signExtend(unsignedOf(sizeBytes), 8 * sizeBytes) : unsignedOf(sizeBytes);",
    replace: "return unsignedOf(sizeBytes === 8 || signed ? sizeBytes : sizeBytes);",
    note: "a forgotten sign extension",
  },
  {
    name: "sign-extending loads of the stack are not negative",
    find: "return signed ? numberValue(ranges.signExtend(value.range, 8 * sizeBytes)) : value;",
    replace: "return signed ? numberValue(value.range) : value;",
    note: "a forgotten sign extension",
  },
  {
    name: "constants are read from data that can be written",
    find: "if (data?.readOnly !== true || region.instance >= 0",
    replace: "if (data === undefined || region.instance >= 0",
    note: "they change",
  },
  {
    name: "constants are read with their bytes in the other order",
    find: "for (let index = sizeBytes - 1; index >= 0; index--) {",
    replace: "for (let index = 0; index < sizeBytes; index++) {",
    note: "memory is little-endian",
  },
  {
    name: "a store at an unknown place hits its lowest place only",
    find: "return writeSomewhere(stack, from, from + base.maximum - base.minimum + sizeBytes);",
    replace: "return writeSomewhere(stack, from, from + sizeBytes);",
    note: "it may hit any place up to the highest",
  },
  {
    name: "a store at an unknown place does not count its own size",
    find: "return writeSomewhere(stack, from, from + base.maximum - base.minimum + sizeBytes);",
    replace: "return writeSomewhere(stack, from, from + base.maximum - base.minimum + 1);",
    note: "its last bytes lie further up",
  },
  {
    name: "an atomic leaves what is known of the stack",
    find: 'if (base.kind === "pointer" && base.region.kind === "stack") {\n    const from',
    replace:
      'if (base.kind === "pointer" && base.region.kind === "stack" && instruction.fetch) {\n    const from',
    note: "it has changed the number there",
  },
  {
    name: "a fetching atomic leaves its source",
    find: "else if (instruction.fetch) state.registers[instruction.source] = old;",
    replace: "",
    note: "the source holds the old value",
  },
  {
    name: "compare and exchange leaves r0",
    find: 'if (instruction.operation === "compareExchange") state.registers[0] = old;',
    replace: 'if (instruction.operation === "compareExchange") state.registers[0] = register(state, 0);',
    note: "r0 holds the old value",
  },
  {
    name: "an atomic's result is one bit smaller than it is",
    find: "const old = numberValue(unsignedOf(instruction.sizeBytes));",
    replace: "const old = numberValue(unsignedOf(Math.min(2, instruction.sizeBytes)));",
    note: "it is as wide as the access",
  },
  {
    name: "a pointer in the stack is a pointer wherever part of it is written over",
    find: ": writeSomewhere(stack, from, from + sizeBytes);",
    replace: ": stack;",
    note: "a partial overwrite",
  },
]);
