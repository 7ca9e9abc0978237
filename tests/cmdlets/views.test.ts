// How objects look: each view over fixed records, against views.golden.txt. `--update` writes that file anew.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import type {
  DisassemblyRecord,
  FailureRecord,
  InterfaceRecord,
  MapEntryRecord,
  MapRecord,
  ProgramRecord,
  SectionRecord,
  ServiceStatusRecord,
  VerificationRecord,
} from "../../core/manager/records.ts";
import { ABSENT, RUNNING } from "../harness/driver-record.ts";
import { openModule } from "../harness/module.ts";
import { quote } from "../harness/powershell.ts";

const WIDTH = 119;
const GOLDEN = join(import.meta.dirname, "views.golden.txt");
const source = {
  file: "drop.c",
  line: 28,
  column: 9,
  text: "    if (ethernet->type != htons(ETHERTYPE_IPV4)) {",
};

const failure: FailureRecord = {
  code: "PacketOutOfBounds",
  message: "drop.c:28: reads 2 bytes at offset 12 of the packet, but its length has not been checked",
  remedy: "Check the end of the packet first: if ((void *)(p + 1) > data_end) return ...;",
  instruction: 2,
  slot: 2,
  text: "r3 = *(u16 *)(r2 + 12)",
  source,
  registers: { r0: "1", r2: "packet" },
  slice: [{ instruction: 0, slot: 0, text: "r2 = *(u64 *)(r1 + 0)", note: "r2 is a pointer to the packet" }],
  known: "nothing of the length of the packet",
  needed: 14,
  example: {
    packetLength: 13,
    packetHex: "00".repeat(13),
    confirmed: true,
    observed: "reads 2 bytes at offset 12 of the packet of 13 bytes",
  },
  mend: {
    file: "drop.c",
    line: 28,
    place: "before",
    text: "if ((void *)packet + 14 > context->data_end) return XDP_PASS;",
  },
};
const verified = {
  file: "/objects/drop.o",
  section: "xdp",
  program: "DropPacket",
  type: "xdp",
  platform: "windows",
  instructions: 40,
  steps: 42,
  states: 3,
  milliseconds: 1.23456,
} as const;
const verifications: readonly VerificationRecord[] = [
  { ...verified, verdict: "accepted" },
  {
    ...verified,
    program: "DropAll",
    verdict: "rejected",
    code: failure.code,
    message: failure.message,
    remedy: failure.remedy,
    instruction: 2,
    source,
    failure,
    failures: [
      failure,
      { ...failure, code: "PointerLeak", message: "drop.c:40: returns a pointer to the packet" },
    ],
  },
  {
    ...verified,
    program: "Other",
    verdict: "error",
    code: "RelocationInvalid",
    message: "no function helper",
  },
];
const programs: readonly ProgramRecord[] = [
  {
    id: 1,
    name: "DropPacket",
    type: "xdp",
    platform: "windows",
    hook: "xdp",
    file: "/objects/drop.o",
    section: "xdp",
    engine: "wasm",
    certified: true,
    host: "embedded",
    instructions: 40,
    mapIds: [2, 3],
    interfaces: ["dns", "wire"],
    persistent: true,
    loadedAt: "2026-01-02T03:04:05.678Z",
  },
];
const instructions: readonly DisassemblyRecord[] = [
  {
    file: "/objects/drop.o",
    section: "xdp",
    program: "DropPacket",
    function: "DropPacket",
    slot: 0,
    bytes: "b400000001000000",
    text: "w0 = 1",
    source,
  },
  {
    file: "/objects/drop.o",
    section: "xdp",
    program: "DropPacket",
    function: "Helper",
    slot: 1,
    bytes: "9500000000000000",
    text: "exit",
  },
];
const sections: readonly SectionRecord[] = [
  {
    file: "/objects/drop.o",
    section: "xdp",
    kind: "program",
    sizeBytes: 328,
    programs: ["DropPacket", "Pass"],
    type: "xdp",
  },
  { file: "/objects/drop.o", section: ".maps", kind: "maps", sizeBytes: 32, programs: [] },
];
const maps: readonly MapRecord[] = [
  {
    id: 2,
    name: "dropped",
    type: "array",
    keySizeBytes: 4,
    valueSizeBytes: 8,
    maxEntries: 1,
    entries: 1,
    persistent: false,
    programIds: [1],
  },
];
const entries: readonly MapEntryRecord[] = [
  { mapId: 2, map: "dropped", key: 0, value: 123456, keyHex: "00000000", valueHex: "40e2010000000000" },
  { mapId: 2, map: "dropped", key: { port: 53 }, value: [1, 2], keyHex: "3500", valueHex: "0102" },
];
/** As of one answer of map.read each. */
const records = [
  { mapId: 3, map: "events", value: "0x0f00ff", hex: "0x0f00ff" },
  { mapId: 3, map: "events", value: { length: 47, where: "in" }, hex: "0x2f000000696e0000" },
  { mapId: 3, map: "events", value: 53, hex: "0x35000000" },
];
const interfaces: readonly InterfaceRecord[] = [
  {
    name: "dns",
    kind: "gateway",
    state: "open",
    settings: { listen: "127.0.0.1:5300", to: "127.0.0.1:53" },
    programId: 1,
    program: "DropPacket",
    counters: {
      received: 1000000,
      receivedBytes: 42000000,
      passed: 10,
      dropped: 999990,
      transmitted: 0,
      aborted: 0,
      errors: 0,
    },
  },
  {
    name: "machine",
    kind: "windivert",
    state: "open",
    settings: { filter: "udp" },
    delayMilliseconds: 230,
    counters: {
      received: 3,
      receivedBytes: 131,
      passed: 2,
      dropped: 0,
      transmitted: 1,
      aborted: 0,
      errors: 0,
    },
  },
];
const service: ServiceStatusRecord = {
  processId: 4242,
  version: "0.1.0",
  protocol: 1,
  startedAt: "2026-01-02T03:04:05.678Z",
  socket: "/state/service.sock",
  stateFolder: "/state",
  memoryBytes: 52428800,
  programs: 1,
  maps: 1,
  links: 1,
  interfaces: 1,
  problems: ["interface wire: no /dev/net/tun"],
};

