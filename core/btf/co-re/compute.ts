// What a CO-RE relocation comes to against the types of a target: computed here, applied by core/program/co-re.ts.
// Kinds are enum bpf_core_relo_kind (kernel documentation, "BPF CO-RE Relocations"; libbpf's overview).
import type { CoreRelocation } from "../ext.ts";
import { sizeOfType } from "../resolve.ts";
import type { BtfType, BtfTypes } from "../types.ts";
import { type Field, findField, followPath, readPath } from "./access.ts";
import { areTypesCompatible, behind, doTypesMatch, isSigned } from "./compatible.ts";
import { essentialName, findCandidates, typeInWords } from "./names.ts";

export type Fixup =
  | {
      readonly kind: "value";
      /** What the compiler wrote, if it must be what stands in the instruction. */
      readonly local: bigint | undefined;
      readonly target: bigint;
      /** Of a field that is read or written as a whole: its sizes there and here. */
      readonly sizes?: {
        readonly local: number;
        readonly target: number;
        readonly convertible: boolean;
        readonly what: string;
      };
    }
  /** The target has no such thing: whoever comes there does what cannot be done. */
  | { readonly kind: "unresolved"; readonly what: string }
  /** The record makes no sense, or the target has several such things that differ. */
  | { readonly kind: "invalid"; readonly why: string };

type Value = Extract<Fixup, { readonly kind: "value" }>;

/** By kind of relocation: what is looked for, and what is asked of it. */
const KINDS = [
  { of: "field", ask: "byteOffset" },
  { of: "field", ask: "byteSize" },
  { of: "field", ask: "exists" },
  { of: "field", ask: "signed" },
  { of: "field", ask: "leftShift" },
  { of: "field", ask: "rightShift" },
  { of: "type", ask: "localId" },
  { of: "type", ask: "targetId" },
  { of: "type", ask: "exists" },
  { of: "type", ask: "size" },
  { of: "enumerator", ask: "exists" },
  { of: "enumerator", ask: "value" },
  { of: "type", ask: "matches" },
] as const;

type FieldQuestion = Extract<(typeof KINDS)[number], { readonly of: "field" }>["ask"];
type TypeQuestion = Extract<(typeof KINDS)[number], { readonly of: "type" }>["ask"];

export function computeFixup(local: BtfTypes, target: BtfTypes, relocation: CoreRelocation): Fixup {
  const kind = KINDS[relocation.kind];
  if (kind === undefined) return { kind: "invalid", why: `its kind ${relocation.kind} is not known` };
  const path = readPath(relocation.access);
  const type = local.types[relocation.typeId];
  if (path === undefined || type === undefined) {
    return { kind: "invalid", why: `its path "${relocation.access}" is none` };
  }
  switch (kind.of) {
    case "field":
      return fieldFixup({ local, target, type, id: relocation.typeId }, path, kind.ask);
    case "type":
      return typeFixup({ local, target, type, id: relocation.typeId }, kind.ask);
    case "enumerator":
      return enumeratorFixup({ local, target, type, id: relocation.typeId }, path, kind.ask === "exists");
  }
}

/** A type of the program, and where to look for its like. */
interface Search {
  readonly local: BtfTypes;
  readonly target: BtfTypes;
  readonly type: BtfType;
  readonly id: number;
}

/** All that were found must agree: a program cannot be right for two different answers. */
function agreed(values: readonly Value[], what: string): Fixup | undefined {
  const [first, ...others] = values;
  if (first === undefined) return undefined;
  const differ = others.some(
    ({ target, sizes }) => target !== first.target || sizes?.target !== first.sizes?.target,
  );
  return differ ? { kind: "invalid", why: `the target has several ${what} that differ` } : first;
}

const plain = (target: bigint | number | boolean, local?: bigint | number | boolean): Value => ({
  kind: "value",
  target: BigInt(target),
  local: local === undefined ? undefined : BigInt(local),
});

// ---- fields ----------------------------------------------------------------------------------------------------------

function fieldFixup(search: Search, path: readonly number[], ask: FieldQuestion): Fixup {
  const { local, target, type, id } = search;
  const wanted = followPath(local, id, path);
  if (wanted === undefined) {
    return { kind: "invalid", why: `its path "${path.join(":")}" leads nowhere in ${typeInWords(type)}` };
  }
  const what = fieldInWords(local, wanted);
  const asked = answerOfField(local, wanted, ask);
  if (asked === undefined)
    return { kind: "invalid", why: `${what} is none that can be asked for its ${ask}` };
  const found = findCandidates(target, type)
    .map((candidate) => findField(local, wanted, target, candidate))
    .filter((field) => field !== undefined);
  if (found.length === 0) return ask === "exists" ? plain(false, true) : { kind: "unresolved", what };
  const values = found.map((field) => fieldValue(search, wanted, field, ask, asked));
  if (values.includes(undefined)) return { kind: "unresolved", what };
  return (
    agreed(
      values.filter((value) => value !== undefined),
      what,
    ) ?? { kind: "unresolved", what }
  );
}

