// A mutant: one deliberate mistake in the verifier's source, as data. Production code has no switches; the mistake is put
// into the text of one file while it is loaded (hook.ts).
import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { join } from "node:path";

export interface Mutant {
  /** What is wrong, in a few words; unique. */
  readonly name: string;
  /** Path below core/verifier. */
  readonly file: string;
  /** Exact source text that occurs once in the file. */
  readonly find: string;
  readonly replace: string;
  /** Why a program that is not safe can now be accepted. */
  readonly note: string;
}

export const VERIFIER = join(import.meta.dirname, "..", "..", "core", "verifier");

/** The source with the mistake. Throws unless the row fits it exactly once: a table that is out of date tests nothing. */
export function mutated(source: string, { name, file, find, replace }: Mutant): string {
  const places = source.split(find).length - 1;
  if (places !== 1) throw new Error(`mutant "${name}": its text occurs ${places} times in ${file}`);
  if (find === replace) throw new Error(`mutant "${name}" changes nothing`);
  return source.replace(find, () => replace);
}

/** Throws unless the mutant applies and what comes out can be parsed. */
export function checkMutant(mutant: Mutant): void {
  const source = readFileSync(join(VERIFIER, mutant.file), "utf8").replaceAll("\r\n", "\n");
  stripTypeScriptTypes(mutated(source, mutant));
}
