// Each kind of map against a model of it: a JavaScript Map, random operations from programs' and the host's side.
import test from "ava";
import fc from "fast-check";
import { EbpfError } from "../../../core/base/error.ts";
import { createEmbeddedHost } from "../../../core/host/embedded/host.ts";
import type { EmbeddedMap } from "../../../core/host/embedded/host-map.ts";
import { LANE_COUNT } from "../../../core/host/embedded/lane.ts";
import { openMap } from "../../../core/host/embedded/maps/kinds.ts";
import { MAP_ERROR, UPDATE_MODE } from "../../../core/host/embedded/maps/map.ts";
import { viewsOf } from "../../../core/host/embedded/memory.ts";
import type { MapKind } from "../../../core/platform/platform.ts";
import { mapSpec } from "../../harness/programs.ts";

const ENTRIES = 8;
const VALUE_BYTES = 5;

type Operation =
  | { readonly kind: "lookup" | "remove"; readonly key: number; readonly lane: number }
  | {
      readonly kind: "update";
      readonly key: number;
      readonly lane: number;
      readonly value: number;
      readonly flags: number;
    };

const keys = fc.nat({ max: 15 });
const lanes = fc.nat({ max: 2 });
const operations: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ kind: fc.constantFrom("lookup" as const, "remove" as const), key: keys, lane: lanes }),
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("update" as const),
      key: keys,
      lane: lanes,
      value: fc.nat({ max: 255 }),
      flags: fc.constantFrom<number>(
        UPDATE_MODE.any,
        UPDATE_MODE.any,
        UPDATE_MODE.noexist,
        UPDATE_MODE.exist,
        3,
      ),
    }),
  },
);

/** What a map of a kind must do. Values are one number a lane; a JavaScript Map keeps its order of insertion. */
class Model {
  readonly entries = new Map<number, number[]>();
  readonly #kind: MapKind;

  constructor(kind: MapKind) {
    this.#kind = kind;
    if (this.isArray) for (let key = 0; key < ENTRIES; key++) this.entries.set(key, zeros());
  }

  get isArray(): boolean {
    return this.#kind.endsWith("array");
  }

  #lane(lane: number): number {
    return this.#kind.includes("percpu") ? lane : 0;
  }

  #use(key: number, values: number[]): void {
    if (!this.#kind.startsWith("lru")) return;
    this.entries.delete(key);
    this.entries.set(key, values);
  }

  run(operation: Operation): number | undefined {
    const { key } = operation;
    const values = this.entries.get(key);
    const lane = this.#lane(operation.lane);
    switch (operation.kind) {
      case "lookup":
        if (values !== undefined) this.#use(key, values);
        return values?.[lane];
      case "remove":
        if (this.isArray) return MAP_ERROR.invalid;
        return this.entries.delete(key) ? 0 : MAP_ERROR.notFound;
      case "update": {
        const { flags, value } = operation;
        if (flags > 2) return MAP_ERROR.invalid;
        if (this.isArray && flags === UPDATE_MODE.noexist) return MAP_ERROR.exists;
        if (values !== undefined) {
          if (flags === UPDATE_MODE.noexist) return MAP_ERROR.exists;
          values[lane] = value;
          this.#use(key, values);
          return 0;
        }
        if (this.isArray) return MAP_ERROR.tooBig;
        if (flags === UPDATE_MODE.exist) return MAP_ERROR.notFound;
        if (this.entries.size === ENTRIES) {
          if (!this.#kind.startsWith("lru")) return MAP_ERROR.tooBig;
          this.entries.delete(this.entries.keys().next().value!);
        }
        const fresh = zeros();
        fresh[lane] = value;
        this.entries.set(key, fresh);
        return 0;
      }
    }
  }
}

function zeros(): number[] {
  return Array.from({ length: LANE_COUNT }, () => 0);
}

const KINDS: readonly MapKind[] = [
  "array",
  "percpu_array",
  "hash",
  "percpu_hash",
  "lru_hash",
  "lru_percpu_hash",
];

for (const kind of KINDS) {
  for (const keyBytes of kind.endsWith("array") ? [4] : [1, 4, 7, 16]) {
    test(`${kind} with keys of ${keyBytes} bytes does what a model does`, (t) => {
      const host = createEmbeddedHost();
      const scratch = host.allocateLane().packetAddress;
      // Addresses as programs have them: not aligned.
      const keyAddress = scratch + 1;
      const valueAddress = scratch + 101;
      fc.assert(
        fc.property(fc.array(operations, { maxLength: 120 }), (list) => {
          const map = host.createMap(mapSpec("m", keyBytes, VALUE_BYTES, ENTRIES), kind) as EmbeddedMap;
          const views = viewsOf(host.memory);
          const accesses = [0, 1, 2].map((lane) => openMap(views, map.descriptor, lane));
          const model = new Model(kind);
          for (const operation of list) {
            const access = accesses[operation.lane]!;
            views.bytes.set(keyOf(operation.key, keyBytes), keyAddress);
            let result: number | undefined;
            if (operation.kind === "update") {
              views.bytes.fill(operation.value, valueAddress, valueAddress + VALUE_BYTES);
              result = access.update(keyAddress, valueAddress, operation.flags);
            } else if (operation.kind === "remove") result = access.remove(keyAddress);
            else {
              const at = access.lookup(keyAddress);
              if (at !== 0 && !access.contains(at, VALUE_BYTES)) throw new Error("not a value of the map");
              if (at !== 0 && access.contains(at, VALUE_BYTES + 1)) throw new Error("values have no bounds");
              result = at === 0 ? undefined : views.bytes[at];
            }
            t.is(result, model.run(operation), JSON.stringify(operation));
          }
          checkHostSide(map, model, keyBytes, kind.includes("percpu"));
          map.close();
        }),
        { numRuns: 60, seed: 5 },
      );
      t.pass();
    });
  }
}

