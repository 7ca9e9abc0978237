// The whole route, from the bytes of an object to a program that runs: six verbs, each one function behind one door.
// Everything before host.load() is plain data and depends on nothing but the bytes and the tables.
import { EbpfError } from "../base/error.ts";
import { loadObject } from "../elf/object.ts";
import { findExample } from "../example/example.ts";
import type { Host, HostKind, LoadedProgram } from "../host/host.ts";
import { compile } from "../image/compile.ts";
import type { EngineName, Image } from "../image/image.ts";
import type { PlatformName } from "../platform/platform.ts";
import { type BuildOptions, buildProgram } from "../program/build.ts";
import type { Program } from "../program/program.ts";
import { failureRecord } from "../report/records.ts";
import type { ObjectSpec } from "../spec.ts";
import type { VerifiedProgram } from "../verifier/verdict.ts";
import { isCallableByHook, verify } from "../verifier/verify.ts";
import { namePlatform } from "./other-platform.ts";
import { type Made, proofAside, proofOf } from "./proof.ts";

/** How a program is chosen from an object and held against a platform; what is absent, the object tells. */
export interface Choice {
  readonly file: string;
  /** Name of the program in the object; needed if there are several. */
  readonly program?: string;
  readonly platform?: PlatformName;
  /** The program type, where the section does not tell. */
  readonly type?: string;
  readonly hook?: string;
  /** For a verdict only: the strict rules also under linux. What is loaded is always held to them. */
  readonly strict?: boolean;
  /** For a verdict only: a file with the types that CO-RE relocations are computed against, or "kernel"; without it, none is. */
  readonly btf?: string;
  /** For a verdict only: every failure, not only the first. */
  readonly all?: boolean;
}

export type Tell = (progress: { readonly message: string }) => void;

/**
 * What a program needs beside the verifier's word: a certificate that the independent checker accepts; the same, but it is loaded
 * without one if there is none; or nothing, as for one run that somebody asks for himself.
 */
export type Proof = "required" | "wanted" | "none";

/**
 * bytes -> LoadedProgram. ProgramRejected carries the failure in `data.details.failure`; VerifierDisagreement if a proof is required
 * and there is none. Nothing is left on the host then.
 */
export function load(host: Host, bytes: Uint8Array, choice: Choice & How, tell: Tell): LoadedProgram {
  return loadVerified(host, readProgram(bytes, choice, tell), choice, tell);
}

/** bytes -> VerifiedProgram: the part of the way that no host is needed for. */
export function readProgram(bytes: Uint8Array, choice: Choice, tell: Tell): VerifiedProgram {
  const object = loadObject(bytes, choice.file);
  const program = buildProgram(object, choice.program, buildOptions(choice));
  tell({ message: `verifying ${program.name}` });
  return accepted(program, choice.platform === undefined ? undefined : object);
}

export interface How {
  readonly engine: EngineName;
  readonly proof: Proof;
}

/** VerifiedProgram -> LoadedProgram. */
export function loadVerified(host: Host, program: VerifiedProgram, how: How, tell: Tell): LoadedProgram {
  if (how.proof === "none") return loadProved(host, program, how, {}, tell);
  tell({ message: `certifying ${program.name}` });
  return loadProved(host, program, how, proofOf(program, host.kind), tell);
}

/** The same, for who must answer others meanwhile: the proof of a large program, which is made of `object`, comes from another thread. */
export async function loadAside(
  host: Host,
  program: VerifiedProgram,
  object: Uint8Array,
  choice: Choice & How,
  tell: Tell,
): Promise<LoadedProgram> {
  if (choice.proof === "none") return loadVerified(host, program, choice, tell);
  tell({ message: `certifying ${program.name}` });
  const origin = { object, file: choice.file, program: choice.program, options: buildOptions(choice) };
  return loadProved(host, program, choice, await proofAside(program, origin, host.kind), tell);
}

function loadProved(host: Host, program: VerifiedProgram, how: How, made: Made, tell: Tell): LoadedProgram {
  // The driver has an interpreter for what nothing proves.
  if (how.proof === "required" && host.kind !== "kernel" && made.reason !== undefined) {
    throw disagreement(program, made.reason);
  }
  tell({ message: `compiling ${program.name}` });
  const image = compile(program, how.engine);
  const loaded = loadImage(host, image, made.certificate);
  if (made.reason === undefined || loaded.engineReason === undefined || loaded.engine === image.engine)
    return loaded;
  return { ...loaded, engineReason: `no certificate of it can be made: ${made.reason}` };
}

