// The control flow of functions as structure.ts takes it: from the Cfg, with the two ways of a conditional jump in the
// order in which they are decided.
import type { Cfg } from "../program/cfg.ts";
import type { Program } from "../program/program.ts";
import type { Graph } from "./structure.ts";

/** By number of the function. Nodes are the Cfg's block numbers. */
export function graphsOf(program: Pick<Program, "targets" | "subprograms">, cfg: Cfg): Graph[] {
  const successors = cfg.blocks.map(({ end, successors: list }) => {
    if (list.length < 2) return list;
    const taken = cfg.blockOf[program.targets[end - 1] ?? 0] ?? 0;
    return [taken, ...list.filter((block) => block !== taken)];
  });
  const dominators = cfg.blocks.map((block) => block.dominator);
  const irreducible = new Set(
    cfg.backEdges.filter((edge) => !edge.reducible).map((edge) => cfg.blocks[edge.from]?.subprogram),
  );
  return program.subprograms.map((_, number) => ({
    successors,
    dominators,
    order: cfg.order[number] ?? [],
    reducible: !irreducible.has(number),
  }));
}
