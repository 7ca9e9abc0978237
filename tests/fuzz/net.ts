// The soundness net: a random program that the verifier accepts runs in the reference interpreter with its checks on, and
// before every instruction each live register and each stack slot must lie in a state that the verifier kept there. Then
// it runs again with everything at other addresses: results, packets and maps must not differ.
import { Buffer } from "node:buffer";
import { createEmbeddedHost, InterpreterFault, instantiate } from "../../core/host/embedded/host.ts";
import { print } from "../../core/isa/print.ts";
import type { Program } from "../../core/program/program.ts";
import { analyze } from "../../core/verifier/analyze.ts";
import { ranges } from "../../core/verifier/domain/range.ts";
import { contents, STACK_SIZE_BYTES, type Stack } from "../../core/verifier/domain/stack.ts";
import { cloneState, register, type State } from "../../core/verifier/domain/state.ts";
import type { PointerValue, Value } from "../../core/verifier/domain/value.ts";
import { flowOf } from "../../core/verifier/flow.ts";
import { printState } from "../../core/verifier/print.ts";
import type { VerifiedProgram } from "../../core/verifier/verdict.ts";
import { verify } from "../../core/verifier/verify.ts";
import { mapsOf, programOfInstructions } from "../core/verifier/programs.ts";
import { generator } from "../harness/mutate.ts";
import { generateProgram } from "./generate.ts";

const MAPS = mapsOf("values array 4 16 4\ncounts hash 8 8 16\n.data array 4 16 1", "windows");

/** States kept at one instruction; a program with more somewhere is run without looking into them. */
const MOST_STATES = 400;
const MAXIMUM_STEPS = 20_000;
const RUNS = 12;

export class SoundnessViolation extends Error {}

export interface NetResult {
  readonly accepted: boolean;
  /** Why it was rejected. */
  readonly code?: string;
  /** Instructions looked at in all runs. */
  readonly observed: number;
}

/** Where things are in the linear memory during one run. */
interface Layout {
  readonly data: DataView<SharedArrayBuffer>;
  readonly contextAddress: number;
  readonly packetStart: number;
  readonly packetEnd: number;
  readonly stackTop: number;
}

/** A host with its maps and a lane. The two places differ in every address, and in what lies on the stack before a run. */
function makePlace(paddingBytes: number, stackFill: number) {
  const host = createEmbeddedHost({ maximumMemoryBytes: 16 << 20 });
  const [spec] = MAPS.map((map) => map.spec);
  if (spec !== undefined) host.createMap({ ...spec, valueSizeBytes: paddingBytes, maxEntries: 1 }, "array");
  const maps = MAPS.map((map) => host.createMap(map.spec, map.type.name));
  const lane = host.allocateLane({ packetSlotCount: 1 });
  const buffer = host.memory.buffer as unknown as SharedArrayBuffer;
  return { host, maps, lane, stackFill, data: new DataView(buffer), bytes: new Uint8Array(buffer) };
}

type Place = ReturnType<typeof makePlace>;

let places: readonly [Place, Place] | undefined;

/** What one run is given. */
interface Input {
  readonly packet: Uint8Array;
  readonly interfaceIndex: number;
}

