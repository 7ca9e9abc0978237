// What can be said of an object file without a service: its sections, its instructions, the verdicts on its programs.
// Pure but for reading the file; service and command line both answer from here.
import { EbpfError, type ErrorData, InternalError, knownError } from "../base/error.ts";
import { readBytes } from "../base/files.ts";
import { printHex } from "../base/hex.ts";
import { loadObject } from "../elf/object.ts";
import { findExample } from "../example/example.ts";
import { encode } from "../isa/encode.ts";
import { type PrintNames, print } from "../isa/print.ts";
import { findHelper } from "../platform/platform.ts";
import { PLATFORMS } from "../platform/platforms.ts";
import { buildCandidates, buildProgram } from "../program/build.ts";
import { relocateTypes } from "../program/co-re.ts";
import { configure } from "../program/configuration.ts";
import type { Program } from "../program/program.ts";
import { failureRecord, sourceRecord } from "../report/records.ts";
import type { FunctionSpec, ObjectSpec } from "../spec.ts";
import type { LogStep, Verdict } from "../verifier/verdict.ts";
import { verify } from "../verifier/verify.ts";
import { EMBEDDED_HOOKS } from "./hooks.ts";
import { buildOptions, type Choice } from "./load.ts";
import { namePlatform } from "./other-platform.ts";
import type {
  DisassemblyRecord,
  HookRecord,
  LogRecord,
  SectionRecord,
  VerificationRecord,
} from "./records.ts";
import { readConfiguration, readTargetTypes } from "./target-types.ts";

/** Every section of the file, in its order. */
export function listSections(choice: Choice): SectionRecord[] {
  const { file } = choice;
  const object = loadObject(readBytes(file), file);
  return object.sections.map(({ name, kind, sizeBytes, functions }) => {
    const [first] = kind === "program" ? functions : [];
    const type = first === undefined ? undefined : tryBuild(object, first, choice)?.type.name;
    const facts = { file, section: name, kind, sizeBytes, programs: functions };
    return type === undefined ? facts : { ...facts, type };
  });
}

/**
 * The programs that are meant: the named one, or all. Functions that no section marks are among them where others may
 * call them or nothing does; a static one that is called is verified where it is called.
 */
export function chosen(object: ObjectSpec, { file, program: name }: Choice): readonly FunctionSpec[] {
  const referred = new Set(
    [...object.programs, ...object.functions].flatMap((spec) =>
      spec.references.flatMap(({ target }) => (target.kind === "function" ? target.name : [])),
    ),
  );
  const alone = object.functions.filter((spec) => spec.binding === "global" || !referred.has(spec.name));
  const all = [...object.programs, ...alone];
  const found = all.filter((spec) => name === undefined || spec.name === name || spec.section === name);
  if (found.length > 0) return found;
  const known = all.map((spec) => spec.name).join(", ");
  const what =
    name === undefined ? "holds no program" : `has no program "${name}"; it has ${known || "none"}`;
  throw new EbpfError("ProgramNotFound", `${file} ${what}`, { file, target: name ?? file });
}

/**
 * The instructions of a program, or of all, each with the functions it calls: in the order and with the slots in which
 * it is verified and run. A program that cannot be built (its type is not known) is shown as the object has it.
 */
export function disassemble(choice: Choice): DisassemblyRecord[] {
  const { file } = choice;
  const object = loadObject(readBytes(file), file);
  return chosen(object, choice).flatMap((spec) => {
    const program = tryBuild(object, spec.name, choice);
    return program === undefined ? plainListing(file, spec) : listing(program);
  });
}

function tryBuild(object: ObjectSpec, name: string, choice: Choice): Program | undefined {
  try {
    return buildProgram(object, name, buildOptions(choice));
  } catch (error) {
    if (error instanceof EbpfError && error.code !== "InternalError") return undefined;
    throw error;
  }
}

function logRecord(program: Program, { instruction: index, from, state }: LogStep): LogRecord {
  const instruction = program.instructions[index];
  const source = program.sources[index];
  return {
    file: program.file,
    program: program.name,
    type: program.type.name,
    platform: program.platform.name,
    slot: program.slots[index] ?? index,
    ...(from !== undefined && { from: program.slots[from] ?? from }),
    text: instruction === undefined ? "" : print(instruction, namesIn(program)),
    ...(source !== undefined && { source: sourceRecord(source) }),
    state,
  };
}

