// What a host offers programs, as tables; no logic beyond look-up. `verify()`, `buildProgram()` and the hosts take
// one Platform value. Adding a hook or a helper is a row here, its implementation in a host, and its fixtures.

export type PlatformName = "windows" | "linux" | "raw";

/** What is done with a packet, whatever number the platform uses for it. "aborted" counts as a drop that should not happen. */
export type PacketAction = "pass" | "drop" | "transmit" | "aborted";

export type ContextFieldKind =
  /** A number. */
  | "scalar"
  /** First byte of the packet. */
  | "packetStart"
  /** One past the last byte of the packet. */
  | "packetEnd"
  /** First byte of the metadata area in front of the packet. */
  | "packetMeta"
  /** A pointer to an object that `ObjectType.name` = `pointsTo.type` describes, or null if `pointsTo.nullable`. */
  | "object"
  /** A pointer to `pointsTo.sizeBytes` bytes that may be read. */
  | "memory"
  /** A pointer to something of the kernel (a BTF argument of fentry, tp_btf, iterators), or a number. */
  | "kernel";

export interface ContextField {
  readonly name: string;
  readonly byteOffset: number;
  readonly sizeBytes: number;
  readonly kind: ContextFieldKind;
  readonly writable: boolean;
  /** Access narrower than the field is allowed (scalars only). */
  readonly narrow: boolean;
  /** Writes are at least that wide, where reads may be narrower. */
  readonly leastWriteBytes?: number;
  /** Of kinds "object" and "memory". */
  readonly pointsTo?:
    | { readonly kind: "object"; readonly type: string; readonly nullable: boolean }
    | { readonly kind: "memory"; readonly sizeBytes: number; readonly nullable: boolean };
}

/** A thing of the host that programs hold a pointer to and read by fields (all numbers or objects): a socket. */
export interface ObjectType {
  readonly name: string;
  readonly sizeBytes: number;
  readonly fields: readonly ContextField[];
}

/** The struct r1 points at when a program starts. */
export interface ContextDescriptor {
  readonly name: string;
  readonly sizeBytes: number;
  readonly fields: readonly ContextField[];
  /** Set where packetStart and packetEnd bound bytes that programs may read but not write (an application's name). */
  readonly packetReadOnly?: true;
  /**
   * What a read gives where `fields` lists nothing, within sizeBytes: "number" any number at any width (a tracepoint's
   * record, registers, the context of an unknown type); "kernel" an argument by BTF, 8 bytes at multiples of 8.
   */
  readonly elsewhere?: "number" | "kernel";
}

export interface ProgramType {
  /** "xdp", "bind", "cgroup_sock_addr", "sock_ops" ... */
  readonly name: string;
  /** The number the platform gives it. */
  readonly id: number;
  readonly context: ContextDescriptor;
  /**
   * Return values with a name and, for packet hooks, an action; others are "aborted" for packet hooks.
   * r0 must be a number at exit in every case; `returnRange` is set where other values are to be refused.
   */
  readonly returns: readonly {
    readonly value: number;
    readonly name: string;
    readonly action?: PacketAction;
  }[];
  readonly returnRange?: { readonly minimum: number; readonly maximum: number };
  /** Names of helpers beside the general ones that only this type may call. */
  readonly helpers: readonly string[];
  /** Programs may use the legacy packet load (LD_ABS, LD_IND), with the context in r6. */
  readonly packetLoads?: true;
}

/** A hook: where programs of a type are attached. */
export interface AttachType {
  /** What a person says: "xdp", "bind", "connect4" ... */
  readonly name: string;
  /** The number the platform gives it; absent where the program type says it all. */
  readonly id?: number;
  readonly programType: string;
  /** Section names that mean this hook: exact, a prefix if it ends with "/", a name and any number if it ends with "#". */
  readonly sections: readonly string[];
  readonly description: string;
  /** What programs of this hook see and may answer, where that differs from their type's. */
  readonly context?: ContextDescriptor;
  readonly returnRange?: { readonly minimum: number; readonly maximum: number };
}

