// The driver's certificate checker (driver/certificate/), given programs of the core.
import { Buffer } from "node:buffer";
import koffi from "koffi";
import { checkCertificate } from "../../core/certificate/check.ts";
import type { CheckedProgram } from "../../core/certificate/program.ts";
import { encode } from "../../core/isa/encode.ts";
import { slotCount } from "../../core/isa/instruction.ts";
import type { ProgramType } from "../../core/platform/platform.ts";
import type { MapSpec } from "../../core/spec.ts";
import { ROWS_OF_TESTS, typesOf } from "../../scripts/certificate-rows.ts";
import { library } from "./driver.ts";

/** By number in driver/certificate/certificate.h. */
const OUTCOMES = ["proved", "invalid", "mismatch", "refused", "unchecked"] as const;

export interface DriverChecked {
  readonly outcome: (typeof OUTCOMES)[number];
  readonly strict: boolean;
  readonly states: number;
  readonly steps: number;
  readonly reason: string | undefined;
  /** Cells gone over, as the driver counts them. */
  readonly work: number;
}

const check = library.func("bool CertificateCheck(const void*, const void*, uint32, _Out_ void*)");
const findType = library.func("uintptr_t RowsTypeAt(const void*, uint32)");
const platformNamed = library.func("uintptr_t RowsNamed(str)");

const MAP_BYTES = 48;
const PROGRAM_BYTES = 72;
const RESULT_BYTES = 40;

const addressOf = (bytes: ArrayBufferView): bigint => BigInt(koffi.address(bytes));

/** A program in the driver's terms. Holds on to all memory that it refers to. */
export interface DriverCertificateProgram {
  readonly bytes: Uint8Array;
  readonly memory: readonly ArrayBufferView[];
}

/** Undefined: the rows of the driver have no such type (a context of BTF), or the entry is not a hook's. */
export function certificateProgram(program: CheckedProgram): DriverCertificateProgram | undefined {
  const type = typeOf(program);
  const name = [...ROWS_OF_TESTS].find(([, platform]) => platform === program.platform)?.[0];
  if (name === undefined || type < 0 || !isHook(program)) return undefined;
  const memory: ArrayBufferView[] = [];
  const keep = <T extends ArrayBufferView>(bytes: T): bigint => {
    memory.push(bytes);
    return bytes.byteLength === 0 ? 0n : addressOf(bytes);
  };
  const slots = encode(program.instructions);
  const first = slotsOf(program);
  const starts = Uint32Array.from(program.subprograms, ({ start }) => first[start] ?? 0);
  const section = new TextEncoder().encode(program.section);
  const platform = BigInt(platformNamed(name));
  const bytes = new Uint8Array(PROGRAM_BYTES);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, platform, true);
  view.setBigUint64(8, BigInt(findType(platform, type)), true);
  view.setBigUint64(16, keep(section), true);
  view.setUint32(24, section.length, true);
  view.setUint32(28, slots.length >> 3, true);
  view.setBigUint64(32, keep(slots), true);
  view.setBigUint64(40, keep(starts), true);
  view.setUint32(48, starts.length, true);
  view.setUint32(52, program.maps.length, true);
  const maps = new Uint8Array(MAP_BYTES * program.maps.length);
  for (const [at, { spec }] of program.maps.entries()) writeMap(maps, MAP_BYTES * at, spec, keep);
  view.setBigUint64(56, keep(maps), true);
  view.setBigInt64(64, BigInt(program.rawMemorySizeBytes ?? -1), true);
  return { bytes, memory };
}

function slotsOf({ instructions }: CheckedProgram): readonly number[] {
  let slot = 0;
  return instructions.map((one) => {
    slot += slotCount(one);
    return slot - slotCount(one);
  });
}

function writeMap(bytes: Uint8Array, at: number, spec: MapSpec, keep: (bytes: Uint8Array) => bigint): void {
  const { type, keySizeBytes, valueSizeBytes, maxEntries, flags, data, inner } = spec;
  const view = new DataView(bytes.buffer, at, MAP_BYTES);
  const isReadOnly = data?.readOnly === true ? 1 : 0;
  const numbers = [type, keySizeBytes, valueSizeBytes, maxEntries, flags, data ? 1 : 0, isReadOnly];
  for (const [index, number] of numbers.entries()) view.setUint32(4 * index, number, true);
  view.setUint32(28, data?.bytes.length ?? 0, true);
  // A copy, which nobody else moves.
  view.setBigUint64(32, data === undefined ? 0n : keep(Uint8Array.from(data.bytes)), true);
  if (inner === undefined) return;
  const template = new Uint8Array(MAP_BYTES);
  writeMap(template, 0, inner, keep);
  view.setBigUint64(40, keep(template), true);
}

/** The row of the program's type, as its hook narrows it. */
function typeOf({ platform, type }: CheckedProgram): number {
  const same = (one: ProgramType): boolean =>
    one.name === type.name &&
    one.context === type.context &&
    one.returnRange?.minimum === type.returnRange?.minimum &&
    one.returnRange?.maximum === type.returnRange?.maximum;
  return typesOf(platform).findIndex(same);
}

/** The driver enters programs as hooks do, not functions of .text as their prototypes say. */
const isHook = ({ section, btf, subprograms }: CheckedProgram): boolean =>
  section !== ".text" || btf === undefined || subprograms[0]?.btfId === undefined;

export function driverCheck(program: DriverCertificateProgram, certificate: Uint8Array): DriverChecked {
  const result = new Uint8Array(RESULT_BYTES);
  // Bytes of its own size, so that the sanitizer sees what is read behind them.
  const proved = check(program.bytes, Uint8Array.from(certificate), certificate.length, result);
  const view = new DataView(result.buffer);
  const outcome = OUTCOMES[view.getUint32(0, true)] ?? "refused";
  if (proved !== (outcome === "proved")) throw new Error(`answered ${proved}, ${outcome}`);
  const reason = view.getBigUint64(24, true);
  return {
    outcome,
    strict: view.getUint32(4, true) !== 0,
    states: view.getUint32(8, true),
    steps: Number(view.getBigUint64(16, true)),
    reason: reason === 0n ? undefined : String(koffi.decode(reason, "char", -1)),
    work: Number(view.getBigUint64(32, true)),
  };
}

/** How the core and the driver answer, if they do it alike; throws if they do not. Reasons are in each one's own words. */
export function checkBoth(
  program: CheckedProgram,
  given: DriverCertificateProgram,
  certificate: Uint8Array,
): "proved" | "refused" {
  const core = checkCertificate(program, certificate);
  const driver = driverCheck(given, certificate);
  const same =
    core.kind === "proved"
      ? driver.outcome === "proved" &&
        core.strict === driver.strict &&
        core.states === driver.states &&
        core.steps === driver.steps
      : driver.outcome !== "proved";
  if (same) return core.kind;
  const hex = Buffer.from(certificate).toString("hex");
  throw new Error(`core ${JSON.stringify(core)}, driver ${JSON.stringify(driver)}: ${hex}`);
}
