// buildProgram: ObjectSpec -> Program, as named passes in order. What a program may do is not judged here: code that decodes
// and links is built, and the verifier says what is wrong with it.
import { EbpfError } from "../base/error.ts";
import type { PlatformName } from "../platform/platform.ts";
import { PLATFORMS } from "../platform/platforms.ts";
import type { FunctionSpec, ObjectSpec } from "../spec.ts";
import { link } from "./link.ts";
import { type Candidate, findCandidate, recognizePlatform, typeUnknown } from "./platform.ts";
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
 * CO-RE relocations are not computed: offsets stay as the compiler wrote them.
 */
export function buildProgram(
  object: ObjectSpec,
  name: string | undefined,
  options: BuildOptions = {},
): Program {
  const entry = selectProgram(object, name);
  const linked = link(object, entry);
  const { platform, type, attachType } = selectType(object, linked, options);
  const { instructions, maps } = relocate(object, linked, platform);
  const { license, btf } = object;
  return {
    file: object.file,
    name: entry.name,
    section: entry.section,
    platform,
    type,
    ...(attachType && { attachType }),
    ...(license !== undefined && { license }),
    instructions,
    subprograms: linked.subprograms,
    targets: linked.targets,
    slots: linked.slots,
    maps,
    sources: linked.sources,
    ...(btf && { btf }),
  };
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

function selectType(object: ObjectSpec, linked: ReturnType<typeof link>, options: BuildOptions): Candidate {
  if (options.platform === undefined) return recognizePlatform(object, linked, options.type);
  const found = findCandidate(PLATFORMS[options.platform], linked.entry.section, options.type);
  if (found === undefined) throw typeUnknown(object, linked, options.type);
  return found;
}
