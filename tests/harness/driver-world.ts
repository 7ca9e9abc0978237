// The driver's portable core as a place for the cases of tests/fixtures/maps.
import koffi from "koffi";
import { mapForKernel } from "../../core/program/for-kernel.ts";
import type { Program } from "../../core/program/program.ts";
import {
  countAllocations,
  type DriverEngine,
  type DriverMap,
  type DriverProgram,
  library,
  release,
  setProcessor,
} from "./driver.ts";
import { createMap, erase, keysOf, read, ring, write } from "./driver-maps.ts";
import { load, runOnPacket } from "./driver-xdp.ts";
import { MAP_ERRORS, type MapOutcome, type World, type WorldMap } from "./map-fixture.ts";

const freeze = library.func("bool MapFreeze(void*)");

const MODES = { any: 0, noexist: 1, exist: 2 } as const;
const ERRORS: Readonly<Record<string, MapOutcome>> = { ...MAP_ERRORS, 0: "" };

function outcomeOf(result: number): MapOutcome {
  const outcome = ERRORS[String(result)];
  if (outcome === undefined) throw new Error(`a map answered ${result}`);
  return outcome;
}

/** The number of a program or a map: it stands first in an EBPF_OBJECT. */
const idOf = ({ address }: { readonly address: bigint }): number => koffi.decode(address, "uint32") as number;

export function driverWorld(engine: DriverEngine): World {
  setProcessor(0);
  const before = countAllocations();
  const maps = new Map<WorldMap, DriverMap>();
  const programs: DriverProgram[] = [];
  return {
    createMap(spec, kind) {
      const map = createMap(mapForKernel(spec));
      if (spec.data !== undefined) {
        write(map, new Uint8Array(4), spec.data.bytes);
        if (spec.data.readOnly && !freeze(map.address)) throw new Error("not frozen");
      }
      const percpu = kind.includes("percpu");
      const stride = percpu ? Math.ceil(spec.valueSizeBytes / 8) * 8 : spec.valueSizeBytes;
      const own: WorldMap = {
        put(key, value, mode) {
          const whole = new Uint8Array(map.copySizeBytes);
          whole.set(value);
          return outcomeOf(write(map, key, whole, MODES[mode]));
        },
        delete: (key) => outcomeOf(erase(map, key)),
        read(key) {
          const bytes = read(map, key);
          if (typeof bytes === "number") return undefined;
          return Array.from({ length: bytes.length / stride }, (_, cpu) =>
            bytes.subarray(cpu * stride, cpu * stride + spec.valueSizeBytes),
          );
        },
        keys: () => keysOf(map),
        take() {
          const record = ring.read(map);
          return typeof record === "number" ? undefined : record;
        },
        dropped: () => ring.dropped(map),
      };
      maps.set(own, map);
      return own;
    },
    load(program: Program, own) {
      const loaded = load(
        program,
        own.map((map) => maps.get(map)!),
        engine,
      );
      programs.push(loaded);
      return {
        id: idOf(loaded),
        run(packet) {
          const { fault, faultSlot, result, after } = runOnPacket(loaded, packet);
          if (fault !== "None") throw new Error(`${fault} at slot ${faultSlot}`);
          return { result, after };
        },
      };
    },
    close() {
      // An array of programs that holds a program that has the array: neither would be freed.
      for (const map of maps.values()) {
        if (map.keySizeBytes === 4) for (const key of keysOf(map)) erase(map, key);
      }
      for (const object of [...programs.splice(0), ...maps.values()]) release(object);
      maps.clear();
      const left = countAllocations() - before;
      if (left !== 0) throw new Error(`${left} allocations are left`);
    },
  };
}
