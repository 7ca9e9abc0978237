// The whole chain as Windows code under Wine: the PowerShell engine for Windows imports the module, which starts Node for Windows with
// the core; that installs and starts EbpfCore.sys with Wine's service control manager.
import { join } from "node:path";
import test from "ava";
import { CONTRACT_VERSION } from "../../core/host/kernel/wire.ts";
import { buildSys } from "../../scripts/driver.ts";
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
