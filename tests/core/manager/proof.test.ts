// Certificates that are made in another thread: the same as in this one, and no less looked at.
import test from "ava";
import { loadObject } from "../../../core/elf/object.ts";
import { type Origin, proofAside, proofOf } from "../../../core/manager/proof.ts";
import { buildProgram } from "../../../core/program/build.ts";
import { objectOf, repeat } from "../../fixtures/hostile/hostile.ts";
import { trust } from "../../harness/programs.ts";

function large(result: number): { readonly origin: Origin; readonly program: ReturnType<typeof trust> } {
  const code = () => `${repeat(600, (index) => `r1 = ${index}`)}\nr0 = ${result}\nexit`;
  const object = objectOf({ name: "large", safe: true, code });
  const options = { platform: "windows" } as const;
  const program = trust(buildProgram(loadObject(object, "large.o"), undefined, options));
  return { origin: { object, file: "large.o", program: undefined, options }, program };
}

for (const host of ["embedded", "kernel"] as const) {
  test(`of a large program: what the thread makes is what is made here: ${host}`, async (t) => {
    const { origin, program } = large(1);
    const made = await proofAside(program, origin, host);
    t.not(made.certificate, undefined);
    t.deepEqual(made, proofOf(program, host));
  });
}

test("a certificate of another program, and a thread that fails, are no proof", async (t) => {
  const { program, origin } = large(1);
  const other = await proofAside(program, large(2).origin, "embedded");
  t.is(other.certificate, undefined);
  t.regex(other.reason ?? "", /another program|digest/);
  const failed = await proofAside(program, { ...origin, object: new Uint8Array(4) }, "embedded");
  t.is(failed.certificate, undefined);
  t.regex(failed.reason ?? "", /^the thread that makes it failed: /);
});
