// What a program is: for which system it was made, and of which type it may be there. The numbers of verdicts, helpers and
// map types differ between systems, so no system is guessed: without evidence, or with contradicting evidence, the answer
// is PlatformAmbiguous. Types may be tried (candidates), because verification tells the right one from the others.
import { EbpfError } from "../base/error.ts";
import { resolveType, sizeOfType } from "../btf/resolve.ts";
import type { BtfType, BtfTypes } from "../btf/types.ts";
import { print } from "../isa/print.ts";
import type {
  AttachType,
  ContextDescriptor,
  Platform,
  PlatformName,
  ProgramType,
} from "../platform/platform.ts";
import { findAttachType, findAttachTypeOfSection, findProgramType } from "../platform/platform.ts";
import { PLATFORMS } from "../platform/platforms.ts";
import type { ObjectSpec } from "../spec.ts";
import { type ContextAccess, findContextAccesses } from "./context.ts";
import type { LinkedProgram } from "./link.ts";
import { FIRST_UNRESOLVED } from "./program.ts";

/** A platform that knows the program's type, with the type and, if the section names it, the hook. */
export interface Candidate {
  readonly platform: Platform;
  readonly type: ProgramType;
  readonly attachType?: AttachType;
}

interface Vote {
  readonly platform: PlatformName;
  readonly because: string;
}

/**
 * Numbers that only one system has, with room for the other to grow: Windows' helpers of program types begin at 0x10000 and
 * its general ones end below 64; Linux numbers all in one row, and Windows has fewer than 20 map types.
 */
const ONLY_WINDOWS_HELPERS_FROM = 0x1_0000;
const ONLY_LINUX_HELPERS_FROM = 64;
const ONLY_LINUX_MAP_TYPES_FROM = 20;

/** Types to try where the section tells nothing, most likely first: what old objects of Linux mostly are. */
const TRIED = ["sched_cls", "xdp", "unknown"];

/** The program type on one platform: as named by `type` (a program type or a hook), else as the section says. */
function findCandidate(platform: Platform, section: string, type: string | undefined): Candidate | undefined {
  const attachType = findAttachTypeOfSection(platform, section);
  if (type === undefined) return attachType && atHook(platform, attachType);
  const hook = findAttachType(platform, type);
  const found = findProgramType(platform, type) ?? (hook && findProgramType(platform, hook.programType));
  if (found === undefined) return undefined;
  if (hook !== undefined && hook.programType === found.name) return atHook(platform, hook);
  return attachType?.programType === found.name ? atHook(platform, attachType) : { platform, type: found };
}

/** The hook's program type, with what programs see and answer at this hook. */
function atHook(platform: Platform, attachType: AttachType): Candidate | undefined {
  const type = findProgramType(platform, attachType.programType);
  if (type === undefined) return undefined;
  const { context, returnRange } = attachType;
  const own = { ...type, ...(context && { context }), ...(returnRange && { returnRange }) };
  return { platform, type: context || returnRange ? own : type, attachType };
}

/**
 * What a program may be, most likely first; never empty. One that is named by `type` or by its section is nothing else.
 * Of others on Linux several types are tried, xdp first where the file is called so. EbpfError ProgramTypeUnknown,
 * PlatformAmbiguous.
 */
export function findCandidates(
  object: ObjectSpec,
  linked: LinkedProgram,
  { platform, type }: { readonly platform?: PlatformName; readonly type?: string },
): readonly Candidate[] {
  const { section } = linked.entry;
  if (platform !== undefined) {
    const found = findCandidate(PLATFORMS[platform], section, type);
    if (found !== undefined) return [found];
    if (type !== undefined || platform !== "linux") throw typeUnknown(object, linked, type);
    return tried(object, linked);
  }
  const known = [PLATFORMS.windows, PLATFORMS.linux].flatMap(
    (one) => findCandidate(one, section, type) ?? [],
  );
  if (known.length > 0) return [recognizePlatform(object, linked, type, known)];
  if (type === undefined && isForLinux(object, linked)) return tried(object, linked);
  throw typeUnknown(object, linked, type);
}

/** First the type whose context is called as the function's first parameter, then xdp where the file is called so. */
function tried({ file, btf }: ObjectSpec, { entry }: LinkedProgram): readonly Candidate[] {
  const platform = PLATFORMS.linux;
  const struct = btf && contextStruct(btf, entry.btfId);
  const named =
    struct?.kind === "struct" && platform.programTypes.find(({ context }) => context.name === struct.name);
  const names = new Set([...(named ? [named.name] : []), ...(/xdp/i.test(file) ? ["xdp"] : []), ...TRIED]);
  return [...names].flatMap((name) => {
    const type = findProgramType(platform, name);
    return type === undefined ? [] : [{ platform, type }];
  });
}

