// The driver's commands as Windows code under Wine: `ebpf driver ...` with Wine's service control manager, registry, signatures and
// the driver itself. What sc has made by hand is recognised.
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import type { DriverRecord } from "../../../core/driver/driver.ts";
import { codeOf, EVENTS } from "../../../core/driver/events.ts";
import { CONTRACT_VERSION } from "../../../core/host/kernel/wire.ts";
import { encode } from "../../../core/isa/encode.ts";
import { parse } from "../../../core/isa/parse.ts";
import { buildSys, signSys } from "../../../scripts/driver.ts";
import { field, make } from "../../harness/driver-requests.ts";
import { FRAMES } from "../../harness/frames.ts";
import { openWine, putEventLog, type Wine } from "../../harness/wine.ts";
import { openWindowsNode, type WindowsNode } from "../../harness/wine-node.ts";
import { eventXml } from "./machine.ts";

const check = test.serial;
const FILE = "C:\\ebpf\\EbpfCore.sys";
const PLACE = "C:\\windows\\System32\\drivers\\EbpfCore.sys";

let wine: Wine;
let node: WindowsNode;
test.before(async () => {
  wine = await openWine([buildSys()]);
  node = await openWindowsNode(wine);
});
test.after.always(() => wine?.close());

const driver = (...words: readonly string[]): DriverRecord => node.json("driver", ...words) as DriverRecord;
/** The code of the error that the command ends with. */
function refused(...words: readonly string[]): { readonly code: string; readonly remedy: string } {
  const { status, out, err } = node.ebpf("driver", ...words, "--json");
  if (status !== 1) throw new Error(`status ${status}\n${out}${err}`);
  return JSON.parse(err).error;
}
/** Of one of its events, with a number in its place. */
const textOf = (name: string, number: number): string =>
  EVENTS.find((event) => event.name === name)?.text.replace("%2", String(number)) ?? "";
const status = (): DriverRecord => JSON.parse(node.ebpf("driver", "status", "--json").out);
const SOURCE = "HKLM\\System\\CurrentControlSet\\Services\\EventLog\\System\\EbpfCore";
const inDrivers = (): boolean =>
  existsSync(join(wine.folder, "..", "windows", "system32", "drivers", "EbpfCore.sys"));

check("without a service: status says so, and what to do is an error's remedy", (t) => {
  const { state, path, contract } = status();
  t.deepEqual([state, path, contract], ["absent", null, null]);
  for (const word of ["start", "stop", "uninstall"]) {
    const { code, remedy } = refused(word);
    t.is(code, "DriverNotInstalled");
    t.true(remedy.includes("ebpf driver install"));
  }
  t.is(refused("install", "--path", "C:\\nothing.sys").code, "FileNotFound");
  t.is(refused("install", "--path", FILE, "--start", "boot").code, "DriverUntried");
});

check("install copies the file and creates the service, as sc sees it too", (t) => {
  const record = driver("install", "--path", FILE);
  t.like(record, { state: "stopped", startType: "demand", path: PLACE, file: "ours", signature: "none" });
  t.true(inDrivers());
  t.regex(record.problems.join(), /signature/);
  const { output } = wine.run("sc", "query", "EbpfCore");
  t.true(output.includes("STOPPED"), output);
  const source = wine.run("reg", "query", SOURCE).output;
  t.regex(source, /EventMessageFile +REG_EXPAND_SZ +%SystemRoot%\\System32\\drivers\\EbpfCore\.sys/);
  t.regex(source, /TypesSupported +REG_DWORD +0x7/);
  t.like(driver("install", "--path", FILE, "--start", "auto"), { state: "stopped", startType: "auto" });
});

check("start has Windows load it, and tells what it is; again, nothing happens", (t) => {
  const record = driver("start");
  t.like(record, { state: "running", contract: CONTRACT_VERSION, engine: "jit", programs: 0, clients: 0 });
  t.deepEqual(driver("start"), record);
  t.regex(
    node.ebpf("driver", "status").out,
    /^state +running$[\s\S]*^contract +\d+$[\s\S]*^uncertified +interpreted only$/m,
  );
  t.is(node.ebpf("driver", "status").status, 0);
});

