// tests/fixtures/maps on each host, in each of its engines; tests/driver/map-fixtures.test.ts runs the same on the driver without
// the core.
import test from "ava";
import { readFixtures } from "../../harness/fixture.ts";
import { hostWorld } from "../../harness/host-world.ts";
import { HOSTS } from "../../harness/hosts.ts";
import { platformOf, runMapFixture } from "../../harness/map-fixture.ts";

for (const { name, engines, create, leftBytes } of HOSTS) {
  for (const engine of engines) {
    for (const fixture of readFixtures("maps")) {
      if (name === "kernel" && platformOf(fixture) !== "windows") continue;
      // The driver's library is one for the process.
      test.serial(`${engine}: ${fixture.name}`, (t) => {
        t.notThrows(() => runMapFixture(fixture, hostWorld(create(), engine, leftBytes)));
      });
    }
  }
}
