// Certificates of the programs of an object: made for those that are accepted, and checked without the verifier.
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { EbpfError } from "../base/error.ts";
import { readBytes } from "../base/files.ts";
import { type Certificate, checkCertificate, readCertificates } from "../certificate/check.ts";
import { buildCandidates } from "../program/build.ts";
import type { Program } from "../program/program.ts";
import type { ObjectSpec } from "../spec.ts";
import { certify } from "../verifier/certify.ts";
import { encodeFile } from "../verifier/encode.ts";
import { verify } from "../verifier/verify.ts";
import { chosen, judgedObject } from "./inspect.ts";
import { buildOptions, type Choice } from "./load.ts";
import type { CertificateRecord } from "./records.ts";

/** No certificate of a program that can be verified is larger. */
const LIMIT_BYTES = 1 << 26;

/**
 * Writes one file with the certificates of all programs that are meant, in their order; its size. They have been verified:
 * ProgramRejected if one is not accepted, CertificateUnavailable if the checker cannot follow one. Nothing is written then.
 */
export function writeCertificates(choice: Choice, path: string): number {
  const object = judgedObject(choice);
  const certificates = chosen(object, choice).map((spec): Certificate => {
    const program = acceptedAs(object, spec.name, choice);
    const certified = certify(program, { strict: choice.strict === true });
    if (certified.kind === "certified") return { program: spec.name, bytes: certified.bytes };
    const where = { file: choice.file, target: spec.name };
    throw new EbpfError(
      "CertificateUnavailable",
      `${spec.name} is safe, but the checker cannot follow why: ${certified.reason}`,
      where,
    );
  });
  const bytes = encodeFile(certificates);
  replaceFile(path, bytes);
  return bytes.length;
}

/** The program as verification has accepted it: where nothing tells its type, the first type for which it is. */
function acceptedAs(object: ObjectSpec, name: string, choice: Choice): Program {
  const { strict = false } = choice;
  for (const program of buildCandidates(object, name, buildOptions(choice))) {
    if (verify(program, { strict }).kind === "accepted") return program;
  }
  throw new EbpfError("ProgramRejected", `${name} is rejected: it has no certificate`, {
    file: choice.file,
    target: name,
  });
}

/** Whoever reads the path finds the old file or the whole new one. */
function replaceFile(path: string, bytes: Uint8Array): void {
  const beside = `${path}.${process.pid}.new`;
  try {
    const file = openSync(beside, "wx");
    try {
      writeFileSync(file, bytes);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(beside, path);
  } catch (error) {
    rmSync(beside, { force: true });
    const errno = (error as NodeJS.ErrnoException).code ?? "error";
    throw new EbpfError(
      "FileUnwritable",
      `${errno}: cannot write ${path}`,
      { file: path, target: path },
      error,
    );
  }
}

/**
 * One record a certificate of the file, in its order; with `choice.program` only that one's. CertificateInvalid if the file
 * is none; a certificate that does not hold is a record.
 */
export function checkCertificates(choice: Choice, path: string): CertificateRecord[] {
  const object = judgedObject(choice);
  const read = readCertificates(readBytes(path, LIMIT_BYTES));
  if ("kind" in read) throw new EbpfError("CertificateInvalid", `${path}: ${read.reason}`, { file: path });
  const meant = read.filter((row) => choice.program === undefined || row.program === choice.program);
  if (meant.length === 0) {
    const names = read.map((row) => row.program).join(", ");
    const what = choice.program === undefined ? "is empty" : `has no certificate of ${choice.program}`;
    throw new EbpfError("ProgramNotFound", `${path} ${what}; it has ${names || "none"}`, {
      file: path,
      target: choice.program ?? path,
    });
  }
  return meant.map((certificate) => checkOne(object, certificate, choice));
}

function checkOne(
  object: ObjectSpec,
  { program: name, bytes }: Certificate,
  choice: Choice,
): CertificateRecord {
  const candidates = buildCandidates(object, name, buildOptions(choice));
  const began = performance.now();
  const facts = (program: Program) => ({
    file: choice.file,
    program: name,
    type: program.type.name,
    platform: program.platform.name,
    instructions: program.instructions.length,
    sizeBytes: bytes.length,
    milliseconds: performance.now() - began,
  });
  let mismatch: CertificateRecord | undefined;
  for (const program of candidates) {
    const checked = checkCertificate(program, bytes);
    if (checked.kind === "proved") {
      const { strict, states, steps } = checked;
      return { ...facts(program), verdict: "proved", strict, states, steps };
    }
    const { code, reason: message } = checked;
    const { remedy } = new EbpfError(code, message);
    const record = {
      ...facts(program),
      verdict: "refused",
      code,
      message,
      remedy,
      states: 0,
      steps: 0,
    } as const;
    // Where nothing tells the type, the certificate is for one of those that it may be.
    if (code !== "CertificateMismatch") return record;
    mismatch ??= record;
  }
  return mismatch ?? refuseWithout(name, choice);
}

function refuseWithout(name: string, { file }: Choice): never {
  throw new EbpfError("ProgramNotFound", `${file} has no program ${name}`, { file, target: name });
}