/** A hook stands for its program type. */
export function buildOptions({ platform, type, hook }: Choice): BuildOptions {
  const named = type ?? hook;
  return { ...(platform === undefined ? {} : { platform }), ...(named === undefined ? {} : { type: named }) };
}

/**
 * What this host cannot give a program, though it may be verified: a context with pointers to other things than packets
 * (sockets, objects of the kernel), variables of the kernel's configuration, and the parameters of a function that is no
 * hook's program. ProgramTypeUnsupported.
 */
function checkRunnable(program: Program): void {
  const { context, name } = program.type;
  const refuse = (why: string): EbpfError =>
    new EbpfError("ProgramTypeUnsupported", `${program.name} cannot be run on this host: ${why}`, {
      file: program.file,
      target: program.name,
    });
  const [extern] = program.maps.flatMap(({ spec }) => spec.externs ?? []);
  if (extern !== undefined) throw refuse(`only a Linux kernel knows the value of ${extern}`);
  if (!isCallableByHook(program)) throw refuse("it is a function whose parameters are not a hook's");
  const foreign = context.fields.some(({ kind }) => FOREIGN_FIELDS.has(kind));
  if (foreign || context.elsewhere === "kernel") {
    throw refuse(`the context of type ${name} holds pointers to what is not there`);
  }
}

const FOREIGN_FIELDS: ReadonlySet<string> = new Set(["object", "memory", "kernel"]);

/** ProgramRejected if verify() does not accept it; ProgramTypeUnsupported. `object`: somebody has chosen its platform. */
export function accepted(program: Program, object?: ObjectSpec): VerifiedProgram {
  checkRunnable(program);
  const verdict = verify(program, { strict: true });
  if (verdict.kind === "accepted") return verdict.program;
  const [first] = verdict.failures;
  const found = failureRecord(first, findExample(program, first, true));
  const failure = object === undefined ? found : namePlatform(object, program, found);
  const { file, name } = program;
  throw new EbpfError("ProgramRejected", `${name} is rejected: ${failure.message}`, {
    file,
    target: file,
    details: { program: name, failure },
  });
}

function disagreement({ file, name }: Program, reason: string): EbpfError {
  const text = `${name} is not loaded: the verifier accepts it, the independent checker does not: ${reason}`;
  return new EbpfError("VerifierDisagreement", text, {
    file,
    target: file,
    details: { program: name, reason },
  });
}

/** Image -> LoadedProgram, with a map of its own for each that the program uses. */
export function loadImage(host: Host, image: Image, certificate?: Uint8Array): LoadedProgram {
  const maps: ReturnType<Host["createMap"]>[] = [];
  try {
    for (const { spec, type } of image.program.maps) maps.push(host.createMap(spec, type.name));
    return host.load(image, maps, certificate);
  } catch (error) {
    for (const map of maps) map.close();
    throw error;
  }
}

/** Ends a program and its maps; it must be attached nowhere. */
export function unload(loaded: LoadedProgram): void {
  loaded.close();
  for (const map of loaded.maps) map.close();
}

/** By what a person says; "" is what nobody said: the fast one. */
const ENGINES: Readonly<Record<HostKind, Readonly<Record<string, EngineName>>>> = {
  embedded: { "": "wasm", wasm: "wasm", interpreter: "interpreter" },
  kernel: {
    "": "kernel-jit",
    jit: "kernel-jit",
    "kernel-jit": "kernel-jit",
    interpreter: "kernel-interpreter",
    "kernel-interpreter": "kernel-interpreter",
  },
  linux: {},
};

/** EngineUnknown if the host has none of that name; without a name, the fast one. */
export function engineNamed(name: string | undefined, host: HostKind = "embedded"): EngineName {
  const engine = ENGINES[host][name ?? ""];
  if (engine !== undefined) return engine;
  throw new EbpfError("EngineUnknown", `the host ${host} has no engine ${name}`, { target: name ?? host });
}

/** The hosts that have an engine of that name; EngineUnknown if none has. */
export function hostsOfEngine(name: string): HostKind[] {
  const having = (["embedded", "kernel"] as const).filter((host) => ENGINES[host][name] !== undefined);
  if (having.length > 0) return having;
  throw new EbpfError("EngineUnknown", `there is no engine ${name}`, { target: name });
}
