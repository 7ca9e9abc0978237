// What the verifier lets through by a mistake is not loaded: the checker of certificates shares no code with it. The mistake is put
// into the verifier while it is loaded here, as tests/mutation does.
import { join } from "node:path";
import test from "ava";
import { EbpfError } from "../../../core/base/error.ts";
import { readBytes } from "../../../core/base/files.ts";
import { createEmbeddedHost } from "../../../core/host/embedded/host.ts";
import { FIXTURES } from "../../harness/fixture.ts";
import { applyOnLoad } from "../../mutation/hook.ts";

const applied = applyOnLoad({
  name: "values of maps have no end",
  file: "check-memory.ts",
  find: "extent.low < 0 || extent.high + extent.sizeBytes > limit",
  replace: "extent.low < 0",
  note: "what lies behind a value is another's",
});
const { load } = await import("../../../core/manager/load.ts");

const bytes = readBytes(join(FIXTURES, "c", "unsafe-index.o"));
const choice = { file: "unsafe-index.o", engine: "wasm" } as const;

test("what the verifier accepts and the checker does not is refused, and nothing is left of it", (t) => {
  t.true(applied());
  const host = createEmbeddedHost();
  const before = host.memoryBytes();
  const error = t.throws(() => load(host, bytes, { ...choice, proof: "required" }, () => {}), {
    instanceOf: EbpfError,
  });
  t.is(error.code, "VerifierDisagreement");
  t.regex(error.message, /^\w+ is not loaded: the verifier accepts it, the independent checker does not: .+/);
  t.regex(error.remedy, /report it/);
  t.is(host.memoryBytes(), before);
});

test("who asks for it has it loaded on the verifier's word, and its record says so", (t) => {
  const loaded = load(createEmbeddedHost(), bytes, { ...choice, proof: "wanted" }, () => {});
  t.false(loaded.certified);
});
