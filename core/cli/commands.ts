// The table of commands: words, arguments, options, help, examples, and where the handler is. Parsing, help and
// completion read it; a new command is a row here and a handler in commands/.

import type { ArgumentRow, CommandRow, OptionRow } from "./command.ts";
import { DEMO_COMMANDS } from "./demo/commands.ts";

/** What a noun's commands have in common, for its help. */
export const NOUNS: Readonly<Record<string, string>> = {
  program: "programs loaded in the service",
  map: "maps of the loaded programs",
  link: "what is attached where",
  interface: "where packets come from: gateway, tap, pcap, windivert",
  "interface add": "add an interface of a kind",
  service: "the service that owns all live things",
  driver: "EbpfCore.sys, which runs programs in the Windows kernel",
};

const FILE: ArgumentRow = { name: "<file>", help: "object file", completes: "file" };
const PROGRAM: ArgumentRow = { name: "<program>", help: "id or name", completes: "program" };
const MAP: ArgumentRow = { name: "<map>", help: "id or name", completes: "map" };
const KEY: ArgumentRow = { name: "<key>", help: "JSON by the map's types, or hex after 0x" };

const PROGRAM_OPTION: OptionRow = { flags: "--program <name>", help: "only this program of the object" };
const PLATFORM: OptionRow = {
  flags: "--platform <name>",
  help: "the tables to hold the program against; without it, the object tells",
  choices: ["windows", "linux"],
};
const ENGINE: OptionRow = {
  flags: "--engine <name>",
  help: "how programs run",
  choices: ["wasm", "interpreter", "jit"],
};
const HOST: OptionRow = {
  flags: "--host <name>",
  help: "who runs them: kernel (the driver) or embedded (the service)",
  choices: ["embedded", "kernel"],
};
const BTF_OPTION: OptionRow = {
  flags: "--btf <file>",
  help: "compute CO-RE relocations against these types: a file, or kernel (the one that runs here)",
  completes: "file",
};
const NAME: OptionRow = { flags: "--name <name>", help: "what to call it" };

/** net/kinds.ts has the kinds' settings with their checks; a test holds these options to them. */
const PLAIN: OptionRow = {
  flags: "--plain",
  help: "take and send packets one by one, without Linux' batches",
};

