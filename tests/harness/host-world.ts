// A host as a place for the cases of tests/fixtures/maps. Programs run in the main thread.
import { EbpfError, type ErrorCode } from "../../core/base/error.ts";
import type { EbpfMap, Host } from "../../core/host/host.ts";
import { compile } from "../../core/image/compile.ts";
import type { EngineName } from "../../core/image/image.ts";
import type { MapKind } from "../../core/platform/platform.ts";
import { forKernel } from "../../core/program/for-kernel.ts";
import type { Program } from "../../core/program/program.ts";
import { certify } from "../../core/verifier/certify.ts";
import { MAP_ERRORS, type MapOutcome, type World, type WorldMap } from "./map-fixture.ts";
import { trust } from "./programs.ts";

const ERRORS: Readonly<Record<string, MapOutcome>> = MAP_ERRORS;
const CODES: Partial<Record<ErrorCode, MapOutcome>> = {
  MapKeyNotFound: "missing",
  MapFull: "full",
  MapKeyExists: "exists",
  MapValueInvalid: "invalid",
  MapOperationUnsupported: "invalid",
};

/** What became of a change; errors that no map has are thrown on. */
function outcomeOf(change: () => boolean): MapOutcome {
  try {
    return change() ? "" : "missing";
  } catch (error) {
    if (!(error instanceof EbpfError)) throw error;
    const outcome = ERRORS[String(error.data.details?.error)] ?? CODES[error.code];
    if (outcome === undefined) throw error;
    return outcome;
  }
}

/** The proof that a host of that kind asks for; throws if there is none. */
export function certificateFor(program: Program, host: Host): Uint8Array | undefined {
  if (host.kind !== "kernel") return undefined;
  const proof = certify(forKernel(program), { strict: true });
  if (proof.kind === "none") throw new Error(proof.reason);
  return proof.bytes;
}

/** `leftBytes`: what the host keeps for itself once everything is closed. */
export function hostWorld(host: Host, engine: EngineName, leftBytes: number): World {
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
          const whole = new Uint8Array(kind.includes("percpu") ? map.copySizeBytes : value.length);
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
        keys: () => Array.from(map.entries(), ({ key }) => key),
        take: () => map.ring?.take(1)[0],
        dropped: () => map.ring?.dropped() ?? Number.NaN,
      };
      maps.set(own, map);
      return own;
    },
    load(program, own) {
      const given = own.map((map) => maps.get(map)!);
      const loaded = host.load(compile(trust(program), engine), given, certificateFor(program, host));
      if (loaded.engine !== engine) throw new Error(`${loaded.engine}: ${loaded.engineReason}`);
      closing.unshift(() => loaded.close());
      return {
        id: loaded.id,
        run(packet) {
          const { returnValue, data } = loaded.run({ data: packet });
          return { result: returnValue, after: data };
        },
      };
    },
    close() {
      // An array of programs that holds a program that has the array: neither would be freed.
      for (const map of maps.values()) {
        if (map.ring === undefined && host.kind === "kernel" && map.spec.keySizeBytes === 4)
          for (const { key } of map.entries()) outcomeOf(() => map.delete(key));
      }
      for (const close of closing.splice(0)) close();
      const left = host.memoryBytes() - before;
      if (left > leftBytes) throw new Error(`${left} bytes are left`);
    },
  };
}
