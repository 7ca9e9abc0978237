// The cmdlets against the real service, started by them: as source and as the bundle that is shipped.
import { readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { ERROR_CODES, type ErrorCode } from "../../core/base/error.ts";
import { bundle } from "../../scripts/bundle.ts";
import { type ModuleSession, openModule, ROOT } from "../harness/module.ts";

const DROP = "samples/droppacket.o";
const SOURCE = join(ROOT, "core", "cli", "main.ts");
const UNSAFE = "samples/droppacket_unsafe.o";

/** The module's own errors: what completion of files leaves in $Error is the engine's business. */
const OWN_ERRORS =
  "@($Error | Where-Object { $_ -is [System.Management.Automation.ErrorRecord] -and $_.Exception.Data['Ebpf'] }).Count";

type Rows = readonly Readonly<Record<string, unknown>>[];

async function open(t: ExecutionContext, core = SOURCE): Promise<ModuleSession> {
  const session = await openModule({ EBPF_CORE: core });
  t.teardown(() => session.close());
  await session.text(`Set-Location '${ROOT}'`);
  return session;
}

const GATEWAY = "New-EbpfInterface gateway dns -Listen 127.0.0.1:0 -To 127.0.0.1:9";

/** A session whose service has a gateway `dns` with DropPacket attached; tests leave it as it is. */
let ps: ModuleSession;

test.before(async () => {
  ps = await openModule({ EBPF_CORE: SOURCE });
  await ps.text(`Set-Location '${ROOT}'; $null = ${GATEWAY}; $null = Add-EbpfProgram ${DROP} -Hook xdp`);
});
test.after.always(() => ps?.close());

async function story(t: ExecutionContext, core: string): Promise<void> {
  const session = await open(t, core);
  t.deepEqual(await session.value("(Get-EbpfService).Status"), "Stopped");
  const [made] = (await session.value(`, @(${GATEWAY})`)) as Rows;
  t.like(made, { Name: "dns", Kind: "gateway", Program: null, Received: 0 });
  t.is(await session.value("(Get-EbpfService).Status"), "Running");
  const added = (await session.value(`Add-EbpfProgram ${DROP} -Hook xdp`)) as Rows[number];
  t.like(added, { Name: "DropPacket", Type: "xdp", Hook: "xdp", Interfaces: ["dns"], Engine: "wasm" });
  t.is(added.File, join(ROOT, DROP));
  t.deepEqual(await session.value("(Get-EbpfInterface d*).Program"), "DropPacket");
  const entries = (await session.value(
    ", @(Get-EbpfProgram drop* | Get-EbpfMap | Get-EbpfMapEntry)",
  )) as Rows;
  t.deepEqual(
    entries.map((entry) => [entry.Map, entry.Key, entry.Value]),
    [["dropped_packet_map", 0, 0]],
  );
  t.is(await session.value("(Get-EbpfMapEntry dropped_packet_map -Key 0).Value"), 0);
  const failed = await session.errors(`Add-EbpfProgram ${UNSAFE} -Hook xdp -Replace`);
  t.like(failed[0], { id: "ProgramRejected,Add-EbpfProgram", target: join(ROOT, UNSAFE) });
  t.is(await session.value("@(Get-EbpfProgram).Count"), 1);
  t.is(await session.value("@(Get-EbpfProgram drop* | Remove-EbpfProgram -PassThru).Count"), 1);
  t.is(await session.value("@(Get-EbpfProgram).Count"), 0);
  t.is(await session.value("@(Get-EbpfInterface | Remove-EbpfInterface -PassThru).Name"), "dns");
  t.is(await session.value("(Stop-EbpfService -PassThru).Status"), "Stopped");
}

test.serial("the whole way, over the source", (t) => story(t, SOURCE));

test.serial("the whole way, over the bundle", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "ebpf-dist-"));
  t.teardown(() => rm(folder, { recursive: true }));
  await bundle(folder);
  await story(t, join(folder, "ebpf.cjs"));
});

