// A certificate's bytes of the states that it lists: the inverse of core/certificate/decode.ts. Each state is told as what
// differs from one before. Knows no programs.
import { ByteWriter } from "../base/bytes.ts";
import { writeSignedLeb128, writeUnsignedLeb128 } from "../base/leb128.ts";
import type { Certificate } from "../certificate/check.ts";
import type { Listed } from "../certificate/follow.ts";
import {
  boundsMask,
  boundsOf,
  cellAt,
  cellCount,
  DOWN_WAY,
  EXTENDED,
  eachValue,
  FIELDS,
  FIXED,
  FLAG,
  FORM,
  formOf,
  HELD,
  LENGTHS,
  LINKED,
  MAGIC,
  NULLABLE,
  OFFSET,
  PROVED,
  RANGE,
  RANKED,
  UNSIGNED_WAY,
  VERSION,
  WAYS,
  ZEROS_SHIFT,
} from "../certificate/form.ts";
import type { Listing } from "../certificate/listing.ts";
import { constantOf, type NumberValue, unlinked } from "../certificate/number.ts";
import { sameSlot } from "../certificate/same.ts";
import { emptyState, PLACES, type Pointer, type Slot, type State, type Value } from "../certificate/state.ts";

/** A file of certificates. */
export function encodeFile(certificates: readonly Certificate[]): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter().put(MAGIC);
  writeUnsignedLeb128(writer, VERSION);
  writeUnsignedLeb128(writer, certificates.length);
  for (const { program, bytes } of certificates) {
    const name = new TextEncoder().encode(program);
    writeUnsignedLeb128(writer, name.length);
    writer.put(name);
    writeUnsignedLeb128(writer, bytes.length);
    writer.put(bytes);
  }
  return writer.bytes();
}

/** Ids in the order in which a state's cells have them first: the certificate numbers them 1, 2, 3 ... so. */
interface Ids {
  /** Of instances, references and unknown parts. */
  readonly ids: readonly number[];
  /** Of links that more than one number has: the others say nothing. */
  readonly links: readonly number[];
}

function idsInOrder(state: State): Ids {
  const ids = new Set<number>();
  const links = new Map<number, number>();
  const note = (id: number): void => {
    if (id > 0) ids.add(id);
  };
  for (let cell = 0, count = cellCount(state); cell < count; cell++) {
    eachValue(cellAt(state, cell), (value) => {
      if (value.kind === "number") {
        if (value.id > 0) links.set(value.id, (links.get(value.id) ?? 0) + 1);
      } else if (value.kind === "pointer") {
        note(value.instance);
        note(value.holder);
        note(value.part);
      }
    });
  }
  for (const held of state.references) note(held);
  // One number with a link is linked to nothing.
  return { ids: [...ids], links: [...links].filter(([, uses]) => uses > 1).map(([id]) => id) };
}

/** The state with its ids numbered as the certificate numbers them, and without links to nothing; links to heads stay. */
export function renumbered(state: State): State {
  const { ids, links } = idsInOrder(state);
  const idOf = new Map(ids.map((id, at) => [id, at + 1]));
  const linkOf = new Map(links.map((id, at) => [id, at + 1]));
  const id = (old: number): number => (old > 0 ? (idOf.get(old) ?? 0) : old);
  const number = (value: NumberValue): NumberValue => {
    const link = value.id < 0 ? value.id : linkOf.get(value.id);
    if (link === undefined || constantOf(value) !== undefined)
      return { ...unlinked(value), zeros: value.zeros };
    return value.id === link ? value : { ...value, id: link };
  };
  const change = (value: Value): Value => {
    if (value === undefined) return undefined;
    if (value.kind === "number") return number(value);
    return { ...value, instance: id(value.instance), holder: id(value.holder), part: id(value.part) };
  };
  const slot = (from: Slot): Slot => {
    if (from?.kind !== "bytes") return change(from);
    return { ...from, parts: from.parts.map((part) => ({ ...part, value: number(part.value) })) };
  };
  return {
    ...state,
    registers: state.registers.map(change),
    frames: state.frames.map((frame) => ({
      ...frame,
      saved: frame.saved.map(change),
      slots: frame.slots.map(slot),
    })),
    references: state.references.map(id),
  };
}

/** `inside`: of a ranked state, how many of the next ones are inside its loop. */
export function encodeListed(
  writer: ByteWriter,
  listing: Listing,
  { index, state, rank }: Listed,
  inside: number,
): void {
  writeSignedLeb128(writer, index - listing.index);
  encodeState(writer, listing, index, state, rank !== undefined);
  if (rank === undefined) return;
  const { cell, part, signed, up } = rank;
  writeUnsignedLeb128(writer, WAYS * cell + (signed ? 0 : UNSIGNED_WAY) + (up ? 0 : DOWN_WAY));
  if (cellAt(state, cell)?.kind === "bytes") writeUnsignedLeb128(writer, part);
  writeUnsignedLeb128(writer, inside);
}

