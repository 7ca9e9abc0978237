// Installing, starting, stopping and removing the driver on a machine in memory: the rules, and each of Windows' refusals by its
// number. The same calls on Wine's service control manager: windows.test.ts.
import test, { type ExecutionContext } from "ava";
import { EbpfError, ERROR_CODES, type ErrorCode } from "../../../core/base/error.ts";
import { driverFindings } from "../../../core/cli/commands/doctor-driver.ts";
import { COMMANDS } from "../../../core/cli/commands.ts";
import {
  type DriverRecord,
  type InstallOptions,
  installDriver,
  openWindows,
  readDriverLog,
  readStatus,
  START_TYPES,
  startDriver,
  stopDriver,
  uninstallDriver,
} from "../../../core/driver/driver.ts";
import { isSamePath, plainPath } from "../../../core/driver/file.ts";
import type { System } from "../../../core/driver/system.ts";
import { ABSENT, RUNNING } from "../../harness/driver-record.ts";
import { createByHand, eventXml, FILE, type Machine, makeMachine, OTHERS, OURS, PLACE } from "./machine.ts";

const STOPPED: Partial<DriverRecord> = {
  state: "stopped",
  startType: "demand",
  contract: null,
  engine: null,
  engineReason: null,
  memoryIntegrity: "off",
};

const DEMAND: InstallOptions = { file: FILE, startType: "demand" };

function fails(t: ExecutionContext, code: ErrorCode, body: () => unknown): EbpfError {
  const error = t.throws(body, { instanceOf: EbpfError });
  t.is(error?.code, code, error?.message);
  return error as EbpfError;
}

async function failsLater(t: ExecutionContext, code: ErrorCode, body: Promise<unknown>): Promise<void> {
  const error = await t.throwsAsync(body, { instanceOf: EbpfError });
  t.is(error?.code, code, error?.message);
}

async function running(): Promise<Machine> {
  const machine = makeMachine();
  installDriver(machine, DEMAND);
  await startDriver(machine);
  return machine;
}

test("install copies the file to Windows' drivers and creates the service; again, it changes the start type", (t) => {
  const machine = makeMachine();
  t.like(installDriver(machine, DEMAND), {
    state: "stopped",
    startType: "demand",
    path: PLACE,
    file: "ours",
  });
  t.deepEqual(machine.services.get("EbpfCore")?.configuration, { type: 1, start: 3, path: PLACE });
  t.true(machine.files.has(PLACE.toLowerCase()));
  t.like(installDriver(machine, { ...DEMAND, startType: "auto" }), { startType: "auto", path: PLACE });
});

test("install --in-place, and a file that the service has already, stay where they lie", (t) => {
  const machine = makeMachine();
  t.is(installDriver(machine, { ...DEMAND, inPlace: true }).path, FILE);
  t.is(installDriver(machine, { ...DEMAND, startType: "system" }).path, FILE);
  t.false(machine.files.has(PLACE.toLowerCase()));
  fails(t, "FileNotFound", () => installDriver(machine, { ...DEMAND, file: "D:\\none.sys" }));
});

test("a service that sc made is recognised, however Windows names its file", async (t) => {
  for (const path of [FILE, `\\??\\${FILE}`, `"${FILE}"`]) {
    const machine = makeMachine();
    createByHand(machine, path, 0);
    t.like(readStatus(machine), { state: "stopped", startType: "boot", path: FILE, file: "ours" });
    t.is((await startDriver(machine)).state, "running");
  }
  const names = ["\\SystemRoot\\System32\\drivers\\EbpfCore.sys", "System32\\drivers\\EbpfCore.sys"];
  for (const name of names) t.true(isSamePath(plainPath(name, "C:\\Windows"), PLACE), name);
  t.true(isSamePath(plainPath("system32\\DRIVERS\\ebpfcore.sys", "C:\\WINDOWS"), PLACE));
});

test("another product's service of the same name is left alone", async (t) => {
  const theirs = "C:\\Program Files\\ebpf-for-windows\\drivers\\eBPFCore.sys";
  const machine = makeMachine({ [FILE]: OURS, [theirs]: OTHERS });
  createByHand(machine, theirs);
  fails(t, "DriverForeign", () => installDriver(machine, DEMAND));
  await failsLater(t, "DriverForeign", startDriver(machine));
  await failsLater(t, "DriverForeign", stopDriver(machine));
  await failsLater(t, "DriverForeign", uninstallDriver(machine));
  const { file, problems } = readStatus(machine);
  t.is(file, "other");
  t.regex(problems.join(), /another product/);
  t.is(installDriver(machine, { ...DEMAND, force: true }).path, PLACE);
  t.true(machine.files.has(theirs.toLowerCase()));
});

