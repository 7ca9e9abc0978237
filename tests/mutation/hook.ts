// Puts one mutant's mistake into the verifier when it is loaded. To be called before anything imports the verifier.
import { registerHooks } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Mutant, mutated, VERIFIER } from "./mutant.ts";

/** Answers whether the file has been loaded by now. */
export function applyOnLoad(mutant: Mutant): () => boolean {
  const target = pathToFileURL(join(VERIFIER, mutant.file)).href;
  let applied = false;
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      if (url !== target) return loaded;
      applied = true;
      const source = Buffer.from(loaded.source as Uint8Array).toString("utf8");
      return { ...loaded, source: mutated(source.replaceAll("\r\n", "\n"), mutant) };
    },
  });
  return () => applied;
}