function namesIn(program: Program): PrintNames {
  return {
    helper: (id) => findHelper(program.platform, id, program.type.name)?.name,
    map: (map) => program.maps[map]?.spec.name,
  };
}

function listing(program: Program): DisassemblyRecord[] {
  const { file, section, name } = program;
  const starts = new Map(program.subprograms.map((sub) => [program.slots[sub.start] ?? -1, sub.name]));
  return program.subprograms.flatMap((sub) =>
    program.instructions.slice(sub.start, sub.end).map((instruction, offset) => {
      const index = sub.start + offset;
      const slot = program.slots[index] ?? 0;
      const names: PrintNames = {
        helper: (id) => findHelper(program.platform, id)?.name,
        map: (map) => program.maps[map]?.spec.name,
        label: (distance) => (instruction.kind === "call" ? starts.get(slot + 1 + distance) : undefined),
      };
      const source = program.sources[index];
      return {
        file,
        section,
        program: name,
        function: sub.name,
        slot,
        bytes: printHex(encode([instruction])),
        text: print(instruction, names),
        ...(source === undefined ? {} : { source }),
      };
    }),
  );
}

function plainListing(file: string, spec: FunctionSpec): DisassemblyRecord[] {
  if (spec.undecodable !== undefined) {
    const { code, message, byteOffset } = spec.undecodable;
    const where: ErrorData = { file, section: spec.section, offset: byteOffset };
    throw new EbpfError(code, message, where);
  }
  let slot = 0;
  return spec.instructions.map((instruction, index) => {
    const source = spec.sources[index];
    const bytes = encode([instruction]);
    const record = {
      file,
      section: spec.section,
      program: spec.name,
      function: spec.name,
      slot,
      bytes: printHex(bytes),
      text: print(instruction),
      ...(source === undefined ? {} : { source }),
    };
    slot += bytes.length / 8;
    return record;
  });
}

export interface VerifyControl {
  /** Told before each program. */
  readonly progress?: (value: { message: string; done: number; total: number }) => void;
  /** Ends with Cancelled before the next program. */
  readonly signal?: AbortSignal;
  /** The state at each instruction, for `verify --log`. */
  readonly log?: (record: LogRecord) => void;
  /** Which program to verify next; without it, one after the other. Past the last, there is nothing more to do. */
  readonly take?: () => number;
  /** A defect of ours in one program is its row; otherwise it is thrown. */
  readonly keepGoing?: boolean;
}

/** The record of one of the file's programs. */
export interface NumberedRecord {
  readonly number: number;
  /** Programs that are meant. */
  readonly total: number;
  readonly record: VerificationRecord;
}

/** One record a program of the file; errors of a single program (its type is unknown) are records too. */
export async function verifyFile(choice: Choice, control: VerifyControl = {}): Promise<VerificationRecord[]> {
  const records: VerificationRecord[] = [];
  for await (const { record } of verifyPrograms(choice, control)) records.push(record);
  return records;
}

/** As verifyFile(), each record as soon as it is there. */
export async function* verifyPrograms(
  choice: Choice,
  control: VerifyControl = {},
): AsyncGenerator<NumberedRecord> {
  const { file } = choice;
  const object = judgedObject(choice);
  const specs = chosen(object, choice);
  const total = specs.length;
  let next = 0;
  const take = control.take ?? (() => next++);
  for (let number = take(); number < total; number = take()) {
    const spec = specs[number] as FunctionSpec;
    control.progress?.({ message: `verifying ${spec.name}`, done: number, total });
    yield { number, total, record: verifyOne(object, spec, choice, control) };
    // A service must answer others between two programs, and see that this request is cancelled.
    await new Promise((resolve) => setImmediate(resolve));
    if (control.signal?.aborted === true) throw new EbpfError("Cancelled", `verifying ${file} was cancelled`);
  }
}

/** The object as its programs are judged: made to fit the types that are given, if any. */
export function judgedObject({ file, btf }: Choice): ObjectSpec {
  const object = loadObject(readBytes(file), file);
  return btf === undefined ? object : fitted(object, btf);
}

