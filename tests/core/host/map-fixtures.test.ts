// tests/fixtures/maps on the embedded host, in both engines; tests/driver/map-fixtures.test.ts runs the same on the driver.
import test from "ava";
import { embeddedWorld } from "../../harness/embedded-world.ts";
import { ENGINES } from "../../harness/engines.ts";
import { readFixtures } from "../../harness/fixture.ts";
import { runMapFixture } from "../../harness/map-fixture.ts";

for (const engine of ENGINES) {
  for (const fixture of readFixtures("maps")) {
    test(`${engine}: ${fixture.name}`, (t) => {
      t.notThrows(() => runMapFixture(fixture, embeddedWorld(engine)));
    });
  }
}
