// What is in the driver whoever created it: programs, maps and links by the driver's numbers, found and described through handles of
// our own.

import type { KernelEngine } from "../../image/image.ts";
import type { MapSpec } from "../../spec.ts";
import type { RunCounts } from "../host.ts";
import { type About, replyError } from "./errors.ts";
import { type KernelMap, openKernelMap } from "./map.ts";
import { engineOf } from "./program.ts";
import { closeHandle, type Driver } from "./transact.ts";
import { CONSTANTS, type Reply } from "./wire.ts";

export interface DriverProgram extends RunCounts {
  readonly id: number;
  readonly name: string;
  /** The number of its program type. */
  readonly type: number;
  readonly slots: number;
  readonly engine: KernelEngine;
  readonly engineReason?: string;
  readonly certified: boolean;
  readonly mapIds: readonly number[];
}

export interface DriverMap {
  readonly id: number;
  readonly spec: MapSpec;
  readonly entries: number;
}

/** A program at a hook. */
export interface DriverLink {
  readonly id: number;
  readonly programId: number;
  readonly attachType: number;
  /** 0: every one. */
  readonly point: number;
}

type Info = Reply<"OBJECT_INFO">;

const ABOUT: About = { what: "driver", name: "EbpfCore" };

const idsOf = function* (driver: Driver, type: number): Generator<number> {
  for (let id = 0; ; ) {
    id = driver.transact(ABOUT, "OBJECT_NEXT", { type, id }).reply.id;
    if (id === 0) return;
    yield id;
  }
};

/** A handle to it for as long as `body` runs; undefined if it is not there any more. */
function withObject<T>(
  driver: Driver,
  type: number,
  id: number,
  body: (handle: number, info: Info) => T,
): T | undefined {
  const { error, reply } = driver.ask("OBJECT_OPEN", { type, id });
  if (error === "ProgramNotFound" || error === "MapNotFound" || error === "LinkNotFound") return undefined;
  if (error !== "None") throw replyError(error, ABOUT);
  const { handle } = reply;
  try {
    return body(handle, driver.transact(ABOUT, "OBJECT_INFO", { handle }).reply);
  } finally {
    closeHandle(driver, handle);
  }
}

export function listPrograms(driver: Driver): DriverProgram[] {
  return [...idsOf(driver, CONSTANTS.TYPE_PROGRAM)].flatMap(
    (id) => withObject(driver, CONSTANTS.TYPE_PROGRAM, id, (_handle, info) => programOf(info)) ?? [],
  );
}

function programOf(info: Info): DriverProgram {
  return {
    id: info.id,
    name: info.name,
    type: info.programType,
    slots: info.slotCount,
    ...engineOf(info),
    certified: info.certified !== 0,
    mapIds: info.mapIds.slice(0, info.mapCount),
    runs: Number(info.runCount),
    nanoseconds: Number(info.runNanoseconds),
    faults: Number(info.faultCount),
  };
}

/** What the driver knows of a map; pins and types of C it does not. */
function specOf({ id, name, map }: Info): MapSpec {
  const { type, keyBytes, valueBytes, maxEntries, flags } = map;
  return {
    name: name === "" ? `map-${id}` : name,
    ...{ type, keySizeBytes: keyBytes, valueSizeBytes: valueBytes, maxEntries, flags, pinning: 0 },
  };
}

export function listMaps(driver: Driver): DriverMap[] {
  return [...idsOf(driver, CONSTANTS.TYPE_MAP)].flatMap(
    (id) =>
      withObject(driver, CONSTANTS.TYPE_MAP, id, (_handle, info) => ({
        id,
        spec: specOf(info),
        entries: info.mapEntries,
      })) ?? [],
  );
}

/** Those that are attached. */
export function listLinks(driver: Driver): DriverLink[] {
  return [...idsOf(driver, CONSTANTS.TYPE_LINK)].flatMap(
    (id) =>
      withObject(driver, CONSTANTS.TYPE_LINK, id, (_handle, { link }) =>
        link.programId === 0 ? [] : [{ id, ...link }],
      ) ?? [],
  );
}

/** A map by the driver's number; MapNotFound. Whoever opens it closes it. */
export function openMap(driver: Driver, id: number): KernelMap {
  const about: About = { what: "map", name: String(id) };
  const { handle } = driver.transact(about, "OBJECT_OPEN", { type: CONSTANTS.TYPE_MAP, id }).reply;
  try {
    const spec = specOf(driver.transact(about, "OBJECT_INFO", { handle }).reply);
    return openKernelMap({ driver, handle, about: { what: "map", name: spec.name }, spec }, id);
  } catch (error) {
    closeHandle(driver, handle);
    throw error;
  }
}
