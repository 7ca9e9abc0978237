// tests/fixtures/packets on each host, in each of its engines: the answer, and the packet afterwards, which programs may make longer
// or shorter. tests/driver/adjust-head.test.ts has the same frames come by the driver's hook.
import test from "ava";
import { compile } from "../../../core/image/compile.ts";
import { readFixtures } from "../../harness/fixture.ts";
import { certificateFor } from "../../harness/host-world.ts";
import { HOSTS } from "../../harness/hosts.ts";
import { packetCase } from "../../harness/packet-fixture.ts";
import { trust } from "../../harness/programs.ts";

for (const { name, engines, create, leftBytes } of HOSTS) {
  for (const engine of engines) {
    // The driver's library is one for the process.
    test.serial(`${engine}: packets that change their length`, (t) => {
      const host = create();
      for (const fixture of readFixtures("packets")) {
        const { program, packet, result, after } = packetCase(fixture);
        const loaded = host.load(compile(trust(program), engine), [], certificateFor(program, host));
        t.is(loaded.engine, engine, loaded.engineReason);
        for (const repeat of [1, 3]) {
          const { returnValue, data } = loaded.run({ data: packet, repeat });
          t.deepEqual([returnValue, data], [result, after], `${name} ${fixture.name}`);
        }
        loaded.close();
      }
      t.true(host.memoryBytes() <= leftBytes);
    });

    test.serial(`${engine}: no packet grows above 65,535 bytes`, (t) => {
      const host = create();
      const code = "r2 = -10\ncall 65536\nexit";
      const { program } = packetCase(code);
      const loaded = host.load(compile(trust(program), engine), [], certificateFor(program, host));
      for (const [sizeBytes, answer] of [
        [65_525, 0n],
        [65_526, -22n],
      ] as const) {
        const { returnValue, data } = loaded.run({ data: new Uint8Array(sizeBytes).fill(1) });
        t.is(BigInt.asIntN(64, returnValue), answer);
        t.is(data.length, answer === 0n ? sizeBytes + 10 : sizeBytes);
      }
      loaded.close();
    });
  }
}
