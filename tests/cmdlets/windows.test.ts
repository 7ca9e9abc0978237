// The whole chain as Windows code under Wine: the PowerShell engine for Windows imports the module, which starts Node for Windows with
// the core; that installs and starts EbpfCore.sys with Wine's service control manager.
import { join } from "node:path";
import test from "ava";
import { CONTRACT_VERSION } from "../../core/host/kernel/wire.ts";
import { buildSys } from "../../scripts/driver.ts";
import { until } from "../core/net/harness.ts";
import { buildDouble, loadDouble } from "../core/net/windivert/double.ts";
import { EMPTY, QUERY } from "../core/net/windivert/packets.ts";
import { ROOT } from "../harness/module.ts";
import { openWine, type Wine } from "../harness/wine.ts";
import { openWindowsNode } from "../harness/wine-node.ts";
import { openWindowsPowerShell, type WindowsPowerShell } from "../harness/wine-powershell.ts";

const check = test.serial;
const SAMPLE = join(ROOT, "samples", "droppacket.o");

let wine: Wine;
let shell: WindowsPowerShell;
test.before(async () => {
  wine = await openWine([buildSys(), SAMPLE]);
  wine.env.WINDIVERT_DOUBLE = "C:\\ebpf\\windivert.bin";
  await openWindowsNode(wine);
  shell = await openWindowsPowerShell(wine);
});
test.after.always(() => wine?.close());

check("the module starts the service and finds it on its named pipe", async (t) => {
  const { values } = await shell.type(
    "Start-EbpfService -PassThru",
    "Test-EbpfProgram C:\\ebpf\\droppacket.o",
    "Stop-EbpfService -PassThru",
  );
  const [[started], [verified], [stopped]] = values as [[object], [object], [object]];
  t.like(started, { Status: "Running", StateFolder: "C:\\ebpf\\state" });
  t.like(verified, { Program: "DropPacket", Verdict: "accepted" });
  t.like(stopped, { Status: "Stopped" });
});

check("an interface on WinDivert: real packets are dropped and let through, and counted", async (t) => {
  buildDouble("windows", wine.folder);
  const driver = loadDouble(buildDouble("linux", wine.folder), join(wine.folder, "windivert.bin"));
  const { values } = await shell.type(
    "New-EbpfInterface windivert machine -Filter udp -LibraryPath C:\\ebpf\\WinDivert.dll -Setting @{ queueMilliseconds = 16000 }",
    "Add-EbpfProgram C:\\ebpf\\droppacket.o -Hook xdp -Interface machine",
  );
  t.like((values[0] as object[])[0], { Name: "machine", Kind: "windivert", State: "open" });
  for (const packet of [EMPTY, QUERY, EMPTY]) driver.arrive(packet);
  t.true(await until(() => driver.depart().length === 1));
  const { values: after, transcript } = await shell.type(
    "Get-EbpfInterface machine",
    "Get-EbpfInterface machine | Format-Table",
    "Remove-EbpfProgram DropPacket",
    "Remove-EbpfInterface machine",
    "Stop-EbpfService",
  );
  t.like((after[0] as object[])[0], { Received: 3, Passed: 1, Dropped: 2, Program: "DropPacket" });
  t.is(driver.opened().count, 0);
  t.log(transcript);
});

check("the driver is installed, started, asked, stopped and uninstalled", async (t) => {
  const { values, transcript } = await shell.type(
    "Install-EbpfDriver C:\\ebpf\\EbpfCore.sys -PassThru",
    "Start-EbpfDriver -WhatIf",
    "Start-EbpfDriver -PassThru",
    "Get-EbpfDriver | Format-List",
    "Get-EbpfDriver",
    "Stop-EbpfDriver -PassThru",
    "Uninstall-EbpfDriver",
    "Get-EbpfDriver",
  );
  const states = values.map((given) => (given as { State?: string }[])[0]?.State);
  t.deepEqual(states, [
    "stopped",
    undefined,
    "running",
    undefined,
    "running",
    "stopped",
    undefined,
    "absent",
  ]);
  t.like((values[2] as object[])[0], {
    Engine: "jit",
    Programs: 0,
    AllowUncertified: false,
    Contract: CONTRACT_VERSION,
  });
  t.regex(transcript, /What if: .*Load .*EbpfCore\.sys into the kernel/);
  t.log(transcript);
});
