// The shapes of parameters and results on the wire, as valibot schemas: one for each record of manager/records.ts.
// Knows no methods; methods.ts says which method takes and gives what.
import * as v from "valibot";
import type {
  DisassemblyRecord,
  ExampleRecord,
  FailureRecord,
  HookRecord,
  InterfaceRecord,
  LinkRecord,
  MapEntryRecord,
  MapRecord,
  MendRecord,
  ProgramRecord,
  ProgramStatsRecord,
  RingRecord,
  SectionRecord,
  ServiceStatusRecord,
  SliceRecord,
  VerificationRecord,
} from "../manager/records.ts";

/** A schema that stands for the record type R: it must produce an R, and name every field of it. */
type Shape<R> = v.GenericSchema<unknown, R>;

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
export const id = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(2 ** 31 - 1));
const settings = v.record(v.string(), v.unknown());
const platform = v.picklist(["windows", "linux", "raw"]);
const engine = v.picklist(["wasm", "interpreter", "kernel-jit", "kernel-interpreter"]);
const interfaceKind = v.picklist(["gateway", "tap", "pcap", "windivert"]);

const source = v.object({ file: v.string(), line: count, column: count, text: v.string() });

const slice = v.object({
  instruction: count,
  slot: count,
  text: v.string(),
  source: v.exactOptional(source),
  note: v.string(),
});

export const SLICE: Shape<SliceRecord> = slice;

const mend = v.object({
  file: v.string(),
  line: count,
  place: v.picklist(["before", "instead"]),
  text: v.string(),
});

export const MEND: Shape<MendRecord> = mend;

const example = v.object({
  packetLength: v.exactOptional(count),
  packetHex: v.exactOptional(v.string()),
  contextHex: v.exactOptional(v.string()),
  context: v.exactOptional(v.array(v.object({ field: v.string(), value: v.string() }))),
  maps: v.exactOptional(
    v.array(v.object({ map: v.string(), keyHex: v.string(), valueHex: v.nullable(v.string()) })),
  ),
  memory: v.exactOptional(v.array(v.object({ what: v.string(), hex: v.string() }))),
  answers: v.exactOptional(v.array(v.object({ helper: v.string(), value: v.string() }))),
  confirmed: v.literal(true),
  observed: v.string(),
});

export const EXAMPLE: Shape<ExampleRecord> = example;

const failure = v.object({
  code: v.string(),
  message: v.string(),
  remedy: v.string(),
  instruction: count,
  slot: count,
  text: v.string(),
  source: v.exactOptional(source),
  registers: v.record(v.string(), v.string()),
  slice: v.exactOptional(v.array(slice)),
  known: v.exactOptional(v.string()),
  needed: v.exactOptional(v.union([v.string(), v.number()])),
  mend: v.exactOptional(mend),
  example: v.exactOptional(example),
});

export const FAILURE: Shape<FailureRecord> = failure;

export const VERIFICATION: Shape<VerificationRecord> = v.object({
  file: v.string(),
  section: v.nullable(v.string()),
  program: v.nullable(v.string()),
  type: v.nullable(v.string()),
  platform: v.nullable(platform),
  verdict: v.picklist(["accepted", "rejected", "error"]),
  code: v.exactOptional(v.string()),
  message: v.exactOptional(v.string()),
  remedy: v.exactOptional(v.string()),
  instruction: v.exactOptional(count),
  source: v.exactOptional(source),
  failure: v.exactOptional(failure),
  failures: v.exactOptional(v.array(failure)),
  instructions: count,
  steps: count,
  states: count,
  milliseconds: v.pipe(v.number(), v.minValue(0)),
});

export const DISASSEMBLY: Shape<DisassemblyRecord> = v.object({
  file: v.string(),
  section: v.string(),
  program: v.string(),
  function: v.string(),
  slot: count,
  bytes: v.string(),
  text: v.string(),
  source: v.exactOptional(source),
});

export const SECTION: Shape<SectionRecord> = v.object({
  file: v.string(),
  section: v.string(),
  kind: v.string(),
  sizeBytes: count,
  programs: v.array(v.string()),
  type: v.exactOptional(v.string()),
});

export const PROGRAM: Shape<ProgramRecord> = v.object({
  id,
  name: v.string(),
  type: v.string(),
  platform,
  hook: v.exactOptional(v.string()),
  file: v.string(),
  section: v.string(),
  engine,
  engineReason: v.exactOptional(v.string()),
  certified: v.boolean(),
  host: v.picklist(["embedded", "kernel", "linux"]),
  instructions: count,
  mapIds: v.array(id),
  interfaces: v.array(v.string()),
  persistent: v.boolean(),
  loadedAt: v.exactOptional(v.string()),
  problem: v.exactOptional(v.string()),
});

const counters = v.object({
  received: count,
  receivedBytes: count,
  passed: count,
  dropped: count,
  transmitted: count,
  aborted: count,
  errors: count,
});

export const PROGRAM_STATS: Shape<ProgramStatsRecord> = v.object({
  id,
  name: v.string(),
  interfaces: v.array(v.object({ interface: v.string(), counters })),
  counts: v.exactOptional(
    v.object({ runs: count, nanoseconds: count, faults: count, counting: v.boolean() }),
  ),
});

