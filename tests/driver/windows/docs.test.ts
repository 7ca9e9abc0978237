// docs/driver.md: the lines that it tells to type are typed, in its order, under Wine; each must succeed. Boxes of "text" need Windows.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import type { DriverRecord } from "../../../core/driver/driver.ts";
import { buildSys } from "../../../scripts/driver.ts";
import { ROOT } from "../../harness/module.ts";
import { openWine, type Wine } from "../../harness/wine.ts";
import { openWindowsNode, type WindowsNode } from "../../harness/wine-node.ts";
import { openWindowsPowerShell, type WindowsPowerShell } from "../../harness/wine-powershell.ts";

const text = readFileSync(join(ROOT, "docs", "driver.md"), "utf8");
const boxes = [...text.matchAll(/^ *```(\w+)\n([\s\S]*?)^ *```$/gm)].map(([, language = "", body = ""]) => ({
  language,
  lines: body.trim().split("\n"),
}));
const linesOf = (language: string): string[] =>
  boxes.filter((box) => box.language === language).flatMap(({ lines }) => lines);

let wine: Wine;
let node: WindowsNode;
let shell: WindowsPowerShell;
test.before(async () => {
  wine = await openWine([buildSys()]);
  node = await openWindowsNode(wine);
  shell = await openWindowsPowerShell(wine);
});
test.after.always(() => wine?.close());

const check = test.serial;
const status = (): DriverRecord => JSON.parse(node.ebpf("driver", "status", "--json").out);

check("its boxes are of languages that are run here, or need Windows", (t) => {
  t.deepEqual([...new Set(boxes.map(({ language }) => language))].sort(), ["cmd", "ebpf", "pwsh", "text"]);
});

check("PowerShell: installed, started, shown, stopped, uninstalled", async (t) => {
  const { transcript } = await shell.type(...linesOf("pwsh"));
  t.regex(transcript, /State +: running/);
  t.is(status().state, "absent");
});

check("the command line: the same", (t) => {
  for (const line of linesOf("ebpf")) {
    const [, ...words] = line.split(" ");
    const { status: code, out, err } = node.ebpf(...words);
    t.is(code, 0, `${line}\n${out}${err}`);
  }
  t.is(status().state, "absent");
});

check("by hand: cmd runs every line, and what is there after it is what the text says", (t) => {
  const seen = new Map<string, DriverRecord>();
  for (const line of linesOf("cmd")) {
    const { status: code, output } = wine.run("cmd", "/c", line);
    t.is(code, 0, `${line}\n${output}`);
    seen.set(line.split(" ").slice(0, 2).join(" "), status());
  }
  t.like(seen.get("sc create"), { state: "stopped", startType: "demand", file: "ours" });
  t.like(seen.get("sc start"), { state: "running", engine: "jit", allowUncertified: false });
  t.like(seen.get("sc stop"), { state: "stopped" });
  t.like(seen.get("sc delete"), { state: "absent" });
});