test.serial("-WhatIf says what would be done, and nothing is done", async (t) => {
  const STATE =
    "(Get-EbpfService).ProcessId; Get-EbpfProgram | ForEach-Object { $_.Id, $_.Interfaces }; Get-EbpfInterface | ForEach-Object { $_.Name, $_.ProgramId }";
  const before = await ps.value(STATE);
  const said: readonly (readonly [string, RegExp])[] = [
    [
      `Add-EbpfProgram ${DROP} xdp -Interface dns -Name other -Replace -WhatIf`,
      /"Verify and load as 'other', and attach to hook xdp of interface 'dns' in place of the program there" on target ".*droppacket\.o"/,
    ],
    [`Add-EbpfProgram ${DROP} -WhatIf`, /"Verify and load" on target ".*droppacket\.o"/],
    ["Remove-EbpfProgram * -WhatIf", /"Detach from dns and unload" on target "program \d+ 'DropPacket'"/],
    [
      "Remove-EbpfInterface dns -Force -WhatIf",
      /"Remove the gateway interface and detach program 'DropPacket' from it" on target "dns"/,
    ],
    [
      "New-EbpfInterface tap wire -Outside a0 -Inside b0 -WhatIf",
      /"Make a tap interface with outside=a0 inside=b0" on target "wire"/,
    ],
    [
      "New-EbpfInterface windivert -Filter udp -LibraryPath /w/WinDivert.dll -Setting @{ loopback = $true } -WhatIf",
      /"Make a windivert interface with loopback=True filter=udp library=\/w\/WinDivert\.dll" on target "windivert"/,
    ],
    [
      "Stop-EbpfService -WhatIf",
      /"Stop the service with 1 programs and 1 interfaces" on target "process \d+"/,
    ],
  ];
  for (const [command, words] of said)
    t.regex(await ps.text(command), new RegExp(`^What if: .*${words.source}`));
  t.deepEqual(await ps.value(STATE), before);
});

test.serial("errors have an id, a category, a target and what to do", async (t) => {
  const cases: readonly (readonly [command: string, code: ErrorCode, target: string])[] = [
    ["Get-EbpfProgram nosuch", "ProgramNotFound", "nosuch"],
    ["Get-EbpfProgram -Id 99", "ProgramNotFound", "99"],
    ["Remove-EbpfProgram nosuch", "ProgramNotFound", "nosuch"],
    ["Get-EbpfMap nosuch", "MapNotFound", "nosuch"],
    ["Get-EbpfMapEntry nosuch", "MapNotFound", "nosuch"],
    ["Get-EbpfInterface nosuch", "InterfaceNotFound", "nosuch"],
    ["Remove-EbpfInterface nosuch", "InterfaceNotFound", "nosuch"],
    ["Test-EbpfProgram no/such.o", "FileNotFound", "no/such.o"],
    ["Test-EbpfProgram no/such*.o", "FileNotFound", "no/such*.o"],
    ["Get-EbpfSection package.json", "ElfInvalid", join(ROOT, "package.json")],
    ["Get-EbpfDisassembly package.json", "ElfInvalid", join(ROOT, "package.json")],
    ["New-EbpfInterface pcap -Listen 127.0.0.1:1 -To 127.0.0.1:2", "ArgumentInvalid", "pcap"],
    ["New-EbpfInterface gateway -Listen here -To 127.0.0.1:2", "ArgumentInvalid", "listen"],
    ["New-EbpfInterface pcap -Filter udp", "ArgumentInvalid", "pcap"],
    ["New-EbpfInterface windivert -Filter udp", "PlatformUnsupported", ""],
    ["New-EbpfInterface gateway dns -Listen 127.0.0.1:0 -To 127.0.0.1:2", "InterfaceExists", "dns"],
    [`Add-EbpfProgram ${DROP} -Hook xdp -Interface nosuch`, "InterfaceNotFound", "nosuch"],
    [`Add-EbpfProgram ${DROP} -Hook nosuch`, "HookUnknown", "nosuch"],
    [`Add-EbpfProgram ${DROP} -Hook xdp`, "HookBusy", "dns"],
    [`Add-EbpfProgram ${DROP} -Host kernel`, "DriverUnsupported", join(ROOT, DROP)],
    [`Add-EbpfProgram ${DROP} -Host kernel -Engine wasm`, "EngineUnknown", "wasm"],
    ["Remove-EbpfInterface dns", "InterfaceInUse", "dns"],
  ];
  for (const [command, code, target] of cases) {
    const [error, ...more] = await ps.errors(command);
    t.is(more.length, 0, `${command}: only one error is left in $Error`);
    const name = command.split(" ")[0];
    t.is(error?.id, `${code},${name}`, `${command}: ${error?.message}`);
    t.is(error?.category, ERROR_CODES[code].category, command);
    t.is(error?.action, ERROR_CODES[code].remedy, command);
    t.is(error?.target, target, command);
  }
});

