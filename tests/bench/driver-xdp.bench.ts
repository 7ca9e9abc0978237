// What a frame costs at the driver's hook xdp: the classify functions that are registered with WFP's shim, in the library, with
// droppacket compiled by the JIT, which drops the frame and counts it.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadObject } from "../../core/elf/object.ts";
import { encode } from "../../core/isa/encode.ts";
import { buildProgram } from "../../core/program/build.ts";
import { ask, type Client, closeClient, initiate, openClient, terminate } from "../harness/driver-client.ts";
import { MAP_TYPES } from "../harness/driver-maps.ts";
import { field, handleOf } from "../harness/driver-requests.ts";
import { stopHooks, takeViolation, timeFrames, tryStartHooks } from "../harness/driver-wfp.ts";
import { FRAMES } from "../harness/frames.ts";
import type { Benchmark } from "./benchmark.ts";

/** Short, so that some are not interrupted. */
const TIMES = 5_000;
const ARRAY = { type: MAP_TYPES.array, keySizeBytes: 4, valueSizeBytes: 8, maxEntries: 1 };

function attachDroppacket(client: Client): void {
  const path = join(import.meta.dirname, "../../samples/droppacket.o");
  const { instructions } = buildProgram(loadObject(readFileSync(path), path), undefined);
  const maps = [handleOf(ask.createMap(client, ARRAY))];
  const program = ask.createProgram(client, encode(instructions), { maps });
  if (field(program, 3) !== 2) throw new Error("not compiled");
  handleOf(ask.createLink(client, handleOf(program)));
}

/** The best of several runs. */
function costOf(frame: Uint8Array, cuts: readonly number[]): number {
  initiate(true);
  if (tryStartHooks() !== 0) throw new Error("the hooks do not start");
  const client = openClient();
  attachDroppacket(client);
  let best = Number.POSITIVE_INFINITY;
  for (const end = performance.now() + 2000; performance.now() < end; )
    best = Math.min(best, timeFrames({ bytes: frame, cuts }, TIMES));
  closeClient(client);
  stopHooks();
  terminate();
  if (takeViolation() !== "") throw new Error("a rule of WFP was broken");
  return best;
}

const row = (name: string, frame: Uint8Array, cuts: readonly number[], target?: number): Benchmark => ({
  name: `driver: ${name} at the hook xdp, droppacket by the JIT`,
  unit: "ns",
  better: "lower",
  ...(target === undefined ? {} : { target }),
  run: async () => ({ value: costOf(frame, cuts) }),
});

export const benchmarks: readonly Benchmark[] = [
  row("a frame that is dropped and counted", FRAMES.emptyUdp, [], 100),
  row("a frame that passes", FRAMES.udp, [], 100),
  row("a frame in two pieces that passes", FRAMES.udp, [14]),
];
