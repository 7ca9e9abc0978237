// The core's bundle on Windows' Node, under Wine: commands that need no service, the service with its named pipe and its state,
// and koffi.
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { openWine, type Wine } from "../harness/wine.ts";
import { openWindowsNode, type WindowsNode } from "../harness/wine-node.ts";

const check = test.serial;
const SAMPLE = join(import.meta.dirname, "..", "..", "samples", "droppacket.o");

let wine: Wine;
let node: WindowsNode;
test.before(async () => {
  wine = await openWine([]);
  node = await openWindowsNode(wine);
  copyFileSync(SAMPLE, join(wine.folder, "droppacket.o"));
});
test.after.always(() => {
  node?.ebpf("service", "stop");
  wine?.close();
});

check("koffi calls Windows", (t) => {
  const { status, out, err } = node.script(`
    import koffi from "koffi";
    const kernel32 = koffi.load("kernel32.dll");
    const id = kernel32.func("uint32 __stdcall GetCurrentProcessId()")();
    console.log(process.platform, id === process.pid);
  `);
  t.deepEqual([status, out, err], [0, "win32 true\n", ""]);
});

check("a program is verified and run", (t) => {
  t.is(node.ebpf("verify", "C:\\ebpf\\droppacket.o").status, 0);
  const run = node.json("run", "C:\\ebpf\\droppacket.o", "--hex", "00".repeat(64)) as { returnName: string };
  t.is(run.returnName, "XDP_PASS");
});

check("the service starts, holds a program, ends, and has it again", (t) => {
  const added = node.json("program", "add", "C:\\ebpf\\droppacket.o") as { id: number; name: string };
  t.is(added.name, "DropPacket");
  const ids = () => (node.json("program", "list") as { id: number }[]).map(({ id }) => id);
  t.deepEqual(ids(), [added.id]);
  node.json("service", "stop");
  t.deepEqual(ids(), [added.id]);
});