test.serial(
  "a rejected program is an error of Add-EbpfProgram with its C line, and a result of Test-EbpfProgram",
  async (t) => {
    const [error] = await ps.errors(`Add-EbpfProgram ${UNSAFE} -Hook xdp`);
    t.is(error?.id, "ProgramRejected,Add-EbpfProgram");
    t.is(error?.category, "SecurityError");
    t.regex(error?.message ?? "", /droppacket_unsafe\.c:28: .*\n.*ethernet->type/s);
    t.regex(error?.action ?? "", /data_end.*'ebpf explain PacketOutOfBounds'/);
    const failure = await ps.value("$Error[0].Exception.Data['Failure']");
    t.like(failure, { Code: "PacketOutOfBounds" });
    const results = (await ps.value(`$Error.Clear(); , @(Test-EbpfProgram ${DROP}, ${UNSAFE})`)) as Rows;
    t.deepEqual(
      results.map(({ Program, Verdict, Code }) => [Program, Verdict, Code]),
      [
        ["DropPacket", "accepted", null],
        ["DropPacket", "rejected", "PacketOutOfBounds"],
      ],
    );
    t.like((results[1] as { Source: unknown }).Source, { Line: 28 });
    const all = `(Test-EbpfProgram ${UNSAFE} -All -Strict).Failures`;
    t.is(await ps.value(`${all}[0].PSObject.TypeNames[0]`), "Ebpf.Failure");
    t.is(await ps.value(`${all}[0].Code`), "PacketOutOfBounds");
    t.deepEqual(await ps.value(`, @(Test-EbpfProgram ${DROP}, ${UNSAFE} -Quiet)`), [true, false]);
    const folder = join(ROOT, "tests", "fixtures", "c");
    const target = `-Platform linux -Program unguarded -Btf '${join(folder, "co-re-target.o")}'`;
    t.is(
      await ps.value(`(Test-EbpfProgram '${join(folder, "co-re.o")}' ${target}).Code`),
      "RelocationUnresolved",
    );
    t.is(await ps.value("$Error.Count"), 0);
  },
);

test.serial("paths: wildcards, literal paths, file objects and strings from the pipeline", async (t) => {
  // Sorted here: the order of PowerShell's sort is that of a culture, which differs from machine to machine.
  const files = async (commands: string) => {
    const names = await ps.value(
      `, @(${commands} | ForEach-Object { [System.IO.Path]::GetFileName($_.File) } | Select-Object -Unique)`,
    );
    return (names as string[]).toSorted();
  };
  const both = ["droppacket.o", "droppacket_unsafe.o"];
  t.deepEqual(await files("Test-EbpfProgram samples/drop*.o"), both);
  t.deepEqual(await files("Get-ChildItem samples/drop*.o | Test-EbpfProgram"), both);
  t.deepEqual(await files(`'${DROP}', '${UNSAFE}' | Test-EbpfProgram`), both);
  t.deepEqual(await files(`Get-EbpfDisassembly -LiteralPath ${DROP}`), ["droppacket.o"]);
  const all = readdirSync(join(ROOT, "samples"))
    .filter((name) => name.endsWith(".o"))
    .toSorted();
  t.deepEqual(await files("Test-EbpfProgram samples"), all);
  t.deepEqual(await files("Get-Item samples | Test-EbpfProgram"), all);
  t.deepEqual(await files("Test-EbpfProgram sampl*, samples/droppacket.o"), all);
  const [empty] = await ps.errors("Test-EbpfProgram docs");
  t.is(empty?.id, "FileNotFound,Test-EbpfProgram");
  const [literal] = await ps.errors("Test-EbpfProgram -LiteralPath samples/drop*.o");
  t.is(literal?.id, "FileNotFound,Test-EbpfProgram");
  t.deepEqual(
    await ps.value("Get-EbpfSection samples/droppacket.o | Where-Object Programs | ForEach-Object Section"),
    "xdp",
  );
});

