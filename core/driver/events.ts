// What the driver tells Windows' System log, a row an event. Of these rows `npm run fixtures` makes driver/event-rows.h, by which
// the driver writes them, and driver/windows/events.bin, the message table of EbpfCore.sys, by which Windows shows them.

/** As Windows has it in the two highest bits of an event's code. */
export const SEVERITIES = { information: 1, warning: 2, error: 3 } as const;
export type Severity = keyof typeof SEVERITIES;

export interface EventRow {
  /** What Event Viewer shows as event ID; for ever the same. */
  readonly id: number;
  readonly name: string;
  readonly severity: Severity;
  /** %2, %3 and so on are numbers that come with the event; %1 is Windows' own. */
  readonly text: string;
  /** How its numbers are written; decimal if nothing else is said. */
  readonly numbers?: "decimal" | "status";
  /** Who can provoke it must not fill the log: one in that time, and its last number says how many were left out before it. */
  readonly intervalSeconds?: number;
}

export const EVENTS: readonly EventRow[] = [
  {
    id: 1,
    name: "Started",
    severity: "information",
    text: "The driver has started. Its contract with user mode is version %2.",
  },
  {
    id: 2,
    name: "Stopped",
    severity: "information",
    text: "The driver has stopped.",
  },
  {
    id: 3,
    name: "MemoryIntegrity",
    severity: "warning",
    text: "All programs are interpreted: memory integrity (HVCI) is on, and forbids memory that becomes executable.",
  },
  {
    id: 4,
    name: "CodeRefused",
    severity: "warning",
    text: "All programs are interpreted: Windows did not let memory become executable.",
  },
  {
    id: 5,
    name: "AllowUncertified",
    severity: "warning",
    text: "AllowUncertified is set: programs that nothing proves are compiled too. Such code can do anything in the kernel.",
  },
  {
    id: 6,
    name: "CertificateRefused",
    severity: "warning",
    text: "A program of process %2 was not loaded: its certificate does not prove it (error %3 of the driver). Left out since the last event like this: %4.",
    intervalSeconds: 60,
  },
  {
    id: 7,
    name: "HooksLost",
    severity: "warning",
    text: "Windows' filter engine (the service BFE) has stopped. Until it is back, programs at hooks see nothing.",
  },
  {
    id: 8,
    name: "HooksRefused",
    severity: "error",
    text: "Windows' filter engine refuses the hooks: status %2. Programs at hooks see nothing.",
    numbers: "status",
  },
  {
    id: 9,
    name: "HooksBack",
    severity: "information",
    text: "Windows' filter engine is back: programs at hooks see what comes again.",
  },
];

/** FACILITY_IO_ERROR_CODE of ntstatus.h: events that drivers write. */
const FACILITY = 4;

/** The code of an event: as the driver writes it, and as Windows looks up its text. */
export function codeOf({ id, severity }: EventRow): number {
  return ((SEVERITIES[severity] << 30) | (FACILITY << 16) | id) >>> 0;
}
