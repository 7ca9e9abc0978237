// ebpf program: add, list, show, remove, stats. Asks the service; decides nothing.
import { resolve } from "node:path";
import type { ProgramRecord } from "../../manager/records.ts";
import { argumentOf, given, type Invocation, textOf, withService } from "../command.ts";
import { findProgram } from "../names.ts";
import { type Column, printJson, printRecord, printRecords, progressLine, tell } from "../output.ts";

const COLUMNS: readonly Column<ProgramRecord>[] = [
  { title: "ID", right: true, cell: (row) => row.id },
  { title: "NAME", cell: (row) => row.name },
  { title: "TYPE", cell: (row) => row.type },
  { title: "HOST", cell: (row) => row.host },
  { title: "ENGINE", cell: (row) => row.engine },
  { title: "CERTIFIED", cell: (row) => (row.certified ? "yes" : "no") },
  { title: "INTERFACES", cell: (row) => row.interfaces.join(", ") || "-" },
  { title: "MAPS", cell: (row) => row.mapIds.join(", ") || "-" },
  { title: "FILE", cell: (row) => row.file },
];

function show(invocation: Invocation, program: ProgramRecord): void {
  printRecord(invocation, program, [
    ["id", program.id],
    ["name", program.name],
    ["type", program.type],
    ["platform", program.platform],
    ["hook", program.hook],
    ["file", program.file],
    ["section", program.section],
    ["host", program.host],
    ["engine", program.engine],
    ["why this engine", program.engineReason],
    ["certified", program.certified],
    ["instructions", program.instructions],
    ["maps", program.mapIds.join(", ") || "none"],
    ["interfaces", program.interfaces.join(", ") || "none"],
    ["persistent", program.persistent],
    ["loaded", program.loadedAt],
    ["problem", program.problem],
  ]);
}

/** What --host says. */
export function hostOf({ options }: Invocation): "embedded" | "kernel" | undefined {
  return textOf(options.host) as "embedded" | "kernel" | undefined;
}

export const addProgram = withService(async (client, invocation) => {
  const { io, options } = invocation;
  const request = {
    file: resolve(io.cwd, argumentOf(invocation, 0)),
    ...given({
      hook: textOf(options.hook),
      interface: textOf(options.interface),
      name: textOf(options.name),
      program: textOf(options.program),
      engine: textOf(options.engine),
      host: hostOf(invocation),
      platform: textOf(options.platform) as "windows" | "linux" | undefined,
      persistent: options.persistent === true || undefined,
      replace: options.replace === true || undefined,
      allowUncertified: options.allowUncertified === true || undefined,
    }),
  };
  const line = progressLine(io);
  try {
    const onProgress = ({ message }: { readonly message: string }) => line.show(message);
    const program = await client.call("program.add", request, { signal: io.signal, onProgress });
    line.clear();
    show(invocation, program);
  } finally {
    line.clear();
  }
});

export const listPrograms = withService(async (client, invocation) => {
  const programs = await client.call("program.list", given({ host: hostOf(invocation) }));
  printRecords(invocation, programs, COLUMNS, "No program is loaded.");
});

export const showProgram = withService(async (client, invocation) => {
  show(invocation, await findProgram(client, argumentOf(invocation, 0)));
});

export const removeProgram = withService(async (client, invocation) => {
  const { id } = await findProgram(client, argumentOf(invocation, 0));
  const removed = await client.call("program.remove", { id });
  tell(invocation, removed, `Removed program ${removed.id} (${removed.name}).`);
});

export const programStats = withService(async (client, invocation) => {
  const { id } = await findProgram(client, argumentOf(invocation, 0));
  const { count } = invocation.options;
  if (count !== undefined) await client.call("program.countRuns", { enabled: count === "on" });
  const stats = await client.call("program.stats", { id });
  if (invocation.json) {
    printJson(invocation.io, stats);
    return;
  }
  const { counts } = stats;
  if (counts !== undefined) {
    const mean = counts.runs === 0 ? "" : `, ${(counts.nanoseconds / counts.runs).toFixed(0)} ns each`;
    const runs = counts.counting || counts.runs > 0 ? `${counts.runs} runs${mean}` : "runs are not counted";
    invocation.io.out(`${runs}; ${counts.faults} ended by a fault\n`);
    return;
  }
  printRecords(
    invocation,
    stats.interfaces,
    [
      { title: "INTERFACE", cell: (row) => row.interface },
      { title: "RECEIVED", right: true, cell: (row) => row.counters.received },
      { title: "PASSED", right: true, cell: (row) => row.counters.passed },
      { title: "DROPPED", right: true, cell: (row) => row.counters.dropped },
      { title: "TRANSMITTED", right: true, cell: (row) => row.counters.transmitted },
      { title: "ABORTED", right: true, cell: (row) => row.counters.aborted },
      { title: "ERRORS", right: true, cell: (row) => row.counters.errors },
    ],
    `Program ${stats.id} (${stats.name}) is not attached.`,
  );
});
