// tests/fixtures/maps in the driver's engines; tests/core/host/map-fixtures.test.ts runs the same on the embedded host.
import test from "ava";
import { DRIVER_ENGINES } from "../harness/driver.ts";
import { driverWorld } from "../harness/driver-world.ts";
import { readFixtures } from "../harness/fixture.ts";
import { platformOf, runMapFixture } from "../harness/map-fixture.ts";

for (const engine of DRIVER_ENGINES) {
  // Those for Linux' table are the embedded host's alone.
  for (const fixture of readFixtures("maps").filter((row) => platformOf(row) === "windows")) {
    test.serial(`${engine}: ${fixture.name}`, (t) => {
      t.notThrows(() => runMapFixture(fixture, driverWorld(engine)));
    });
  }
}
