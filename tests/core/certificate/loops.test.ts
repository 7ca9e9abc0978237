// Loops that are proved for all their rounds at once: what the verifier proves has a small certificate, and forged ones, of
// loops that never end or that are unsafe in some round, are refused. Each forgery stands beside one that is true.
import test from "ava";
import { checkCertificate } from "../../../core/certificate/check.ts";
import { DIGEST_BYTES, MOST_OPEN } from "../../../core/certificate/form.ts";
import { Refusal } from "../../../core/certificate/program.ts";
import { certify } from "../../../core/verifier/certify.ts";
import { ENDING, loopProgram, NOT_ENDING } from "../../fuzz/loops.ts";
import { END, forge, forgeries, many, UP } from "./forged.ts";
import { recode } from "./recode.ts";

const MOST_BYTES = 300;

for (const [name, code] of Object.entries(ENDING)) {
  test(`has a certificate: ${name}`, (t) => {
    const program = loopProgram(name, code);
    const certified = certify(program);
    if (certified.kind === "none") throw new Error(certified.reason);
    const { bytes } = certified;
    t.like(checkCertificate(program, bytes), { kind: "proved" });
    t.true(bytes.length <= MOST_BYTES, `${bytes.length} bytes`);
    t.deepEqual(recode(program, bytes).bytes, bytes);
  });
}

for (const [name, code] of Object.entries(NOT_ENDING)) {
  test(`has none: ${name}`, (t) => {
    t.is(certify(loopProgram(name, code)).kind, "none");
  });
}

test("there may not be more loops in one another", (t) => {
  t.throws(() => forge(loopProgram("up", `${UP}; ${END}`), many(MOST_OPEN + 1)), {
    instanceOf: Refusal,
    message: "too many loops in one another",
  });
});

test("no byte of a loop's certificate can be another one", (t) => {
  const program = loopProgram("nested", ENDING["a long one in a short one"] ?? "");
  const certified = certify(program);
  if (certified.kind === "none") throw new Error(certified.reason);
  const { bytes } = certified;
  for (let at = DIGEST_BYTES; at < bytes.length; at++) {
    for (let value = 0; value < 256; value++) {
      const damaged = bytes.with(at, value) as Uint8Array<ArrayBuffer>;
      if (checkCertificate(program, damaged).kind === "refused") continue;
      t.deepEqual(recode(program, damaged).bytes, damaged, `${at}: ${value}`);
    }
  }
  for (let length = 0; length < bytes.length; length++) {
    t.is(checkCertificate(program, bytes.subarray(0, length)).kind, "refused", `${length}`);
  }
  t.pass();
});

for (const { name, program, bytes, proves } of forgeries()) {
  test(`${proves ? "proves" : "refused"}: ${name}`, (t) => {
    const checked = checkCertificate(program, bytes);
    t.is(checked.kind, proves ? "proved" : "refused", JSON.stringify(checked));
    if (proves) t.deepEqual(recode(program, bytes).bytes, bytes);
    else t.like(checked, { code: "CertificateRefused" });
    if (checked.kind === "refused") t.log(checked.reason);
  });
}