/** A section that no platform knows: is there other evidence that the program was made for Linux, and none against? */
function isForLinux(object: ObjectSpec, linked: LinkedProgram): boolean {
  const votes = [...voteByContextName(object.btf, linked), ...voteByNumbers(object, linked)];
  return votes.length > 0 && votes.every((vote) => vote.platform === "linux");
}

/** The one of `candidates` that the program was made for; see findCandidates. */
function recognizePlatform(
  object: ObjectSpec,
  linked: LinkedProgram,
  type: string | undefined,
  candidates: readonly Candidate[],
): Candidate {
  const { name } = linked.entry;
  const [first] = candidates;
  if (first === undefined) throw typeUnknown(object, linked, type);
  const accesses = findContextAccesses(linked);
  const votes = [
    ...voteByAccesses(candidates, accesses, linked),
    ...voteByContextType(candidates, object.btf, linked),
    ...voteByNumbers(object, linked),
  ];
  const names = new Set(votes.map((vote) => vote.platform));
  if (names.size > 1) throw ambiguous(object, name, votes);
  const chosen = candidates.find((candidate) => names.has(candidate.platform.name));
  if (chosen !== undefined) return chosen;
  if (votes.length > 0) throw typeUnknownThere(object, linked, votes);
  if (candidates.every((candidate) => sameVerdicts(candidate.type, first.type))) return first;
  throw ambiguous(object, name, []);
}

/** Several types fit: what runs must be certain. */
export function typeUncertain(
  object: ObjectSpec,
  linked: LinkedProgram,
  types: readonly string[],
): EbpfError {
  const { name, section } = linked.entry;
  const message = `section "${section}" of program "${name}" names no known hook, so its type must be given (${types.join(", ")} ...)`;
  return new EbpfError("ProgramTypeUnknown", message, { file: object.file, section, target: name });
}

function typeUnknown(object: ObjectSpec, linked: LinkedProgram, type: string | undefined): EbpfError {
  const { name, section } = linked.entry;
  const message =
    type === undefined
      ? `section "${section}" of program "${name}" names no known hook`
      : `there is no program type "${type}"`;
  return new EbpfError("ProgramTypeUnknown", message, { file: object.file, section, target: name });
}

/** The program was made for a system whose table here lacks its type; the other system's table must not be used instead. */
function typeUnknownThere(object: ObjectSpec, { entry }: LinkedProgram, votes: readonly Vote[]): EbpfError {
  const why = votes.map((vote) => vote.because).join(", ");
  const message = `program "${entry.name}" was made for ${votes[0]?.platform} (${why}), where section "${entry.section}" names no hook known here`;
  return new EbpfError("ProgramTypeUnknown", message, {
    file: object.file,
    section: entry.section,
    target: entry.name,
  });
}

function ambiguous(object: ObjectSpec, name: string, votes: readonly Vote[]): EbpfError {
  const why =
    votes.length === 0
      ? "nothing in it tells whether it was made for Windows or Linux, where its verdicts have different numbers"
      : votes.map((vote) => `${vote.because} (${vote.platform})`).join(", but ");
  return new EbpfError("PlatformAmbiguous", `program "${name}": ${why}`, { file: object.file, target: name });
}

function sameVerdicts(a: ProgramType, b: ProgramType): boolean {
  return (
    JSON.stringify(a.returns.map((row) => [row.value, row.action])) ===
    JSON.stringify(b.returns.map((row) => [row.value, row.action]))
  );
}

// ---- evidence ------------------------------------------------------------------------------------------------------

function admits(context: ContextDescriptor, byteOffset: number, sizeBytes: number): boolean {
  return context.fields.some((field) => {
    const inside =
      byteOffset >= field.byteOffset && byteOffset + sizeBytes <= field.byteOffset + field.sizeBytes;
    return inside && (sizeBytes === field.sizeBytes || field.narrow);
  });
}

/** A struct that contexts of one system only are called. */
function voteByContextName(btf: BtfTypes | undefined, { entry }: LinkedProgram): Vote[] {
  const struct = btf && contextStruct(btf, entry.btfId);
  if (struct?.kind !== "struct" || struct.name === "") return [];
  const has = (platform: Platform) => platform.programTypes.some((type) => type.context.name === struct.name);
  const [only, ...others] = [PLATFORMS.windows, PLATFORMS.linux].filter(has);
  if (only === undefined || others.length > 0) return [];
  return [{ platform: only.name, because: `its context is struct ${struct.name}` }];
}

