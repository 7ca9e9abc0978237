import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { compile } from "../../../core/image/compile.ts";
import { printImage } from "../../../core/image/print.ts";
import { assembled, DROPPACKET, mapOf, mapSpec } from "../../harness/programs.ts";

const golden = join(import.meta.dirname, "droppacket.wat");

test("droppacket as WebAssembly text: structured, without a call for the array look-up", (t) => {
  const maps = [mapOf("array", mapSpec("counters", 4, 8, 1))];
  const text = printImage(compile(assembled(DROPPACKET, { maps }), "wasm"));
  if (process.argv.includes("--update")) writeFileSync(golden, text);
  t.is(text, readFileSync(golden, "utf8"));
  t.false(text.includes("call $map_lookup_elem"));
});
