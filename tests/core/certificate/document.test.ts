// docs/certificate.md: its example has the bytes that it shows, its places and limits are those of the code.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { DIGEST_BYTES, MAGIC, MOST_OPEN, MOST_STATES, VERSION } from "../../../core/certificate/form.ts";
import { PLACES } from "../../../core/certificate/state.ts";
import { certify } from "../../../core/verifier/certify.ts";
import { testProgram } from "../verifier/programs.ts";

const text = readFileSync(join(import.meta.dirname, "..", "..", "..", "docs", "certificate.md"), "utf8");

function block(language: string): string {
  const found = new RegExp(`\`\`\`${language}\\r?\\n([\\s\\S]*?)\`\`\``).exec(text)?.[1];
  if (found === undefined) throw new Error(`no block of ${language}`);
  return found.trim();
}

test("the example has the bytes that the page shows", (t) => {
  const certified = certify(testProgram({ code: block("asm") }));
  if (certified.kind === "none") throw new Error(certified.reason);
  const shown = block("hex")
    .split(/\r?\n/)
    .map((line) => /^((?:[0-9a-f]{2} ?)+) /.exec(line)?.[1]?.trim() ?? "")
    .join(" ");
  t.is(
    Buffer.from(certified.bytes.subarray(DIGEST_BYTES))
      .toString("hex")
      .replace(/..(?=.)/g, "$& "),
    shown,
  );
});

test("the page has the form's constants", (t) => {
  t.true(text.includes(`"${String.fromCharCode(...MAGIC)}" (8 bytes)  version: u = ${VERSION}`));
  t.true(text.includes(`${MOST_STATES.toLocaleString("en-US")} states`));
  t.true(text.includes(`${MOST_OPEN} loops open`));
  for (const [number, place] of PLACES.entries())
    t.regex(text, new RegExp(`\\b${number} ${place}\\b`), place);
});
