// How fast programs run on the embedded host, and how long it takes to compile one: the sample droppacket in both
// engines on an empty datagram, with writing its context, and programs that do nothing but look up.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadObject } from "../../core/elf/object.ts";
import {
  actionOf,
  clearContext,
  createEmbeddedHost,
  createPacketWriter,
  describe,
  instantiate,
} from "../../core/host/embedded/host.ts";
import { compile } from "../../core/image/compile.ts";
import type { EngineName } from "../../core/image/image.ts";
import { assembleProgram } from "../../core/program/assemble.ts";
import { buildProgram } from "../../core/program/build.ts";
import type { Program } from "../../core/program/program.ts";
import type { VerifiedProgram } from "../../core/verifier/verdict.ts";
import { verify } from "../../core/verifier/verify.ts";
import { mapSpec, udpFrame } from "../harness/programs.ts";
import type { Benchmark } from "./benchmark.ts";

const SAMPLE = join(import.meta.dirname, "..", "..", "samples", "droppacket.o");

function accepted(program: Program): VerifiedProgram {
  const verdict = verify(program);
  if (verdict.kind === "rejected") throw new Error(verdict.failures[0].message);
  return verdict.program;
}

function droppacket(): VerifiedProgram {
  return accepted(buildProgram(loadObject(readFileSync(SAMPLE), "droppacket.o"), undefined));
}

/** Nanoseconds a call: the best of several batches of about 100 ms, so that other processes matter little. */
function nanosecondsOf(run: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  let rounds = 100;
  const end = performance.now() + 1500;
  while (performance.now() < end) {
    const start = performance.now();
    for (let round = 0; round < rounds; round++) run();
    const milliseconds = performance.now() - start;
    best = Math.min(best, (milliseconds * 1e6) / rounds);
    if (milliseconds < 100) rounds *= 2;
  }
  return best;
}

/** A packet through the program: context written, program run. */
function packetRun(program: VerifiedProgram, engine: EngineName): () => void {
  const host = createEmbeddedHost();
  const maps = program.maps.map(({ spec, type }) => host.createMap(spec, type.name));
  const lane = host.allocateLane();
  const instance = instantiate(describe(host.load(compile(program, engine), maps)), lane);
  const { context } = program.type;
  const frame = udpFrame(0);
  const packet = lane.packetAddress + lane.packetHeadroomBytes;
  const writePacket = createPacketWriter(context, host.memory);
  clearContext(context, host.memory, lane.contextAddress);
  new Uint8Array(host.memory.buffer).set(frame, packet);
  writePacket(lane.contextAddress, packet, frame.length);
  const action = actionOf(program.type, instance.run(lane.contextAddress));
  if (action !== "drop") throw new Error(`droppacket answers ${action}`);
  return () => {
    writePacket(lane.contextAddress, packet, frame.length);
    instance.run(lane.contextAddress);
  };
}

/** `type` is Windows' number of the map type. The key is one of 1024, another in each run. */
function lookUpProgram(type: number): VerifiedProgram {
  const maps = [
    { ...mapSpec("entries", 4, 8, 1024), type },
    { ...mapSpec("next", 4, 8, 1), type: 2 },
  ];
  const text = `
    r1 = 0
    *(u32 *)(r10 - 4) = r1
    r2 = r10
    r2 += -4
    r1 = map[next]
    call map_lookup_elem
    if r0 == 0 goto out
    r1 = *(u64 *)(r0 + 0)
    r1 += 1
    *(u64 *)(r0 + 0) = r1
    r1 &= 1023
    *(u32 *)(r10 - 4) = r1
    r2 = r10
    r2 += -4
    r1 = map[entries]
    call map_lookup_elem
    if r0 == 0 goto out
    r0 = *(u64 *)(r0 + 0)
    out:
    r0 = 1
    exit
  `;
  return accepted(assembleProgram(text, { platform: "windows", type: "xdp", maps }));
}

