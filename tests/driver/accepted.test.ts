// Random programs that the verifier accepts, with helpers, maps and functions: the driver's engines answer and leave behind
// what the core's interpreter does.
import test from "ava";
import type { Program } from "../../core/program/program.ts";
import { verify } from "../../core/verifier/verify.ts";
import { generateForHost } from "../fuzz/generate.ts";
import { listing } from "../fuzz/net.ts";
import { behaviour, describeEntry, describeRun, packetsOf } from "../harness/behaviour.ts";
import {
  DRIVER_ENGINES,
  type DriverEngine,
  type DriverMap,
  release,
  setProcessor,
  share,
} from "../harness/driver.ts";
import { keysOf, read } from "../harness/driver-maps.ts";
import { createMaps, load, runOnPacket } from "../harness/driver-xdp.ts";

const SEEDS = share(250);

function driverBehaviour(program: Program, engine: DriverEngine, seed: number): string {
  const maps = createMaps(program);
  const loaded = load(program, maps, engine);
  const runs = packetsOf(seed).map((data) => {
    const { result, fault, faultSlot } = runOnPacket(loaded, data);
    return fault === "None" ? describeRun(result, data) : `${fault} at slot ${faultSlot}`;
  });
  const entries = maps.flatMap((map, index) =>
    keysOf(map).map((key) => describeEntry(program.maps[index]!.spec, key, readValue(map, key))),
  );
  release(loaded);
  for (const map of maps) release(map);
  return [...runs, ...entries.sort()].join("\n");
}

function readValue(map: DriverMap, key: Uint8Array): Uint8Array | undefined {
  const value = read(map, key);
  return typeof value === "number" ? undefined : value;
}

test("random programs that the verifier accepts", (t) => {
  setProcessor(0);
  let accepted = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const program = generateForHost(seed);
    const verdict = verify(program, { maximumSteps: 20_000, strict: true });
    if (verdict.kind === "rejected") continue;
    accepted++;
    const core = behaviour(verdict.program, "interpreter", seed);
    for (const engine of DRIVER_ENGINES) {
      const own = driverBehaviour(program, engine, seed);
      if (own !== core) return t.fail(`${engine}, seed ${seed}\n${own}\n--\n${core}\n${listing(program)}`);
    }
  }
  t.true(accepted > SEEDS / 20, `${accepted}`);
});
