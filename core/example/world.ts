// The memory of one checked run, as an input says: context, packet, map values and other objects, each apart from the
// others. What helpers do with it is in answers.ts.
import {
  checkedLane,
  checkedMemory,
  FIRST_FREE_PLACE,
  OBJECT_DISTANCE,
  placeAddress,
} from "../host/embedded/checked.ts";
import type { ContextField, Helper } from "../platform/platform.ts";
import type { Program } from "../program/program.ts";
import { type Input, LENGTH } from "./input.ts";
import { type OpenMap, openMap, type Thing, Unrepresentable } from "./maps.ts";
import type { Span } from "./packet-moves.ts";

const FRAME_BYTES = 512;
const DEFAULT_LENGTH = 64n;
export const MOST_LENGTH = 65_535n;
/** Of an object of the kernel, of which only its BTF says how large it is. */
export const KERNEL_BYTES = 4096;
/** Objects that point to objects that point to objects. */
const MOST_NESTING = 2;

export class World {
  readonly lane = checkedLane();
  readonly maps: OpenMap[] = [];
  readonly bases: number[] = [];
  readonly things: Thing[] = [];
  /** Objects beside the packet, the context and map values. */
  readonly others: Thing[] = [];
  /** Functions that are open. */
  frames = 1;
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
  readonly #chosen = new Map<string, { readonly offset: number; readonly value: number }[]>();
  readonly #pointers = new Set<number>();
  #places = FIRST_FREE_PLACE;

  constructor(program: Program, input: Input) {
    this.#program = program;
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

  /** Fills memory with what the input says of an object of that name. */
  fill(key: string, address: number, sizeBytes: number): void {
    checkedMemory().bytes.fill(0, address, address + sizeBytes);
    this.#choose(key, address, sizeBytes);
    this.onWrite(address, sizeBytes, key, 0);
  }

  /** From now on the packet lies there; what it has grown by is 0. */
  movePacket({ start, end, endOfEmpty }: Span): void {
    const { address, sizeBytes } = this.packet;
    const { bytes } = checkedMemory();
    if (start < address) bytes.fill(0, start, address);
    if (end > address + sizeBytes) bytes.fill(0, address + sizeBytes, end);
    this.endOfEmpty = endOfEmpty;
    const packet = { ...this.packet, address: start, sizeBytes: end - start };
    this.things[this.things.indexOf(this.packet)] = packet;
    this.packet = packet;
    const { context } = this;
    if (context === undefined) return;
    for (const field of this.#program.type.context.fields) this.#pointField(context, field, 0);
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

  makeOther(key: string, words: string, sizeBytes: number): Thing {
    const thing = this.#make(key, words, sizeBytes);
    if (!this.others.includes(thing)) this.others.push(thing);
    return thing;
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
        return this.makeOther(`${thing.key}.${name}`, "an object of the kernel", KERNEL_BYTES).address;
      case "memory":
      case "object":
        if (pointsTo === undefined || nesting >= MOST_NESTING) return 0;
        return pointsTo.kind === "memory"
          ? this.makeOther(`${thing.key}.${name}`, `what ${name} points to`, pointsTo.sizeBytes).address
          : this.makeObject(`${thing.key}.${name}`, pointsTo.type, nesting + 1).address;
    }
  }

  makeObject(key: string, type: string, nesting: number): Thing {
    const row = this.#program.platform.objectTypes?.find(({ name }) => name === type);
    if (row === undefined) throw new Unrepresentable(type);
    const thing = this.makeOther(key, `a ${type}`, row.sizeBytes);
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
    return map.isArray && addressedMaps(this.#program).has(index)
      ? this.value(map, index + 1, new Uint8Array(4)).address
      : 0;
  }

  value(map: OpenMap, handle: number, key: Uint8Array): Thing {
    const hex = Buffer.from(key).toString("hex");
    const words = `a value of map ${map.spec.name}`;
    const thing = this.#make(`map ${handle} ${hex}`, words, map.spec.valueSizeBytes, map.spec.data?.bytes);
    if (!map.things.includes(thing)) map.things.push(thing);
    return thing;
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
}

const addressed = new WeakMap<Program, ReadonlySet<number>>();

/** Maps whose first value the program addresses without a look-up; looked for once, since a search runs it often. */
function addressedMaps(program: Program): ReadonlySet<number> {
  let maps = addressed.get(program);
  if (maps === undefined) {
    maps = new Set(
      program.instructions.flatMap((row) =>
        row.kind === "loadImmediate" && row.source.kind === "mapValue" ? [row.source.map] : [],
      ),
    );
    addressed.set(program, maps);
  }
  return maps;
}
