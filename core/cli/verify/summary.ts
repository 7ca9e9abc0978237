// The table after many verdicts: by verdict and code, how many programs, what they cost, and which took longest.
// Keeps sums, no records.
import { relative } from "node:path";
import type { VerificationRecord } from "../../manager/records.ts";
import type { Io } from "../command.ts";
import { type Column, printTable } from "../output.ts";
import { STYLES } from "./form.ts";

interface Group {
  readonly verdict: VerificationRecord["verdict"] | "all";
  readonly code: string;
  programs: number;
  steps: number;
  states: number;
  milliseconds: number;
  /** The program that took longest. */
  slowest: VerificationRecord | undefined;
}

export interface Summary {
  add(record: VerificationRecord): void;
  print(io: Io): void;
}

const ORDER = ["accepted", "rejected", "error", "all"] as const;

export function createSummary(): Summary {
  const groups = new Map<string, Group>();
  return {
    add(record) {
      const code = record.code ?? "";
      addTo(groupOf(groups, record.verdict, code), record);
      addTo(groupOf(groups, "all", ""), record);
    },
    print(io) {
      const rows = [...groups.values()].sort(
        (a, b) =>
          ORDER.indexOf(a.verdict) - ORDER.indexOf(b.verdict) ||
          b.programs - a.programs ||
          (a.code < b.code ? -1 : 1),
      );
      printTable(io, rows, columns(io), "no program was verified");
    },
  };
}

function groupOf(groups: Map<string, Group>, verdict: Group["verdict"], code: string): Group {
  const key = `${verdict} ${code}`;
  let group = groups.get(key);
  if (group === undefined) {
    group = { verdict, code, programs: 0, steps: 0, states: 0, milliseconds: 0, slowest: undefined };
    groups.set(key, group);
  }
  return group;
}

function addTo(group: Group, record: VerificationRecord): void {
  group.programs += 1;
  group.steps += record.steps;
  group.states += record.states;
  group.milliseconds += record.milliseconds;
  if (record.milliseconds > (group.slowest?.milliseconds ?? -1)) group.slowest = record;
}

function columns(io: Io): readonly Column<Group>[] {
  const slowest = ({ slowest: record }: Group): string | undefined =>
    record && `${record.milliseconds.toFixed(1)} ms: ${relative(io.cwd, record.file)} ${record.program}`;
  return [
    {
      title: "verdict",
      style: ({ verdict }) => (verdict === "all" ? "bold" : STYLES[verdict]),
      cell: ({ verdict }) => verdict,
    },
    { title: "code", cell: ({ code }) => code },
    { title: "programs", right: true, cell: ({ programs }) => programs },
    { title: "steps", right: true, cell: ({ steps }) => steps },
    { title: "states", right: true, cell: ({ states }) => states },
    { title: "milliseconds", right: true, cell: ({ milliseconds }) => milliseconds.toFixed(1) },
    { title: "slowest", cell: slowest },
  ];
}
