// The method table: for each method of the protocol its words, its parameters, its result and what it does. Dispatch,
// validation, the typed client and the printed documentation all read this table. Knows no sockets (rpc.ts).
import * as v from "valibot";
import { EbpfError } from "../base/error.ts";
import { disassemble, listHooks, listSections, verifyFile } from "../manager/inspect.ts";
import type { Manager } from "../manager/manager.ts";
import { findObjectsIn } from "../manager/objects.ts";
import type { ServiceStatusRecord } from "../manager/records.ts";
import * as schema from "./schemas.ts";

/** Raised when a client of the version before would misread an answer. */
export const PROTOCOL_VERSION = 1;

/** What a method may report while it works: a line for people, and how far it is where that is known. */
export interface Progress {
  readonly message: string;
  readonly done?: number;
  readonly total?: number;
}

export interface MethodContext {
  readonly manager: Manager;
  status(): ServiceStatusRecord;
  /** Ends the service after the answer is sent. */
  stop(): void;
  readonly signal: AbortSignal;
  progress(value: Progress): void;
}

export interface Method<P, R> {
  readonly description: string;
  readonly params: v.GenericSchema<unknown, P>;
  readonly result: v.GenericSchema<unknown, R>;
  handle(context: MethodContext, params: P): R | Promise<R>;
}

/** Ties the types of one row together. */
function method<P, R>(row: Method<P, R>): Method<P, R> {
  return row;
}

const initialized = v.object({ protocol: v.number(), version: v.string(), processId: v.number() });
const described = v.array(
  v.object({
    method: v.string(),
    description: v.string(),
    params: v.record(v.string(), v.string()),
    result: v.string(),
  }),
);

const PLAIN = {
  initialize: method({
    description: "Greets the service; ProtocolMismatch if client and service are of different protocols.",
    params: schema.INITIALIZE,
    result: initialized,
    handle({ status }, { protocol }) {
      const { version, processId } = status();
      if (protocol === PROTOCOL_VERSION) return { protocol, version, processId };
      throw new EbpfError(
        "ProtocolMismatch",
        `the service speaks protocol ${PROTOCOL_VERSION}, the client ${protocol}`,
        { details: { service: PROTOCOL_VERSION, client: protocol } },
      );
    },
  }),
  "service.status": method({
    description: "What the service is and holds.",
    params: schema.NOTHING,
    result: schema.STATUS,
    handle: ({ status }) => status(),
  }),
  "service.stop": method({
    description: "Ends the service. Programs, links and interfaces come back when it starts again.",
    params: schema.NOTHING,
    result: schema.STATUS,
    handle(context) {
      const last = context.status();
      context.stop();
      return last;
    },
  }),
  "driver.release": method({
    description:
      "Lets go of the driver, so that it can be stopped: what is in it ends, and comes back when the driver runs again.",
    params: schema.NOTHING,
    result: schema.STATUS,
    async handle({ manager, status }) {
      await manager.releaseDriver();
      return status();
    },
  }),
  "object.sections": method({
    description: "The sections of an object file.",
    params: schema.FILE,
    result: v.array(schema.SECTION),
    handle: (_context, params) => listSections(params),
  }),
  "object.disassemble": method({
    description: "The instructions of an object file's programs, with their C lines.",
    params: schema.FILE_PROGRAM,
    result: v.array(schema.DISASSEMBLY),
    handle: (_context, params) => disassemble(params),
  }),
  "object.find": method({
    description:
      "The object files of a folder and of the folders below, sorted; FileNotFound if there is none.",
    params: schema.FOLDER,
    result: v.array(v.string()),
    handle: (_context, { folder }) => findObjectsIn(folder),
  }),
  "object.verify": method({
    description: "Verifies the programs of an object file; a rejected program is a result, not an error.",
    params: schema.VERIFY,
    result: v.array(schema.VERIFICATION),
    handle: ({ progress, signal }, params) => verifyFile(params, { progress, signal }),
  }),
  "program.add": method({
    description:
      "Verifies and loads a program, and attaches it if a hook or an interface is named. Without `interface` the only one is taken, in the driver all. Without `host` it goes to the driver if that runs and can take it. With `replace` the program attached there is removed in the same step.",
    params: schema.PROGRAM_ADD,
    result: schema.PROGRAM,
    handle: ({ manager, progress }, params) => manager.addProgram(params, progress),
  }),
  "program.list": method({
    description:
      "The loaded programs, or those of one host; of host kernel also what other processes have in the driver.",
    params: schema.OF_HOST,
    result: v.array(schema.PROGRAM),
    handle: ({ manager }, { host }) => manager.programs(host),
  }),
  "program.get": method({
    description: "One loaded program.",
    params: schema.BY_ID,
    result: schema.PROGRAM,
    handle: ({ manager }, { id }) => manager.program(id),
  }),
  "program.remove": method({
    description: "Detaches and unloads a program; its maps go with it. Answers what it was.",
    params: schema.BY_ID,
    result: schema.PROGRAM,
    handle: ({ manager }, { id }) => manager.removeProgram(id),
  }),
  "program.stats": method({
    description:
      "The counters of the interfaces that a program is attached to; of a program in the driver its runs, counted while that is on, and faults.",
    params: schema.BY_ID,
    result: schema.PROGRAM_STATS,
    handle: ({ manager }, { id }) => manager.programStats(id),
  }),
  "program.countRuns": method({
    description: "From now on the driver counts and times the runs of all its programs, or does not.",
    params: schema.COUNT_RUNS,
    result: schema.COUNTING,
    handle({ manager }, { enabled }) {
      manager.countRuns(enabled);
      return { enabled };
    },
  }),
  "map.list": method({
    description:
      "The maps of the loaded programs, or of those of one host; of host kernel also what other processes have in the driver.",
    params: schema.OF_HOST,
    result: v.array(schema.MAP),
    handle: ({ manager }, { host }) => manager.maps(host),
  }),
  "map.get": method({
    description: "One map.",
    params: schema.BY_ID,
    result: schema.MAP,
    handle: ({ manager }, { id }) => manager.map(id),
  }),
  "map.dump": method({
    description: "All entries of a map.",
    params: schema.BY_ID,
    result: v.array(schema.MAP_ENTRY),
    handle: ({ manager }, { id }) => manager.mapEntries(id),
  }),
  "map.lookup": method({
    description: "One entry of a map, by its key.",
    params: schema.MAP_KEY,
    result: schema.MAP_ENTRY,
    handle: ({ manager }, { id, key }) => manager.lookup(id, key),
  }),
  "map.update": method({
    description: "Writes an entry of a map; `mode` noexist or exist asks for a new or a present key.",
    params: schema.MAP_UPDATE,
    result: schema.MAP_ENTRY,
    handle: ({ manager }, { id, key, value, mode }) => manager.update(id, key, value, mode),
  }),
  "map.delete": method({
    description: "Deletes an entry of a map; answers what it was.",
    params: schema.MAP_KEY,
    result: schema.MAP_ENTRY,
    handle: ({ manager }, { id, key }) => manager.delete(id, key),
  }),
  "map.read": method({
    description:
      "Takes the oldest records of a ring buffer, at most `limit`; waits `milliseconds` for the first. `type` names their type in the object.",
    params: schema.MAP_READ,
    result: schema.RING,
    handle: ({ manager, signal }, params) => manager.readRing(params, signal),
  }),
  "link.list": method({
    description:
      "What is attached where, on all hosts or on one; of host kernel also what other processes have attached in the driver.",
    params: schema.OF_HOST,
    result: v.array(schema.LINK),
    handle: ({ manager }, { host }) => manager.links(host),
  }),
  "link.attach": method({
    description:
      "Attaches a loaded program: to an interface of the service, or, if it is in the driver, to one of the system by its name or number, without a name to all.",
    params: schema.ATTACH,
    result: schema.LINK,
    handle: ({ manager }, { programId, interface: name, hook }) => manager.attach(programId, name, hook),
  }),
  "link.detach": method({
    description: "Detaches; the program stays loaded. Answers what the link was.",
    params: schema.BY_ID,
    result: schema.LINK,
    handle: ({ manager }, { id }) => manager.detach(id),
  }),
  "interface.list": method({
    description: "The interfaces of the service, with their counters.",
    params: schema.NOTHING,
    result: v.array(schema.INTERFACE),
    handle: ({ manager }) => manager.interfaces(),
  }),
  "interface.add": method({
    description: "Makes an interface of a kind (gateway, tap, pcap, windivert) with that kind's settings.",
    params: schema.INTERFACE_ADD,
    result: schema.INTERFACE,
    handle: ({ manager }, { kind, name, settings }) => manager.addInterface(kind, name, settings),
  }),
  "interface.remove": method({
    description: "Removes an interface; with `force` also if a program is attached. Answers what it was.",
    params: schema.INTERFACE_REMOVE,
    result: schema.INTERFACE,
    handle: ({ manager }, { name, force }) => manager.removeInterface(name, force ?? false),
  }),
  "platform.hooks": method({
    description: "The hooks programs can be attached to, and which of them this service has.",
    params: schema.NOTHING,
    result: v.array(schema.HOOK),
    handle: ({ manager }) => listHooks(manager.hooks()),
  }),
} as const;

