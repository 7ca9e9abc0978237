// The driver's commands as Windows code under Wine: `ebpf driver ...` with Wine's service control manager, registry, signatures and
// the driver itself. What sc has made by hand is recognised.
import { existsSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import type { DriverRecord } from "../../../core/driver/driver.ts";
import { buildSys } from "../../../scripts/driver.ts";
import { openWine, type Wine } from "../../harness/wine.ts";
import { openWindowsNode, type WindowsNode } from "../../harness/wine-node.ts";

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
const status = (): DriverRecord => JSON.parse(node.ebpf("driver", "status", "--json").out);
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
  t.like(driver("install", "--path", FILE, "--start", "auto"), { state: "stopped", startType: "auto" });
});