test("boot: only a driver that runs from that file, unless forced", async (t) => {
  const boot: InstallOptions = { ...DEMAND, startType: "boot" };
  const machine = makeMachine();
  fails(t, "DriverUntried", () => installDriver(machine, boot));
  t.is(machine.services.size, 0);
  t.is(machine.files.size, 1, "nothing was copied");
  installDriver(machine, DEMAND);
  fails(t, "DriverUntried", () => installDriver(machine, boot));
  await startDriver(machine);
  t.like(installDriver(machine, boot), { state: "running", startType: "boot" });
  fails(t, "DriverUntried", () => installDriver(machine, { ...boot, inPlace: true }));
  t.is(installDriver(makeMachine(), { ...boot, force: true }).startType, "boot");
});

test("start and stop what is so already: nothing happens", async (t) => {
  const machine = await running();
  t.is((await startDriver(machine)).state, "running");
  t.is((await stopDriver(machine)).state, "stopped");
  t.is((await stopDriver(machine)).state, "stopped");
});

test("stop refuses while programs are loaded; force ends them", async (t) => {
  const machine = await running();
  machine.programs = 2;
  await failsLater(t, "DriverBusy", stopDriver(machine));
  await failsLater(t, "DriverBusy", uninstallDriver(machine));
  t.is(readStatus(machine).state, "running");
  t.is((await stopDriver(machine, { force: true })).state, "stopped");
});

test("a driver that waits for open files is told as stopping", async (t) => {
  const machine = await running();
  machine.isHeld = true;
  await failsLater(t, "DriverStopping", stopDriver(machine));
  t.regex(readStatus(machine).problems.join(), /stopping until/);
});

test("whoever can be asked lets go of a driver that is stopping, and only then", async (t) => {
  const machine = await running();
  let asked = 0;
  const release = async (): Promise<void> => {
    asked++;
    t.is(machine.state("EbpfCore"), 3);
    machine.letGo();
  };
  machine.isHeld = true;
  t.is((await stopDriver(machine, { release })).state, "stopped");
  t.is(asked, 1);
  await startDriver(machine);
  machine.isHeld = false;
  await stopDriver(machine, { release });
  t.is(asked, 1);
  await startDriver(machine);
  machine.isHeld = true;
  await failsLater(t, "DriverStopping", stopDriver(machine));
  t.is((await uninstallDriver(machine, { release })).state, "stopping");
  t.is(machine.services.size, 0);
});

test("uninstall deletes the service and the file that install has put there, no other", async (t) => {
  const machine = await running();
  t.is((await uninstallDriver(machine)).path, PLACE);
  t.deepEqual([machine.services.size, [...machine.files.keys()]], [0, [FILE.toLowerCase()]]);
  createByHand(machine, FILE);
  await uninstallDriver(machine);
  t.deepEqual([machine.services.size, machine.files.size], [0, 1]);
  await failsLater(t, "DriverNotInstalled", uninstallDriver(machine));
  await failsLater(t, "DriverNotInstalled", startDriver(machine));
});

const REFUSALS: readonly (readonly [call: keyof System, number: number, code: ErrorCode])[] = [
  ["startService", 2, "FileNotFound"],
  ["startService", 3, "FileNotFound"],
  ["startService", 5, "ElevationNeeded"],
  ["startService", 577, "DriverSignatureRefused"],
  ["startService", 0x800b_0109, "DriverSignatureRefused"],
  ["startService", 1058, "DriverDisabled"],
  ["startService", 1072, "DriverMarkedForDelete"],
  ["startService", 1275, "DriverBlocked"],
  ["startService", 4551, "DriverBlocked"],
  ["startService", 1450, "DriverFailed"],
  ["createService", 1072, "DriverMarkedForDelete"],
  ["createService", 5, "ElevationNeeded"],
  ["stopService", 1061, "DriverStopping"],
  ["stopService", 5, "ElevationNeeded"],
  ["deleteService", 1072, "DriverMarkedForDelete"],
  ["configuration", 5, "ElevationNeeded"],
  ["configuration", 1722, "DriverFailed"],
];

for (const [call, number, code] of REFUSALS) {
  test(`Windows error ${number} of ${call} is ${code}, with its number and a remedy`, async (t) => {
    const machine = call === "createService" ? makeMachine() : await running();
    if (call === "startService") await stopDriver(machine);
    machine.failing.set(call, number);
    const body = async () => {
      if (call === "createService") return installDriver(machine, DEMAND);
      if (call === "stopService") return stopDriver(machine);
      if (call === "deleteService") return uninstallDriver(machine);
      return startDriver(machine);
    };
    const error = await t.throwsAsync(body, { instanceOf: EbpfError });
    t.is(error?.code, code);
    t.is(error?.data.details?.windowsError, number);
    t.true(error?.message.includes(String(number)), error?.message);
  });
}

