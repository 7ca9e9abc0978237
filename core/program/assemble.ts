// Programs that come without an object: assembly text or raw bytes, for `ebpf exec`, fixtures and tests.
import { EbpfError } from "../base/error.ts";
import { decode } from "../isa/decode.ts";
import type { Instruction } from "../isa/instruction.ts";
import { parse } from "../isa/parse.ts";
import { findHelperByName, findProgramType, type PlatformName } from "../platform/platform.ts";
import { PLATFORMS } from "../platform/platforms.ts";
import type { MapSpec } from "../spec.ts";
import { linkPlain } from "./link.ts";
import type { Program } from "./program.ts";
import { withType } from "./relocate.ts";

export interface PlainProgramOptions {
  readonly platform: PlatformName;
  /** Name of the program type; absent: the platform's first. */
  readonly type?: string;
  /** What `map` instructions refer to, by index (in text also by name). */
  readonly maps?: readonly MapSpec[];
  /** For the platform "raw": length of the memory that r1 points at. */
  readonly rawMemorySizeBytes?: number;
  readonly name?: string;
  /** For messages; absent: "(text)" or "(bytes)". */
  readonly file?: string;
}

/** A program of assembly text; FormatError AssemblyInvalid if it does not parse. Names of helpers and maps are known. */
export function assembleProgram(text: string, options: PlainProgramOptions): Program {
  const platform = PLATFORMS[options.platform];
  const maps = options.maps ?? [];
  const instructions = parse(text, {
    helper: (name) => findHelperByName(platform, name)?.id,
    map: (name) => {
      const index = maps.findIndex((map) => map.name === name);
      return index < 0 ? undefined : index;
    },
  });
  return plainProgram(instructions, { file: "(text)", ...options });
}

/** A program of raw bytecode; FormatError InstructionInvalid if it does not decode. */
export function programFromBytes(bytes: Uint8Array, options: PlainProgramOptions): Program {
  const file = options.file ?? "(bytes)";
  return plainProgram(decode(bytes, { file }), { ...options, file });
}

function plainProgram(instructions: readonly Instruction[], options: PlainProgramOptions): Program {
  const platform = PLATFORMS[options.platform];
  const type =
    options.type === undefined ? platform.programTypes[0] : findProgramType(platform, options.type);
  if (type === undefined) {
    const message = `${platform.name} has no program type "${options.type}"`;
    throw new EbpfError(
      "ProgramTypeUnknown",
      message,
      options.type === undefined ? {} : { target: options.type },
    );
  }
  const { name = "main", file = "", rawMemorySizeBytes } = options;
  const maps = (options.maps ?? []).map((spec) => withType(spec, platform, file));
  for (const [index, instruction] of instructions.entries()) checkMap(instruction, index, maps.length, file);
  return {
    file,
    name,
    section: type.name,
    platform,
    type,
    ...linkPlain(instructions, name),
    maps,
    ...(platform.name === "raw" ? { rawMemorySizeBytes: rawMemorySizeBytes ?? 0 } : {}),
  };
}

function checkMap(instruction: Instruction, index: number, count: number, file: string): void {
  if (instruction.kind !== "loadImmediate") return;
  const { source } = instruction;
  if ((source.kind !== "map" && source.kind !== "mapValue") || source.map < count) return;
  const message = `instruction ${index} loads map ${source.map}; ${count === 0 ? "there is none" : `there are ${count}`}`;
  throw new EbpfError("RelocationInvalid", message, { file });
}
