// What a program that was accepted answers and leaves behind, as text, so that engines can be held against each other.
import { Buffer } from "node:buffer";
import { createEmbeddedHost } from "../../core/host/embedded/host.ts";
import { compile } from "../../core/image/compile.ts";
import type { EngineName } from "../../core/image/image.ts";
import type { MapSpec } from "../../core/spec.ts";
import type { VerifiedProgram } from "../../core/verifier/verdict.ts";
import { generator } from "./mutate.ts";

const RUNS = 4;

/** The packets that a seed means, for one run each. */
export function packetsOf(seed: number): readonly Uint8Array[] {
  const next = generator(seed);
  return Array.from({ length: RUNS }, () =>
    Uint8Array.from({ length: next(100) }, () => (next(4) === 0 ? 255 : next(256))),
  );
}

const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString("hex");

export function describeRun(returnValue: bigint, packet: Uint8Array | undefined): string {
  return `r0 ${returnValue.toString(16)}, packet ${hex(packet)}`;
}

/** Of a map with a value for each processor, the first one's. */
export function describeEntry(spec: MapSpec, key: Uint8Array, value: Uint8Array | undefined): string {
  return `${spec.name} ${hex(key)}: ${hex(value?.subarray(0, spec.valueSizeBytes))}`;
}

/** In a host of its own. */
export function behaviour(program: VerifiedProgram, engine: EngineName, seed: number): string {
  const host = createEmbeddedHost({ maximumMemoryBytes: 4 << 20 });
  const maps = program.maps.map(({ spec, type }) => host.createMap(spec, type.name));
  const loaded = host.load(compile(program, engine), maps);
  const runs = packetsOf(seed).map((data) => {
    const after = loaded.run({ data });
    return describeRun(after.returnValue, after.data);
  });
  const entries = maps.flatMap((map) =>
    Array.from(map.entries(), ({ key, value }) => describeEntry(map.spec, key, value)),
  );
  return [...runs, ...entries.sort()].join("\n");
}
