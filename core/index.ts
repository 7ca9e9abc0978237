// The public door: the six verbs, the nouns between them, and the error codes. Nothing else is public.

export { EbpfError, ERROR_CODES, type ErrorCode, FormatError, InternalError } from "./base/error.ts";
export type { ElfFile } from "./elf/file.ts";
// bytes -> ObjectSpec -> Program -> Verdict with VerifiedProgram -> Image -> LoadedProgram on a Host -> running on an Interface
export { readElf } from "./elf/file.ts";
export { loadObject } from "./elf/object.ts";
export { createEmbeddedHost } from "./host/embedded/host.ts";
export type { EbpfMap, Host, Interface, LoadedProgram, RunOptions, RunResult } from "./host/host.ts";
export { compile } from "./image/compile.ts";
export type { EngineName, Image } from "./image/image.ts";
export { createInterface } from "./net/interfaces.ts";
export type { Platform, PlatformName } from "./platform/platform.ts";
export type { BuildOptions } from "./program/build.ts";
export { buildProgram } from "./program/build.ts";
export type { Program } from "./program/program.ts";
export type { MapSpec, ObjectSpec, ProgramSpec } from "./spec.ts";
export { FAILURE_CODES, type FailureCode } from "./verifier/failure.ts";
export type { Failure, Verdict, VerifiedProgram, VerifyOptions } from "./verifier/verdict.ts";
export { verify } from "./verifier/verify.ts";
