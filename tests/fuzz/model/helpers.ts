// What a helper may do, judged by its prototype alone: it checks its arguments as a kernel would rely on them, reads and
// writes the memory it is given, and answers anything its row allows. So the model runs every helper of every platform.
import type { ArgumentKind, Helper } from "../../../core/platform/platform.ts";
import type { MapSpec } from "../../../core/spec.ts";
import { NotModelled } from "./fault.ts";
import { anyBytes, anyNumber, hex, type Machine } from "./machine.ts";
import { NULL, numberWord, offsetOf, pointerWord, readBits, type Thing, type Word } from "./memory.ts";

/** What the arguments of one call say together. */
interface Call {
  map?: Thing;
  key?: string;
  recordBytes?: number;
  object?: Thing;
  callback?: {
    readonly start: number;
    readonly parameters: Extract<ArgumentKind, { kind: "callback" }>["parameters"];
  };
  passed?: Word;
  readonly releases: Thing[];
}

/** "replaced": another program has run in place of the function, and has ended. */
export function callHelper(m: Machine, helper: Helper): "returned" | "replaced" {
  const call: Call = { releases: [] };
  const words = helper.arguments.map((kind, position) => argumentWord(m, kind, position));
  m.effects.push(helper.name);
  for (const [position, kind] of helper.arguments.entries()) {
    const word = words[position];
    if (word !== undefined) useArgument(m, helper, call, kind, word, words[sizePosition(kind, position)]);
  }
  for (const thing of call.releases) {
    if (!m.held.delete(thing)) throw m.fault("reference", `bpf_${helper.name} releases what is not held`);
    thing.live = false;
  }
  if (call.callback !== undefined) runCallback(m, call, call.callback);
  if (m.ended) return "returned";
  if (helper.name === "tail_call" && m.input.next(2) === 0) {
    if (m.held.size > 0) throw m.fault("reference", "a tail call holds a reference");
    movePacket(m);
    m.registers[0] = numberWord(anyNumber(m.input.next, 8));
    return "replaced";
  }
  if (helper.invalidatesPacket === true) movePacket(m);
  const result = answer(m, helper, call);
  m.lose();
  m.registers[0] = result;
  return "returned";
}

function argumentWord(m: Machine, kind: ArgumentKind, position: number): Word | undefined {
  const optional = (kind.kind === "scalar" || kind.kind === "anything") && kind.optional === true;
  return optional ? m.registers[position + 1] : m.read(position + 1);
}

function specOf(m: Machine, map: Thing | undefined): MapSpec {
  const outer = m.program.maps[map?.index ?? -1]?.spec;
  const spec = map?.kind === "innerMap" ? outer?.inner : outer;
  if (spec === undefined) throw m.fault("argument", "there is no map before it");
  return spec;
}

function reads(m: Machine, word: Word, sizeBytes: number): Uint8Array {
  const { thing, at } = m.place(word, 0, sizeBytes, false);
  if (thing.kind === "kernel") return anyBytes(m.input.next, sizeBytes);
  if (thing.fields !== undefined) throw m.fault("argument", `a ${thing.kind} is no plain memory`);
  m.checkWritten(thing, at, sizeBytes);
  const bytes = thing.bytes.slice(at, at + sizeBytes);
  m.effects.push(hex(bytes));
  return bytes;
}

function useMemory(m: Machine, word: Word, sizeBytes: number, access: "read" | "write" | "readWrite"): void {
  if (sizeBytes === 0) return;
  if (access !== "write") reads(m, word, sizeBytes);
  if (access === "read") return;
  const { thing } = m.place(word, 0, sizeBytes, true);
  if (thing.fields !== undefined) throw m.fault("argument", `a ${thing.kind} is no plain memory`);
  m.fill(word, sizeBytes);
}

