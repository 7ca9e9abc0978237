// The embedded host as a place for the cases of tests/fixtures/maps. Programs run in the main thread.
import { EbpfError } from "../../core/base/error.ts";
import { createEmbeddedHost } from "../../core/host/embedded/host.ts";
import type { EbpfMap } from "../../core/host/host.ts";
import { compile } from "../../core/image/compile.ts";
import type { EngineName } from "../../core/image/image.ts";
import type { MapKind } from "../../core/platform/platform.ts";
import { MAP_ERRORS, type MapOutcome, type World, type WorldMap } from "./map-fixture.ts";
import { trust } from "./programs.ts";

const ERRORS: Readonly<Record<string, MapOutcome>> = MAP_ERRORS;

/** What became of a change; errors that no map has are thrown on. */
function outcomeOf(change: () => boolean): MapOutcome {
  try {
    return change() ? "" : "missing";
  } catch (error) {
    if (!(error instanceof EbpfError)) throw error;
    if (error.code === "MapValueInvalid") return "invalid";
    const outcome = ERRORS[String(error.data.details?.error)];
    if (outcome === undefined) throw error;
    return outcome;
  }
}

export function embeddedWorld(engine: EngineName): World {
  const host = createEmbeddedHost();
  const maps = new Map<WorldMap, EbpfMap>();
  const before = host.memoryBytes();
  const closing: (() => void)[] = [];
  return {
    createMap(spec, kind) {
      const map = host.createMap(spec, kind as MapKind);
      closing.unshift(() => map.close());
      const stride = Math.ceil(spec.valueSizeBytes / 8) * 8;
      const own: WorldMap = {
        put(key, value, mode) {
          const whole = kind.includes("percpu") ? new Uint8Array(stride * 16) : new Uint8Array(value.length);
          whole.set(value);
          return outcomeOf(() => {
            map.update(key, whole, mode);
            return true;
          });
        },
        delete: (key) => outcomeOf(() => map.delete(key)),
        read(key) {
          const bytes = map.lookup(key);
          if (bytes === undefined || !kind.includes("percpu")) return bytes && [bytes];
          return Array.from({ length: bytes.length / stride }, (_, cpu) =>
            bytes.subarray(cpu * stride, cpu * stride + spec.valueSizeBytes),
          );
        },
        keys: () => map.keys(),
        take: () => map.ring?.take(),
        dropped: () => map.ring?.dropped() ?? Number.NaN,
      };
      maps.set(own, map);
      return own;
    },
    load(program, own) {
      const image = compile(trust(program), engine);
      const loaded = host.load(
        image,
        own.map((map) => maps.get(map)!),
      );
      closing.unshift(() => loaded.close());
      return { id: loaded.id, run: (data) => loaded.run({ data }).returnValue };
    },
    close() {
      for (const close of closing.splice(0)) close();
      // The main thread's lane stays.
      const left = host.memoryBytes() - before;
      if (left > 100_000) throw new Error(`${left} bytes are left`);
    },
  };
}
