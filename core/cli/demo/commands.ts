// The rows of the demonstration in the table of commands: the command, and the two helper processes it starts.
import type { ArgumentRow, CommandRow } from "../command.ts";

const ADDRESS: ArgumentRow = { name: "<address>", help: "IPv4 address" };
const PORT: ArgumentRow = { name: "<port>", help: "UDP port" };

export const DEMO_COMMANDS: readonly CommandRow[] = [
  {
    path: ["demo"],
    help: "show a DNS flood stopped by a program, on this machine: between namespaces as root on Linux, else on loopback",
    options: [
      { flags: "--gateway", help: "on loopback even as root" },
      { flags: "--seconds <count>", help: "of each measurement (3)", integer: { minimum: 1, maximum: 60 } },
      {
        flags: "--rate <count>",
        help: "datagrams a second that the flood sends (300000)",
        integer: { minimum: 1_000, maximum: 10_000_000 },
      },
    ],
    examples: ["demo", "demo --gateway --json"],
    load: async () => (await import("./demo.ts")).runDemo,
  },
  {
    path: ["demo-asker"],
    help: "ask a DNS server, for the demonstration",
    arguments: [ADDRESS, PORT],
    hidden: true,
    load: async () => (await import("./dns.ts")).runAsker,
  },
  {
    path: ["demo-answerer"],
    help: "be a DNS server, for the demonstration",
    arguments: [ADDRESS, PORT],
    hidden: true,
    load: async () => (await import("./dns.ts")).runAnswerer,
  },
];
