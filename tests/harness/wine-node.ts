// Node for Windows in Wine, with the core's bundle as it is shipped: C:\ebpf\node.exe, C:\ebpf\core\ebpf.cjs.
import { spawnSync } from "node:child_process";
import { closeSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bundle } from "../../scripts/bundle.ts";
import { installWindowsNode, WINDOWS_MODULES, WINDOWS_NODE } from "../../scripts/setup.ts";
import { TIMEOUT, WINE, type Wine } from "./wine.ts";

export interface NodeRan {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

export interface WindowsNode {
  /** Node with these arguments, which are Windows' paths; throws if it does not end in time. */
  run(...args: readonly string[]): NodeRan;
  /** The command line, `ebpf ARGS`; its service, if it starts one, has its state in C:\ebpf\state. */
  ebpf(...args: readonly string[]): NodeRan;
  /** What `ebpf ARGS --json` prints; throws with what it says if it fails. */
  json(...args: readonly string[]): unknown;
  /** Runs a script of ECMAScript modules; other modules of the bundle, such as koffi, can be imported. */
  script(text: string): NodeRan;
}

/** Takes part in a prefix that is open; it goes when that is closed. */
export async function openWindowsNode(wine: Wine): Promise<WindowsNode> {
  installWindowsNode();
  // Not copied: 87 MB. Wine goes through the link and names it as it is named here.
  symlinkSync(WINDOWS_NODE, join(wine.folder, "node.exe"));
  await bundle(join(wine.folder, "core"), WINDOWS_MODULES);
  const env = { ...wine.env, EBPF_HOME: "C:\\ebpf\\state", NODE_OPTIONS: "" };
  const run = (...args: readonly string[]): NodeRan => runIn(wine, env, args);
  const ebpf = (...args: readonly string[]): NodeRan => run("C:\\ebpf\\core\\ebpf.cjs", ...args);
  return {
    run,
    ebpf,
    json(...args) {
      const { status, out, err } = ebpf(...args, "--json");
      if (status === 0) return JSON.parse(out);
      throw new Error(`ebpf ${args.join(" ")}: status ${status}\n${out}${err}`);
    },
    script(text) {
      writeFileSync(join(wine.folder, "core", "script.mjs"), text);
      return run("C:\\ebpf\\core\\script.mjs");
    },
  };
}

/** Its output goes to files: Node for Windows takes no pipe of Wine's for its own. */
function runIn(wine: Wine, env: NodeJS.ProcessEnv, args: readonly string[]): NodeRan {
  const names = ["out", "err"].map((name) => join(wine.folder, `${process.pid}.${name}`));
  const [out, err] = names.map((name) => openSync(name, "w"));
  try {
    const { status, error } = spawnSync(WINE, ["C:\\ebpf\\node.exe", ...args], {
      env,
      timeout: TIMEOUT,
      // What hangs in Wine may not hear of SIGTERM.
      killSignal: "SIGKILL",
      stdio: ["ignore", out, err],
    });
    const [said = "", told = ""] = names.map((name) => readFileSync(name, "utf8"));
    if (error !== undefined) throw new Error(`node ${args.join(" ")}: ${error.message}\n${said}${told}`);
    return { status, out: said, err: told };
  } finally {
    for (const file of [out, err]) if (file !== undefined) closeSync(file);
    for (const name of names) rmSync(name, { force: true });
  }
}
