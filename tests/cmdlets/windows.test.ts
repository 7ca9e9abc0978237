// The module as Windows code under Wine: the PowerShell engine for Windows imports it, and it starts Node for Windows with the core. With
// the driver: chain.test.ts.
import { join } from "node:path";
import test from "ava";
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
  wine = await openWine([SAMPLE]);
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
