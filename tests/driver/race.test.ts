// Objects, epochs, maps and hooks of the driver under ThreadSanitizer: tests/driver/race.c and race-hooks.c.
import { spawnSync } from "node:child_process";
import test from "ava";
import { buildDriver } from "../../scripts/driver.ts";

test("threads that do everything with maps at once, and frames at hooks that change, do not race, and leave nothing behind", (t) => {
  const { status, stdout, stderr } = spawnSync(buildDriver("race"), [], {
    encoding: "utf8",
    timeout: 300_000,
  });
  t.is(status, 0, `${stdout}${stderr}`);
  t.is(stdout, "0 wrong, 0 not freed\n");
});