function fieldValue(
  { local, target }: Search,
  wanted: Field,
  found: Field,
  ask: FieldQuestion,
  asked: Answer,
): Value | undefined {
  const answer = answerOfField(target, found, ask);
  if (answer === undefined) return undefined;
  const value = plain(answer.value, asked.exact ? asked.value : undefined);
  if (ask !== "byteOffset" || asked.sizeBytes === undefined || answer.sizeBytes === undefined) return value;
  const types = [behind(local, wanted.type), behind(target, found.type)];
  // Wider or narrower is the same number only if no sign is lost; an address of the target's has its own width.
  const convertible =
    types.every((one) => one?.kind === "pointer") ||
    types.every((one) => one?.kind === "int" && !isSigned(one));
  const what = `${fieldInWords(local, wanted)} (of ${asked.sizeBytes} bytes; the target's has ${answer.sizeBytes})`;
  return { ...value, sizes: { local: asked.sizeBytes, target: answer.sizeBytes, convertible, what } };
}

interface Answer {
  readonly value: number | boolean;
  /** The instruction holds just that; how a bit field is read is the compiler's choice. */
  readonly exact: boolean;
  readonly sizeBytes?: number;
}

function answerOfField(types: BtfTypes, field: Field, ask: FieldQuestion): Answer | undefined {
  if (ask === "exists") return { value: true, exact: true };
  const row = field.steps.at(-1)?.member?.row;
  const sizeBytes = sizeOfType(types, field.type);
  if (sizeBytes === undefined) return undefined;
  if (ask === "signed") {
    return row === undefined ? undefined : { value: isSigned(behind(types, field.type)), exact: true };
  }
  const bits = row === undefined ? 0 : row.bitSize;
  if (bits === 0 && (ask === "byteOffset" || ask === "byteSize")) {
    const byteOffset = field.bitOffset / 8;
    if (!Number.isInteger(byteOffset)) return undefined;
    return { value: ask === "byteSize" ? sizeBytes : byteOffset, exact: true, sizeBytes };
  }
  return row === undefined ? undefined : answerOfBits(field.bitOffset, bits, sizeBytes, ask);
}

/**
 * How bits are cut out of a word that is loaded whole: the smallest aligned one of at least the type's size that holds them
 * all, shifted left until their first is the word's, then right.
 *
 *     63             first   last     0
 *     +---------------+-------+-------+
 *     |  leftShift    | field |       |      rightShift = 64 - bits
 *     +---------------+-------+-------+
 */
function answerOfBits(
  bitOffset: number,
  bits: number,
  leastBytes: number,
  ask: Exclude<FieldQuestion, "exists" | "signed">,
): Answer | undefined {
  const width = bits === 0 ? leastBytes * 8 : bits;
  let sizeBytes = leastBytes;
  const start = (): number => Math.floor(bitOffset / 8 / sizeBytes) * sizeBytes;
  while (bitOffset + width - start() * 8 > sizeBytes * 8) {
    sizeBytes *= 2;
    if (sizeBytes > 8) return undefined;
  }
  if (width > 64) return undefined;
  switch (ask) {
    case "byteOffset":
      return { value: start(), exact: false };
    case "byteSize":
      return { value: sizeBytes, exact: false };
    case "leftShift":
      return { value: 64 - (bitOffset + width - start() * 8), exact: false };
    case "rightShift":
      return { value: 64 - width, exact: false };
  }
}

/** "field a.b[2] of struct sock". */
function fieldInWords(types: BtfTypes, { root, steps }: Field): string {
  const path = steps
    .slice(1)
    .map(({ index, member }) => (member === undefined ? `[${index}]` : `.${member.row.name}`))
    .join("");
  const name = path.replace(/^\./, "");
  return `${name === "" ? "" : `field ${name} of `}${typeInWords(types.types[root])}`;
}

// ---- types -----------------------------------------------------------------------------------------------------------

function typeFixup({ local, target, type, id }: Search, ask: TypeQuestion): Fixup {
  if (ask === "localId") return plain(id);
  const exists = ask === "matches" ? doTypesMatch : areTypesCompatible;
  const found = findCandidates(target, type).filter((candidate) =>
    exists({ local, localId: id, target, targetId: candidate }),
  );
  const what = typeInWords(type);
  switch (ask) {
    case "exists":
    case "matches":
      return plain(found.length > 0, true);
    case "targetId":
      return (
        agreed(
          found.map((candidate) => plain(candidate)),
          what,
        ) ?? plain(0)
      );
    case "size": {
      const sizes = found.map((candidate) => sizeOfType(target, candidate) ?? 0);
      return (
        agreed(
          sizes.map((size) => plain(size, sizeOfType(local, id))),
          what,
        ) ?? plain(0, sizeOfType(local, id))
      );
    }
  }
}

// ---- enumerators -----------------------------------------------------------------------------------------------------

function enumeratorFixup(
  { local, target, type, id }: Search,
  path: readonly number[],
  onlyExists: boolean,
): Fixup {
  const own = behind(local, id);
  const wanted = own?.kind === "enum" ? own.values[path[0] ?? 0] : undefined;
  if (wanted === undefined || path.length !== 1) {
    return { kind: "invalid", why: `its path "${path.join(":")}" leads to no value of ${typeInWords(type)}` };
  }
  const found = findCandidates(target, type).flatMap((candidate) => {
    const other = behind(target, candidate);
    const values = other?.kind === "enum" ? other.values : [];
    return values.find(({ name }) => essentialName(name) === essentialName(wanted.name)) ?? [];
  });
  if (onlyExists) return plain(found.length > 0, true);
  const what = `value ${essentialName(wanted.name)} of ${typeInWords(type)}`;
  return (
    agreed(
      found.map(({ value }) => plain(value, wanted.value)),
      what,
    ) ?? { kind: "unresolved", what }
  );
}
