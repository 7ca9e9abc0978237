// findExample: an input on which a rejected program really does what it is rejected for. The door of the room.
//
// The failing path is run in the reference interpreter with all its checks on, on an input that is changed until the run
// ends with a fault at the failing instruction: run (attempt.ts), see which branch or address stands in the way, turn its
// terms round (term.ts), run again (search.ts). So each example is confirmed by the run that found it; where the rejection
// is of something that no run can show, or the search does not find one within its budget, there is none.
import type { InterpreterFault } from "../host/embedded/checked.ts";
import type { Program } from "../program/program.ts";
import type { ExampleRecord } from "../report/records.ts";
import type { FailureCode } from "../verifier/failure.ts";
import type { Failure } from "../verifier/verdict.ts";
import { isCallableByHook } from "../verifier/verify.ts";
import type { Sighting, Target } from "./attempt.ts";
import { byteKey, type Input, LENGTH } from "./input.ts";
import type { Thing } from "./maps.ts";
import { observed } from "./observed.ts";
import { type Found, search } from "./search.ts";

type FaultKind = InterpreterFault["kind"];

/** What a run shows of a failure; codes without a row are of what no run shows (leaks, rules, termination). */
const FAULTS: Readonly<Partial<Record<FailureCode, readonly FaultKind[]>>> = {
  PacketOutOfBounds: ["outOfBounds"],
  MapValueOutOfBounds: ["outOfBounds"],
  StackOutOfBounds: ["outOfBounds"],
  ContextOutOfBounds: ["outOfBounds"],
  ContextReadOnly: ["readOnly"],
  ObjectOutOfBounds: ["outOfBounds"],
  PointerMaybeNull: ["outOfBounds"],
  PointerExpected: ["outOfBounds"],
  ReadOnlyMemory: ["readOnly"],
  Misaligned: ["outOfBounds"],
  RegisterUninitialized: ["registerUninitialized"],
  StackUninitialized: ["stackUninitialized"],
  ReturnValue: [],
};

/** `strict`: the program was held to the strict rules. Undefined if there is none, or none was found. */
export function findExample(program: Program, failure: Failure, strict: boolean): ExampleRecord | undefined {
  const faults = FAULTS[failure.code];
  const { path } = failure;
  if (faults === undefined || path === undefined || !isCallableByHook(program)) return undefined;
  const target: Target = { program, path, faults, looseStack: program.platform.name === "linux" && !strict };
  const found = search(target);
  return found === undefined ? undefined : told(target, found);
}

function told(target: Target, { input, sighting }: Found): ExampleRecord {
  const { world, answers, shadow } = sighting;
  const { program } = target;
  const failing = program.instructions[target.path.at(-1) ?? -1];
  const view = failing === undefined ? undefined : observed(program, failing, sighting);
  const usesPacket =
    shadow.used.has(world.given.key) || shadow.used.has(LENGTH) || view?.thing === world.packet;
  return {
    ...(usesPacket && packetOf(world.given, input)),
    ...contextOf(target, sighting, input),
    ...mapsOf(sighting, input),
    ...memoryOf(sighting, input),
    ...(answers.given.length > 0 && {
      answers: answers.given.map(({ helper, value }) => ({ helper: helper.name, value: `${value}` })),
    }),
    confirmed: true,
    observed: view?.words ?? sighting.fault,
  };
}

function packetOf(packet: Thing, input: Input): Pick<ExampleRecord, "packetLength" | "packetHex"> {
  return { packetLength: packet.sizeBytes, packetHex: hexOf(packet, input) };
}

/** What the object held when the run began. */
function hexOf({ key, sizeBytes, content }: Thing, input: Input): string {
  const bytes = Uint8Array.from({ length: sizeBytes }, (_, at) =>
    Number(input.get(byteKey(key, at)) ?? content?.[at] ?? 0),
  );
  return Buffer.from(bytes).toString("hex");
}

function contextOf({ program }: Target, { world, shadow }: Sighting, input: Input): Partial<ExampleRecord> {
  const thing = world.context;
  if (thing === undefined || !shadow.used.has(thing.key)) return {};
  const bytes = Buffer.from(hexOf(thing, input), "hex");
  const context = program.type.context.fields
    .filter((field) => field.kind === "scalar")
    .map(({ name, byteOffset, sizeBytes }) => {
      const digits = Buffer.from(bytes.subarray(byteOffset, byteOffset + sizeBytes))
        .reverse()
        .toString("hex");
      return { field: name, value: `${BigInt(`0x${digits || "0"}`)}` };
    })
    .filter(({ value }) => value !== "0");
  return { contextHex: bytes.toString("hex"), ...(context.length > 0 && { context }) };
}

/** What was looked up, and what the program has read by its address. */
function mapsOf({ world, answers, shadow }: Sighting, input: Input): Pick<ExampleRecord, "maps"> {
  const rows = new Map<string, NonNullable<ExampleRecord["maps"]>[number]>();
  for (const { map, keyHex, thing } of answers.lookedUp) {
    const valueHex = thing === undefined ? null : hexOf(thing, input);
    rows.set(`${map} ${keyHex} ${thing === undefined}`, { map, keyHex, valueHex });
  }
  for (const { value, map, keyHex } of world.addressed()) {
    if (!shadow.used.has(value.key)) continue;
    rows.set(`${map} ${keyHex} false`, { map, keyHex, valueHex: hexOf(value, input) });
  }
  return rows.size === 0 ? {} : { maps: [...rows.values()] };
}

/** Other objects that were read, and what helpers wrote where that decides. */
function memoryOf({ world, answers, shadow }: Sighting, input: Input): Pick<ExampleRecord, "memory"> {
  const chosen = (thing: Thing): boolean => [...input.keys()].some((key) => key.startsWith(`${thing.key}@`));
  const things = [
    ...world.others.filter((thing) => shadow.used.has(thing.key)),
    ...answers.filled.filter(chosen),
  ];
  const memory = things.map((thing) => ({ what: thing.words, hex: hexOf(thing, input) }));
  return memory.length === 0 ? {} : { memory };
}
