// Look-ups in hash maps, which compiled programs do by themselves: every key that is there is found, no other.
import test from "ava";
import { createEmbeddedHost, describe, instantiate } from "../../../core/host/embedded/host.ts";
import { LANE_COUNT } from "../../../core/host/embedded/lane.ts";
import { compile } from "../../../core/image/compile.ts";
import { printImage } from "../../../core/image/print.ts";
import { ENGINES } from "../../harness/engines.ts";
import { assembled, mapOf, mapSpec } from "../../harness/programs.ts";

/** r1 is raw memory; the key begins at its second byte. Answers the value, or 0. */
const LOOK_UP = `
  r2 = r1
  r2 += 1
  r1 = map[0]
  call 1
  if r0 == 0 goto out
  r0 = *(u64 *)(r0 + 0)
  out:
  exit
`;

/** A key whose bytes all depend on the number. */
function keyOf(number: number, sizeBytes: number): Uint8Array {
  return Uint8Array.from(
    { length: sizeBytes },
    (_, index) => (number * (index * 2 + 1) + (number >> 8)) & 0xff,
  );
}

for (const kind of ["hash", "percpu_hash", "lru_hash", "lru_percpu_hash"] as const) {
  for (const sizeBytes of [1, 2, 3, 4, 5, 7, 8, 16, 64, 65]) {
    test(`${kind}, keys of ${sizeBytes} bytes`, (t) => {
      const host = createEmbeddedHost();
      const row = mapOf(kind, mapSpec("m", sizeBytes, 8, 100));
      const map = host.createMap(row.spec, kind);
      const program = assembled(LOOK_UP, { maps: [row], rawMemorySizeBytes: 80 });
      const lane = host.allocateLane();
      const copies = kind.includes("percpu") ? LANE_COUNT : 1;
      const there = new Map<string, bigint>();
      for (let number = 1; number <= 90; number++) {
        const key = keyOf(number, sizeBytes);
        const value = new BigUint64Array(copies).fill(1n);
        value[copies === 1 ? 0 : lane.index] = BigInt(number);
        map.update(key, new Uint8Array(value.buffer));
        there.set(String(key), BigInt(number));
      }
      for (const engine of ENGINES) {
        const instance = instantiate(describe(host.load(compile(program, engine), [map])), lane);
        const bytes = new Uint8Array(host.memory.buffer);
        for (let number = 0; number < 256; number++) {
          const key = keyOf(number, sizeBytes);
          bytes.set(key, lane.packetAddress + 1);
          const answer = BigInt(instance.run(lane.packetAddress));
          if (answer !== (there.get(String(key)) ?? 0n)) t.fail(`${engine}: ${key} gives ${answer}`);
        }
      }
      t.pass();
    });
  }
}

test("only keys of up to 64 bytes are looked up in place", (t) => {
  const text = (sizeBytes: number): string => {
    const maps = [mapOf("hash", mapSpec("m", sizeBytes, 8, 100))];
    return printImage(compile(assembled(LOOK_UP, { maps }), "wasm"));
  };
  t.regex(text(64), /call \$find0/);
  t.notRegex(text(65), /call \$find0/);
});

for (const engine of ENGINES) {
  test(`a look-up by a program is a use: the entry stays in an LRU map: ${engine}`, (t) => {
    const host = createEmbeddedHost();
    const row = mapOf("lru_hash", mapSpec("m", 4, 8, 3));
    const map = host.createMap(row.spec, "lru_hash");
    const lane = host.allocateLane();
    const program = assembled(LOOK_UP, { maps: [row], rawMemorySizeBytes: 8 });
    const instance = instantiate(describe(host.load(compile(program, engine), [map])), lane);
    const bytes = new Uint8Array(host.memory.buffer);
    const put = (key: number): void =>
      map.update(Uint8Array.of(key, 0, 0, 0), Uint8Array.of(key, 0, 0, 0, 0, 0, 0, 0));
    for (const key of [1, 2, 3]) put(key);
    // 3 is the newest already, 1 becomes it, twice.
    for (const key of [3, 1, 1]) {
      bytes.set([key, 0, 0, 0], lane.packetAddress + 1);
      t.is(instance.run(lane.packetAddress), key);
    }
    put(4);
    put(5);
    t.deepEqual([...map.entries()].map(({ key }) => key[0]).sort(), [1, 4, 5]);
  });
}
