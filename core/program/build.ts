// buildProgram: ObjectSpec -> Program, as named passes in order. What a program may do is not judged here: code that decodes
// and links is built, and the verifier says what is wrong with it.
import { EbpfError } from "../base/error.ts";
import type { PlatformName, ProgramType } from "../platform/platform.ts";
import type { FunctionSpec, ObjectSpec } from "../spec.ts";
import { argumentsAt } from "./hook-arguments.ts";
import { type LinkedProgram, link } from "./link.ts";
import { type Candidate, findCandidates, typeUncertain } from "./platform.ts";
import type { Program } from "./program.ts";
import { relocate } from "./relocate.ts";

export interface BuildOptions {
  /** Absent: recognised from the object. */
  readonly platform?: PlatformName;
  /** A program type or a hook; absent: as the program's section says. */
  readonly type?: string;
}

/**
 * Builds one program of an object; without a name the only one. EbpfError ProgramNotFound, ProgramAmbiguous,
 * ProgramTypeUnknown, PlatformAmbiguous, MapTypeUnsupported; FormatError InstructionInvalid or RelocationInvalid.
 * CO-RE relocations are not computed here (see co-re.ts): offsets stay as the object has them.
 */
export function buildProgram(
  object: ObjectSpec,
  name: string | undefined,
  options: BuildOptions = {},
): Program {
  const linked = link(object, selectProgram(object, name));
  const [candidate, ...others] = findCandidates(object, linked, options);
  if (candidate === undefined || others.length > 0) {
    const types = [candidate, ...others].flatMap((one) => one?.type.name ?? []);
    throw typeUncertain(object, linked, types);
  }
  return assemble(object, linked, candidate);
}

/**
 * The same for verification: a program whose type nothing tells is built once for each type it may be of, most likely
 * first; the one that verification accepts is right. Never empty. The same errors.
 */
export function buildCandidates(
  object: ObjectSpec,
  name: string | undefined,
  options: BuildOptions = {},
): readonly Program[] {
  const linked = link(object, selectProgram(object, name));
  const [first, ...others] = findCandidates(object, linked, options);
  if (first === undefined) throw typeUncertain(object, linked, []);
  const program = assemble(object, linked, first);
  // Only the type differs: candidates are of one platform.
  return [program, ...others.map(({ type }) => ({ ...program, type }))];
}

/** The platform that a program was made for, by what the object tells alone. The errors of buildProgram(). */
export function recognise(object: ObjectSpec, name: string): PlatformName | undefined {
  return findCandidates(object, link(object, selectProgram(object, name)), {})[0]?.platform.name;
}

function assemble(object: ObjectSpec, linked: LinkedProgram, candidate: Candidate): Program {
  const { entry, subprograms, targets, slots, sources } = linked;
  const { platform, attachType } = candidate;
  const type = typeAt(object, candidate, entry.section);
  const { instructions, maps } = relocate(object, linked, platform);
  const { file, license, btf, unresolved } = object;
  return {
    file,
    name: entry.name,
    section: entry.section,
    platform,
    type,
    ...(attachType && { attachType }),
    ...(license !== undefined && { license }),
    instructions,
    subprograms,
    targets,
    slots,
    maps,
    sources,
    ...(btf && { btf }),
    ...(unresolved && { unresolved }),
  };
}

/** With the arguments that the hook has in the target, where that is known. */
function typeAt({ target }: ObjectSpec, { type, attachType }: Candidate, section: string): ProgramType {
  const context = target && attachType && argumentsAt(target, attachType, section);
  return context === undefined ? type : { ...type, context };
}

function selectProgram(object: ObjectSpec, name: string | undefined): FunctionSpec {
  const { file, programs, functions } = object;
  if (name !== undefined) {
    const found = [...programs, ...functions].find((spec) => spec.name === name);
    if (found !== undefined) return found;
    // A section name will do where it holds one program: people know "xdp" better than the C function's name.
    const [only, ...others] = programs.filter((spec) => spec.section === name);
    if (only !== undefined && others.length === 0) return only;
    const known = programs.map((spec) => spec.name).join(", ");
    throw new EbpfError("ProgramNotFound", `${file} has no program "${name}"; it has ${known || "none"}`, {
      file,
      target: name,
    });
  }
  const all = programs.length > 0 ? programs : functions;
  const global = all.filter((spec) => spec.binding === "global");
  const [first, ...others] = global.length > 0 ? global : all;
  if (first === undefined) throw new EbpfError("ProgramNotFound", `${file} holds no program`, { file });
  if (others.length > 0) {
    const names = [first, ...others].map((spec) => spec.name);
    throw new EbpfError("ProgramAmbiguous", `${file} holds ${names.length} programs: ${names.join(", ")}`, {
      file,
      details: { programs: names },
    });
  }
  return first;
}
