// ebpf interface: add, list, remove. The kinds' settings are options here and checked where the kinds are made.
import { resolve } from "node:path";
import type { InterfaceRecord } from "../../manager/records.ts";
import { argumentOf, given, type Handler, type OptionValue, textOf, withService } from "../command.ts";
import { type Column, printRecord, printRecords, tell } from "../output.ts";

const COLUMNS: readonly Column<InterfaceRecord>[] = [
  { title: "NAME", cell: (row) => row.name },
  { title: "KIND", cell: (row) => row.kind },
  {
    title: "PROGRAM",
    cell: (row) => (row.programId === undefined ? "-" : `${row.programId} ${row.program}`),
  },
  { title: "RECEIVED", right: true, cell: (row) => row.counters.received },
  { title: "PASSED", right: true, cell: (row) => row.counters.passed },
  { title: "DROPPED", right: true, cell: (row) => row.counters.dropped },
  {
    title: "STATE",
    cell: stateOf,
    style: (row) => (row.problem === undefined ? undefined : "red"),
  },
];

/** From here on a queue is told of: packets that wait are late, and soon lost. */
const LATE_MILLISECONDS = 100;

/** "open", "open 42 %" of a capture, "open, 230 ms late", "failed: why". */
export function stateOf({ state, progress, delayMilliseconds = 0, problem }: InterfaceRecord): string {
  if (problem !== undefined) return `${state}: ${problem}`;
  if (delayMilliseconds >= LATE_MILLISECONDS) return `${state}, ${delayMilliseconds} ms late`;
  return progress === undefined ? state : `${state} ${Math.floor(progress * 100)} %`;
}

/** An option of a kind, under the name that net/ takes; paths are made absolute, the service runs elsewhere. */
export interface KindSetting {
  readonly option: string;
  readonly setting: string;
  readonly path?: boolean;
}

function settingsOf(
  kinds: readonly KindSetting[],
  options: Readonly<Record<string, OptionValue>>,
  cwd: string,
): Record<string, unknown> {
  const pairs = kinds.map(({ option, setting, path }) => {
    const value = options[option];
    return [setting, path === true && typeof value === "string" ? resolve(cwd, value) : value] as const;
  });
  return Object.fromEntries(pairs.filter(([, value]) => value !== undefined));
}

/** `ebpf interface add KIND` with that kind's options. */
export function addInterface(kind: InterfaceRecord["kind"], settings: readonly KindSetting[]): Handler {
  return withService(async (client, invocation) => {
    const { io, options } = invocation;
    const added = await client.call("interface.add", {
      kind,
      settings: settingsOf(settings, options, io.cwd),
      ...given({ name: textOf(options.name) }),
    });
    printRecord(invocation, added, [
      ["name", added.name],
      ["kind", added.kind],
      ["settings", added.settings],
    ]);
  });
}

export const listInterfaces = withService(async (client, invocation) => {
  printRecords(invocation, await client.call("interface.list", {}), COLUMNS, "There are no interfaces.");
});

export const removeInterface = withService(async (client, invocation) => {
  const name = argumentOf(invocation, 0);
  const force = invocation.options.force === true || undefined;
  const removed = await client.call("interface.remove", { name, ...given({ force }) });
  tell(invocation, removed, `Removed interface ${removed.name}.`);
});