check("it may start at boot now, since it runs from that file", (t) => {
  t.like(driver("install", "--path", FILE, "--start", "boot"), { state: "running", startType: "boot" });
  const config = wine.run("reg", "query", "HKLM\\System\\CurrentControlSet\\Services\\EbpfCore").output;
  t.regex(config, /Start +REG_DWORD +0x0/);
  t.regex(config, /Type +REG_DWORD +0x1/);
});

check("Windows finds the texts of its events in its file", (t) => {
  const { out, err } = node.script(`
    import koffi from "koffi";
    const kernel = koffi.load("kernel32.dll");
    const load = kernel.func("intptr_t LoadLibraryExW(str16, intptr_t, uint32_t)");
    const format = kernel.func("uint32_t FormatMessageW(uint32_t, intptr_t, uint32_t, uint32_t, void *, uint32_t, void *)");
    // As data only.
    const file = load(${JSON.stringify(PLACE)}, 0, 2);
    const texts = ${JSON.stringify(EVENTS.map(codeOf))}.map((code) => {
      const bytes = Buffer.alloc(2048);
      // From a module, with its places left as they are.
      const length = format(0x800 | 0x200, file, code, 0, bytes, 1024, null);
      return bytes.toString("utf16le", 0, length * 2);
    });
    process.stdout.write(JSON.stringify(texts));`);
  t.deepEqual(
    JSON.parse(out || err),
    EVENTS.map(({ text }) => `${text}\r\n`),
  );
});

check("while a program is loaded stop refuses, and with --force ends it", async (t) => {
  const client = wine.startClient();
  try {
    t.is(await client.open(), 0);
    const print = "r1 = 0x6968 \n*(u64 *)(r10 - 8) = r1\nr1 = r10\nr1 += -8\nr2 = 3\ncall 12\nr0 = 0\nexit";
    const program = await client.ask(make.createProgram(encode(parse(print)), { maps: [] }));
    t.is(program.error, "None");
    t.is((await client.ask(make.run(field(program, 1), FRAMES.udp, 2))).error, "None");
    // Wine's kernel takes no events: those of the driver are lines here; and Wine has no event log.
    t.deepEqual(node.json("driver", "log"), {
      events: [],
      lines: [`EbpfCore: ${textOf("Started", CONTRACT_VERSION)}`, "hi", "hi"],
      problems: ["Windows' event log cannot be read: Call not implemented. (Windows error 120)"],
    });
    t.is(node.ebpf("driver", "log").out, "");
    t.like(status(), { programs: 1, clients: 1 });
    t.is(refused("stop").code, "DriverBusy");
    t.is(refused("uninstall").code, "DriverBusy");
    t.like(driver("stop", "--force"), { state: "stopped", programs: null });
  } finally {
    await client.kill();
  }
  t.is(node.ebpf("driver", "status").status, 1);
  t.is(driver("stop").state, "stopped");
});

check("doctor and status tell Secure Boot and memory integrity from the registry", (t) => {
  const control = "HKLM\\System\\CurrentControlSet\\Control";
  const set = (key: string, name: string) =>
    wine.run("reg", "add", `${control}\\${key}`, "/v", name, "/t", "REG_DWORD", "/d", "1", "/f").status;
  t.is(set("SecureBoot\\State", "UEFISecureBootEnabled"), 0);
  t.is(set("DeviceGuard\\Scenarios\\HypervisorEnforcedCodeIntegrity", "Enabled"), 0);
  t.like(status(), { secureBoot: true, memoryIntegrity: "afterRestart", testSigning: false });
  const rows = JSON.parse(node.ebpf("doctor", "--json").out) as { name: string; found: string }[];
  const found = (name: string) => rows.find((row) => row.name === name)?.found ?? "";
  t.regex(found("driver"), /^stopped, start type boot, C:\\windows/);
  t.regex(found("signature"), /^the file is not signed; test signing off, Secure Boot on/);
  t.regex(found("memory integrity"), /^on after the next start/);
});

