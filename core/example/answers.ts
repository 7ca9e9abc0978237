// What helpers answer in a checked run. One with a meaning of its own (copying, reading, writing or moving the packet) does
// that; of all others anything that their row allows is chosen by the input: numbers, whether a look-up finds something,
// what is written to memory.
import { type CheckedWorld, checkedMemory } from "../host/embedded/checked.ts";
import type { Helper } from "../platform/platform.ts";
import { answerKey, type Input, nullKey } from "./input.ts";
import { type OpenMap, openMap, type Thing, Unrepresentable } from "./maps.ts";
import { moved, movesPacket } from "./packet-moves.ts";
import type { Term } from "./term.ts";
import { KERNEL_BYTES, type World } from "./world.ts";

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

export class Answers implements CheckedWorld {
  readonly lookedUp: LookedUp[] = [];
  /** Numbers that helpers have answered. */
  readonly given: Answered[] = [];
  /** Memory that helpers have filled from the input. */
  readonly filled: Thing[] = [];
  /** What the last call answered depends on. */
  answered: Term | undefined;
  /** On what the first bytes of the key depend that the call is about to look up. */
  keyTerm: Term | undefined;
  /** A helper may have changed the packet in a way that is not followed. */
  packetMoved = false;
  readonly #world: World;
  readonly #input: Input;
  #calls = 0;

  constructor(world: World, input: Input) {
    this.#world = world;
    this.#input = input;
  }

  get lane() {
    return this.#world.lane;
  }

  get packet(): Thing {
    return this.#world.packet;
  }

  get maps(): readonly OpenMap[] {
    return this.#world.maps;
  }

  get bases(): readonly number[] {
    return this.#world.bases;
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
      const sizeBytes = this.#world.sizeOf(helper, position, registers);
      if (address === 0 || sizeBytes === 0) continue;
      const key = `call ${call} argument ${position + 1}`;
      this.filled.push({ key, words: `what bpf_${helper.name} writes`, address, sizeBytes });
      this.#world.fill(key, address, sizeBytes);
    }
    return this.#result(helper, call, registers);
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
        this.given.push({ call, helper, value });
        return BigInt.asIntN(64, value);
      }
      case "mapValue":
      case "mapValueOrNull":
        return BigInt(this.#looked(helper, call, registers));
      case "recordOrNull": {
        const at = helper.arguments.findIndex((row) => row.kind === "recordSize");
        const sizeBytes = Number(registers[at + 1]);
        return this.#orNull(call, () =>
          this.#world.makeOther(`record ${call}`, "a record of a ring buffer", sizeBytes),
        );
      }
      case "objectOrNull":
        return this.#orNull(call, () => this.#world.makeObject(`object ${call}`, returns.type, 0));
      case "memoryOrNull":
        return this.#orNull(call, () =>
          this.#world.makeOther(`memory ${call}`, "the memory", returns.sizeBytes),
        );
      case "kernel": {
        const make = () => this.#world.makeOther(`kernel ${call}`, "an object of the kernel", KERNEL_BYTES);
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
    const map = this.#world.maps[handle - 1];
    if (map === undefined) throw new Unrepresentable("a look-up without a map");
    const { keySizeBytes, maxEntries, name } = map.spec;
    const keyAt = registerOf("mapKey");
    const at = Number(registers[keyAt]);
    const key = keyAt > 0 ? checkedMemory().bytes.slice(at, at + keySizeBytes) : new Uint8Array(keySizeBytes);
    const keyHex = Buffer.from(key).toString("hex");
    // Without a number of entries the loader is to give one.
    const index =
      map.isArray && keyAt > 0 && keySizeBytes === 4 && maxEntries > 0
        ? new DataView(key.buffer).getUint32(0, true)
        : undefined;
    const missing = helper.returns.kind === "mapValueOrNull" && this.#input.get(nullKey(call)) === 1n;
    const found = index === undefined ? !missing : index < maxEntries;
    const thing = found && map.inner === undefined ? this.#world.value(map, handle, key) : undefined;
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
    const handle = this.#world.maps.push(openMap(map.inner, [], "hash"));
    this.#inner.set(name, handle);
    return handle;
  }

  /** int bpf_skb_load_bytes(skb, offset, to, length): 0, or -EFAULT. */
  #loadBytes(registers: BigInt64Array): bigint {
    const [offset, to, sizeBytes] = [2, 3, 4].map((at) => low32(registers[at])) as [number, number, number];
    if (offset + sizeBytes > this.#world.packet.sizeBytes) return EFAULT;
    const from = this.#world.packet.address + offset;
    checkedMemory().bytes.copyWithin(to, from, from + sizeBytes);
    this.#world.onWrite(to, sizeBytes, this.#world.packet.key, from - this.#world.origin);
    return 0n;
  }

  /** int bpf_skb_store_bytes(skb, offset, from, length, flags): 0, or -EFAULT. */
  #storeBytes(registers: BigInt64Array): bigint {
    const [offset, from, sizeBytes] = [2, 3, 4].map((at) => low32(registers[at])) as [number, number, number];
    if (offset + sizeBytes > this.#world.packet.sizeBytes) return EFAULT;
    const to = this.#world.packet.address + offset;
    checkedMemory().bytes.copyWithin(to, from, from + sizeBytes);
    this.#world.onCopy(to, sizeBytes);
    return 0n;
  }

  /** 0, or -EINVAL. */
  #move(helper: string, argument: bigint): bigint {
    const { packet, endOfEmpty, origin } = this.#world;
    const span = { start: packet.address, end: packet.address + packet.sizeBytes, endOfEmpty };
    const next = moved(helper, span, argument, origin);
    if (next === undefined) return EINVAL;
    this.#world.movePacket(next);
    return 0n;
  }
}

const EFAULT = -14n;
const EINVAL = -22n;

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
