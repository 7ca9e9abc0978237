// ebpf verify: verdicts on the programs of files and folders of files, in this process. What is verified is here; how
// the verdicts are written is in ../verify/, a file a form.
import { statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { EbpfError } from "../../base/error.ts";
import { type BatchControl, type BatchRequest, verifyFiles } from "../../manager/batch.ts";
import { writeCertificates } from "../../manager/certificates.ts";
import { findObjects } from "../../manager/objects.ts";
import type { VerificationRecord } from "../../manager/records.ts";
import { KERNEL } from "../../manager/target-types.ts";
import { given, type Handler, type Invocation, listOf, textOf } from "../command.ts";
import { progressLine } from "../output.ts";
import type { MakeForm } from "../verify/form.ts";
import { jsonForm, jsonlForm } from "../verify/json.ts";
import { jsonLog, textLog } from "../verify/log.ts";
import { sarifForm } from "../verify/sarif.ts";
import { textForm } from "../verify/text.ts";

/** Most objects are smaller: verifying one takes less time than a thread needs to start. */
const SMALL_BYTES = 1 << 17;
/** More threads than this only take memory. */
const MOST_JOBS = 256;

export const verifyObjects: Handler = async (invocation) => {
  const { io, options } = invocation;
  const jobs = jobsOf(invocation);
  const files = findObjects(listOf(invocation.arguments[0]), io.cwd);
  if (files.length === 0) throw new EbpfError("FileNotFound", "there is no object file in the folder");
  const many = files.length > 1;
  const certificate = textOf(options.certificate);
  if (certificate !== undefined && many) {
    throw new EbpfError("ArgumentInvalid", "--certificate takes the programs of one object: name one file");
  }
  const form = formOf(invocation)({ invocation, many });
  // One file that a person named and that is no object is an error; among others, it is a row.
  const strictFiles = !many && options.jsonl !== true && options.sarif !== true;
  // A thread's memory is bounded. One small file is verified in this one, which takes no time to start.
  const here = (!many && jobs === 1 && statSync(files[0] ?? "").size < SMALL_BYTES) || options.log === true;
  const request = { files, choice: choiceOf(invocation), jobs: here ? 0 : jobs, strictFiles };
  const line = progressLine(io);
  const outcomes = new Set<VerificationRecord["verdict"] | "defect">();
  try {
    for await (const record of verifyFiles(request, controlOf(invocation, line, many))) {
      line.clear();
      form.row(record);
      outcomes.add(record.code === "InternalError" ? "defect" : record.verdict);
    }
  } finally {
    line.clear();
  }
  form.end();
  if (outcomes.has("defect")) return 2;
  if (certificate !== undefined && outcomes.size === 1 && outcomes.has("accepted")) {
    writeCertificates({ ...request.choice, file: files[0] ?? "" }, resolve(io.cwd, certificate));
  }
  return outcomes.has("rejected") || outcomes.has("error") ? 1 : 0;
};

function formOf({ json, options }: Invocation): MakeForm {
  const asked = [
    ...(json ? [jsonForm] : []),
    ...(options.jsonl === true ? [jsonlForm] : []),
    ...(options.sarif === true ? [sarifForm] : []),
  ];
  if (asked.length > 1)
    throw new EbpfError("ArgumentInvalid", "give only one of --json, --jsonl and --sarif");
  if (options.log === true && (json || options.sarif === true)) {
    throw new EbpfError("ArgumentInvalid", "--log goes with text or --jsonl, not with --json or --sarif");
  }
  return asked[0] ?? textForm;
}

/** What was asked for every file. */
function choiceOf({ options, io }: Invocation): BatchRequest["choice"] {
  return given({
    program: textOf(options.program),
    type: textOf(options.type),
    platform: textOf(options.platform) as "windows" | "linux" | undefined,
    btf: btfOf(textOf(options.btf), io.cwd),
    strict: options.strict === true ? true : undefined,
    all: options.all === true ? true : undefined,
  });
}

/** "kernel", or a path that is the same in every thread. */
export function btfOf(name: string | undefined, cwd: string): string | undefined {
  return name === undefined || name === KERNEL ? name : resolve(cwd, name);
}

function jobsOf({ options }: Invocation): number {
  const text = textOf(options.jobs) ?? "1";
  const jobs = text === "all" ? availableParallelism() : /^[0-9]{1,3}$/.test(text) ? Number(text) : 0;
  if (jobs < 1 || jobs > MOST_JOBS) {
    throw new EbpfError("ArgumentInvalid", `--jobs takes a number from 1 to ${MOST_JOBS}, or all`);
  }
  if (jobs > 1 && options.log === true && text !== "all") {
    throw new EbpfError("ArgumentInvalid", "--log prints one program after the other: leave out --jobs");
  }
  return options.log === true ? 1 : jobs;
}

function controlOf(
  { io, options }: Invocation,
  line: ReturnType<typeof progressLine>,
  many: boolean,
): BatchControl {
  return {
    signal: io.signal,
    ...(many ? { progress: ({ file, done, total }) => line.show(`${done + 1}/${total} ${file}`) } : {}),
    ...(options.log === true ? { log: options.jsonl === true ? jsonLog(io) : textLog(io) } : {}),
  };
}