check("where Windows has event logs, they tell of the driver, and why it was not loaded", (t) => {
  const logs = putEventLog(wine.folder);
  const write = (log: string, ...events: readonly string[]) =>
    writeFileSync(join(logs, log), events.join("\n"));
  const integrity = "Microsoft-Windows-CodeIntegrity-Operational";
  const image = "\\Device\\HarddiskVolume3\\Windows\\System32\\drivers\\EbpfCore.sys";
  write(integrity);
  write(
    "System",
    eventXml("EbpfCore", 6, "2026-01-01T00:00:02.0000000Z", ["", "412", "14", "3"]),
    eventXml("Other", 1, "2026-01-01T00:00:01.5000000Z", ["\u00fc".repeat(9000)]),
    eventXml("EbpfCore", 1, "2026-01-01T00:00:01.0000000Z", ["", "6"]),
  );
  const { out, err } = node.ebpf("driver", "log");
  t.is(
    out,
    [
      `2026-01-01T00:00:01.0000000Z information 1: ${textOf("Started", 6)}`,
      "2026-01-01T00:00:02.0000000Z warning 6: A program of process 412 was not loaded: its certificate does not prove it (error 14 of the driver). Left out since the last event like this: 3.",
      "",
    ].join("\n"),
  );
  t.is(err, "The driver does not run, so programs print nothing.\n");
  t.is(status().refusal, null);
  // More than fits into the memory that is tried first.
  const data = ["9000", image, "\u00fc".repeat(9000)];
  write(integrity, eventXml("Microsoft-Windows-CodeIntegrity", 3004, "2026-01-01T00:00:03.0000000Z", data));
  const { refusal, problems } = status();
  t.is(
    refusal,
    "Windows cannot verify its signature (2026-01-01T00:00:03Z, event 3004 of Microsoft-Windows-CodeIntegrity/Operational)",
  );
  t.true(
    problems.some((problem) => problem.startsWith(`Windows did not load it: ${refusal}. Sign the file`)),
  );
  t.false(existsSync(join(logs, "open")), "handles are closed");
  rmSync(join(logs, integrity));
  t.regex(status().refusal ?? "", /^not known: the event log cannot be read \(.*15007/);
  rmSync(join(wine.folder, "wevtapi.dll"));
});

check("uninstall removes service and file", (t) => {
  t.is(driver("uninstall").path, PLACE);
  t.is(status().state, "absent");
  t.false(inDrivers());
  t.not(wine.run("reg", "query", SOURCE).status, 0);
  t.not(wine.run("sc", "query", "EbpfCore").status, 0);
  t.is(driver("install").path, PLACE, "the file that is in the bundle");
  driver("uninstall");
});

check("a service that sc made of a signed file is recognised, started, stopped, and its file stays", (t) => {
  const signed = signSys(buildSys(), join(wine.folder, "signed.sys"));
  const bytes = readFileSync(signed);
  bytes[0x800] = 0xff ^ (bytes[0x800] ?? 0);
  writeFileSync(join(wine.folder, "damaged.sys"), bytes);
  t.is(driver("install", "--path", "C:\\ebpf\\damaged.sys", "--in-place").signature, "damaged");
  driver("uninstall");
  const path = "C:\\ebpf\\signed.sys";
  t.is(wine.run("sc", "create", "EbpfCore", "type=", "kernel", "start=", "auto", "binPath=", path).status, 0);
  // Wine trusts whatever root there is, Windows would say "selfSigned".
  t.like(status(), { state: "stopped", startType: "auto", path, file: "ours", signature: "trusted" });
  t.is(driver("start").state, "running");
  t.is(wine.run("sc", "stop", "EbpfCore").status, 0);
  t.is(status().state, "stopped");
  t.is(driver("uninstall").path, path);
  t.true(existsSync(join(wine.folder, "signed.sys")));
});

check(
  "another product's service of that name is left alone; one whose file is gone can be uninstalled",
  (t) => {
    const create = (path: string) =>
      wine.run("sc", "create", "EbpfCore", "type=", "kernel", "start=", "demand", "binPath=", path).status;
    t.is(create("C:\\ebpf\\hold.exe"), 0);
    t.is(status().file, "other");
    for (const word of ["start", "stop", "uninstall"]) t.is(refused(word).code, "DriverForeign");
    t.is(wine.run("sc", "delete", "EbpfCore").status, 0);
    t.is(create("C:\\ebpf\\gone.sys"), 0);
    t.is(status().file, "missing");
    t.is(refused("start").code, "FileNotFound");
    t.is(driver("uninstall").state, "stopped");
  },
);
