// Random accepted programs that share maps, with tail calls and ring buffers: both engines of the core and the three of the driver
// on what both hosts have, the core's alone on Linux' helpers of ring buffers.
import { createEmbeddedHost } from "../../core/host/embedded/host.ts";
import { DRIVER_ENGINES } from "../harness/driver.ts";
import { driverWorld } from "../harness/driver-world.ts";
import { ENGINES } from "../harness/engines.ts";
import { hostWorld } from "../harness/host-world.ts";
import type { World } from "../harness/map-fixture.ts";
import type { Fuzzer } from "./fuzzer.ts";
import { sharedXdp } from "./scenario.ts";
import { checkSharedMaps } from "./shared-maps.ts";

const CORE: Readonly<Record<string, () => World>> = Object.fromEntries(
  ENGINES.map((engine) => [
    engine,
    () => hostWorld(createEmbeddedHost({ maximumMemoryBytes: 4 << 20 }), engine, 100_000),
  ]),
);
const ALL: Readonly<Record<string, () => World>> = {
  ...CORE,
  ...Object.fromEntries(DRIVER_ENGINES.map((engine) => [`driver ${engine}`, () => driverWorld(engine)])),
};

export const fuzzers: readonly Fuzzer[] = [
  {
    name: "programs that share maps, with tail calls and ring buffers, in all engines of both hosts",
    run: (seed) => checkSharedMaps(seed, sharedXdp("windows"), ALL),
  },
  {
    name: "programs that share maps, with records that are reserved, in the core's engines",
    run: (seed) => checkSharedMaps(seed, sharedXdp("linux"), CORE),
  },
];