const VIEWS: readonly (readonly [type: string, records: readonly object[], format: string])[] = [
  ["Ebpf.Program", programs, "Out-Default"],
  ["Ebpf.Program", programs, "Format-List"],
  ["Ebpf.Verification", verifications, "Out-Default"],
  ["Ebpf.Verification", verifications, "Format-List"],
  ["Ebpf.Failure", [failure], "Out-Default"],
  ["Ebpf.Instruction", instructions, "Out-Default"],
  ["Ebpf.Section", sections, "Out-Default"],
  ["Ebpf.Map", maps, "Out-Default"],
  ["Ebpf.MapEntry", entries, "Out-Default"],
  ["Ebpf.Record", records, "Out-Default"],
  ["Ebpf.Driver", [ABSENT, RUNNING], "Out-Default"],
  ["Ebpf.Driver", [{ ...RUNNING, problems: ["One.", "Two."] }], "Format-List"],
  ["Ebpf.Driver", [ABSENT], "Format-List"],
  ["Ebpf.Interface", interfaces, "Out-Default"],
  ["Ebpf.Interface", interfaces, "Format-List"],
  ["Ebpf.Service", [service], "Out-Default"],
  ["Ebpf.Service", [service], "Format-List"],
];

test("every view is as its golden text", async (t) => {
  const session = await openModule({ TZ: "UTC" });
  t.teardown(() => session.close());
  const shown: string[] = [];
  for (const [type, records, format] of VIEWS) {
    const made =
      type === "Ebpf.Record"
        ? "New-EbpfRecord $record $record ([datetime]'2026-01-02 03:04:05.678')"
        : "ConvertTo-EbpfObject $type $record";
    const objects = `(& (Get-Module ebpf) { param($type, $json) foreach ($record in (ConvertFrom-EbpfJson $json).list) { ${made} } } ${type} ${quote(JSON.stringify({ list: records }))})`;
    // Records over a service that runs bear its status; the view shows what is not there only where it is.
    const ready =
      type === "Ebpf.Service"
        ? `${objects} | ForEach-Object { $_.PSObject.Properties.Add([psnoteproperty]::new('Status', 'Running')); $_ }`
        : objects;
    // The width is said: without a console each PowerShell takes another.
    const shape = format === "Out-Default" ? "" : ` | ${format}`;
    const text = await session.text(`${ready}${shape} | Out-String -Width ${WIDTH}`);
    shown.push(`=== ${type} | ${format}\n${text.replace(/[ \t]+$/gm, "").replace(/^\n+|\n+$/g, "")}\n`);
  }
  const all = shown.join("\n");
  if (process.argv.includes("--update")) writeFileSync(GOLDEN, all);
  t.is(all, readFileSync(GOLDEN, "utf8"));
});