export const MAP: Shape<MapRecord> = v.object({
  id,
  name: v.string(),
  type: v.string(),
  keySizeBytes: count,
  valueSizeBytes: count,
  maxEntries: count,
  entries: count,
  persistent: v.boolean(),
  programIds: v.array(id),
});

export const MAP_ENTRY: Shape<MapEntryRecord> = v.object({
  mapId: id,
  map: v.string(),
  key: v.unknown(),
  value: v.unknown(),
  keyHex: v.string(),
  valueHex: v.string(),
});

export const RING: Shape<RingRecord> = v.object({
  mapId: id,
  map: v.string(),
  dropped: count,
  records: v.array(v.object({ value: v.unknown(), hex: v.string() })),
});

export const LINK: Shape<LinkRecord> = v.object({
  id,
  programId: id,
  program: v.string(),
  hook: v.string(),
  interface: v.string(),
});

export const INTERFACE: Shape<InterfaceRecord> = v.object({
  name: v.string(),
  kind: interfaceKind,
  settings,
  programId: v.exactOptional(id),
  program: v.exactOptional(v.string()),
  counters,
  state: v.picklist(["open", "done", "failed"]),
  progress: v.exactOptional(v.number()),
  delayMilliseconds: v.exactOptional(count),
  problem: v.exactOptional(v.string()),
});

export const HOOK: Shape<HookRecord> = v.object({
  name: v.string(),
  programType: v.string(),
  platform,
  description: v.string(),
  available: v.boolean(),
});

export const STATUS: Shape<ServiceStatusRecord> = v.object({
  processId: id,
  version: v.string(),
  protocol: count,
  startedAt: v.string(),
  socket: v.string(),
  stateFolder: v.string(),
  memoryBytes: count,
  programs: count,
  maps: count,
  links: count,
  interfaces: count,
  problems: v.array(v.string()),
});

// Parameters. Unknown fields are refused, so that a misspelt option is not silently ignored.

const text = v.pipe(v.string(), v.minLength(1), v.maxLength(4096));
const name = v.pipe(v.string(), v.minLength(1), v.maxLength(128));
const absolute = v.pipe(
  text,
  v.check((path) => /^(\/|[A-Za-z]:[\\/]|\\\\)/.test(path), "an absolute path is needed"),
);
const programPlatform = v.picklist(["windows", "linux"]);

const host = v.picklist(["embedded", "kernel"]);

export const NOTHING = v.strictObject({});
export const OF_HOST = v.strictObject({ host: v.exactOptional(host) });
export const COUNT_RUNS = v.strictObject({ enabled: v.boolean() });
export const COUNTING = v.object({ enabled: v.boolean() });
export const BY_ID = v.strictObject({ id });
export const INITIALIZE = v.strictObject({ protocol: count, client: v.exactOptional(name) });
export const FILE = v.strictObject({ file: absolute, platform: v.exactOptional(programPlatform) });
export const FOLDER = v.strictObject({ folder: absolute });
export const FILE_PROGRAM = v.strictObject({
  file: absolute,
  program: v.exactOptional(name),
  platform: v.exactOptional(programPlatform),
});
export const VERIFY = v.strictObject({
  file: absolute,
  program: v.exactOptional(name),
  platform: v.exactOptional(programPlatform),
  type: v.exactOptional(name),
  btf: v.exactOptional(v.union([v.literal("kernel"), absolute])),
  strict: v.exactOptional(v.boolean()),
  all: v.exactOptional(v.boolean()),
});
export const PROGRAM_ADD = v.strictObject({
  file: absolute,
  hook: v.exactOptional(name),
  interface: v.exactOptional(name),
  name: v.exactOptional(name),
  program: v.exactOptional(name),
  engine: v.exactOptional(v.string()),
  host: v.exactOptional(host),
  platform: v.exactOptional(programPlatform),
  persistent: v.exactOptional(v.boolean()),
  replace: v.exactOptional(v.boolean()),
  allowUncertified: v.exactOptional(v.boolean()),
});
/** A key or value: JSON by the map's BTF types, or a string of hexadecimal digits that starts with 0x. */
const cell = v.union([
  v.string(),
  v.number(),
  v.boolean(),
  v.array(v.unknown()),
  v.record(v.string(), v.unknown()),
]);
export const MAP_KEY = v.strictObject({ id, key: cell });
export const MAP_UPDATE = v.strictObject({
  id,
  key: cell,
  value: cell,
  mode: v.exactOptional(v.picklist(["any", "noexist", "exist"])),
});
export const MAP_READ = v.strictObject({
  id,
  limit: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_536))),
  milliseconds: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(10_000))),
  type: v.exactOptional(name),
});
export const ATTACH = v.strictObject({
  programId: id,
  interface: v.exactOptional(name),
  hook: v.exactOptional(name),
});
export const INTERFACE_ADD = v.strictObject({
  kind: interfaceKind,
  name: v.exactOptional(name),
  settings,
});
export const INTERFACE_REMOVE = v.strictObject({ name, force: v.exactOptional(v.boolean()) });
