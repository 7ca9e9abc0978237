import test from "ava";
import fc from "fast-check";
import { EbpfError } from "../../../core/base/error.ts";
import { createLinearMemory } from "../../../core/host/embedded/memory.ts";

test("allocations never overlap, are zero, aligned and never null", (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 50_000 }), fc.boolean()), { maxLength: 60 }),
      (wishes) => {
        const memory = createLinearMemory(2 ** 24);
        const live: { address: number; sizeBytes: number }[] = [];
        for (const [sizeBytes, keep] of wishes) {
          const address = memory.allocate(sizeBytes);
          const bytes = new Uint8Array(memory.memory.buffer, address, sizeBytes);
          if (address < 65_536 || address % 16 !== 0 || bytes.some((byte) => byte !== 0)) return false;
          if (live.some((o) => address < o.address + o.sizeBytes && o.address < address + sizeBytes))
            return false;
          bytes.fill(0xa5);
          live.push({ address, sizeBytes });
          if (!keep) memory.free(live.shift()!.address);
        }
        for (const { address } of live) memory.free(address);
        return memory.usedBytes() === 0;
      },
    ),
    { numRuns: 50 },
  );
  t.pass();
});

test("what was given back is found again, so that memory does not grow", (t) => {
  const memory = createLinearMemory(2 ** 26);
  const first = memory.allocate(2_000_000);
  const before = memory.memory.buffer.byteLength;
  memory.free(first);
  for (let round = 0; round < 100; round++) memory.free(memory.allocate(1_000_000 + round * 1000));
  t.is(memory.memory.buffer.byteLength, before);
});

test("beyond the maximum is MemoryExhausted, and the memory is still usable", (t) => {
  const memory = createLinearMemory(2 ** 21);
  for (const sizeBytes of [2 ** 22, 2 ** 53, Number.NaN, -1]) {
    t.is(t.throws(() => memory.allocate(sizeBytes), { instanceOf: EbpfError }).code, "MemoryExhausted");
  }
  t.true(memory.allocate(1000) > 0);
});

test("more than there are addresses for is MemoryExhausted", (t) => {
  t.is(t.throws(() => createLinearMemory(2 ** 60), { instanceOf: EbpfError }).code, "MemoryExhausted");
});
