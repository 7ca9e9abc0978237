// Why a program is safe, made for the host that is to run it, and checked here by the checker, which shares no code with the verifier:
// a program that the verifier lets through by a mistake has no such proof. What takes long is made in a thread of its own.
import { once } from "node:events";
import { dirname, join } from "node:path";
import { Worker } from "node:worker_threads";
import { checkCertificate } from "../certificate/check.ts";
import { loadObject } from "../elf/object.ts";
import type { HostKind } from "../host/host.ts";
import { type BuildOptions, buildProgram } from "../program/build.ts";
import { forKernel } from "../program/for-kernel.ts";
import type { Program } from "../program/program.ts";
import { certify } from "../verifier/certify.ts";
import type { VerifiedProgram } from "../verifier/verdict.ts";

/** A certificate, or why there is none. */
export interface Made {
  readonly certificate?: Uint8Array;
  readonly reason?: string;
}

/** What a program is made of: certify-worker.ts makes it again. */
export interface Origin {
  readonly object: Uint8Array;
  readonly file: string;
  readonly program: string | undefined;
  readonly options: BuildOptions;
}

export interface CertifyTask {
  readonly origin: Origin;
  readonly host: HostKind;
}

/** Certificates of smaller programs are made in milliseconds; of the largest known, in seconds. */
const LARGE_INSTRUCTIONS = 500;
/** What the thread may take for what it keeps. */
const THREAD_MEBIBYTES = 1024;

export function proofOf(program: VerifiedProgram, host: HostKind): Made {
  return checked(program, host, makeProof(program, host));
}

/** The same, but nobody waits long for this thread. */
export async function proofAside(program: VerifiedProgram, origin: Origin, host: HostKind): Promise<Made> {
  if (program.instructions.length < LARGE_INSTRUCTIONS) return proofOf(program, host);
  return checked(program, host, await makeAside({ origin, host }));
}

/** In certify-worker.ts. */
export function makeAgain({ origin, host }: CertifyTask): Made {
  const { object, file, program, options } = origin;
  return makeProof(buildProgram(loadObject(object, file), program, options), host);
}

function makeProof(program: Program, host: HostKind): Made {
  const certified = certify(asKnownTo(host, program), { strict: true });
  return certified.kind === "none" ? { reason: certified.reason } : { certificate: certified.bytes };
}

function asKnownTo(host: HostKind, program: Program): Program {
  return host === "kernel" ? forKernel(program) : program;
}

function checked(program: Program, host: HostKind, made: Made): Made {
  if (made.certificate === undefined) return made;
  const outcome = checkCertificate(asKnownTo(host, program), made.certificate);
  if (outcome.kind === "refused") return { reason: outcome.reason };
  return outcome.strict ? made : { reason: "it is of the privileged rules only" };
}

async function makeAside(task: CertifyTask): Promise<Made> {
  const worker = new Worker(workerEntry(), {
    workerData: task,
    // Not those of the main thread, which may hold what a worker refuses.
    execArgv: ["--disable-warning=ExperimentalWarning"],
    resourceLimits: { maxOldGenerationSizeMb: THREAD_MEBIBYTES },
  });
  try {
    const [made] = (await once(worker, "message")) as [Made];
    return made;
  } catch (error) {
    return { reason: `the thread that makes it failed: ${error instanceof Error ? error.message : error}` };
  } finally {
    await worker.terminate();
  }
}

/** certify-worker.ts beside this file, or certify-worker.cjs beside the bundle that this file is part of. */
function workerEntry(): string {
  const self = import.meta.filename;
  return join(dirname(self), self.endsWith(".ts") ? "certify-worker.ts" : "certify-worker.cjs");
}