test.serial("only a program is taken for a program", async (t) => {
  const errors = await ps.errors("Get-EbpfMap | Remove-EbpfProgram; Get-EbpfInterface | Remove-EbpfProgram");
  t.deepEqual(
    errors.map(({ id }) => id),
    ["InputObjectNotBound,Remove-EbpfProgram", "InputObjectNotBound,Remove-EbpfProgram"],
  );
  t.is(await ps.value("@(Get-EbpfProgram).Count"), 1);
  t.is(await ps.value("Get-EbpfProgram | Get-EbpfProgram | ForEach-Object Name"), "DropPacket");
});

test.serial("completion knows hooks, what lives, and the programs of the file", async (t) => {
  await ps.text(`$null = Add-EbpfProgram ${DROP} -Name 'my filter'`);
  t.teardown(() => ps.text("Remove-EbpfProgram 'my filter'"));
  const complete = async (line: string) =>
    ps.value(
      `, @((TabExpansion2 '${line.replaceAll("'", "''")}' ${line.length}).CompletionMatches | Where-Object ResultType -eq ParameterValue | ForEach-Object CompletionText)`,
    );
  t.deepEqual(await complete(`Add-EbpfProgram ${DROP} -Hook x`), ["xdp"]);
  t.deepEqual(await complete(`Add-EbpfProgram ${DROP} -Interface `), ["dns"]);
  t.deepEqual(await complete(`Add-EbpfProgram ${DROP} -Program `), ["DropPacket"]);
  t.deepEqual(await complete(`Add-EbpfProgram ${DROP} -Engine `), ["interpreter", "jit", "wasm"]);
  t.deepEqual(await complete("Remove-EbpfProgram m"), ["'my filter'"]);
  t.deepEqual(await complete("New-EbpfInterface w"), ["windivert"]);
  t.deepEqual(await complete("New-EbpfInterface windivert -Direction "), ["both", "inbound", "outbound"]);
  t.deepEqual(await complete("New-EbpfInterface windivert -Filter udp.D"), ["'udp.DstPort == 53'"]);
  t.deepEqual(await complete("New-EbpfInterface windivert -Adapter l"), ["lo"]);
  t.deepEqual(await complete("Remove-EbpfProgram nosuch"), []);
  t.deepEqual(await complete("Get-EbpfMapEntry "), ["dropped_packet_map"]);
  t.deepEqual(await complete("Remove-EbpfInterface "), ["dns"]);
  t.true(((await complete(`Test-EbpfProgram ${DROP} -Type `)) as string[]).includes("xdp"));
  t.is(await ps.value(OWN_ERRORS), 0);
});

test.serial("completion of what lives does not start a service, and never fails", async (t) => {
  const session = await open(t);
  t.is(
    await session.value(
      "(TabExpansion2 'Remove-EbpfProgram ' 19).CompletionMatches | Where-Object ResultType -eq ParameterValue | Measure-Object | ForEach-Object Count",
    ),
    0,
  );
  t.is(await session.value("(Get-EbpfService).Status"), "Stopped");
  t.is(await session.value(OWN_ERRORS), 0);
});

test.serial(
  "a service that was killed comes back with what it had; another state folder is another service",
  async (t) => {
    const session = await open(t);
    t.regex(
      await session.text("Get-EbpfProgram -Verbose 4>&1 | ForEach-Object { [string]$_ }"),
      /No service listens on .*service\.sock; starting one\.\s+Connected to the service of process \d+, version/,
    );
    await session.text(`$null = ${GATEWAY}; $null = Add-EbpfProgram ${DROP} -Hook xdp -Persistent`);
    const first = await session.value("(Get-EbpfService).ProcessId");
    process.kill(Number(first), "SIGKILL");
    t.deepEqual(await session.value("Get-EbpfProgram | ForEach-Object { $_.Name; $_.Interfaces }"), [
      "DropPacket",
      "dns",
    ]);
    t.not(await session.value("(Get-EbpfService).ProcessId"), first);
    t.is(await session.value("$Error.Count"), 0);

    await session.text(`$env:EBPF_HOME = '${ps.home}'`);
    t.is(await session.value("(Get-EbpfService).StateFolder"), ps.home);
    await session.text(`$env:EBPF_HOME = '${session.home}'`);
    t.is(await session.value("(Get-EbpfService).StateFolder"), session.home);
  },
);