export type ArgumentKind =
  /**
   * Any initialised number; a pointer is refused (it would leak). `optional`: the register may also be uninitialised,
   * and the helper then finds any number there.
   */
  | { readonly kind: "scalar"; readonly optional?: true }
  /** Any initialised value, also a pointer (a number where pointers may not leave the program); `optional` as above. */
  | { readonly kind: "anything"; readonly optional?: true }
  | { readonly kind: "context"; readonly orNull?: true }
  /** A map of one of these types (by MapType.name). */
  | { readonly kind: "map"; readonly types: readonly string[] }
  /** Readable memory of the map's key size. The map is the argument before. */
  | { readonly kind: "mapKey" }
  /** Memory of the map's value size. The map is the argument before. "write": may be uninitialised stack. */
  | { readonly kind: "mapValue"; readonly access: "read" | "write"; readonly orNull?: true }
  /**
   * Memory whose length is the next argument. "write" memory may be uninitialised stack; the call initialises every
   * byte of it. "readWrite" memory must be initialised and writable.
   */
  | {
      readonly kind: "memory";
      readonly access: "read" | "write" | "readWrite";
      readonly orNull: boolean;
      /** Position (from 0) of the argument that is the length, if it is not the next one. */
      readonly sizeAt?: number;
    }
  /** The length in bytes of the memory argument before it: the low 32 bits, unless the helper takes all `bits`. */
  | { readonly kind: "size"; readonly zeroAllowed: boolean; readonly bits?: 64 }
  /** Memory of a fixed size (an out parameter: long *, struct tcphdr *). Access as for "memory". */
  | {
      readonly kind: "fixedMemory";
      readonly sizeBytes: number;
      readonly access: "read" | "write" | "readWrite";
      readonly orNull?: true;
    }
  /** A known number: the size in bytes of the record that the helper returns. */
  | { readonly kind: "recordSize" }
  /** A record that such a helper returned, unchanged; the call gives it back. */
  | { readonly kind: "record"; readonly release: true }
  /**
   * A pointer to an object of one of these types (by ObjectType.name; "kernel": any BTF pointer). `release`: the call
   * gives back the reference, which must be held.
   */
  | {
      readonly kind: "object";
      readonly types: readonly string[];
      readonly release?: true;
      readonly orNull?: true;
    }
  /**
   * A function of the program that the helper calls while it runs, any number of times, with these arguments; it must
   * return a number between 0 and 1.
   */
  | { readonly kind: "callback"; readonly parameters: readonly CallbackParameter[] }
  /** What the helper hands to its callback as it is ("passed"); a pointer to the stack, mostly. */
  | { readonly kind: "callbackContext" }
  /** A constant text with its final 0 in read-only data. */
  | { readonly kind: "text" }
  /** What is not modelled yet ("a spin lock", "a dynptr"): the program is refused with these words. */
  | { readonly kind: "unsupported"; readonly what: string };

export type CallbackParameter =
  /** Any number. */
  | "number"
  /** The map, a pointer to a key and to a value of the map in the helper's first argument. */
  | "map"
  | "mapKey"
  | "mapValue"
  /** What the helper was given as "callbackContext". */
  | "passed"
  /** A pointer to something of the kernel, by BTF. */
  | "kernel";

export type HelperReturn =
  | { readonly kind: "scalar"; readonly minimum?: bigint; readonly maximum?: bigint }
  /** A pointer to the value of the map in argument 1 (of a map of maps: to the inner map), or null. */
  | { readonly kind: "mapValueOrNull" }
  /** The same, never null (get_local_storage). */
  | { readonly kind: "mapValue" }
  /** A record of the size given by argument "recordSize", or null. It is acquired: it must be given back. */
  | { readonly kind: "recordOrNull" }
  /**
   * An object of a type of the platform, or null. `acquired`: it must be given back (argument with `release`). Else it
   * lives as long as the object in argument 1, if that is one, or as long as the program runs.
   */
  | { readonly kind: "objectOrNull"; readonly type: string; readonly acquired: boolean }
  /** A pointer to something of the kernel, by BTF. */
  | { readonly kind: "kernel"; readonly nullable: boolean }
  /** A pointer to that many bytes, or null. */
  | { readonly kind: "memoryOrNull"; readonly sizeBytes: number }
  /** What a program may not read: r0 is uninitialised after the call (it may hold an address). */
  | { readonly kind: "nothing" };

export interface Helper {
  /** libbpf's name without "bpf_": "map_lookup_elem". */
  readonly name: string;
  readonly id: number;
  readonly arguments: readonly ArgumentKind[];
  readonly returns: HelperReturn;
  /** Packet pointers held before the call must be loaded again after it. */
  readonly invalidatesPacket?: boolean;
  /** Program types that may call it; absent: all. */
  readonly programTypes?: readonly string[];
  /** It may wait: only for programs that may sleep too. */
  readonly maySleep?: true;
  /** The Linux kernel lets only programs under a GPL-compatible license call it. Verification does not ask for licenses. */
  readonly gplOnly?: true;
}

export type MapKind =
  | "array"
  | "hash"
  | "percpu_array"
  | "percpu_hash"
  | "lru_hash"
  | "lru_percpu_hash"
  | "prog_array"
  | "perf_event_array"
  | "hash_of_maps"
  | "array_of_maps"
  | "lpm_trie"
  | "queue"
  | "stack"
  | "ringbuf"
  | "stack_trace"
  | "cgroup_array"
  | "devmap"
  | "devmap_hash"
  | "sockmap"
  | "sockhash"
  | "cpumap"
  | "xskmap"
  | "cgroup_storage"
  | "percpu_cgroup_storage"
  | "reuseport_sockarray"
  | "sk_storage"
  | "inode_storage"
  | "task_storage"
  | "cgrp_storage"
  | "struct_ops"
  | "bloom_filter"
  | "user_ringbuf"
  | "arena"
  | "sample_hash_map";