/** Made to fit the types, and where it is known the configuration, of a target. */
function fitted(object: ObjectSpec, btf: string): ObjectSpec {
  return configure(relocateTypes(object, readTargetTypes(btf)), readConfiguration(btf));
}

function verifyOne(
  object: ObjectSpec,
  spec: FunctionSpec,
  choice: Choice,
  { log, keepGoing }: VerifyControl,
): VerificationRecord {
  const began = performance.now();
  const facts = { file: choice.file, section: spec.section, program: spec.name };
  try {
    const { program, verdict } = judge(buildCandidates(object, spec.name, buildOptions(choice)), choice, log);
    const milliseconds = performance.now() - began;
    return {
      ...facts,
      type: program.type.name,
      platform: program.platform.name,
      ...outcome(object, program, verdict, choice),
      instructions: program.instructions.length,
      steps: verdict.steps,
      states: verdict.states,
      milliseconds,
    };
  } catch (error) {
    const known = knownError(error);
    if (known.code === "InternalError" && keepGoing !== true) throw error;
    return {
      ...facts,
      type: choice.type ?? null,
      platform: choice.platform ?? null,
      ...errorFacts(known),
      instructions: spec.instructions.length,
      steps: 0,
      states: 0,
      milliseconds: performance.now() - began,
    };
  }
}

/** The first candidate that is accepted; if none is, the verdict on the likeliest. Steps are those of all that were tried. */
function judge(
  candidates: readonly Program[],
  { strict, all }: Choice,
  log: VerifyControl["log"],
): { readonly program: Program; readonly verdict: Verdict } {
  const tried: { program: Program; verdict: Verdict }[] = [];
  for (const program of candidates) {
    const observe = log && ((step: LogStep) => log(logRecord(program, step)));
    const verdict = verify(program, {
      ...(strict !== undefined && { strict }),
      ...(all !== undefined && { all }),
      ...(observe !== undefined && { log: observe }),
    });
    tried.push({ program, verdict });
    if (verdict.kind === "accepted") break;
  }
  const last = tried.at(-1);
  const chosen = last?.verdict.kind === "accepted" ? last : tried[0];
  if (chosen === undefined) throw new InternalError("a program without a type was to be verified");
  const sum = (key: "steps" | "states") => tried.reduce((total, { verdict }) => total + verdict[key], 0);
  return { ...chosen, verdict: { ...chosen.verdict, steps: sum("steps"), states: sum("states") } };
}

type Outcome = Pick<
  VerificationRecord,
  "verdict" | "code" | "message" | "remedy" | "instruction" | "source" | "failure" | "failures"
>;

/** An example is looked for only for the first failure: that is the one that people read. */
function outcome(object: ObjectSpec, program: Program, verdict: Verdict, choice: Choice): Outcome {
  const { all, strict, platform } = choice;
  if (verdict.kind === "accepted") return { verdict: "accepted" };
  const [first, ...others] = verdict.failures;
  const found = failureRecord(first, findExample(program, first, strict === true));
  // Where nobody chose a platform it is the object's own.
  const failure = platform === undefined ? found : namePlatform(object, program, found);
  const { code, message, remedy, instruction, source } = failure;
  return {
    verdict: "rejected",
    code,
    message,
    remedy,
    instruction,
    failure,
    ...(all === true && { failures: [failure, ...others.map((other) => failureRecord(other))] }),
    ...(source !== undefined && { source }),
  };
}

function errorFacts(error: EbpfError): Outcome {
  return { verdict: "error", code: error.code, message: error.message, remedy: error.remedy };
}

/** A file that cannot be read as an object, as a record of the same shape: for runs over many files. */
export function unreadableRecord(file: string, error: EbpfError): VerificationRecord {
  return {
    file,
    section: null,
    program: null,
    type: null,
    platform: null,
    ...errorFacts(error),
    instructions: 0,
    steps: 0,
    states: 0,
    milliseconds: 0,
  };
}

/** The hooks of all platforms, and whether they are among those that are there. */
export function listHooks(available: readonly string[] = EMBEDDED_HOOKS): HookRecord[] {
  return (["windows", "linux"] as const).flatMap((platform) =>
    PLATFORMS[platform].attachTypes.map(({ name, programType, description }) => ({
      name,
      programType,
      platform,
      description,
      available: available.includes(name),
    })),
  );
}
