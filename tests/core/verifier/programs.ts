// Makes a Program of assembly text for the verifier's tests: real platform tables, maps by name.
import { type Instruction, slotCount } from "../../../core/isa/instruction.ts";
import { parse } from "../../../core/isa/parse.ts";
import { LINUX } from "../../../core/platform/linux.ts";
import {
  findMapType,
  findProgramType,
  type MapKind,
  type Platform,
} from "../../../core/platform/platform.ts";
import { RAW } from "../../../core/platform/raw.ts";
import { WINDOWS } from "../../../core/platform/windows.ts";
import type { Program, ProgramMap, Subprogram } from "../../../core/program/program.ts";
import { KINDS } from "./kinds.ts";

export interface TestProgram {
  readonly code: string;
  readonly platform?: string;
  readonly type?: string;
  readonly memory?: number;
  readonly maps?: readonly ProgramMap[];
}

export const PLATFORMS = { windows: WINDOWS, linux: LINUX, raw: RAW, kinds: KINDS } as const;

const DEFAULT_TYPES: Readonly<Record<string, string>> = { raw: "raw", kinds: "sched_cls" };

function platformOf(name: string): Platform {
  const entry = Object.entries(PLATFORMS).find(([key]) => key === name);
  if (entry === undefined) throw new Error(`no platform ${name}`);
  return entry[1];
}

/** The maps of a fixture, one a line. */
export function mapsOf(text: string, platform: string): ProgramMap[] {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => mapOf(line, platformOf(platform)));
}

/** `name kind key value entries [flags]`, as the fixtures write a map; `inner=kind:key:value` is a template. */
function mapOf(line: string, platform: Platform): ProgramMap {
  const [name = "", kind = "", key = "0", value = "0", entries = "0", flags = ""] = line.trim().split(/\s+/);
  const type = platform.mapTypes.find((row) => row.name === (kind as MapKind));
  if (type === undefined) throw new Error(`no map type ${kind}`);
  const spec = {
    name,
    type: type.id,
    keySizeBytes: Number(key),
    valueSizeBytes: Number(value),
    maxEntries: Number(entries),
    flags: 0,
    pinning: 0,
  };
  if (flags.startsWith("inner=")) {
    const inner = mapOf(`${name}.inner ${flags.slice(6).replaceAll(":", " ")} 1`, platform).spec;
    return { spec: { ...spec, inner }, type };
  }
  if (!flags.startsWith("readonly")) return { spec, type };
  const bytes = new Uint8Array(Number(value));
  // "readonly=0102": these bytes first, the rest is 0.
  bytes.set(Buffer.from(flags.slice(9), "hex"));
  const data = { section: ".rodata", bytes, readOnly: true };
  return { spec: { ...spec, data }, type: findMapType(platform, type.id) ?? type };
}

function relativeTarget(instruction: Instruction): number | undefined {
  if (instruction.kind === "jump") return instruction.offset;
  if (instruction.kind === "call" && instruction.target.kind === "local") return instruction.target.offset;
  if (instruction.kind === "loadImmediate" && instruction.source.kind === "function") {
    return instruction.source.offset;
  }
  return undefined;
}

/** A program of one stream; functions start where local calls go. */
export function programOfInstructions(
  instructions: readonly Instruction[],
  options: Omit<TestProgram, "code"> = {},
): Program {
  const slots = new Int32Array(instructions.length);
  const indexOfSlot = new Map<number, number>();
  let slot = 0;
  for (const [index, instruction] of instructions.entries()) {
    slots[index] = slot;
    indexOfSlot.set(slot, index);
    slot += slotCount(instruction);
  }
  const targets = Int32Array.from(instructions, (instruction, index) => {
    const offset = relativeTarget(instruction);
    if (offset === undefined) return -1;
    // Relative to the next slot, for the two slots of an address too (Linux: insn_idx + imm + 1).
    return indexOfSlot.get((slots[index] ?? 0) + 1 + offset) ?? -1;
  });
  const starts = new Set([0]);
  for (const [index, instruction] of instructions.entries()) {
    const target = targets[index] ?? -1;
    if (instruction.kind !== "jump" && target >= 0) starts.add(target);
  }
  const ordered = [...starts].sort((a, b) => a - b);
  const subprograms: Subprogram[] = ordered.map((start, index) => ({
    name: index === 0 ? "test" : `function${index}`,
    start,
    end: ordered[index + 1] ?? instructions.length,
  }));
  const name = options.memory === undefined ? (options.platform ?? "windows") : "raw";
  const platform = platformOf(name);
  const type = findProgramType(platform, options.type ?? DEFAULT_TYPES[name] ?? "xdp");
  if (type === undefined) throw new Error(`no program type ${options.type}`);
  return {
    file: "test.o",
    name: "test",
    section: type.name,
    platform,
    type,
    instructions,
    subprograms,
    targets,
    slots,
    maps: options.maps ?? [],
    sources: [],
    ...(options.memory === undefined ? {} : { rawMemorySizeBytes: options.memory }),
  };
}

export function testProgram({ code, ...options }: TestProgram): Program {
  const names = options.maps?.map((map) => map.spec.name) ?? [];
  const text = code.replaceAll(/map\[([a-z_]\w*)\]/g, (whole, name: string) => {
    const index = names.indexOf(name);
    return index < 0 ? whole : `map[${index}]`;
  });
  return programOfInstructions(parse(text), options);
}