const EDGES = [0, 1, 3, 7, 8, 15, 16, 31, 60, 255, 256, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

function makeInput(next: (below: number) => number, run: number): Input {
  const length = next(3) === 0 ? next(8) : next(128);
  const interfaceIndex = run % 2 === 0 ? (EDGES[next(EDGES.length)] ?? 0) : next(300);
  return { packet: Uint8Array.from({ length }, () => (next(4) === 0 ? 255 : next(256))), interfaceIndex };
}

/** Throws a SoundnessViolation that tells the program if the verifier accepted what it should not have. */
export function castNet(seed: number): NetResult {
  const instructions = generateProgram(seed);
  const program = programOfInstructions(instructions, { maps: MAPS });
  const verdict = verify(program, { maximumSteps: MAXIMUM_STEPS });
  if (verdict.kind === "rejected") return { accepted: false, code: verdict.failures[0].code, observed: 0 };
  places ??= [makePlace(48, 0xa5), makePlace(70_032, 0x5a)];
  const [first, second] = places;
  const watch = makeWatch(program, seed, first);
  const next = generator(seed ^ 0x5bd1e995);
  const inputs = Array.from({ length: RUNS }, (_, run) => makeInput(next, run));
  const effects = runAll(verdict.program, seed, first, inputs, watch.trace);
  // The same runs elsewhere have the same effects: no address, and nothing that was not initialised, has got out.
  const others = runAll(verdict.program, seed, second, inputs);
  const differing = effects.findIndex((effect, index) => effect !== others[index]);
  if (differing >= 0) {
    const pair = `${effects[differing]}\n${others[differing]}`;
    throw new SoundnessViolation(`seed ${seed}: effects depend on addresses\n${pair}\n${listing(program)}`);
  }
  return { accepted: true, observed: watch.observed() };
}

/** Each run's result and packet, then what all runs left in the maps. */
function runAll(
  program: VerifiedProgram,
  seed: number,
  place: Place,
  inputs: readonly Input[],
  trace?: Trace,
): string[] {
  const { descriptor } = place.host.load({ program, engine: "interpreter" }, place.maps);
  const { lane } = place;
  // The host's interpreter knows nothing of steps that the verifier merged: ten times as many are more than enough.
  const options = { checkInitialization: true, maximumSteps: 10 * MAXIMUM_STEPS };
  const instance = instantiate(descriptor, lane, trace === undefined ? options : { ...options, trace });
  const effects = inputs.map((input) => {
    prepare(place, input);
    try {
      instance.run(lane.contextAddress);
    } catch (error) {
      if (!(error instanceof InterpreterFault)) throw error;
      throw new SoundnessViolation(`seed ${seed}: ${error.message}\n${listing(program)}`);
    }
    const result = place.data.getBigUint64(lane.resultAddress, true);
    const from = lane.packetAddress + lane.packetHeadroomBytes;
    return `${result} ${hex(place.bytes.subarray(from, from + input.packet.length))}`;
  });
  const entries = place.maps.flatMap((map) =>
    [...map.keys()].map((key) => `${hex(key)}: ${hex(map.lookup(key))}`),
  );
  return [...effects, ...entries.sort()];
}

function hex(bytes: Uint8Array | undefined): string {
  return Buffer.from(Uint8Array.from(bytes ?? [])).toString("hex");
}

function prepare({ data, bytes, lane, stackFill }: Place, { packet, interfaceIndex }: Input): void {
  const { contextAddress } = lane;
  const packetStart = lane.packetAddress + lane.packetHeadroomBytes;
  bytes.fill(0, contextAddress, contextAddress + 32);
  data.setUint32(contextAddress, packetStart, true);
  data.setUint32(contextAddress + 8, packetStart + packet.length, true);
  data.setUint32(contextAddress + 16, packetStart, true);
  data.setUint32(contextAddress + 24, interfaceIndex, true);
  bytes.set(packet, packetStart);
  bytes.fill(stackFill, lane.stackAddress, lane.stackAddress + lane.stackSizeBytes);
}

type Trace = (index: number, registers: BigInt64Array) => void;

/** Looks at each step of the runs in `place`: is it in a state that the verifier kept at that instruction? */
function makeWatch(program: Program, seed: number, place: Place): { trace: Trace; observed: () => number } {
  const states = statesOf(program);
  const flow = flowOf(program);
  let depth = 0;
  let observed = 0;
  const trace: Trace = (index, registers) => {
    observed += 1;
    const known = states?.[index];
    const live = flow.live[index] ?? 0;
    if (
      known !== undefined &&
      !known.some((state) => holds(state, registers, layoutOf(place), depth, live))
    ) {
      throw violation(program, seed, index, registers, known);
    }
    const instruction = program.instructions[index];
    if (instruction?.kind === "call" && instruction.target.kind === "local") depth += 1;
    if (instruction?.kind === "exit") depth = Math.max(depth - 1, 0);
  };
  return { trace, observed: () => observed };
}

function layoutOf({ data, lane }: Place): Layout {
  return {
    data,
    contextAddress: lane.contextAddress,
    packetStart: data.getUint32(lane.contextAddress, true),
    packetEnd: data.getUint32(lane.contextAddress + 8, true),
    stackTop: lane.stackAddress + lane.stackSizeBytes,
  };
}

/** By instruction, the states before it; undefined if there are too many to look into. */
function statesOf(program: Program): State[][] | undefined {
  const states: State[][] = program.instructions.map(() => []);
  let tooMany = false;
  analyze(program, {
    maximumSteps: MAXIMUM_STEPS,
    observe: (index, state) => {
      const list = states[index] ?? [];
      if (list.length < MOST_STATES) list.push(cloneState(state));
      else tooMany = true;
    },
  });
  return tooMany ? undefined : states;
}

function holds(state: State, registers: BigInt64Array, layout: Layout, depth: number, live: number): boolean {
  if (state.frames.length !== depth + 1) return false;
  for (let index = 0; index <= 10; index++) {
    if (index < 10 && ((live >> index) & 1) === 0) continue;
    if (!contains(register(state, index), BigInt.asUintN(64, registers[index] ?? 0n), layout)) return false;
  }
  const proved = state.packet.get(0) ?? 0;
  if (layout.packetStart + proved > layout.packetEnd) return false;
  return state.frames.every(({ stack }, frame) => {
    const bottom = layout.stackTop - (frame + 1) * STACK_SIZE_BYTES;
    return storedIn(stack).every(({ at, size, value }) =>
      contains(value, readBytes(layout.data, bottom + at, size), layout),
    );
  });
}

const stored = new WeakMap<Stack, ReturnType<typeof contents>>();

/** What a stack holds beyond bytes of which nothing is known. */
function storedIn(stack: Stack): ReturnType<typeof contents> {
  let list = stored.get(stack);
  if (list === undefined) {
    list = contents(stack).filter(({ value }) => value.kind !== "number" || value.range !== ranges.unknown);
    stored.set(stack, list);
  }
  return list;
}

function readBytes(data: DataView, address: number, size: number): bigint {
  if (size === 8) return data.getBigUint64(address, true);
  let value = 0n;
  for (let at = size - 1; at >= 0; at--) value = (value << 8n) | BigInt(data.getUint8(address + at));
  return value;
}

function contains(value: Value, bits: bigint, layout: Layout): boolean {
  switch (value.kind) {
    case "uninitialized":
      return true;
    case "number":
      return ranges.contains(value.range, bits);
    case "pointer":
      return containsPointer(value, Number(bits), layout);
  }
}

function containsPointer(pointer: PointerValue, address: number, layout: Layout): boolean {
  if (pointer.nullable && address === 0) return true;
  const rest = address - pointer.offset;
  const from = (base: number): boolean => {
    const part = rest - base;
    return part >= pointer.minimum && part <= pointer.maximum && part % 2 ** pointer.zeros === 0;
  };
  switch (pointer.region.kind) {
    case "context":
      return from(layout.contextAddress);
    case "stack":
      return from(layout.stackTop - pointer.region.frame * STACK_SIZE_BYTES);
    case "packet":
    case "packetMeta":
      return from(layout.packetStart);
    case "packetEnd":
      return from(layout.packetEnd);
    case "map":
      return address === pointer.region.map + 1;
    default:
      // Where a value lies is the map's business; the interpreter checks each access against it.
      return address !== 0;
  }
}

function listing(program: Program): string {
  return program.instructions.map((instruction, index) => `${index}: ${print(instruction)}`).join("\n");
}

function violation(
  program: Program,
  seed: number,
  index: number,
  registers: BigInt64Array,
  states: readonly State[],
): SoundnessViolation {
  const values = Array.from(registers, (value, at) => `r${at}=${BigInt.asUintN(64, value)}`).join(" ");
  const known = states.slice(0, 5).map((state) => printState(program, state));
  return new SoundnessViolation(
    `seed ${seed}: no kept state at instruction ${index} holds ${values}\n${known.join("\n")}\n${listing(program)}`,
  );
}