function useArgument(
  m: Machine,
  helper: Helper,
  call: Call,
  kind: ArgumentKind,
  word: Word,
  after: Word | undefined,
) {
  const wrong = (what: string) => m.fault("argument", `bpf_${helper.name}: ${what}`);
  if ("orNull" in kind && kind.orNull === true && word.bits === 0n && word.to === undefined) {
    const size = kind.kind === "memory" ? BigInt.asUintN(32, after?.bits ?? 0n) : 0n;
    if (size !== 0n && kind.kind === "memory") throw wrong("no memory, but a size");
    return;
  }
  switch (kind.kind) {
    case "scalar":
    case "anything":
      m.effects.push(`${word.bits}`);
      return;
    case "context":
      if (word.to !== m.context || offsetOf(word) !== 0) throw wrong("that is not the context");
      return;
    case "map": {
      const type = word.to?.kind === "map" ? m.program.maps[word.to.index]?.type.name : undefined;
      const ofInner = word.to?.kind === "innerMap";
      if (!ofInner && (type === undefined || !kind.types.includes(type))) throw wrong("that is no such map");
      call.map = word.to as Thing;
      return;
    }
    case "mapKey":
      call.key = hex(reads(m, word, specOf(m, call.map).keySizeBytes));
      return;
    case "mapValue":
      useMemory(m, word, specOf(m, call.map).valueSizeBytes, kind.access);
      return;
    case "memory":
      useMemory(m, word, sizeOf(m, helper, kind, after), kind.access);
      return;
    case "size":
      if (!kind.zeroAllowed && sizeWord(kind, word) === 0) throw wrong("a size of 0");
      return;
    case "fixedMemory":
      useMemory(m, word, kind.sizeBytes, kind.access);
      return;
    case "recordSize":
      call.recordBytes = Number(word.bits);
      return;
    case "record":
      if (word.to?.kind !== "record" || offsetOf(word) !== 0) throw wrong("that is no record");
      m.effects.push(m.input.strict ? hex(word.to.bytes) : "");
      call.releases.push(word.to);
      return;
    case "object":
      useObject(m, call, kind, word, wrong);
      return;
    case "callback": {
      const start = word.to?.kind === "code" ? m.program.subprograms[word.to.index]?.start : undefined;
      if (start === undefined) throw wrong("that is no function");
      call.callback = { start, parameters: kind.parameters };
      return;
    }
    case "callbackContext":
      call.passed = word;
      return;
    case "text":
      return;
    case "unsupported":
      throw new NotModelled(kind.what);
  }
}

function useObject(
  m: Machine,
  call: Call,
  kind: Extract<ArgumentKind, { readonly kind: "object" }>,
  word: Word,
  wrong: (what: string) => Error,
): void {
  const thing = word.to;
  if (thing?.kind === "kernel") {
    if (!kind.types.includes("kernel")) throw wrong("a pointer of the kernel");
    return;
  }
  if (thing?.kind !== "object" || !kind.types.includes(thing.type) || offsetOf(word) !== 0) {
    throw wrong(`that is no ${kind.types.join(" or ")}`);
  }
  m.place(word, 0, 0, false);
  call.object ??= thing;
  if (kind.release === true) call.releases.push(thing);
}

function sizeWord(kind: { readonly bits?: 64 }, word: Word): number {
  return Number(kind.bits === 64 ? word.bits : BigInt.asUintN(32, word.bits));
}

/** Where the length of the memory argument at `position` is. */
function sizePosition(kind: ArgumentKind, position: number): number {
  return (kind.kind === "memory" ? kind.sizeAt : undefined) ?? position + 1;
}

function sizeOf(m: Machine, helper: Helper, kind: ArgumentKind, word: Word | undefined): number {
  const row = helper.arguments[sizePosition(kind, helper.arguments.indexOf(kind))];
  if (word === undefined || row?.kind !== "size") throw m.fault("argument", "memory without a size");
  return sizeWord(row, word);
}