const SOURCE = "SYSTEM\\CurrentControlSet\\Services\\EventLog\\System\\EbpfCore";

test("Windows is told where the texts of its events are, as long as it is installed", async (t) => {
  const machine = makeMachine();
  const facts = () =>
    ["EventMessageFile", "TypesSupported"].map((name) => machine.registry.get(`${SOURCE}\\${name}`));
  machine.registry.set("SYSTEM\\CurrentControlSet\\Services\\EventLog\\System\\Other\\TypesSupported", 7);
  installDriver(machine, DEMAND);
  t.deepEqual(facts(), ["%SystemRoot%\\System32\\drivers\\EbpfCore.sys", 7]);
  installDriver(machine, { ...DEMAND, inPlace: true });
  t.deepEqual(facts(), [FILE, 7]);
  await uninstallDriver(machine);
  t.is(machine.registry.size, 1);
  createByHand(machine, FILE);
  await uninstallDriver(machine);
  createByHand(machine, FILE);
  machine.failing.set("deleteRegistry", 5);
  await failsLater(t, "ElevationNeeded", uninstallDriver(machine));
  machine.failing.set("setRegistry", 5);
  fails(t, "ElevationNeeded", () => installDriver(machine, DEMAND));
});

/** A driver that does not start, by that number, on a machine whose logs have these events. */
async function refusedStart(number: number, logs: Readonly<Record<string, readonly string[]>>) {
  const machine = makeMachine();
  installDriver(machine, DEMAND);
  machine.failing.set("startService", number);
  for (const [log, events] of Object.entries(logs)) machine.logs.set(log, [...events]);
  const error = await startDriver(machine).then(
    () => undefined,
    (reason: unknown) => reason as EbpfError,
  );
  return { machine, error };
}

const CODE_INTEGRITY = "Microsoft-Windows-CodeIntegrity";
const OPERATIONAL = `${CODE_INTEGRITY}/Operational`;
const CONTROL_MANAGER = "Service Control Manager";
const IMAGE = "\\Device\\HarddiskVolume3\\Windows\\System32\\drivers\\EbpfCore.sys";
const later = (seconds: number): string => new Date(Date.now() + seconds * 1000).toISOString();
const signature = (id: number, time = later(1), image = IMAGE): string =>
  eventXml(CODE_INTEGRITY, id, time, [String(image.length), image, "0x0"]);

test("why Windows refused it is told from its event logs: with the error of the start, and in the status", async (t) => {
  const logs = {
    [OPERATIONAL]: [signature(3077, later(1), "\\Device\\Other.sys"), signature(3004)],
    System: [eventXml(CONTROL_MANAGER, 7000, later(2), ["EbpfCore", "%%577"])],
  };
  const { machine, error } = await refusedStart(577, logs);
  t.is(error?.code, "DriverSignatureRefused");
  t.regex(
    error?.message ?? "",
    /577\): Windows cannot verify its signature \(2\S+Z, event 3004 of .*Operational\)$/,
  );
  t.like(error?.data.details, { windowsError: 577, log: OPERATIONAL, eventId: 3004 });
  const { refusal, problems } = readStatus(machine);
  t.regex(refusal ?? "", /^Windows cannot verify its signature \(/);
  t.regex(problems.join("\n"), /^Windows did not load it: .*event 3004.*\. Sign the file for this machine/m);
  // It has started since.
  machine.logs.get("System")?.unshift(eventXml("EbpfCore", 1, later(3), ["", "5"]));
  t.like(readStatus(machine), { refusal: null });
});

