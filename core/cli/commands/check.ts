// ebpf check: does a certificate prove the programs of an object safe? In this process, without the verifier.
import { resolve } from "node:path";
import { checkCertificates } from "../../manager/certificates.ts";
import type { CertificateRecord } from "../../manager/records.ts";
import type { Io } from "../command.ts";
import { argumentOf, given, type Handler, textOf } from "../command.ts";
import { paint, printable, printJson } from "../output.ts";
import { btfOf } from "./verify.ts";

export const checkObject: Handler = async (invocation) => {
  const { io, options } = invocation;
  const choice = {
    file: resolve(io.cwd, argumentOf(invocation, 0)),
    ...given({
      program: textOf(options.program),
      type: textOf(options.type),
      platform: textOf(options.platform) as "windows" | "linux" | undefined,
      btf: btfOf(textOf(options.btf), io.cwd),
    }),
  };
  const records = checkCertificates(choice, resolve(io.cwd, argumentOf(invocation, 1)));
  if (invocation.json) printJson(io, records);
  else for (const record of records) io.out(paragraph(io, record));
  return records.every(({ verdict }) => verdict === "proved") ? 0 : 1;
};

function paragraph(io: Io, record: CertificateRecord): string {
  const { verdict, file, program, type, platform } = record;
  const head = `${paint(io, verdict === "proved" ? "green" : "red", verdict.padEnd(8))}  ${printable(
    `${file}  ${program} (${type}, ${platform})`,
  )}`;
  if (verdict === "proved") return `${head}: ${cost(record)}\n`;
  return `${head}: ${record.code}\n  ${printable(record.message ?? "")}\n  ${record.remedy}\n`;
}

function cost({ strict, instructions, states, steps, sizeBytes, milliseconds }: CertificateRecord): string {
  const rules = strict === true ? "strict rules" : "Linux' privileged rules";
  return `${rules}, ${instructions} instructions, ${sizeBytes} bytes, ${states} states, ${steps} steps, ${milliseconds.toFixed(1)} ms`;
}