export const COMMANDS: readonly CommandRow[] = [
  {
    path: ["disasm"],
    help: "print the instructions of an object",
    arguments: [FILE],
    options: [
      PROGRAM_OPTION,
      PLATFORM,
      { flags: "--source", help: "with the C lines" },
      { flags: "--opcodes", help: "with the bytes" },
    ],
    examples: ["disasm samples/droppacket.o --source"],
    load: async () => (await import("./commands/object.ts")).disassembleObject,
  },
  {
    path: ["sections"],
    help: "list the sections of an object",
    arguments: [FILE],
    options: [PLATFORM],
    examples: ["sections samples/droppacket.o"],
    load: async () => (await import("./commands/object.ts")).listObjectSections,
  },
  {
    path: ["verify"],
    help: "verify the programs of objects; exit code 1 if one is rejected",
    arguments: [{ name: "<files...>", help: "object files, or folders of them", completes: "file" }],
    options: [
      PROGRAM_OPTION,
      { flags: "--type <name>", help: "the program type, where the section does not tell" },
      PLATFORM,
      BTF_OPTION,
      { flags: "--strict", help: "also refuse what Linux lets only the privileged do: addresses that leave" },
      { flags: "--all", help: "tell every failure that is found, not only the first" },
      { flags: "--log", help: "print what is known at each instruction, on stderr" },
      { flags: "--jsonl", help: "print one line of JSON a program, as soon as it is verified" },
      { flags: "--sarif", help: "print a SARIF 2.1.0 log, for editors and code scanning" },
      { flags: "--jobs <count>", help: "threads to verify on: a number, or all (of the processor)" },
      {
        flags: "--certificate <path>",
        help: "of one object: write the proof that its programs are safe, which 'ebpf check' checks",
        completes: "file",
      },
    ],
    examples: ["verify samples/droppacket.o", "verify build/ --jsonl", "verify build/ --jobs all"],
    load: async () => (await import("./commands/verify.ts")).verifyObjects,
  },
  {
    path: ["explain"],
    help: "tell what a failure or an error means, with examples; without a code, list them",
    arguments: [{ name: "[code]", help: "as a verdict or an error names it", completes: "code" }],
    examples: ["explain PacketOutOfBounds"],
    load: async () => (await import("./commands/explain.ts")).explainCode,
  },
  {
    path: ["check"],
    help: "check a certificate of an object's programs without the verifier; exit code 1 if it proves nothing",
    arguments: [
      FILE,
      { name: "<certificate>", help: "what 'ebpf verify --certificate' wrote", completes: "file" },
    ],
    options: [
      PROGRAM_OPTION,
      { flags: "--type <name>", help: "the program type, where the section does not tell" },
      PLATFORM,
      BTF_OPTION,
    ],
    examples: ["check samples/droppacket.o droppacket.cert"],
    load: async () => (await import("./commands/check.ts")).checkObject,
  },
  {
    path: ["run"],
    help: "run a program on one packet, here",
    arguments: [FILE],
    options: [
      PROGRAM_OPTION,
      PLATFORM,
      { flags: "--data <file>", help: "the packet's bytes, from a file", completes: "file" },
      { flags: "--hex <bytes>", help: "the packet's bytes" },
      { flags: "--context <bytes>", help: "the context's bytes; pointers to the packet are set" },
      { flags: "--repeat <count>", help: "runs to time", integer: { minimum: 1, maximum: 1_000_000_000 } },
      HOST,
      ENGINE,
      { flags: "--trace", help: "print every instruction with its registers (engine interpreter)" },
    ],
    examples: [
      "run samples/droppacket.o --hex ffffffffffff0000000000000800",
      "run x.o --data packet.bin --trace",
    ],
    load: async () => (await import("./commands/run.ts")).runObject,
  },
  {
    path: ["exec"],
    help: "run bytecode given on stdin as hex; prints r0 as hex (the bpf_conformance plugin contract)",
    arguments: [{ name: "[memory]", help: "hex bytes that r1 points at; r2 is their number" }],
    options: [ENGINE],
    examples: ["exec 0102 < program.hex"],
    load: async () => (await import("./commands/exec.ts")).execute,
  },
  {
    path: ["program", "add"],
    help: "verify and load a program, and attach it",
    arguments: [FILE],
    options: [
      { flags: "--hook <name>", help: "attach it to this hook, such as xdp", completes: "hook" },
      {
        flags: "--interface <name>",
        help: "of this interface of the service, needed if there are several; in the driver of this one of Windows",
        completes: "interface",
      },
      NAME,
      PROGRAM_OPTION,
      HOST,
      ENGINE,
      PLATFORM,
      { flags: "--persistent", help: "its maps keep their content when the service starts again" },
      { flags: "--replace", help: "in place of the program that is attached there" },
      {
        flags: "--allow-uncertified",
        help: "also if the verifier alone says that it is safe, and the checker of certificates cannot follow why",
      },
    ],
    examples: ["program add samples/droppacket.o --hook xdp"],
    load: async () => (await import("./commands/program.ts")).addProgram,
  },
  {
    path: ["program", "list"],
    help: "list the loaded programs; with --host kernel also those that others have in the driver",
    options: [HOST],
    load: async () => (await import("./commands/program.ts")).listPrograms,
  },
  {
    path: ["program", "show"],
    help: "print what a program is",
    arguments: [PROGRAM],
    load: async () => (await import("./commands/program.ts")).showProgram,
  },
  {
    path: ["program", "remove"],
    help: "detach and unload a program, with its maps",
    arguments: [PROGRAM],
    examples: ["program remove droppacket"],
    load: async () => (await import("./commands/program.ts")).removeProgram,
  },
  {
    path: ["program", "stats"],
    help: "print the counters of the interfaces a program is attached to, or its runs in the driver",
    arguments: [PROGRAM],
    options: [
      {
        flags: "--count <state>",
        help: "have the driver count and time runs, or not",
        choices: ["on", "off"],
      },
    ],
    load: async () => (await import("./commands/program.ts")).programStats,
  },
  {
    path: ["map", "list"],
    help: "list the maps; with --host kernel also those that others have in the driver",
    options: [HOST],
    load: async () => (await import("./commands/map.ts")).listMaps,
  },
  {
    path: ["map", "show"],
    help: "print what a map is",
    arguments: [MAP],
    load: async () => (await import("./commands/map.ts")).showMap,
  },
  {
    path: ["map", "dump"],
    help: "print all entries of a map",
    arguments: [MAP],
    examples: ["map dump dropped"],
    load: async () => (await import("./commands/map.ts")).dumpMap,
  },
  {
    path: ["map", "lookup"],
    help: "print one entry of a map",
    arguments: [MAP, KEY],
    examples: ["map lookup dropped 0", "map lookup 3 0x00000000"],
    load: async () => (await import("./commands/map.ts")).lookupEntry,
  },
  {
    path: ["map", "update"],
    help: "write an entry of a map",
    arguments: [MAP, KEY, { name: "<value>", help: "JSON by the map's types, or hex after 0x" }],
    options: [
      {
        flags: "--mode <mode>",
        help: "ask for a new or a present key",
        choices: ["any", "noexist", "exist"],
      },
    ],
    examples: ["map update dropped 0 0"],
    load: async () => (await import("./commands/map.ts")).updateEntry,
  },
  {
    path: ["map", "delete"],
    help: "delete an entry of a map",
    arguments: [MAP, KEY],
    load: async () => (await import("./commands/map.ts")).deleteEntry,
  },
  {
    path: ["map", "read"],
    help: "take the records of a ring buffer, oldest first",
    arguments: [MAP],
    options: [
      { flags: "--follow", help: "go on until interrupted; with --json a line a record" },
      {
        flags: "--limit <count>",
        help: "at most so many",
        integer: { minimum: 1, maximum: 65_536 },
      },
      { flags: "--type <name>", help: "their type in the object, such as a struct; without it they are hex" },
    ],
    examples: ["map read events --follow --type event"],
    load: async () => (await import("./commands/map.ts")).readRecords,
  },
  {
    path: ["link", "list"],
    help: "list what is attached where; with --host kernel also what others have attached in the driver",
    options: [HOST],
    load: async () => (await import("./commands/link.ts")).listLinks,
  },
  {
    path: ["link", "attach"],
    help: "attach a loaded program to an interface; one in the driver without a name to all of Windows'",
    arguments: [
      PROGRAM,
      { name: "[interface]", help: "name, or the number of one of Windows", completes: "interface" },
    ],
    options: [
      { flags: "--hook <name>", help: "the hook, where the program does not tell", completes: "hook" },
    ],
    examples: ["link attach droppacket wire"],
    load: async () => (await import("./commands/link.ts")).attachLink,
  },
  {
    path: ["link", "detach"],
    help: "detach; the program stays loaded",
    arguments: [{ name: "<link>", help: "id, or the name of the interface", completes: "link" }],
    load: async () => (await import("./commands/link.ts")).detachLink,
  },
  {
    path: ["interface", "add", "gateway"],
    help: "a UDP relay in front of a server; each datagram is a frame for the program attached to it",
    options: [
      { flags: "--listen <address>", help: "where clients send to, e.g. 127.0.0.1:5300" },
      { flags: "--to <address>", help: "the server, e.g. 127.0.0.1:53" },
      {
        flags: "--clients <count>",
        help: "clients kept in mind at once",
        integer: { minimum: 1, maximum: 65_536 },
      },
      {
        flags: "--idle-seconds <count>",
        help: "until a silent client is forgotten",
        integer: { minimum: 1, maximum: 86_400 },
      },
      PLAIN,
      NAME,
    ],
    examples: ["interface add gateway --listen 127.0.0.1:5300 --to 127.0.0.1:53"],
    load: async () =>
      (await import("./commands/interface.ts")).addInterface("gateway", [
        { option: "listen", setting: "listen" },
        { option: "to", setting: "to" },
        { option: "clients", setting: "clients" },
        { option: "idleSeconds", setting: "idleSeconds" },
        { option: "plain", setting: "plain" },
      ]),
  },
  {
    path: ["interface", "add", "tap"],
    help: "a wire between two TAP devices of Linux; frames from outside go through the program",
    options: [
      { flags: "--outside <device>", help: "the device that frames come from" },
      { flags: "--inside <device>", help: "the device that passed frames go to" },
      { flags: "--outside-namespace <name>", help: "network namespace of the outside device" },
      { flags: "--inside-namespace <name>", help: "network namespace of the inside device" },
      PLAIN,
      NAME,
    ],
    examples: ["interface add tap --outside attack0 --inside defend0 --inside-namespace defender"],
    load: async () =>
      (await import("./commands/interface.ts")).addInterface("tap", [
        { option: "outside", setting: "outside" },
        { option: "inside", setting: "inside" },
        { option: "outsideNamespace", setting: "outsideNamespace" },
        { option: "insideNamespace", setting: "insideNamespace" },
        { option: "plain", setting: "plain" },
      ]),
  },
  {
    path: ["interface", "add", "pcap"],
    help: "a capture file: the verdict of each frame, and the passed frames out",
    options: [
      { flags: "--input <file>", help: "pcap or pcapng", completes: "file" },
      { flags: "--output <file>", help: "where passed frames go", completes: "file" },
      {
        flags: "--verdicts <file>",
        help: "where the verdict of each frame goes, as lines of JSON",
        completes: "file",
      },
      NAME,
    ],
    examples: ["interface add pcap --input dns.pcap --output passed.pcap"],
    load: async () =>
      (await import("./commands/interface.ts")).addInterface("pcap", [
        { option: "input", setting: "input", path: true },
        { option: "output", setting: "output", path: true },
        { option: "verdicts", setting: "verdicts", path: true },
      ]),
  },
  {
    path: ["interface", "add", "windivert"],
    help: "the packets of this Windows machine, taken and given back by WinDivert; administrators",
    options: [
      {
        flags: "--filter <expression>",
        help: "which packets, in WinDivert's language, e.g. 'udp.DstPort == 53'",
      },
      {
        flags: "--direction <way>",
        help: "which way they go (inbound)",
        choices: ["inbound", "outbound", "both"],
      },
      { flags: "--loopback", help: "packets of this machine to itself too" },
      { flags: "--adapter <name>", help: "only those of this network adapter, by name or index" },
      {
        flags: "--priority <number>",
        help: "among the programs that use WinDivert, a higher one is first (0)",
        integer: { minimum: -30_000, maximum: 30_000 },
      },
      {
        flags: "--queue-packets <count>",
        help: "packets that may wait (16384)",
        integer: { minimum: 32, maximum: 16_384 },
      },
      {
        flags: "--queue-milliseconds <time>",
        help: "how long one may wait (500)",
        integer: { minimum: 100, maximum: 16_000 },
      },
      {
        flags: "--queue-bytes <count>",
        help: "bytes that may wait (33554432)",
        integer: { minimum: 65_535, maximum: 33_554_432 },
      },
      {
        flags: "--library <file>",
        help: "WinDivert.dll, where it is not under Program Files",
        completes: "file",
      },
      NAME,
    ],
    examples: ['interface add windivert --filter "udp.DstPort == 53"'],
    load: async () =>
      (await import("./commands/interface.ts")).addInterface("windivert", [
        { option: "filter", setting: "filter" },
        { option: "direction", setting: "direction" },
        { option: "loopback", setting: "loopback" },
        { option: "adapter", setting: "adapter" },
        { option: "priority", setting: "priority" },
        { option: "queuePackets", setting: "queuePackets" },
        { option: "queueMilliseconds", setting: "queueMilliseconds" },
        { option: "queueBytes", setting: "queueBytes" },
        { option: "library", setting: "library", path: true },
      ]),
  },
  {
    path: ["interface", "list"],
    help: "list the interfaces with their counters",
    load: async () => (await import("./commands/interface.ts")).listInterfaces,
  },
  {
    path: ["interface", "remove"],
    help: "remove an interface",
    arguments: [{ name: "<interface>", help: "name", completes: "interface" }],
    options: [{ flags: "--force", help: "also if a program is attached" }],
    load: async () => (await import("./commands/interface.ts")).removeInterface,
  },
  {
    path: ["service", "run"],
    help: "be the service, until stopped",
    load: async () => (await import("./commands/service.ts")).runService,
  },
  {
    path: ["service", "start"],
    help: "start the service if it does not run",
    load: async () => (await import("./commands/service.ts")).startService,
  },
  {
    path: ["service", "stop"],
    help: "stop the service; programs come back when it starts again",
    options: [{ flags: "--force", help: "kill it if it does not end" }],
    load: async () => (await import("./commands/service.ts")).stopService,
  },
  {
    path: ["service", "status"],
    help: "print what the service is and holds; exit code 1 if none runs",
    load: async () => (await import("./commands/service.ts")).serviceStatus,
  },
  {
    path: ["service", "logs"],
    help: "print the end of the service's log",
    options: [
      { flags: "--lines <count>", help: "how many lines", integer: { minimum: 1, maximum: 100_000 } },
      { flags: "--path", help: "print the log's path instead" },
    ],
    load: async () => (await import("./commands/service.ts")).serviceLogs,
  },
  {
    path: ["service", "methods"],
    help: "print the methods of the service's protocol",
    load: async () => (await import("./commands/service.ts")).listMethods,
  },
  {
    path: ["driver", "install"],
    help: "create the driver's service, or change the one that is there; needs an administrator",
    options: [
      {
        flags: "--path <file>",
        help: "the driver's file; without it, EbpfCore.sys beside the core",
        completes: "file",
      },
      {
        flags: "--start <type>",
        help: "when it starts (default: demand)",
        choices: ["boot", "system", "auto", "demand", "disabled"],
      },
      { flags: "--in-place", help: "use the file where it lies, instead of copying it to System32\\drivers" },
      {
        flags: "--force",
        help: "also over another product's service, or at boot without having run once",
      },
    ],
    examples: ["driver install", "driver install --path C:\\ebpf\\EbpfCore.sys --start boot"],
    load: async () => (await import("./commands/driver.ts")).install,
  },
  {
    path: ["driver", "start"],
    help: "start the driver if it does not run; needs an administrator",
    load: async () => (await import("./commands/driver.ts")).start,
  },
  {
    path: ["driver", "stop"],
    help: "stop the driver; needs an administrator",
    options: [{ flags: "--force", help: "also if programs are loaded in it, which end" }],
    load: async () => (await import("./commands/driver.ts")).stop,
  },
  {
    path: ["driver", "uninstall"],
    help: "stop the driver and delete its service; needs an administrator",
    options: [{ flags: "--force", help: "also if programs are loaded in it, or it is another product's" }],
    load: async () => (await import("./commands/driver.ts")).uninstall,
  },
  {
    path: ["driver", "status"],
    help: "print what the driver is and holds; exit code 1 if it does not run",
    load: async () => (await import("./commands/driver.ts")).status,
  },
  {
    path: ["driver", "log"],
    help: "print the driver's last events, and what programs in it have printed since it was read last; needs an administrator",
    load: async () => (await import("./commands/driver.ts")).log,
  },
  {
    path: ["doctor"],
    help: "say what is installed, what is missing, and what to do",
    load: async () => (await import("./commands/doctor.ts")).diagnose,
  },
  ...DEMO_COMMANDS,
  {
    path: ["completion"],
    help: "print a script that completes commands and live names",
    arguments: [{ name: "<shell>", help: "the shell", choices: ["bash", "zsh", "powershell"] }],
    examples: [
      "completion bash > /etc/bash_completion.d/ebpf",
      "completion powershell | Out-String | Invoke-Expression",
    ],
    load: async () => (await import("./commands/completion.ts")).printCompletion,
  },
  {
    path: ["complete"],
    help: "print what the last word can be",
    arguments: [{ name: "[words...]", help: "the words before, and the one to complete" }],
    hidden: true,
    load: async () => (await import("./commands/completion.ts")).completeFrom(COMMANDS),
  },
];
