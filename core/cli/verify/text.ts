// The verdicts as text for people: a paragraph a program, and a summary after many.
import type { VerificationRecord } from "../../manager/records.ts";
import type { Io } from "../command.ts";
import { explained, paint, printable } from "../output.ts";
import { type MakeForm, STYLES } from "./form.ts";
import { createSummary } from "./summary.ts";

export const textForm: MakeForm = ({ invocation: { io }, many }) => {
  const summary = createSummary();
  return {
    row(record) {
      io.out(paragraph(io, record));
      summary.add(record);
    },
    end() {
      if (!many) return;
      io.out("\n");
      summary.print(io);
    },
  };
};

function paragraph(io: Io, record: VerificationRecord): string {
  const { verdict, file, program, type, platform } = record;
  const what = program === null ? "" : `  ${program} (${[type, platform].filter(Boolean).join(", ")})`;
  const head = `${paint(io, STYLES[verdict], verdict.padEnd(8))}  ${printable(`${file}${what}`)}`;
  if (verdict === "error") {
    const more = `more: ebpf explain ${record.code}`;
    const lines = [`${record.code}: ${record.message}`, record.remedy ?? "", more];
    return `${head}\n${lines.map((line) => `  ${printable(line)}\n`).join("")}`;
  }
  const code = record.failure === undefined ? "" : `${record.failure.code}, `;
  const facts = `${head}: ${code}${cost(record)}\n`;
  if (record.failure === undefined) return facts;
  const others = record.failures?.slice(1) ?? [];
  return [
    `${facts}${explained(io, record.failure, "out", 1)}`,
    ...others.map(
      (failure) => `${paint(io, "red", "also")}: ${failure.code}\n${explained(io, failure, "out", 1)}`,
    ),
  ].join("\n");
}

function cost({ instructions, steps, states, milliseconds }: VerificationRecord): string {
  return `${instructions} instructions, ${steps} steps, ${states} states, ${milliseconds.toFixed(1)} ms`;
}