/** Up to three rounds; what a round is given is fresh except for what was passed. */
function runCallback(m: Machine, call: Call, { start, parameters }: NonNullable<Call["callback"]>): void {
  for (let rounds = m.input.next(4); rounds > 0 && !m.ended; rounds--) {
    const given = parameters.map((kind): Word => {
      switch (kind) {
        case "number":
          return numberWord(anyNumber(m.input.next, 8));
        case "map":
          return call.map === undefined ? NULL : pointerWord(call.map);
        case "mapKey":
          return pointerWord(
            m.space.make("memory", anyBytes(m.input.next, specOf(m, call.map).keySizeBytes), {
              readOnly: true,
            }),
          );
        case "mapValue":
          return pointerWord(m.value(call.map?.index ?? -1, call.map?.kind === "innerMap", `round${rounds}`));
        case "passed":
          return call.passed ?? NULL;
        case "kernel":
          return pointerWord(m.space.make("kernel", new Uint8Array(0)));
      }
      throw new NotModelled(`a callback with ${String(kind)}`);
    });
    const result = m.callBack(start, given);
    if (m.ended) return;
    if (result === undefined || result.to !== undefined || result.bits > 1n) {
      throw m.fault("result", `a callback returns ${result?.bits}`);
    }
    if (result.bits === 1n) return;
  }
}

function movePacket(m: Machine): void {
  const old = m.packet;
  const { next } = m.input;
  const length = next(3) === 0 ? old.bytes.length : next(old.bytes.length + 16);
  const bytes = Uint8Array.from({ length }, (_, at) => old.bytes[at] ?? next(256));
  old.live = false;
  m.packet = m.makePacket(bytes, Math.min(old.dataAt, length));
}

function lookUp(m: Machine, call: Call): Thing | undefined {
  const { map, key = "" } = call;
  if (map === undefined) throw m.fault("argument", "a look-up without a map");
  const inner = map.kind === "innerMap";
  const type = inner ? "" : m.program.maps[map.index]?.type.name;
  if (type === "array_of_maps" || type === "hash_of_maps") {
    if (m.input.next(3) === 0) return undefined;
    return m.space.make("innerMap", new Uint8Array(0), { index: map.index });
  }
  const spec = specOf(m, map);
  if (type === "array" || type === "percpu_array") {
    const index = Number(readBits(Buffer.from(key, "hex"), 0, 4));
    return index < spec.maxEntries ? m.value(map.index, false, index) : undefined;
  }
  return m.input.next(3) === 0 ? undefined : m.value(map.index, inner, key);
}

function answer(m: Machine, helper: Helper, call: Call): Word | undefined {
  const { returns } = helper;
  const isNull = (): boolean => m.input.next(2) === 0;
  switch (returns.kind) {
    case "scalar": {
      const { minimum, maximum } = returns;
      if (minimum === undefined || maximum === undefined) return numberWord(anyNumber(m.input.next, 8));
      const choice = m.input.next(4);
      if (choice < 2) return numberWord(choice === 0 ? minimum : maximum);
      return numberWord(minimum + (anyNumber(m.input.next, 8) % (maximum - minimum + 1n)));
    }
    case "mapValueOrNull": {
      const found = lookUp(m, call);
      return found === undefined ? NULL : pointerWord(found);
    }
    case "mapValue":
      return pointerWord(m.value(call.map?.index ?? -1, call.map?.kind === "innerMap", "own"));
    case "recordOrNull": {
      if (isNull()) return NULL;
      const record = m.space.make("record", anyBytes(m.input.next, call.recordBytes ?? 0));
      m.held.add(record);
      return pointerWord(record);
    }
    case "objectOrNull": {
      if (isNull()) return NULL;
      const from = returns.acquired ? undefined : (call.object?.holder ?? call.object);
      const made = m.makeObject(returns.type, from);
      if (returns.acquired) m.held.add(made);
      return pointerWord(made);
    }
    case "kernel":
      if (returns.nullable && isNull()) return NULL;
      return pointerWord(m.space.make("kernel", new Uint8Array(0)));
    case "memoryOrNull":
      if (isNull()) return NULL;
      return pointerWord(m.space.make("memory", anyBytes(m.input.next, returns.sizeBytes)));
    case "nothing":
      return undefined;
  }
}
