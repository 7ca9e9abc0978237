// The surroundings of one checked run, as an input says: context, packet, maps and whatever helpers answer, each an object
// of its own in the shared memory. What a helper with a meaning of its own does (copying, comparing, reading the packet) is
// done; of all others anything that their row allows is chosen by the input.
import {
  type CheckedWorld,
  checkedLane,
  checkedMemory,
  FIRST_FREE_PLACE,
  OBJECT_DISTANCE,
  placeAddress,
} from "../host/embedded/checked.ts";
import type { Instruction } from "../isa/instruction.ts";
import type { ContextField, Helper } from "../platform/platform.ts";
import type { Program } from "../program/program.ts";
import { answerKey, type Input, LENGTH, nullKey } from "./input.ts";
import { type OpenMap, openMap, type Thing, Unrepresentable } from "./maps.ts";
import { moved, movesPacket } from "./packet-moves.ts";
import type { Term } from "./term.ts";

/** A map value that a look-up gave or did not give. */
export interface LookedUp {
  readonly map: string;
  readonly keyHex: string;
  /** Absent: there is no such entry. */
  readonly thing?: Thing;
}

export interface Answered {
  readonly call: number;
  readonly helper: Helper;
  readonly value: bigint;
}

const FRAME_BYTES = 512;
const DEFAULT_LENGTH = 64n;
export const MOST_LENGTH = 65_535n;
/** Of an object of the kernel, of which only its BTF says how large it is. */
const KERNEL_BYTES = 4096;
/** Objects that point to objects that point to objects. */
const MOST_NESTING = 2;

export class World implements CheckedWorld {
  readonly lane = checkedLane();
  readonly maps: OpenMap[] = [];
  readonly bases: number[] = [];
  readonly things: Thing[] = [];
  readonly lookedUp: LookedUp[] = [];
  readonly answers: Answered[] = [];
  /** Memory that helpers have filled from the input. */
  readonly filled: Thing[] = [];
  /** Objects beside the packet, the context and map values. */
  readonly others: Thing[] = [];
  /** What the last call answered depends on. */
  answered: Term | undefined;
  /** On what the first bytes of the key depend that the call is about to look up. */
  keyTerm: Term | undefined;
  /** Functions that are open. */
  frames = 1;
  /** A helper may have moved the packet: what is in it is not known any more. */
  packetMoved = false;
  /** Told of memory that a helper fills from the input: byte i is byte `offset + i` of the object. */
  onWrite: (address: number, sizeBytes: number, object: string, offset: number) => void = () => {};
  /** Told of memory that a helper has copied something to that is not followed. */
  onCopy: (address: number, sizeBytes: number) => void = () => {};
  /** As it is now; `given` is the packet of the input, which begins at `origin`. */
  packet: Thing;
  readonly given: Thing;
  readonly origin: number;
  /** Where the packet would end if it were given empty; undefined: where it ends has nothing to do with that. */
  endOfEmpty: number | undefined;
  readonly context: Thing | undefined;
  readonly #program: Program;
  readonly #input: Input;
  readonly #chosen = new Map<string, { readonly offset: number; readonly value: number }[]>();
  readonly #pointers = new Set<number>();
  #places = FIRST_FREE_PLACE;
  #calls = 0;

  constructor(program: Program, input: Input) {
    this.#program = program;
    this.#input = input;
    for (const [key, value] of input) {
      const at = key.lastIndexOf("@");
      if (at < 0) continue;
      const object = key.slice(0, at);
      const row = { offset: Number(key.slice(at + 1)), value: Number(value) };
      const rows = this.#chosen.get(object);
      if (rows === undefined) this.#chosen.set(object, [row]);
      else rows.push(row);
    }
    checkedMemory().bytes.fill(0, this.lane.stackAddress, this.lane.stackAddress + this.lane.stackSizeBytes);
    const raw = program.rawMemorySizeBytes;
    const length = raw ?? Number(input.get(LENGTH) ?? DEFAULT_LENGTH);
    this.packet = this.#place(
      "packet",
      raw === undefined ? "the packet" : "the memory it was given",
      this.lane.packetAddress,
      length,
    );
    this.given = this.packet;
    this.origin = this.packet.address;
    this.endOfEmpty = this.origin;
    for (const { spec, type } of program.maps) this.maps.push(openMap(spec, [], type.name));
    for (const [index, map] of this.maps.entries()) this.bases.push(this.#baseOf(map, index));
    this.maps.push(openMap(undefined, this.others));
    if (raw === undefined) this.context = this.#makeContext();
  }