export const METHODS = {
  ...PLAIN,
  "service.describe": method({
    description: "This table.",
    params: schema.NOTHING,
    result: described,
    handle: () => describeMethods(),
  }),
} as const;

export type MethodName = keyof typeof METHODS;
export type MethodParams<M extends MethodName> =
  (typeof METHODS)[M] extends Method<infer P, infer _R> ? P : never;
export type MethodResult<M extends MethodName> =
  (typeof METHODS)[M] extends Method<infer _P, infer R> ? R : never;
export type MethodDescription = v.InferOutput<typeof described>[number];

export function isMethodName(name: string): name is MethodName {
  return Object.hasOwn(METHODS, name);
}

/** The table as text: for `ebpf service methods` and the method "service.describe". */
export function describeMethods(): MethodDescription[] {
  const rows: [string, { description: string; params: unknown; result: unknown }][] = Object.entries(METHODS);
  return rows.map(([name, row]) => ({
    method: name,
    description: row.description,
    params: Object.fromEntries(
      Object.entries(fields(row.params)).map(([key, field]) => [key, shapeOf(field)]),
    ),
    result: shapeOf(row.result),
  }));
}

/** The parts of valibot's schemas that the documentation reads. */
interface SchemaFacts {
  readonly type: string;
  readonly entries?: Readonly<Record<string, unknown>>;
  readonly item?: unknown;
  readonly wrapped?: unknown;
  readonly options?: readonly unknown[];
}

function fields(of: unknown): Readonly<Record<string, unknown>> {
  return (of as SchemaFacts).entries ?? {};
}

function shapeOf(of: unknown): string {
  const facts = of as SchemaFacts;
  switch (facts.type) {
    case "array":
      return `${shapeOf(facts.item)}[]`;
    case "exact_optional":
      return `${shapeOf(facts.wrapped)} (optional)`;
    case "picklist":
      return (facts.options ?? []).map((option) => JSON.stringify(option)).join(" | ");
    case "union":
      return (facts.options ?? []).map(shapeOf).join(" | ");
    case "object":
    case "strict_object":
      return `{ ${Object.keys(facts.entries ?? {}).join(", ")} }`;
    default:
      return facts.type;
  }
}
