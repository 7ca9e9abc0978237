// A Program before the kernel's verifier: its maps made once, then it and its mutants judged. The rows of the platform say
// as which program type and for which hook.
import { existsSync, readFileSync } from "node:fs";
import { readBtf } from "../../../core/btf/read.ts";
import type { BtfTypes } from "../../../core/btf/types.ts";
import { encode } from "../../../core/isa/encode.ts";
import type { Instruction } from "../../../core/isa/instruction.ts";
import { findMapType, type MapKind, type Platform } from "../../../core/platform/platform.ts";
import type { Program, ProgramMap } from "../../../core/program/program.ts";
import type { MapSpec } from "../../../core/spec.ts";
import {
  closeDescriptor,
  createMap,
  freezeMap,
  logOf,
  type MapAttributes,
  type ProgramAttributes,
  tryProgram,
  updateMap,
} from "./bpf.ts";

const SLEEPABLE = 1 << 4;
const XDP_FRAGMENTS = 1 << 5;
const READ_ONLY_FOR_PROGRAMS = 1 << 7;
/** What a program may do with a hash table does not depend on how many entries there is room for. */
const MOST_HASH_ENTRIES = 16;
/** Without which a kind of map cannot be made (BPF_F_NO_PREALLOC, BPF_F_MMAPABLE). */
const FLAGS_NEEDED: Readonly<Partial<Record<MapKind, number>>> = {
  lpm_trie: 1,
  sk_storage: 1,
  inode_storage: 1,
  task_storage: 1,
  cgrp_storage: 1,
};

export interface KernelVerdict {
  readonly accepted: boolean;
  /** The line of the kernel's log that says why not; with how long it took. */
  readonly reason: string;
  readonly log: string;
  readonly milliseconds: number;
}

export interface Session {
  /** The verdict on that program, or on other instructions in its place; the log only of what is rejected, if asked for. */
  judge(instructions: readonly Instruction[], withLog: boolean): KernelVerdict;
  close(): void;
}

/** Makes the maps of a program; throws BpfError if the kernel does not have them. */
export function openSession(program: Program): Session {
  const descriptors: number[] = [];
  const close = (): void => descriptors.splice(0).forEach(closeDescriptor);
  try {
    const maps = program.maps.map((map) => create(program.platform, map, descriptors));
    return { judge: (instructions, withLog) => judge(program, instructions, maps, withLog), close };
  } catch (error) {
    close();
    throw error;
  }
}

function create(platform: Platform, { spec, type }: ProgramMap, descriptors: number[]): number {
  const map = keep(
    createMap({ ...attributesOf({ spec, type }), ...innerOf(platform, spec, descriptors) }),
    descriptors,
  );
  if (spec.data !== undefined) {
    updateMap(map, new Uint8Array(4), spec.data.bytes);
    if (spec.data.readOnly) freezeMap(map);
  }
  return map;
}

function innerOf(platform: Platform, { inner }: MapSpec, descriptors: number[]): { inner?: number } {
  const type = inner === undefined ? undefined : findMapType(platform, inner.type);
  if (inner === undefined || type === undefined) return {};
  return { inner: keep(createMap(attributesOf({ spec: inner, type })), descriptors) };
}

function keep(descriptor: number, descriptors: number[]): number {
  descriptors.push(descriptor);
  return descriptor;
}

/** As libbpf makes the maps of an object. */
function attributesOf({ spec, type }: Pick<ProgramMap, "spec" | "type">): MapAttributes {
  const { keySizeBytes, valueSizeBytes, maxEntries, data } = spec;
  // The kernel sets that flag itself on maps whose values are its own, and refuses it from others.
  const flags = type.readOnlyValues === true ? spec.flags & ~READ_ONLY_FOR_PROGRAMS : spec.flags;
  return {
    type: spec.type,
    keySizeBytes,
    valueSizeBytes:
      data?.bytes.length ?? (type.name === "stack_trace" ? valueSizeBytes || 8 : valueSizeBytes),
    maxEntries: entriesOf(type.name, maxEntries),
    flags: flags | (data?.readOnly === true ? READ_ONLY_FOR_PROGRAMS : 0) | (FLAGS_NEEDED[type.name] ?? 0),
  };
}

