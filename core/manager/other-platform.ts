// A program that is judged by another platform than the one it was made for: helpers, map types and contexts have other numbers and
// layouts there, so what it is rejected for may be no fault of it. Adds to what is told, and decides nothing.
import { EbpfError } from "../base/error.ts";
import { findHelper, type PlatformName } from "../platform/platform.ts";
import { PLATFORMS } from "../platform/platforms.ts";
import { recognise } from "../program/build.ts";
import type { Program } from "../program/program.ts";
import type { FailureRecord } from "../report/records.ts";
import type { ObjectSpec } from "../spec.ts";

/** What a wrong platform shows itself by where nothing in the object tells. */
const BY_NUMBERS: ReadonlySet<string> = new Set([
  "HelperUnknown",
  "HelperNotAllowed",
  "HelperArgument",
  "MapOperation",
]);

/** The failure, with the other platform named in its remedy if that is where the program belongs, or may belong. */
export function namePlatform(object: ObjectSpec, program: Program, failure: FailureRecord): FailureRecord {
  const { name } = program.platform;
  if (name !== "windows" && name !== "linux") return failure;
  const own = ownPlatform(object, program.name);
  if (own === name || (own === undefined && !BY_NUMBERS.has(failure.code))) return failure;
  const other = name === "windows" ? "linux" : "windows";
  const hint =
    own === undefined
      ? `Nothing in the object tells its platform: if it was made for ${other}, give platform ${other} (--platform, -Platform).`
      : `The object was made for ${other}, and is judged as one for ${name}: give platform ${other} (--platform, -Platform), or none.`;
  return { ...failure, remedy: [hint, ...helperThere(program, failure, other), failure.remedy].join(" ") };
}

function ownPlatform(object: ObjectSpec, name: string): PlatformName | undefined {
  try {
    return recognise(object, name);
  } catch (error) {
    // PlatformAmbiguous or ProgramTypeUnknown: it does not tell.
    if (error instanceof EbpfError && error.code !== "InternalError") return undefined;
    throw error;
  }
}

/** What the number that is called means on the other platform. */
function helperThere(program: Program, { instruction }: FailureRecord, other: "windows" | "linux"): string[] {
  const call = program.instructions[instruction];
  if (call?.kind !== "call" || call.target.kind !== "helper") return [];
  const { id } = call.target;
  const there = findHelper(PLATFORMS[other], id);
  if (there === undefined || there.name === findHelper(program.platform, id)?.name) return [];
  return [`Helper ${id} is bpf_${there.name} there.`];
}