export interface MapType {
  /** bpftool's name. */
  readonly name: MapKind;
  readonly id: number;
  /** May a program look up, update, delete an entry of it? */
  readonly operations: readonly ("lookup" | "update" | "delete")[];
  readonly key: "u32" | "any" | "none";
  /** Programs may not write to the values they look up. */
  readonly readOnlyValues?: true;
}

export interface Platform {
  readonly name: PlatformName;
  readonly programTypes: readonly ProgramType[];
  readonly attachTypes: readonly AttachType[];
  readonly helpers: readonly Helper[];
  readonly mapTypes: readonly MapType[];
  /** What fields and helpers point to under a name. */
  readonly objectTypes?: readonly ObjectType[];
}

/** BPF_F_RDONLY_PROG, a flag of maps: programs may only read their values. */
export const READ_ONLY_FOR_PROGRAMS = 1 << 7;

/**
 * BPF_F_NO_PREALLOC, _NO_COMMON_LRU and _NUMA_NODE, flags of maps: where memory comes from, and when. Hosts have their own ways, which no
 * program can tell apart.
 */
const HINTS_FOR_MEMORY = 1 | 2 | 4;

/** Bits of a map's flags that ask for what no host has. */
export const unsupportedMapFlags = (flags: number): number =>
  (flags & ~(READ_ONLY_FOR_PROGRAMS | HINTS_FOR_MEMORY)) >>> 0;

/** What is left to tell a host. */
export const plainMapFlags = (flags: number): number => (flags & ~HINTS_FOR_MEMORY) >>> 0;

interface Index {
  readonly programTypes: ReadonlyMap<string, ProgramType>;
  readonly attachTypes: ReadonlyMap<string, AttachType>;
  readonly helpers: ReadonlyMap<number, readonly Helper[]>;
  readonly helpersByName: ReadonlyMap<string, Helper>;
  readonly mapTypes: ReadonlyMap<number, MapType>;
}

const indexes = new WeakMap<Platform, Index>();

function indexOf(platform: Platform): Index {
  const known = indexes.get(platform);
  if (known !== undefined) return known;
  const index: Index = {
    programTypes: new Map(platform.programTypes.map((row) => [row.name, row])),
    attachTypes: new Map(platform.attachTypes.map((row) => [row.name, row])),
    helpers: Map.groupBy(platform.helpers, (row) => row.id),
    helpersByName: new Map(platform.helpers.map((row) => [row.name, row])),
    mapTypes: new Map(platform.mapTypes.map((row) => [row.id, row])),
  };
  indexes.set(platform, index);
  return index;
}

export function findProgramType(platform: Platform, name: string): ProgramType | undefined {
  return indexOf(platform).programTypes.get(name);
}

/** The hook by its name, e.g. "xdp". */
export function findAttachType(platform: Platform, name: string): AttachType | undefined {
  return indexOf(platform).attachTypes.get(name);
}

/** The hook that a section name means; "xdp/foo" is found by a row "xdp/". */
export function findAttachTypeOfSection(platform: Platform, section: string): AttachType | undefined {
  const exact = platform.attachTypes.find((row) => row.sections.includes(section));
  return exact ?? platform.attachTypes.find((row) => row.sections.some((name) => names(name, section)));
}

/** Does an entry of `sections` that is a pattern name this section? */
function names(pattern: string, section: string): boolean {
  if (pattern.endsWith("/")) return section.startsWith(pattern);
  if (!pattern.endsWith("#")) return false;
  const name = pattern.slice(0, -1);
  return section.startsWith(name) && /^\d+$/.test(section.slice(name.length));
}

/**
 * The helper of a number. Windows gives the same numbers (from 0x10000) to different helpers of different program
 * types: say which type calls. If none of the rows is for that type, one of them is answered, for messages; see
 * `mayCall`.
 */
export function findHelper(platform: Platform, id: number, programType?: string): Helper | undefined {
  const rows = indexOf(platform).helpers.get(id);
  if (rows === undefined || programType === undefined) return rows?.[0];
  return rows.find((row) => mayCall(row, programType)) ?? rows[0];
}

/** May programs of this type call the helper? */
export function mayCall(helper: Helper, programType: string): boolean {
  return helper.programTypes === undefined || helper.programTypes.includes(programType);
}

/** The helper of a name, with or without "bpf_". */
export function findHelperByName(platform: Platform, name: string): Helper | undefined {
  return indexOf(platform).helpersByName.get(name.replace(/^bpf_/, ""));
}

export function findMapType(platform: Platform, id: number): MapType | undefined {
  return indexOf(platform).mapTypes.get(id);
}