  /** The thing that lies nearest to the address: what a pointer that has left it came from. */
  nearest(address: number): Thing | undefined {
    let best: Thing | undefined;
    let distance = Number.POSITIVE_INFINITY;
    for (const thing of [this.#stack(), ...this.things]) {
      const end = thing.address + thing.sizeBytes;
      const away = address < thing.address ? thing.address - address : Math.max(0, address - end);
      if (away < distance) {
        distance = away;
        best = thing;
      }
    }
    return distance < 2 ** 17 ? best : undefined;
  }

  /** The frames of all open functions: a callee may use its callers'. */
  #stack(): Thing {
    const sizeBytes = this.frames * FRAME_BYTES;
    const address = this.lane.stackAddress + this.lane.stackSizeBytes - sizeBytes;
    return { key: "stack", words: "the stack", address, sizeBytes };
  }

  byteAt(address: number): number {
    return checkedMemory().bytes[address] ?? 0;
  }

  /** Little-endian. */
  numberAt(address: number, sizeBytes: number): bigint {
    let value = 0n;
    for (let at = sizeBytes - 1; at >= 0; at--) value = (value << 8n) | BigInt(this.byteAt(address + at));
    return value;
  }

  /** Did this world write a pointer there? */
  isPointer(thing: Thing, offset: number): boolean {
    return this.#pointers.has(thing.address + offset);
  }

  answer(helper: Helper, registers: BigInt64Array): bigint {
    const call = ++this.#calls;
    this.answered = undefined;
    if (helper.arguments.some((row) => row.kind === "callback" || row.kind === "unsupported")) {
      throw new Unrepresentable(helper.name);
    }
    if (movesPacket(helper.name)) return this.#move(helper.name, registers[2] ?? 0n);
    if (PACKET_LOADS.has(helper.name)) return this.#loadBytes(registers);
    if (PACKET_STORES.has(helper.name)) return this.#storeBytes(registers);
    if (LIBC.has(helper.name)) return copied(helper.name, registers);
    if (helper.invalidatesPacket === true) this.packetMoved = true;
    for (const [position, argument] of helper.arguments.entries()) {
      if (!("access" in argument) || argument.access !== "write") continue;
      const address = Number(registers[position + 1]);
      const sizeBytes = this.sizeOf(helper, position, registers);
      if (address === 0 || sizeBytes === 0) continue;
      const key = `call ${call} argument ${position + 1}`;
      this.filled.push({ key, words: `what bpf_${helper.name} writes`, address, sizeBytes });
      this.#fill(key, address, sizeBytes);
    }
    return this.#result(helper, call, registers);
  }