test("each event of Windows about a refusal has its code; others, and old ones, explain nothing", async (t) => {
  const control = (id: number, ...data: readonly string[]) => ({
    System: [eventXml(CONTROL_MANAGER, id, later(1), data)],
  });
  const rows: readonly (readonly [Readonly<Record<string, readonly string[]>>, ErrorCode, RegExp])[] = [
    [{ [OPERATIONAL]: [signature(3004)] }, "DriverSignatureRefused", /cannot verify/],
    [{ [OPERATIONAL]: [signature(3023)] }, "DriverBlocked", /revoked/],
    [{ [OPERATIONAL]: [signature(3033)] }, "DriverSignatureRefused", /level/],
    [{ [OPERATIONAL]: [signature(3077)] }, "DriverBlocked", /application control/],
    [{ [OPERATIONAL]: [signature(3111)] }, "DriverBlocked", /memory integrity/],
    [control(7000, "EbpfCore", "%%1275"), "DriverBlocked", /Windows blocks the file/],
    [control(7000, "EbpfCore", "%%31"), "DriverFailed", /failed to start: %%31/],
    [control(7026, "\nother\nEbpfCore\n"), "DriverFailed", /when Windows started/],
  ];
  for (const [logs, code, text] of rows) {
    const { error } = await refusedStart(1450, logs);
    t.is(error?.code, code, String(text));
    t.regex(error?.message ?? "", text);
  }
  for (const logs of [
    {},
    { [OPERATIONAL]: [signature(3004, later(-60))] },
    { [OPERATIONAL]: [signature(3004, later(1), "\\Device\\NotEbpfCore.sys")] },
    control(7000, "Other", "%%577"),
    control(7026, "EbpfCoreOther"),
  ]) {
    const { error } = await refusedStart(1450, logs);
    t.is(error?.code, "DriverFailed");
    t.is(error?.data.details?.eventId, undefined);
  }
});