/** Where none are said, whoever loads the program says how many; few where the kernel would take the memory of all at once. */
function entriesOf(kind: MapKind, maxEntries: number): number {
  const storage = kind.endsWith("_storage");
  if (maxEntries === 0) return storage ? 0 : 1;
  return kind.includes("hash") ? Math.min(maxEntries, MOST_HASH_ENTRIES) : maxEntries;
}

function judge(
  program: Program,
  instructions: readonly Instruction[],
  maps: readonly number[],
  withLog: boolean,
): KernelVerdict {
  const attributes = attributesOfProgram(program, instructions, maps);
  const began = performance.now();
  const errno = tryProgram(attributes);
  const milliseconds = performance.now() - began;
  if (errno === undefined) return { accepted: true, reason: "", log: "", milliseconds };
  const log = withLog ? logOf(attributes) : "";
  return { accepted: false, reason: withLog ? reasonIn(log, errno) : "", log, milliseconds };
}

function attributesOfProgram(
  { type, attachType, section }: Program,
  instructions: readonly Instruction[],
  maps: readonly number[],
): ProgramAttributes {
  const sleepable = /\.s(\/|$)/.test(section);
  const fragments = /^xdp\.frags(\/|$)/.test(section);
  const attachTo = attachType === undefined ? undefined : typeAttachedTo(attachType.name, section);
  return {
    type: type.id,
    attachType: attachType?.id ?? 0,
    flags: (sleepable ? SLEEPABLE : 0) | (fragments ? XDP_FRAGMENTS : 0),
    code: encode(instructions.map((one) => withDescriptor(one, maps))),
    ...(attachTo === undefined ? {} : { attachTo }),
  };
}

/** A map is named by its descriptor there, by its place in the program's list here. */
function withDescriptor(instruction: Instruction, maps: readonly number[]): Instruction {
  if (instruction.kind !== "loadImmediate") return instruction;
  const { source } = instruction;
  if (source.kind !== "map" && source.kind !== "mapValue") return instruction;
  return { ...instruction, source: { ...source, map: maps[source.map] ?? -1 } };
}

/** Name and kind in the kernel's types of what a section names, by hook. */
const ATTACHED: Readonly<Record<string, { readonly prefix: string; readonly kind: "function" | "typedef" }>> =
  {
    fentry: { prefix: "", kind: "function" },
    fexit: { prefix: "", kind: "function" },
    fmod_ret: { prefix: "", kind: "function" },
    tp_btf: { prefix: "btf_trace_", kind: "typedef" },
    lsm: { prefix: "bpf_lsm_", kind: "function" },
    lsm_cgroup: { prefix: "bpf_lsm_", kind: "function" },
    iter: { prefix: "bpf_iter_", kind: "function" },
  };

let kernelTypes: BtfTypes | undefined;

function typeAttachedTo(hook: string, section: string): number | undefined {
  const row = ATTACHED[hook];
  if (row === undefined) return undefined;
  const file = "/sys/kernel/btf/vmlinux";
  if (!existsSync(file)) return undefined;
  kernelTypes ??= readBtf(readFileSync(file)).types;
  const name = row.prefix + section.slice(section.indexOf("/") + 1);
  const id = kernelTypes.types.findIndex(
    (one) => one.kind === row.kind && "name" in one && one.name === name,
  );
  return id < 0 ? undefined : id;
}

/** Lines that say what was looked at or how much, not why. */
const NO_REASON =
  /^(processed \d|verification time|stack depth|max_states|mark_precise|from \d+ to|func#\d|Live regs|last_idx|regs=|parent |\s*$|;|\s*\d+: (\(|R\d|safe|\.))/;

/** The last line of the log that says why; a text of ours where there is no log. */
function reasonIn(log: string, errno: number): string {
  const lines = log.split("\n").filter((line) => !NO_REASON.test(line));
  return lines.at(-1)?.trim() ?? `no log, errno ${errno}`;
}