  #place(key: string, words: string, address: number, sizeBytes: number, content?: Uint8Array): Thing {
    const thing: Thing = { key, words, address, sizeBytes, ...(content !== undefined && { content }) };
    const { bytes } = checkedMemory();
    bytes.fill(0, address, address + sizeBytes);
    if (content !== undefined) bytes.set(content.subarray(0, sizeBytes), address);
    this.#choose(key, address, sizeBytes);
    this.things.push(thing);
    return thing;
  }

  #choose(key: string, address: number, sizeBytes: number): void {
    const { bytes } = checkedMemory();
    for (const { offset, value } of this.#chosen.get(key) ?? []) {
      if (offset < sizeBytes) bytes[address + offset] = value;
    }
  }

  #make(key: string, words: string, sizeBytes: number, content?: Uint8Array): Thing {
    const known = this.things.find((thing) => thing.key === key);
    if (known !== undefined) return known;
    const address = placeAddress(this.#places);
    this.#places += Math.ceil((sizeBytes + OBJECT_DISTANCE / 2) / OBJECT_DISTANCE);
    if (address === undefined || placeAddress(this.#places) === undefined) {
      throw new Unrepresentable("too many or too large objects");
    }
    return this.#place(key, words, address, sizeBytes, content);
  }

  #makeOther(key: string, words: string, sizeBytes: number): Thing {
    const thing = this.#make(key, words, sizeBytes);
    if (!this.others.includes(thing)) this.others.push(thing);
    return thing;
  }

  #fill(key: string, address: number, sizeBytes: number): void {
    checkedMemory().bytes.fill(0, address, address + sizeBytes);
    this.#choose(key, address, sizeBytes);
    this.onWrite(address, sizeBytes, key, 0);
  }

  #makeContext(): Thing {
    const { context } = this.#program.type;
    const thing = this.#place(
      "context",
      `the context (${context.name})`,
      this.lane.contextAddress,
      context.sizeBytes,
    );
    for (const field of context.fields) this.#pointField(thing, field, 0);
    return thing;
  }

  /** Writes the pointer that a field holds; numbers are the input's. */
  #pointField(thing: Thing, field: ContextField, nesting: number): void {
    const address = this.#pointee(thing, field, nesting);
    if (address === undefined) return;
    const { data } = checkedMemory();
    const at = thing.address + field.byteOffset;
    this.#pointers.add(at);
    data.setUint32(at, address, true);
    if (field.sizeBytes === 8) data.setUint32(at + 4, 0, true);
  }

  #pointee(thing: Thing, { kind, name, pointsTo }: ContextField, nesting: number): number | undefined {
    switch (kind) {
      case "scalar":
        return undefined;
      case "packetStart":
      case "packetMeta":
        return this.packet.address;
      case "packetEnd":
        return this.packet.address + this.packet.sizeBytes;
      case "kernel":
        return this.#makeOther(`${thing.key}.${name}`, "an object of the kernel", KERNEL_BYTES).address;
      case "memory":
      case "object":
        if (pointsTo === undefined || nesting >= MOST_NESTING) return 0;
        return pointsTo.kind === "memory"
          ? this.#makeOther(`${thing.key}.${name}`, `what ${name} points to`, pointsTo.sizeBytes).address
          : this.#makeObject(`${thing.key}.${name}`, pointsTo.type, nesting + 1).address;
    }
  }

  #makeObject(key: string, type: string, nesting: number): Thing {
    const row = this.#program.platform.objectTypes?.find(({ name }) => name === type);
    if (row === undefined) throw new Unrepresentable(type);
    const thing = this.#makeOther(key, `a ${type}`, row.sizeBytes);
    for (const field of row.fields) this.#pointField(thing, field, nesting);
    return thing;
  }

  /** The first values of arrays that the program addresses without a look-up. */
  addressed(): readonly { readonly value: Thing; readonly map: string; readonly keyHex: string }[] {
    return this.bases.flatMap((address, index) => {
      const value = address === 0 ? undefined : this.things.find((thing) => thing.address === address);
      const map = this.maps[index]?.spec.name ?? "";
      return value === undefined ? [] : [{ value, map, keyHex: "00000000" }];
    });
  }

  /** Where values that the program addresses without a look-up begin; only those of arrays are. */
  #baseOf(map: OpenMap, index: number): number {
    const isAddressed = this.#program.instructions.some((row) => isAddressOf(row, index));
    return map.isArray && isAddressed ? this.#value(map, index + 1, new Uint8Array(4)).address : 0;
  }

  #value(map: OpenMap, handle: number, key: Uint8Array): Thing {
    const hex = Buffer.from(key).toString("hex");
    const words = `a value of map ${map.spec.name}`;
    const thing = this.#make(`map ${handle} ${hex}`, words, map.spec.valueSizeBytes, map.spec.data?.bytes);
    if (!map.things.includes(thing)) map.things.push(thing);
    return thing;
  }

  #result(helper: Helper, call: number, registers: BigInt64Array): bigint {
    const { returns } = helper;
    switch (returns.kind) {
      case "nothing":
        return 0n;
      case "scalar": {
        const least = returns.minimum ?? -(2n ** 63n);
        const most = returns.maximum ?? 2n ** 64n - 1n;
        const usual = least > 0n ? least : most < 0n ? most : 0n;
        const value = this.#input.get(answerKey(call)) ?? usual;
        this.answered = { kind: "answer", call, least, most };
        this.answers.push({ call, helper, value });
        return BigInt.asIntN(64, value);
      }
      case "mapValue":
      case "mapValueOrNull":
        return BigInt(this.#looked(helper, call, registers));
      case "recordOrNull": {
        const at = helper.arguments.findIndex((row) => row.kind === "recordSize");
        const sizeBytes = Number(registers[at + 1]);
        return this.#orNull(call, () =>
          this.#makeOther(`record ${call}`, "a record of a ring buffer", sizeBytes),
        );
      }
      case "objectOrNull":
        return this.#orNull(call, () => this.#makeObject(`object ${call}`, returns.type, 0));
      case "memoryOrNull":
        return this.#orNull(call, () => this.#makeOther(`memory ${call}`, "the memory", returns.sizeBytes));
      case "kernel": {
        const make = () => this.#makeOther(`kernel ${call}`, "an object of the kernel", KERNEL_BYTES);
        return returns.nullable ? this.#orNull(call, make) : BigInt(make().address);
      }
    }
  }

  #orNull(call: number, make: () => Thing): bigint {
    const { address } = make();
    this.answered = { kind: "pointer", call, address: BigInt(address) };
    return this.#input.get(nullKey(call)) === 1n ? 0n : BigInt(address);
  }

  /** The address of the value, or the handle of the inner map, that a look-up gives; 0 if there is none. */
  #looked(helper: Helper, call: number, registers: BigInt64Array): number {
    const registerOf = (kind: string) => helper.arguments.findIndex((row) => row.kind === kind) + 1;
    const handle = Number(registers[registerOf("map")]);
    const map = this.maps[handle - 1];
    if (map === undefined) throw new Unrepresentable("a look-up without a map");
    const { keySizeBytes, maxEntries, name } = map.spec;
    const keyAt = registerOf("mapKey");
    const at = Number(registers[keyAt]);
    const key = keyAt > 0 ? checkedMemory().bytes.slice(at, at + keySizeBytes) : new Uint8Array(keySizeBytes);
    const keyHex = Buffer.from(key).toString("hex");
    // Without a number of entries the loader is to give one.
    const index =
      map.isArray && keyAt > 0 && maxEntries > 0 ? new DataView(key.buffer).getUint32(0, true) : undefined;
    const missing = helper.returns.kind === "mapValueOrNull" && this.#input.get(nullKey(call)) === 1n;
    const found = index === undefined ? !missing : index < maxEntries;
    const thing = found && map.inner === undefined ? this.#value(map, handle, key) : undefined;
    const address = found ? (thing?.address ?? this.#innerHandle(map, keyHex)) : 0;
    this.lookedUp.push({ map: name, keyHex, ...(thing !== undefined && { thing }) });
    if (index !== undefined) {
      const word = { value: BigInt(index), term: this.keyTerm };
      this.answered = { kind: "element", index: word, entries: BigInt(maxEntries), address: BigInt(address) };
    } else if (helper.returns.kind === "mapValueOrNull") {
      this.answered = { kind: "pointer", call, address: BigInt(address) };
    }
    return address;
  }

  readonly #inner = new Map<string, number>();

  #innerHandle(map: OpenMap, keyHex: string): number {
    const name = `${map.spec.name} ${keyHex}`;
    const known = this.#inner.get(name);
    if (known !== undefined) return known;
    const handle = this.maps.push(openMap(map.inner, [], "hash"));
    this.#inner.set(name, handle);
    return handle;
  }

  sizeOf(helper: Helper, position: number, registers: BigInt64Array): number {
    const argument = helper.arguments[position];
    switch (argument?.kind) {
      case "memory":
        return Number(BigInt.asUintN(32, registers[(argument.sizeAt ?? position + 1) + 1] ?? 0n));
      case "fixedMemory":
        return argument.sizeBytes;
      case "mapValue":
        return this.maps[Number(registers[1]) - 1]?.spec.valueSizeBytes ?? 0;
      default:
        return 0;
    }
  }

  /** int bpf_skb_load_bytes(skb, offset, to, length): 0, or -EFAULT. */
  #loadBytes(registers: BigInt64Array): bigint {
    const [offset, to, sizeBytes] = [2, 3, 4].map((at) => low32(registers[at])) as [number, number, number];
    if (offset + sizeBytes > this.packet.sizeBytes) return EFAULT;
    const from = this.packet.address + offset;
    checkedMemory().bytes.copyWithin(to, from, from + sizeBytes);
    this.onWrite(to, sizeBytes, this.packet.key, from - this.origin);
    return 0n;
  }

  /** int bpf_skb_store_bytes(skb, offset, from, length, flags): 0, or -EFAULT. */
  #storeBytes(registers: BigInt64Array): bigint {
    const [offset, from, sizeBytes] = [2, 3, 4].map((at) => low32(registers[at])) as [number, number, number];
    if (offset + sizeBytes > this.packet.sizeBytes) return EFAULT;
    const to = this.packet.address + offset;
    checkedMemory().bytes.copyWithin(to, from, from + sizeBytes);
    this.onCopy(to, sizeBytes);
    return 0n;
  }

  /** 0, or -EINVAL. What a packet grows by is 0. */
  #move(helper: string, argument: bigint): bigint {
    const { address, sizeBytes } = this.packet;
    const span = { start: address, end: address + sizeBytes, endOfEmpty: this.endOfEmpty };
    const next = moved(helper, span, argument, this.origin);
    if (next === undefined) return EINVAL;
    const { bytes } = checkedMemory();
    if (next.start < span.start) bytes.fill(0, next.start, span.start);
    if (next.end > span.end) bytes.fill(0, span.end, next.end);
    this.endOfEmpty = next.endOfEmpty;
    const packet = { ...this.packet, address: next.start, sizeBytes: next.end - next.start };
    this.things[this.things.indexOf(this.packet)] = packet;
    this.packet = packet;
    const { context } = this;
    if (context !== undefined) {
      for (const field of this.#program.type.context.fields) this.#pointField(context, field, 0);
    }
    return 0n;
  }
}

const EFAULT = -14n;
const EINVAL = -22n;

function isAddressOf(instruction: Instruction, map: number): boolean {
  if (instruction.kind !== "loadImmediate") return false;
  const { source } = instruction;
  return source.kind === "mapValue" && source.map === map;
}

/** void *memcpy(to, from, length), void *memset(to, byte, length) */
function copied(name: string, registers: BigInt64Array): bigint {
  const { bytes } = checkedMemory();
  const [to, second, length] = [1, 2, 3].map((register) => low32(registers[register])) as [
    number,
    number,
    number,
  ];
  if (name === "libc_memset") bytes.fill(second & 0xff, to, to + length);
  else bytes.copyWithin(to, second, second + length);
  return 0n;
}

function low32(value: bigint | undefined): number {
  return Number(BigInt.asUintN(32, value ?? 0n));
}

const LIBC: ReadonlySet<string> = new Set(["libc_memcpy", "libc_memset"]);
const PACKET_STORES: ReadonlySet<string> = new Set(["skb_store_bytes", "xdp_store_bytes"]);
const PACKET_LOADS: ReadonlySet<string> = new Set(["skb_load_bytes", "xdp_load_bytes"]);
