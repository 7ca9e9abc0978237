// The whole chain as Windows code under Wine, as a person types it: the PowerShell engine for Windows imports the module, whose core (Node for
// Windows) installs and starts EbpfCore.sys by Wine's service control manager; droppacket is verified, certified, compiled by the driver's JIT and
// attached to its hook; frames come through the filtering platform's classify functions, and are dropped and counted; it is removed, and the
// driver stopped and uninstalled. Wine has no filtering platform: tests/driver/shim stands for it. EBPF_TRANSCRIPT names a file
// that what was typed and seen is written to.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { CONTRACT_VERSION } from "../../core/host/kernel/wire.ts";
import { buildSys } from "../../scripts/driver.ts";
import { FRAME_NAMES, FRAMES, type FrameName } from "../harness/frames.ts";
import { ROOT } from "../harness/module.ts";
import { shim, VERDICT_BYTES, verdictOf } from "../harness/shim.ts";
import { openWine, type WindowsClient, type Wine } from "../harness/wine.ts";
import { openWindowsNode } from "../harness/wine-node.ts";
import { openWindowsPowerShell, type WindowsPowerShell } from "../harness/wine-powershell.ts";

const check = test.serial;
const SAMPLE = join(ROOT, "samples", "droppacket.o");
const EMPTY: readonly FrameName[] = ["emptyUdp", "emptyUdpToEcho", "emptyUdpWithOptions"];

let wine: Wine;
let shell: WindowsPowerShell;
let player: WindowsClient;
let transcript = "";

test.before(async () => {
  wine = await openWine([buildSys(), SAMPLE]);
  await openWindowsNode(wine);
  shell = await openWindowsPowerShell(wine);
});
test.after.always(() => {
  if (process.env.EBPF_TRANSCRIPT !== undefined) writeFileSync(process.env.EBPF_TRANSCRIPT, transcript);
  wine?.close();
});

/** What each command gives, as objects. */
async function type(...commands: readonly string[]): Promise<readonly Readonly<Record<string, unknown>>[][]> {
  const typed = await shell.type(...commands);
  transcript += typed.transcript;
  return typed.values as Readonly<Record<string, unknown>>[][];
}

/** Plays every frame once; the names of those that the kernel blocked. */
async function playAll(): Promise<FrameName[]> {
  const dropped: FrameName[] = [];
  for (const name of FRAME_NAMES) {
    const answer = await player.ask(shim.play({ bytes: FRAMES[name] }));
    if (answer.status !== 0) throw new Error(`${name}: Windows error ${answer.status}`);
    const { buffer, byteOffset } = answer.reply;
    const verdict = new Uint32Array(buffer.slice(byteOffset, byteOffset + VERDICT_BYTES));
    if (verdictOf(verdict, new Uint8Array(0)).action === "block") dropped.push(name);
  }
  transcript += `\n    (${FRAME_NAMES.length} frames arrive at interface 1; blocked: ${dropped.join(", ") || "none"})\n\n`;
  return dropped;
}

check("the driver is installed and started", async (t) => {
  const [nothing, installed, planned, started] = await type(
    "Install-EbpfDriver -WhatIf; (Get-EbpfDriver).State",
    "Install-EbpfDriver -PassThru",
    "Start-EbpfDriver -WhatIf",
    "Start-EbpfDriver -PassThru | Format-List",
    "Get-EbpfDriver",
  );
  t.deepEqual(nothing as unknown, ["absent"]);
  t.regex(transcript, /What if: .*Create the service, start type demand/);
  t.like(installed?.[0], { State: "stopped", StartType: "demand", Programs: null });
  t.deepEqual(planned, []);
  t.truthy(started);
  t.regex(transcript, /What if: .*Load .*EbpfCore\.sys into the kernel/);
  t.regex(
    transcript,
    /State +: running[\s\S]*Engine +: jit[\s\S]*AllowUncertified : False[\s\S]*Hooks +: .*xdp/,
  );
  t.regex(transcript, new RegExp(`Contract +: ${CONTRACT_VERSION}`));
  player = wine.startClient();
  t.is(await player.open("EbpfShim"), 0);
  t.deepEqual(await playAll(), []);
});

check("droppacket runs in the kernel, drops empty UDP, and its map counts it", async (t) => {
  const [added] = await type("Add-EbpfProgram C:\\ebpf\\droppacket.o -Hook xdp");
  t.like(added?.[0], { Name: "DropPacket", Host: "kernel", Engine: "kernel-jit", Hook: "xdp" });
  t.deepEqual(await playAll(), [...EMPTY]);
  const [, , entry, driver] = await type(
    "Get-EbpfProgram | Format-List",
    "Get-EbpfMap",
    "Get-EbpfMapEntry dropped_packet_map",
    "Get-EbpfDriver",
  );
  t.is(Number(entry?.[0]?.Value), EMPTY.length);
  t.like(driver?.[0], { Programs: 1, Links: 1 });
});

check("while it is there the driver is not stopped; removed, frames pass", async (t) => {
  const [refusal, removed] = await type(
    "try { Stop-EbpfDriver } catch { $_.FullyQualifiedErrorId; $_.ToString(); $_.ErrorDetails.RecommendedAction }",
    "Remove-EbpfProgram DropPacket -PassThru",
  );
  t.is(String(refusal?.[0]), "DriverBusy,Stop-EbpfDriver");
  t.like(removed?.[0], { Name: "DropPacket", Host: "kernel" });
  t.deepEqual(await playAll(), []);
});

check("the driver is stopped and uninstalled", async (t) => {
  await player.kill();
  const [planned, stopped, , left] = await type(
    "Stop-EbpfDriver -WhatIf; Uninstall-EbpfDriver -WhatIf; (Get-EbpfDriver).State",
    "Stop-EbpfDriver -PassThru",
    "Uninstall-EbpfDriver",
    "Get-EbpfDriver",
    "Stop-EbpfService",
  );
  t.deepEqual(planned as unknown, ["running"]);
  t.like(stopped?.[0], { State: "stopped" });
  t.like(left?.[0], { State: "absent" });
});