function encodeState(
  writer: ByteWriter,
  listing: Listing,
  index: number,
  state: State,
  ranked: boolean,
): void {
  const base = listing.baseOf(index);
  const anchors = listing.anchors();
  const lengths = state.packet !== base.packet || state.metadata !== base.metadata;
  const same = state.references.length === base.references.length;
  const held = !(same && state.references.every((one, at) => one === base.references[at]));
  const flags = (lengths ? LENGTHS : 0) | (held ? HELD : 0) | (ranked ? RANKED : 0);
  writer.u8((state.frames.length - 1) | flags);
  for (const frame of state.frames.slice(1)) writeUnsignedLeb128(writer, frame.returnTo);
  if (lengths) {
    writeUnsignedLeb128(writer, state.packet);
    writeUnsignedLeb128(writer, state.metadata);
  }
  // Frames that the base does not have are empty in it.
  const { frames } = emptyState();
  const known = { ...base, frames: state.frames.map((_, at) => base.frames[at] ?? frames[0] ?? _) };
  let last = -1;
  for (let cell = 0, count = cellCount(state); cell < count; cell++) {
    const slot = cellAt(state, cell);
    if (sameSlot(cellAt(known, cell), slot)) continue;
    writeUnsignedLeb128(writer, cell - last);
    encodeSlot(writer, slot, anchors);
    last = cell;
  }
  writeUnsignedLeb128(writer, 0);
  if (!held) return;
  writeUnsignedLeb128(writer, state.references.length);
  for (const one of state.references) writeUnsignedLeb128(writer, one - 1);
}

function encodeSlot(writer: ByteWriter, slot: Slot, anchors: readonly number[]): void {
  if (slot === undefined) writer.u8(FORM.nothing);
  else if (slot.kind === "number") encodeNumber(writer, slot, anchors);
  else if (slot.kind === "pointer") encodePointer(writer, slot);
  else {
    writer.u8(FORM.bytes + slot.parts.length).u8(slot.mask);
    for (const { at, size, value } of slot.parts) {
      writer.u8((at << 4) | size);
      encodeNumber(writer, value, anchors);
    }
  }
}

/** `anchors`: ids of what is linked to the heads of open loops, the outermost first. */
function encodeNumber(writer: ByteWriter, value: NumberValue, anchors: readonly number[]): void {
  const form = formOf(value);
  if (form === FORM.constant) {
    writer.u8(form);
    writeSignedLeb128(writer, value.full.s0);
    return;
  }
  const link = value.id === 0 ? 0 : LINKED | (value.extended ? EXTENDED : 0);
  writer.u8(form | (value.zeros << ZEROS_SHIFT) | link);
  encodeBounds(writer, value, form);
  if (value.id === 0) return;
  writeUnsignedLeb128(writer, value.id < 0 ? anchors.indexOf(value.id) : value.id - 1 + anchors.length);
  writeSignedLeb128(writer, value.delta);
}

function encodeBounds(writer: ByteWriter, value: NumberValue, form: number): void {
  const { full, low } = value;
  switch (form) {
    case FORM.unsigned:
      writeUnsignedLeb128(writer, full.u0);
      writeUnsignedLeb128(writer, full.u1 - full.u0);
      return;
    case FORM.signed:
      writeSignedLeb128(writer, full.s0);
      writeUnsignedLeb128(writer, full.s1 - full.s0);
      return;
    case FORM.low:
      writeUnsignedLeb128(writer, low.u0);
      writeUnsignedLeb128(writer, low.u1 - low.u0);
      return;
    case FORM.bounds: {
      const bounds = boundsOf(value);
      const mask = boundsMask(bounds);
      writer.u8(mask);
      for (const [at, bound] of bounds.entries()) if ((mask >> at) & 1) writeSignedLeb128(writer, bound);
      return;
    }
    default:
  }
}

function encodePointer(writer: ByteWriter, value: Pointer): void {
  const { place, which, flag, instance, holder, offset, least, most, zeros, part, proved } = value;
  const fields = FIELDS[place];
  const range = least !== most;
  const bits =
    (value.nullable ? NULLABLE : 0) |
    (offset === 0 ? 0 : OFFSET) |
    (range ? RANGE : 0) |
    (proved === 0 ? 0 : PROVED);
  const fixed = instance < 0;
  writer.u8(FORM.pointer | bits).u8(PLACES.indexOf(place) | (flag ? FLAG : 0) | (fixed ? FIXED : 0));
  if (fields.which) writeUnsignedLeb128(writer, which);
  if (fields.instance) {
    if (!fixed) writeUnsignedLeb128(writer, place === "memory" ? instance : instance - 1);
    else if (place === "memory") writeUnsignedLeb128(writer, -1 - instance);
  }
  if (fields.holder) writeUnsignedLeb128(writer, holder);
  if (offset !== 0) writeSignedLeb128(writer, offset);
  if (proved !== 0) writeUnsignedLeb128(writer, proved);
  if (!range) return;
  writeSignedLeb128(writer, least);
  writeUnsignedLeb128(writer, most - least);
  writeUnsignedLeb128(writer, zeros);
  if (fields.packet) writeUnsignedLeb128(writer, part - 1);
}
