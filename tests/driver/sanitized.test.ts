// The tests of the driver's portable core once more, with the library that gcc makes with AddressSanitizer and UBSan.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import test from "ava";
import { buildDriver } from "../../scripts/driver.ts";

const ROOT = join(import.meta.dirname, "..", "..");

test("no test finds an error under AddressSanitizer and UBSan", (t) => {
  t.timeout(600_000);
  buildDriver("sanitized");
  const runtime = spawnSync("gcc", ["-print-file-name=libasan.so"], { encoding: "utf8" }).stdout.trim();
  const ava = join(ROOT, "node_modules", "ava", "entrypoints", "cli.js");
  const result = spawnSync(
    process.execPath,
    [ava, "--serial", "tests/driver/*.test.ts", "!tests/driver/{sanitized,race,fuzz,plugin}.test.ts"],
    {
      cwd: ROOT,
      encoding: "utf8",
      // Leaks are counted by the tests themselves: Node leaves much behind on purpose.
      env: {
        ...process.env,
        LD_PRELOAD: runtime,
        ASAN_OPTIONS: "detect_leaks=0",
        EBPF_DRIVER_BUILD: "sanitized",
      },
    },
  );
  t.is(result.status, 0, `${result.stdout}${result.stderr}`);
  t.regex(result.stdout, /\d+ tests? passed/);
});
