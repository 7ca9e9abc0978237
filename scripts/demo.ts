// `npm run demo [options of "ebpf demo"]`: sets up what the demonstration needs and runs it from the bundle. The last line
// is its result as JSON.
import { spawn } from "node:child_process";
import { setup } from "./setup.ts";

const { entry, powershell } = await setup("demo");
const demo = spawn(process.execPath, [entry, "demo", "--json", ...process.argv.slice(2)], {
  stdio: "inherit",
  env: { ...process.env, ...(powershell === undefined ? {} : { EBPF_POWERSHELL: powershell }) },
});
// An interrupt reaches the demonstration too (it is of the same terminal); it ends when it has cleaned up.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => demo.kill(signal));
demo.once("exit", (status) => {
  process.exitCode = status ?? 1;
});