function lookUpRun(type: number, engine: EngineName): () => void {
  const program = lookUpProgram(type);
  const host = createEmbeddedHost();
  const maps = program.maps.map(({ spec, type: row }) => host.createMap(spec, row.name));
  if (type !== 2) for (let key = 0; key < 1024; key++) maps[0]?.update(keyOf(key), new Uint8Array(8));
  const lane = host.allocateLane();
  const instance = instantiate(describe(host.load(compile(program, engine), maps)), lane);
  return () => {
    instance.run(lane.contextAddress);
  };
}

function keyOf(key: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, key, true);
  return bytes;
}

function lookUp(name: string, type: number): Benchmark {
  return {
    name: `${name} through WebAssembly`,
    unit: "ns",
    better: "lower",
    run: async () => ({ value: nanosecondsOf(lookUpRun(type, "wasm")) }),
  };
}

/** A record of 64 bytes; the ring is emptied by its reader now and then, as at its other end. */
function recordRun(): () => void {
  const map = { ...mapSpec("records", 0, 0, 1 << 16), type: 13 };
  const words = Array.from({ length: 8 }, (_, index) => `*(u64 *)(r10 - ${8 * index + 8}) = 1`).join("\n");
  const text = `${words}\nr1 = map[records]\nr2 = r10\nr2 += -64\nr3 = 64\nr4 = 0\ncall ringbuf_output\nexit`;
  const host = createEmbeddedHost();
  const program = accepted(assembleProgram(text, { platform: "windows", type: "xdp", maps: [map] }));
  const ring = host.createMap(map, "ringbuf");
  const lane = host.allocateLane();
  const instance = instantiate(describe(host.load(compile(program, "wasm"), [ring])), lane);
  let runs = 0;
  return () => {
    if (instance.run(lane.contextAddress) !== 0) throw new Error("there is no room");
    if (++runs % 512 === 0) ring.ring?.take(512);
  };
}

/** From one program to another that ends at once. */
function tailCallRun(): () => void {
  const map = { ...mapSpec("jumps", 4, 4, 1), type: 3 };
  const host = createEmbeddedHost();
  const jumps = host.createMap(map, "prog_array");
  const text = "r2 = map[jumps]\nr3 = 0\ncall tail_call\nr0 = 3\nexit";
  const caller = accepted(assembleProgram(text, { platform: "windows", type: "xdp", maps: [map] }));
  const end = accepted(assembleProgram("r0 = 1\nexit", { platform: "windows", type: "xdp" }));
  const target = host.load(compile(end, "wasm"), []);
  jumps.update(keyOf(0), keyOf(target.id));
  const lane = host.allocateLane();
  const programs = { find: () => target.descriptor };
  const instance = instantiate(describe(host.load(compile(caller, "wasm"), [jumps])), lane, { programs });
  return () => {
    if (instance.run(lane.contextAddress) !== 1) throw new Error("there was no tail call");
  };
}

export const benchmarks: readonly Benchmark[] = [
  {
    name: "droppacket through WebAssembly",
    unit: "ns/packet",
    better: "lower",
    target: 60,
    run: async () => ({ value: nanosecondsOf(packetRun(droppacket(), "wasm")) }),
  },
  {
    name: "droppacket through the interpreter",
    unit: "us/packet",
    better: "lower",
    target: 3,
    run: async () => ({ value: nanosecondsOf(packetRun(droppacket(), "interpreter")) / 1000 }),
  },
  lookUp("two look-ups in arrays", 2),
  lookUp("a look-up in an array and one in a hash of 1024", 1),
  lookUp("a look-up in an array and one in an LRU hash of 1024", 8),
  {
    name: "a record of 64 bytes into a ring buffer, and out, through WebAssembly",
    unit: "ns",
    better: "lower",
    run: async () => ({ value: nanosecondsOf(recordRun()) }),
  },
  {
    name: "a tail call through WebAssembly",
    unit: "ns",
    better: "lower",
    run: async () => ({ value: nanosecondsOf(tailCallRun()) }),
  },
  {
    name: "compile droppacket to WebAssembly, and load it",
    unit: "ms",
    better: "lower",
    run: async () => {
      const program = droppacket();
      const once = () => new WebAssembly.Module(compile(program, "wasm").wasm ?? new Uint8Array());
      return { value: nanosecondsOf(once) / 1e6 };
    },
  },
];
