// Makes a program runnable in a lane, in any thread: all it needs is the descriptor and the lane, both plain data.
import { InternalError } from "../../base/error.ts";
import { MODULE_NAMES, mapName, TAIL_CALL } from "../../image/abi.ts";
import { REGISTER_COUNT } from "../../isa/instruction.ts";
import type { Helper } from "../../platform/platform.ts";
import { findHelper } from "../../platform/platform.ts";
import type { VerifiedProgram } from "../../verifier/verdict.ts";
import { bindHelper, type HelperEnvironment } from "./helpers.ts";
import { createInitialization } from "./initialization.ts";
import { createInterpreter, type InterpreterOptions } from "./interpreter.ts";
import type { Instance, InstanceDescriptor, Lane } from "./lane.ts";
import type { BoundHelper, Machine } from "./machine.ts";
import { baseAddress, openMap } from "./maps/kinds.ts";
import type { RingAccess } from "./maps/map.ts";
import { viewsOf } from "./memory.ts";
import { createRegisters } from "./registers.ts";
import { createTailCalls, type ProgramSource, type TailCalls } from "./tail-calls.ts";

export interface InstanceOptions extends InterpreterOptions {
  /** Interpreter only: reading a register or stack byte that was never written is a fault. */
  readonly checkInitialization?: boolean;
  /** Where tail calls find programs; without it they find none. */
  readonly programs?: ProgramSource;
}

const NO_PROGRAMS: ProgramSource = { find: () => undefined };

/** HelperUnsupported if the program calls a helper that this host does not implement. */
export function instantiate(
  descriptor: InstanceDescriptor,
  lane: Lane,
  options: InstanceOptions = {},
): Instance {
  const hasTailCalls = helpersOf(descriptor.program).some(({ name }) => name === TAIL_CALL);
  if (!hasTailCalls) return open(descriptor, lane, options, undefined);
  const tailCalls: TailCalls = createTailCalls(
    viewsOf(descriptor.memory),
    lane,
    options.programs ?? NO_PROGRAMS,
    (other) => open(ofEngine(other, options), lane, options, tailCalls),
  );
  return tailCalls.chain(open(descriptor, lane, options, tailCalls));
}

/** What is traced is interpreted, wherever it goes. */
function ofEngine(descriptor: InstanceDescriptor, { trace }: InstanceOptions): InstanceDescriptor {
  return trace === undefined ? descriptor : { ...descriptor, engine: "interpreter" };
}

function open(
  descriptor: InstanceDescriptor,
  lane: Lane,
  options: InstanceOptions,
  tailCalls: TailCalls | undefined,
): Instance {
  const views = viewsOf(descriptor.memory);
  const maps = descriptor.maps.map((map) => openMap(views, map, lane.index));
  const bases = descriptor.maps.map((map) => baseAddress(map, lane.index));
  const environment: HelperEnvironment = {
    views,
    lane,
    context: descriptor.program.type.context,
    maps,
    ...(tailCalls === undefined ? {} : { tailCalls }),
  };
  const { program } = descriptor;
  const helpers = new Map(
    helpersOf(program).map((row): [number, BoundHelper] => [
      row.id,
      { row, call: bindHelper(row, environment) },
    ]),
  );
  const abandoning = (instance: Instance): Instance => {
    const rings = maps.flatMap(({ ring }) => ring ?? []);
    return rings.length === 0 ? instance : withoutRecordsLeft(instance, rings);
  };
  if (descriptor.engine === "wasm") return abandoning(openModule(descriptor, lane, bases, helpers));
  const machine: Machine = {
    program,
    views,
    lane,
    maps,
    bases,
    helpers,
    registers: createRegisters(REGISTER_COUNT),
    initialization: options.checkInitialization === true ? createInitialization(lane) : undefined,
    frames: [],
    current: 0,
    next: 0,
    contextAddress: 0,
    contextSizeBytes: 0,
    packet: { start: 0, end: 0 },
  };
  return abandoning(createInterpreter(machine, options));
}

/** A record that is never given back would hold up all that come after it. */
function withoutRecordsLeft(instance: Instance, rings: readonly RingAccess[]): Instance {
  return {
    run(contextAddress) {
      try {
        return instance.run(contextAddress);
      } catch (error) {
        for (const ring of rings) ring.abandon();
        throw error;
      }
    },
  };
}

/** Binds the compiled module to the lane. A trap in run() (RuntimeError) means that the verifier is unsound. */
function openModule(
  descriptor: InstanceDescriptor,
  lane: Lane,
  bases: readonly number[],
  helpers: ReadonlyMap<number, BoundHelper>,
): Instance {
  if (descriptor.module === undefined) throw new InternalError("a program for wasm has no module");
  const imports: Record<string, WebAssembly.ImportValue> = {
    [MODULE_NAMES.memory]: descriptor.memory,
    [MODULE_NAMES.stackTop]: lane.stackAddress + lane.stackSizeBytes,
    [MODULE_NAMES.result]: lane.resultAddress,
    [MODULE_NAMES.lane]: lane.index,
  };
  bases.forEach((address, index) => {
    imports[mapName(index)] = address;
  });
  for (const { row, call } of helpers.values()) imports[row.name] = call;
  const instance = new WebAssembly.Instance(descriptor.module, { [MODULE_NAMES.importFrom]: imports });
  return { run: instance.exports[MODULE_NAMES.run] as Instance["run"] };
}

/** The helpers that a program calls, each once. */
export function helpersOf(program: VerifiedProgram): Helper[] {
  const ids = new Set<number>();
  for (const instruction of program.instructions) {
    if (instruction.kind === "call" && instruction.target.kind === "helper") ids.add(instruction.target.id);
  }
  return [...ids].map((id) => {
    const row = findHelper(program.platform, id, program.type.name);
    if (row === undefined) throw new InternalError(`a verified program calls helper ${id}, which is unknown`);
    return row;
  });
}
