import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import test from "ava";
import fc from "fast-check";
import { EbpfError } from "../../../core/base/error.ts";
import { openState, type StoredProgram } from "../../../core/manager/state.ts";
import { temporaryFolder } from "../../harness/service.ts";

const program: StoredProgram = {
  id: 4,
  name: "drop",
  file: "/x/drop.o",
  object: new Uint8Array([1, 2, 3]),
  program: "Drop",
  type: "xdp",
  platform: "linux",
  engine: "interpreter",
  host: "embedded",
  persistent: true,
  loadedAt: "2001-01-01T00:00:00.000Z",
  mapIds: [5, 6],
};

test("what is written is read, also after it was closed", async (t) => {
  const file = join(temporaryFolder(t), "state.db");
  const link = { id: 7, programId: 4, interface: "dns", hook: "xdp" };
  const gateway = {
    name: "dns",
    kind: "gateway",
    settings: { listen: "127.0.0.1:1", deep: { a: [1, null] } },
  };
  const first = await openState(file);
  first.change((writer) => {
    writer.addProgram(program);
    writer.addLink(link);
    writer.addInterface(gateway);
    writer.setLastId(7);
  });
  first.close();
  const second = await openState(file);
  t.teardown(() => second.close());
  t.deepEqual(second.read(), { programs: [program], links: [link], interfaces: [gateway], lastId: 7 });
});

test("a state of the version before is brought along: its programs are the embedded host's", async (t) => {
  const file = join(temporaryFolder(t), "state.db");
  const before = await openState(file);
  before.change((writer) => writer.addProgram(program));
  before.close();
  const database = new DatabaseSync(file);
  database.exec("ALTER TABLE program DROP COLUMN host; PRAGMA user_version = 1");
  database.close();
  for (const _opened of [1, 2]) {
    const state = await openState(file);
    t.deepEqual(state.read().programs, [program]);
    state.close();
  }
  const after = new DatabaseSync(file);
  t.is(after.prepare("PRAGMA user_version").get()?.user_version, 2);
  after.exec("PRAGMA user_version = 3");
  after.close();
  const error = await t.throwsAsync(openState(file), { instanceOf: EbpfError });
  t.is(error?.code, "StateInvalid");
});

test("a program goes with the entries of its maps; other maps' entries stay", async (t) => {
  const state = await openState(join(temporaryFolder(t), "state.db"));
  t.teardown(() => state.close());
  const entry = { key: new Uint8Array([1]), value: new Uint8Array([2]) };
  state.change((writer) => {
    writer.addProgram(program);
    for (const id of [5, 6, 8]) writer.putEntry(id, entry);
    writer.deleteEntry(6, entry.key);
  });
  t.deepEqual(
    [5, 6, 8].map((id) => state.entries(id).length),
    [1, 0, 1],
  );
  state.change((writer) => writer.removeProgram(4, [5, 6]));
  t.deepEqual(
    [5, 6, 8].map((id) => state.entries(id).length),
    [0, 0, 1],
  );
  t.deepEqual(state.entries(8), [entry]);
});

test("a change is whole or not at all", async (t) => {
  const state = await openState(join(temporaryFolder(t), "state.db"));
  t.teardown(() => state.close());
  state.change((writer) => writer.addProgram(program));
  const before = state.read();
  const twice = t.throws(
    () =>
      state.change((writer) => {
        writer.addLink({ id: 1, programId: 4, interface: "a", hook: "xdp" });
        writer.addProgram(program);
      }),
    { instanceOf: EbpfError },
  );
  t.is(twice.code, "InternalError");
  const stopped = new EbpfError("Cancelled", "in the middle");
  const error = t.throws(() =>
    state.change((writer) => {
      writer.removeProgram(4, []);
      throw stopped;
    }),
  );
  t.is(error, stopped);
  t.deepEqual(state.read(), before);
});

test("entries come back as they were put, the last value of each key", async (t) => {
  const state = await openState(join(temporaryFolder(t), "state.db"));
  t.teardown(() => state.close());
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 8 });
  let mapId = 0;
  fc.assert(
    fc.property(fc.array(fc.tuple(bytes, bytes), { maxLength: 20 }), (pairs) => {
      mapId++;
      state.change((writer) => {
        for (const [key, value] of pairs) writer.putEntry(mapId, { key, value });
      });
      const hex = (part: Uint8Array) => Buffer.from(part).toString("hex");
      const expected = new Map(pairs.map(([key, value]) => [hex(key), hex(value)]));
      const found = new Map(state.entries(mapId).map(({ key, value }) => [hex(key), hex(value)]));
      t.deepEqual(found, new Map([...expected].sort(([a], [b]) => (a < b ? -1 : 1))));
    }),
    { numRuns: 30 },
  );
});
