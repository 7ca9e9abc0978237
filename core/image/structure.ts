// A control-flow graph -> the blocks, loops and ifs of WebAssembly. Reducible graphs become nested structure by their
// dominator tree (N. Ramsey, "Beyond Relooper", ICFP 2022); any other graph becomes one loop around a br_table. Written
// without recursion, because a program may be a chain of a hundred thousand blocks. Knows no BPF.

/** One function's graph; nodes are numbers, not necessarily from 0. */
export interface Graph {
  /** By node: none (it returns), one, or two different ones: taken, not taken. */
  readonly successors: readonly (readonly number[])[];
  /** The nodes that can be reached, in reverse postorder; the entry is the first. */
  readonly order: readonly number[];
  /** By node: its immediate dominator. */
  readonly dominators: readonly number[];
  /** Every edge that goes back goes to a node that dominates where it comes from. */
  readonly reducible: boolean;
}

/** `label` counts enclosing block, loop and if steps outwards from 0, as in WebAssembly. */
export type Step =
  /** The node's own instructions; with two successors they leave the condition on the stack. */
  | { readonly kind: "code"; readonly node: number }
  | { readonly kind: "block" }
  | { readonly kind: "loop" }
  /** Takes the condition; there is no else. */
  | { readonly kind: "if" }
  | { readonly kind: "end" }
  | { readonly kind: "branch"; readonly label: number }
  /** Takes the condition; `negated`: branches if it is false. */
  | { readonly kind: "branchIf"; readonly label: number; readonly negated: boolean }
  /** Dispatch only: what the next table step selects. */
  | { readonly kind: "select"; readonly node: number }
  /** Dispatch only: branches to label n if node n was selected last. */
  | { readonly kind: "table"; readonly labels: readonly number[] };

/** The steps of a function body. Nodes that cannot be reached are left out. */
export function structure(graph: Graph): Step[] {
  return graph.reducible ? nest(graph) : dispatch(graph);
}

type Task = { readonly kind: "tree"; readonly node: number } | { readonly kind: "end" };

function nest({ successors, order, dominators }: Graph): Step[] {
  const entry = order[0] ?? 0;
  const rank = new Int32Array(successors.length);
  order.forEach((node, index) => {
    rank[node] = index;
  });
  const forwardIn = new Int32Array(successors.length);
  const isLoop = new Uint8Array(successors.length);
  for (const node of order) {
    for (const next of successors[node]!) {
      if (rank[next]! > rank[node]!) forwardIn[next]!++;
      else isLoop[next] = 1;
    }
  }
  // In rising rank, because `order` rises.
  const mergesBelow = successors.map((): number[] => []);
  for (const node of order) if (forwardIn[node]! > 1) mergesBelow[dominators[node]!]!.push(node);

  const steps: Step[] = [];
  const tasks: Task[] = [{ kind: "tree", node: entry }];
  // How deep the label of a node's block (forward jumps) and loop (backward jumps) is.
  const blockDepth = new Int32Array(successors.length);
  const loopDepth = new Int32Array(successors.length);
  let depth = 0;

  const isBackward = (from: number, to: number): boolean => rank[to]! <= rank[from]!;
  const hasLabel = (from: number, to: number): boolean => isBackward(from, to) || forwardIn[to]! > 1;
  const labelOf = (from: number, to: number): number =>
    depth - (isBackward(from, to) ? loopDepth[to]! : blockDepth[to]!);
  const goTo = (from: number, to: number): void => {
    if (hasLabel(from, to)) steps.push({ kind: "branch", label: labelOf(from, to) });
    else tasks.push({ kind: "tree", node: to });
  };

  const tree = (node: number): void => {
    if (isLoop[node] === 1) {
      steps.push({ kind: "loop" });
      loopDepth[node] = ++depth;
      tasks.push({ kind: "end" });
    }
    // The block of the merge that comes last encloses those of the earlier ones.
    for (const merge of mergesBelow[node]!.toReversed()) {
      steps.push({ kind: "block" });
      blockDepth[merge] = ++depth;
      tasks.push({ kind: "tree", node: merge }, { kind: "end" });
    }
    steps.push({ kind: "code", node });
    const [taken, otherwise] = successors[node]!;
    if (taken === undefined) return;
    if (otherwise === undefined) goTo(node, taken);
    else if (hasLabel(node, taken)) {
      steps.push({ kind: "branchIf", label: labelOf(node, taken), negated: false });
      goTo(node, otherwise);
    } else if (hasLabel(node, otherwise)) {
      steps.push({ kind: "branchIf", label: labelOf(node, otherwise), negated: true });
      goTo(node, taken);
    } else {
      steps.push({ kind: "if" });
      depth++;
      tasks.push({ kind: "tree", node: otherwise }, { kind: "end" }, { kind: "tree", node: taken });
    }
  };

  for (let task = tasks.pop(); task !== undefined; task = tasks.pop()) {
    if (task.kind === "tree") tree(task.node);
    else {
      steps.push({ kind: "end" });
      depth--;
    }
  }
  return steps;
}

/** loop { block ... block { table } node 0; node 1; ... }: every jump selects a node and goes round. */
function dispatch({ successors, order }: Graph): Step[] {
  const place = new Map(order.map((node, index) => [node, index]));
  const labels = successors.map((_, node) => place.get(node) ?? 0);
  const steps: Step[] = [{ kind: "select", node: order[0] ?? 0 }, { kind: "loop" }];
  for (let index = 0; index < order.length; index++) steps.push({ kind: "block" });
  steps.push({ kind: "table", labels });
  order.forEach((node, index) => {
    steps.push({ kind: "end" }, { kind: "code", node });
    const round = order.length - index - 1;
    const [taken, otherwise] = successors[node]!;
    if (taken === undefined) return;
    if (otherwise === undefined) {
      steps.push({ kind: "select", node: taken }, { kind: "branch", label: round });
      return;
    }
    steps.push({ kind: "if" }, { kind: "select", node: taken }, { kind: "branch", label: round + 1 });
    steps.push({ kind: "end" }, { kind: "select", node: otherwise }, { kind: "branch", label: round });
  });
  steps.push({ kind: "end" });
  return steps;
}