function keyOf(key: number, sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  bytes[0] = key;
  return bytes;
}

function checkHostSide(map: EmbeddedMap, model: Model, keyBytes: number, perCpu: boolean): void {
  const found = [...map.entries()].map(({ key }) => key[0]!).sort((a, b) => a - b);
  const expected = [...model.entries.keys()].sort((a, b) => a - b);
  if (String(found) !== String(expected)) throw new Error(`keys ${found}, expected ${expected}`);
  if (map.count() !== expected.length) throw new Error(`count ${map.count()}`);
  for (const key of found) {
    const value = map.lookup(keyOf(key, keyBytes))!;
    const values = perCpu ? Array.from({ length: LANE_COUNT }, (_, lane) => value[lane * 8]) : [value[0]];
    const wanted = model.entries.get(key)!.slice(0, values.length);
    if (String(values) !== String(wanted)) throw new Error(`key ${key}: ${values}, expected ${wanted}`);
  }
}

test("flags of a map that no host has are refused; hints about memory, and read-only to programs, are taken", (t) => {
  const host = createEmbeddedHost();
  for (const flags of [0, 1, 2, 4, 0x80, 0x87])
    host.createMap({ ...mapSpec("m", 4, 4, 2), flags }, "hash").close();
  for (const flags of [8, 0x10, 0x100, 0x400, 0x8000_0000, 0x89]) {
    const error = t.throws(() => host.createMap({ ...mapSpec("m", 4, 4, 2), flags }, "hash"), {
      instanceOf: EbpfError,
    });
    t.is(error.code, "MapDefinitionInvalid");
    t.true(error.message.includes(`0x${((flags & ~0x87) >>> 0).toString(16)} `), error.message);
  }
});

test("the host's errors have codes", (t) => {
  const host = createEmbeddedHost();
  const code = (run: () => unknown): string => t.throws(run, { instanceOf: EbpfError }).code;
  const hash = host.createMap(mapSpec("h", 4, 4, 2), "hash");
  const array = host.createMap(mapSpec("a", 4, 4, 2), "array");
  const four = (first: number): Uint8Array => Uint8Array.of(first, 0, 0, 0);
  hash.update(four(1), four(9), "noexist");
  hash.update(four(2), four(9));
  t.is(
    code(() => hash.update(four(3), four(1))),
    "MapFull",
  );
  t.is(
    code(() => hash.update(four(1), four(1), "noexist")),
    "MapKeyExists",
  );
  t.is(
    code(() => hash.update(four(3), four(1), "exist")),
    "MapKeyNotFound",
  );
  t.is(
    code(() => hash.update(four(1), new Uint8Array(5))),
    "MapValueInvalid",
  );
  t.is(
    code(() => hash.lookup(new Uint8Array(3))),
    "MapValueInvalid",
  );
  t.true(hash.delete(four(1)));
  t.false(hash.delete(four(1)));
  t.is(hash.lookup(four(1)), undefined);
  t.is(
    code(() => array.update(four(2), four(1))),
    "MapKeyNotFound",
  );
  t.is(
    code(() => array.delete(four(1))),
    "MapOperationUnsupported",
  );
  t.is(
    code(() => host.createMap(mapSpec("r", 8, 4, 4), "lpm_trie")),
    "MapTypeUnsupported",
  );
  t.is(
    code(() => host.createMap(mapSpec("z", 4, 4, 0), "hash")),
    "MapDefinitionInvalid",
  );
  t.is(
    code(() => host.createMap(mapSpec("k", 8, 4, 1), "array")),
    "MapDefinitionInvalid",
  );
  t.is(
    code(() => host.createMap(mapSpec("b", 4, 4, 2 ** 31), "hash")),
    "MemoryExhausted",
  );
});

test("a per-CPU map takes and gives the values of all CPUs", (t) => {
  const host = createEmbeddedHost();
  const map = host.createMap(mapSpec("p", 4, 4, 1), "percpu_hash");
  const values = Uint8Array.from({ length: LANE_COUNT * 8 }, (_, at) => (at % 8 < 4 ? at : 0));
  map.update(new Uint8Array(4), values);
  t.deepEqual(map.lookup(new Uint8Array(4)), values);
  t.is(
    t.throws(() => map.update(new Uint8Array(4), new Uint8Array(4)), { instanceOf: EbpfError }).code,
    "MapValueInvalid",
  );
});

test("a data section is the value of its map, and read-only data stays as it is", (t) => {
  const host = createEmbeddedHost();
  const bytes = Uint8Array.of(1, 2, 3);
  const data = (readOnly: boolean) => ({
    ...mapSpec("d", 4, 3, 1),
    data: { section: ".data", bytes, readOnly },
  });
  const key = new Uint8Array(4);
  const variables = host.createMap(data(false), "array");
  t.deepEqual(variables.lookup(key), bytes);
  variables.update(key, Uint8Array.of(4, 5, 6));
  t.deepEqual(variables.lookup(key), Uint8Array.of(4, 5, 6));
  const constants = host.createMap(data(true), "array");
  t.throws(() => constants.update(key, bytes), { instanceOf: EbpfError });
  t.deepEqual(constants.lookup(key), bytes);
});

test("memory of closed maps is used again", (t) => {
  const host = createEmbeddedHost();
  const before = host.memoryBytes();
  for (let round = 0; round < 200; round++) host.createMap(mapSpec("m", 8, 64, 10_000), "hash").close();
  t.is(host.memoryBytes(), before);
  t.true(host.memory.buffer.byteLength < 2 ** 23);
});
