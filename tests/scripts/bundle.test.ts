// What is shipped: the driver is in it, where it can be compiled; where it cannot, that is said, and CI fails.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { buildSys } from "../../scripts/driver.ts";

const folder = mkdtempSync(join(tmpdir(), "ebpf-bundle-"));
test.after.always(() => rmSync(folder, { recursive: true }));

const SCRIPT = join(import.meta.dirname, "..", "..", "scripts", "bundle.ts");
const SYS = join(folder, "EbpfCore.sys");

function bundle(environment: NodeJS.ProcessEnv) {
  const { CI: _, ...env } = process.env;
  return spawnSync(process.execPath, [SCRIPT, folder], { encoding: "utf8", env: { ...env, ...environment } });
}

test.serial("it has the driver, as it is built", (t) => {
  const { status, stdout, stderr } = bundle({ CI: "true" });
  t.is(status, 0, stderr);
  const [, megabytes] = /: (\d+\.\d) MB, with EbpfCore\.sys\n$/.exec(stdout) ?? [];
  t.true(Number(megabytes) > 1 && Number(megabytes) < 12, stdout);
  t.true(readFileSync(SYS).equals(readFileSync(buildSys())));
});

test.serial("without a compiler for it that is said, and a failure in CI", (t) => {
  for (const [environment, code] of [
    [{ PATH: "" }, 0],
    [{ PATH: "", CI: "true" }, 1],
  ] as const) {
    const { status, stdout, stderr } = bundle(environment);
    t.is(status, code, stderr);
    t.regex(stderr, /^WITHOUT the driver EbpfCore\.sys: x86_64-w64-mingw32-gcc is not installed/m);
    t.false(stdout.includes("EbpfCore.sys"));
    t.false(existsSync(SYS));
    t.true(existsSync(join(folder, "core.cjs")));
  }
});
