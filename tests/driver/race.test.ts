// Objects, epochs, maps and hooks of the driver under ThreadSanitizer: tests/driver/race.c, race-hooks.c and race-sockets.c.
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

test("programs come and go, the filter engine and the driver stop, while sockets are used: nothing races or is left", (t) => {
  const { status, stdout, stderr } = spawnSync(buildDriver("race-sockets"), [], {
    encoding: "utf8",
    timeout: 300_000,
  });
  t.is(status, 0, `${stdout}${stderr}`);
  const [, rounds, rest] = /^(\d+) rounds: (.*)\n$/.exec(stdout) ?? [];
  t.true(Number(rounds) > 100, stdout);
  t.is(rest, "0 failed, 0 flows, 0 callouts, 0 handles, 0 not freed; ");
});
