import test from "ava";
import fc from "fast-check";
import { graphsOf } from "../../../core/image/graph.ts";
import { type Graph, type Step, structure } from "../../../core/image/structure.ts";
import type { Instruction } from "../../../core/isa/instruction.ts";
import { buildCfg } from "../../../core/program/cfg.ts";
import { linked } from "../../harness/programs.ts";

/** The nodes that a walk of the graph visits if it decides by these bits. */
function walkGraph(graph: Graph, decisions: readonly boolean[]): number[] {
  const visited: number[] = [];
  for (let node = graph.order[0]!; ; ) {
    visited.push(node);
    const next = graph.successors[node]!;
    if (next.length === 0 || visited.length > decisions.length) return visited;
    node = next.length === 1 || decisions[visited.length - 1] ? next[0]! : next[1]!;
  }
}

/** The same by running the steps as WebAssembly would. */
function walkSteps(graph: Graph, steps: readonly Step[], decisions: readonly boolean[]): number[] {
  const ends = matchEnds(steps);
  const visited: number[] = [];
  const open: number[] = [];
  let selected = -1;
  let condition = false;
  /** Where a branch out to this label goes on. */
  const branch = (label: number): number => {
    open.length -= label;
    const start = open.at(-1)!;
    if (steps[start]!.kind === "loop") return start + 1;
    open.pop();
    return ends.get(start)! + 1;
  };
  for (let at = 0; ; ) {
    const step = steps[at];
    if (step === undefined) throw new Error("fell off the end");
    switch (step.kind) {
      case "code": {
        visited.push(step.node);
        const { length } = graph.successors[step.node]!;
        if (length === 0 || visited.length > decisions.length) return visited;
        condition = decisions[visited.length - 1]!;
        at++;
        break;
      }
      case "block":
      case "loop":
        open.push(at++);
        break;
      case "if":
        if (condition) open.push(at++);
        else at = ends.get(at)! + 1;
        break;
      case "end":
        open.pop();
        at++;
        break;
      case "branch":
        at = branch(step.label);
        break;
      case "branchIf":
        at = condition !== step.negated ? branch(step.label) : at + 1;
        break;
      case "select":
        selected = step.node;
        at++;
        break;
      case "table":
        at = branch(step.labels[selected]!);
        break;
    }
  }
}

function matchEnds(steps: readonly Step[]): Map<number, number> {
  const ends = new Map<number, number>();
  const open: number[] = [];
  steps.forEach(({ kind }, index) => {
    if (kind === "block" || kind === "loop" || kind === "if") open.push(index);
    else if (kind === "end") ends.set(open.pop()!, index);
  });
  if (open.length > 0) throw new Error("a step is not ended");
  return ends;
}

/** The graph of a program in which node n jumps to its successors: a node of two has a jump of its own for each. */
function graphFrom(successors: readonly (readonly number[])[]): Graph {
  const starts: number[] = [];
  let count = 0;
  for (const { length } of successors) {
    starts.push(count);
    count += Math.max(1, length);
  }
  const jump = (target: number, index: number): Instruction => ({
    kind: "jump",
    width: 64,
    offset: starts[target]! - index - 1,
  });
  const condition = { test: "eq", left: 1, right: { kind: "immediate", value: 0 } } as const;
  const instructions = successors.flatMap(([first, second], node): Instruction[] => {
    const start = starts[node]!;
    if (first === undefined) return [{ kind: "exit" }];
    if (second === undefined) return [jump(first, start)];
    return [{ ...jump(first, start), condition } as Instruction, jump(second, start + 1)];
  });
  const program = linked(instructions);
  return graphsOf(program, buildCfg(program))[0]!;
}

const graphs = fc.integer({ min: 2, max: 10 }).chain((count) => {
  const node = fc.nat({ max: count - 1 });
  const successors = fc.oneof(
    { weight: 4, arbitrary: fc.uniqueArray(node, { minLength: 2, maxLength: 2 }) },
    { weight: 2, arbitrary: fc.tuple(node) },
    fc.constant([]),
  );
  return fc.array(successors, { minLength: count, maxLength: count }).map(graphFrom);
});

test("steps visit the nodes that the graph says, whatever the graph", (t) => {
  const seen = { nested: 0, dispatched: 0 };
  fc.assert(
    fc.property(graphs, fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }), (graph, decisions) => {
      const steps = structure(graph);
      seen[steps.some((step) => step.kind === "table") ? "dispatched" : "nested"]++;
      t.deepEqual(walkSteps(graph, steps, decisions), walkGraph(graph, decisions));
    }),
    { numRuns: 1000, seed: 1 },
  );
  t.true(seen.nested > 50 && seen.dispatched > 50, JSON.stringify(seen));
});

test("a reducible graph needs no dispatch: nested loops with breaks and continues", (t) => {
  //                        0    1       2       3    4       5    6
  const graph = graphFrom([[1], [2, 6], [3, 5], [4], [2, 1], [1], []]);
  t.false(structure(graph).some((step) => step.kind === "table"));
});

test("a loop with two entries is dispatched", (t) => {
  const graph = graphFrom([[1, 2], [2, 3], [1], []]);
  t.true(structure(graph).some((step) => step.kind === "table"));
});

test("a hundred thousand nodes in a row are no problem", (t) => {
  const count = 100_000;
  const successors = Array.from({ length: count }, (_, node) =>
    node === count - 1 ? [] : node % 3 === 0 && node + 7 < count ? [node + 7, node + 1] : [node + 1],
  );
  const graph = graphFrom(successors);
  const steps = structure(graph);
  t.is(steps.filter((step) => step.kind === "code").length, graph.order.length);
});