/** An access of the context that only one of the platforms' layouts has: on Linux `data` is 32 bits wide, on Windows 64. */
function voteByAccesses(
  candidates: readonly Candidate[],
  accesses: readonly ContextAccess[],
  { instructions }: LinkedProgram,
): Vote[] {
  const votes = new Map<PlatformName, Vote>();
  for (const { instruction, byteOffset, sizeBytes } of accesses) {
    const [only, ...others] = candidates.filter(({ type }) => admits(type.context, byteOffset, sizeBytes));
    const code = instructions[instruction];
    if (candidates.length < 2 || only === undefined || others.length > 0 || code === undefined) continue;
    const because = `instruction ${instruction} (${print(code)}) reads its context`;
    if (!votes.has(only.platform.name))
      votes.set(only.platform.name, { platform: only.platform.name, because });
  }
  return [...votes.values()];
}

/** The layout of the struct that BTF gives the first parameter of the entry. */
function voteByContextType(
  candidates: readonly Candidate[],
  btf: BtfTypes | undefined,
  { entry }: LinkedProgram,
): Vote[] {
  const struct = btf && contextStruct(btf, entry.btfId);
  if (btf === undefined || struct?.kind !== "struct") return [];
  const because = `its context is struct ${struct.name || "(anonymous)"} of ${struct.sizeBytes} bytes`;
  const fits = candidates.map((candidate) => ({
    candidate,
    fit: compare(btf, struct, candidate.type.context),
  }));
  const matching = fits.filter(({ fit }) => fit === "same");
  if (matching.length === 1 && candidates.length > 1) {
    return matching.map(({ candidate }) => ({ platform: candidate.platform.name, because }));
  }
  // The only platform that knows the type lays its context out differently: the program is for the other one.
  const [only] = fits;
  if (candidates.length === 1 && only?.fit === "different") {
    return [{ platform: only.candidate.platform.name === "windows" ? "linux" : "windows", because }];
  }
  return [];
}

function contextStruct(btf: BtfTypes, functionId: number | undefined): BtfType | undefined {
  const named = functionId === undefined ? undefined : btf.types[functionId];
  const prototype = named?.kind === "function" ? btf.types[named.type] : undefined;
  const parameter = prototype?.kind === "functionPrototype" ? prototype.parameters[0] : undefined;
  const pointer = parameter && resolveType(btf, parameter.type);
  return pointer?.kind === "pointer" ? resolveType(btf, pointer.type) : undefined;
}

/** Members are compared with the fields of their names; "unknown" if no name is known. */
function compare(
  btf: BtfTypes,
  struct: Extract<BtfType, { kind: "struct" | "union" }>,
  context: ContextDescriptor,
): "same" | "different" | "unknown" {
  const fields = new Map(context.fields.map((field) => [field.name, field]));
  let known = 0;
  for (const member of struct.members) {
    const field = fields.get(member.name);
    if (field === undefined) continue;
    known++;
    const sizeBytes = sizeOfType(btf, member.type);
    if (member.bitOffset !== field.byteOffset * 8 || sizeBytes !== field.sizeBytes) return "different";
  }
  return known === 0 ? "unknown" : "same";
}

function voteByNumbers(object: ObjectSpec, { instructions, references }: LinkedProgram): Vote[] {
  const votes: Vote[] = [];
  const byName = new Set(references.map((reference) => reference.instructionIndex));
  const called = instructions.flatMap((one, index) =>
    one.kind === "call" && one.target.kind === "helper" && !byName.has(index) ? [one.target.id] : [],
  );
  const windows = called.find((id) => id >= ONLY_WINDOWS_HELPERS_FROM && id < FIRST_UNRESOLVED);
  const linux = called.find((id) => id >= ONLY_LINUX_HELPERS_FROM && id < ONLY_WINDOWS_HELPERS_FROM);
  if (windows !== undefined) votes.push({ platform: "windows", because: `it calls helper ${windows}` });
  if (linux !== undefined) votes.push({ platform: "linux", because: `it calls helper ${linux}` });
  const used = new Set(references.map(({ target }) => (target.kind === "map" ? target.name : undefined)));
  const map = object.maps.find((spec) => used.has(spec.name) && spec.type >= ONLY_LINUX_MAP_TYPES_FROM);
  if (map !== undefined) votes.push({ platform: "linux", because: `map "${map.name}" has type ${map.type}` });
  return votes;
}