test("an event log that cannot be read is told, and nothing else fails by it", async (t) => {
  const machine = makeMachine();
  machine.failing.set("events", 1722);
  t.regex(installDriver(machine, DEMAND).refusal ?? "", /^not known: the event log cannot be read \(.*1722/);
  machine.failing.set("startService", 577);
  const error = await t.throwsAsync(startDriver(machine), { instanceOf: EbpfError });
  t.is(error?.code, "DriverSignatureRefused");
  t.like(error?.data.details, { windowsError: 577, eventLog: "Windows error 1722" });
  machine.failing.delete("startService");
  t.is((await startDriver(machine)).refusal, null);
  t.deepEqual(readDriverLog(machine), {
    events: [],
    lines: ["hi"],
    problems: ["Windows' event log cannot be read: Windows error 1722"],
  });
});

test("its log: the events of Windows, the oldest first and with their texts, and the lines of programs", async (t) => {
  const machine = makeMachine();
  machine.logs.set("System", [
    eventXml("EbpfCore", 77, "2026-01-01T00:00:04.0000000Z", ["", "a &amp; &#x41;"]),
    eventXml("EbpfCore", 6, "2026-01-01T00:00:03.0000000Z", ["\\Device\\EbpfCore", "412", "14", "3"]),
    eventXml("Other", 1, "2026-01-01T00:00:02.0000000Z", []),
    eventXml("EbpfCore", 8, "2026-01-01T00:00:02.0000000Z", ["", "0xc0000017"]),
    eventXml("EbpfCore", 1, "2026-01-01T00:00:01.0000000Z", ["6"]),
  ]);
  machine.answers = false;
  const { events, lines, problems } = readDriverLog(machine);
  t.deepEqual(
    events.map(({ time, id, severity, text }) => `${time.slice(17, 19)} ${id} ${severity} ${text}`),
    [
      "01 1 information The driver has started. Its contract with user mode is version 6.",
      "02 8 error Windows' filter engine refuses the hooks: status 0xc0000017. Programs at hooks see nothing.",
      "03 6 warning A program of process 412 was not loaded: its certificate does not prove it (error 14 of the driver). Left out since the last event like this: 3.",
      "04 77 warning a & A",
    ],
  );
  t.deepEqual([lines, problems], [[], ["The driver does not run, so programs print nothing."]]);
});

test("status: the driver's own words, and why it interprets", async (t) => {
  const machine = await running();
  machine.programs = 3;
  t.like(readStatus(machine), {
    engine: "jit",
    engineReason: null,
    programs: 3,
    maps: 1,
    links: 2,
    clients: 0,
  });
  t.deepEqual(readStatus(machine).hooks, ["xdp"]);
  machine.jit = false;
  t.like(readStatus(machine), {
    engine: "interpreter",
    engineReason: "Windows did not let memory become executable",
  });
  machine.options = 0x401;
  t.regex(readStatus(machine).engineReason ?? "", /HVCI/);
  machine.answers = false;
  const { contract, problems } = readStatus(machine);
  t.is(contract, null);
  t.regex(problems.join(), /only administrators.* as administrator/);
});

test("status: signature, test signing, Secure Boot, memory integrity", async (t) => {
  const machine = makeMachine();
  installDriver(machine, DEMAND);
  const control = "SYSTEM\\CurrentControlSet\\Control";
  t.like(readStatus(machine), { testSigning: false, secureBoot: false, memoryIntegrity: "off" });
  machine.options = 3;
  machine.registry.set(`${control}\\SecureBoot\\State\\UEFISecureBootEnabled`, 1);
  const guard = "DeviceGuard\\Scenarios\\HypervisorEnforcedCodeIntegrity";
  machine.registry.set(`${control}\\${guard}\\Enabled`, 1);
  t.like(readStatus(machine), { testSigning: true, secureBoot: true, memoryIntegrity: "afterRestart" });
  machine.options = 0x400;
  for (const [result, signature] of [
    [0, "trusted"],
    [0x800b_0100, "none"],
    [0x800b_0109, "selfSigned"],
    [0x8009_6010, "damaged"],
    [0x800b_0101, "expired"],
    [0x800b_010c, "untrusted"],
  ] as const) {
    machine.trust = result;
    const record = readStatus(machine);
    t.like(record, { signature, memoryIntegrity: "on", testSigning: false });
    t.is(record.problems.length > 0, signature !== "trusted", signature);
  }
  machine.files.delete(PLACE.toLowerCase());
  t.like(readStatus(machine), { file: "missing", signature: null });
  t.regex(readStatus(machine).problems.join(), /is not there/);
  await failsLater(t, "FileNotFound", startDriver(machine));
});

const ROWS: readonly (readonly [what: string, change: Partial<DriverRecord>, rows: readonly RegExp[]])[] = [
  [
    "one that runs, with memory integrity",
    {},
    [
      /^ok driver: running, start type boot, .*; contract 1, engine interpreter \(memory integrity .*2 programs, 1 attached > $/,
      /^ok signature: signed, by one whom this machine trusts; test signing off, Secure Boot on > $/,
      /^absent memory integrity: on: the driver interprets programs > Nothing has to be done/,
      /^ok host: kernel: /,
    ],
  ],
  [
    "none",
    ABSENT,
    [
      /^absent driver: not installed > Install-EbpfDriver or 'ebpf driver install'/,
      /^ok memory integrity: off/,
      /^ok host: embedded: .* > With Secure Boot on, .*windivert/,
    ],
  ],
  [
    "one that is stopped, signed for this machine",
    { ...STOPPED, signature: "selfSigned", testSigning: true, secureBoot: false },
    [
      /^absent driver: stopped, .* > Start-EbpfDriver .*sc start EbpfCore/,
      /^ok signature: signed, by one whom this machine does not trust; test signing on/,
      /^ok memory integrity: off/,
      /^ok host: embedded: .* or with the driver/,
    ],
  ],
  [
    "one that Windows will refuse",
    { ...STOPPED, signature: "none", problems: ["Windows will refuse it."] },
    [
      /^missing driver: stopped, .* > Windows will refuse it\.$/,
      /^missing signature: the file is not signed; .* > Secure Boot has to be off .*docs\/driver\.md/,
      /^ok memory integrity/,
      /^ok host: embedded/,
    ],
  ],
  [
    "one of another contract",
    {
      engine: null,
      allowUncertified: true,
      memoryIntegrity: "afterRestart",
      problems: ["Of another version."],
    },
    [
      /^missing driver: running, .*, contract 1 > Of another version\.$/,
      /^ok signature/,
      /^absent memory integrity: on after the next start/,
      /^ok host: embedded/,
    ],
  ],
  [
    "one that compiles in spite of memory integrity, and what nobody proved",
    { engine: "jit", engineReason: null, allowUncertified: true },
    [
      /engine jit, .*; AllowUncertified is set/,
      /^ok/,
      /^ok memory integrity: on; the JIT works/,
      /^ok host: kernel/,
    ],
  ],
];

for (const [what, change, expected] of ROWS) {
  test(`doctor: ${what}`, (t) => {
    const rows = driverFindings({ ...RUNNING, ...change }).map(
      ({ name, state, found, remedy }) => `${state} ${name}: ${found} > ${remedy ?? ""}`,
    );
    t.is(rows.length, expected.length);
    for (const [index, row] of rows.entries()) t.regex(row, expected[index] as RegExp);
  });
}

test("the commands' start types are those there are, and every error of the driver has its row", (t) => {
  const install = COMMANDS.find(({ path }) => path.join(" ") === "driver install");
  const choices = install?.options?.find(({ flags }) => flags.startsWith("--start"))?.choices;
  t.deepEqual(choices, [...START_TYPES]);
  t.true(Object.keys(ERROR_CODES).filter((code) => code.startsWith("Driver")).length >= 10);
});

test("elsewhere than on Windows there is no driver", async (t) => {
  await failsLater(t, "DriverUnsupported", openWindows());
});
