// buildCfg: the control flow of a Program as plain data: successors by instruction, basic blocks, dominators, back edges.
// Functions are apart: a local call goes on at the next instruction, and where it leads is in `calls`.
import type { Instruction } from "../isa/instruction.ts";
import type { Program, Subprogram } from "./program.ts";

/** What of a Program the graph is made of. */
type Code = Pick<Program, "instructions" | "subprograms" | "targets">;

export interface BasicBlock {
  /** Instructions [start, end). */
  readonly start: number;
  readonly end: number;
  /** Number of its function in `Program.subprograms`. */
  readonly subprogram: number;
  /** Block numbers. A conditional jump lists the next instruction first, then the target; each block once. */
  readonly successors: readonly number[];
  readonly predecessors: readonly number[];
  /** From the start of its function. */
  readonly reachable: boolean;
  /** The block that every path to this one passes last; -1 for the first block of a function and for unreachable ones. */
  readonly dominator: number;
  /** A back edge leads here. */
  readonly loopHead: boolean;
}

/** An edge to a block that was entered before on the same path of a depth-first walk. */
export interface BackEdge {
  readonly from: number;
  readonly to: number;
  /** `to` dominates `from`: a loop with one entry. */
  readonly reducible: boolean;
}

export interface LocalCall {
  readonly instruction: number;
  /** Number of the function called, or -1 if the call leads nowhere. */
  readonly subprogram: number;
}

export interface Cfg {
  readonly blocks: readonly BasicBlock[];
  /** By instruction: number of its block. */
  readonly blockOf: Int32Array;
  /** By instruction: those that may come next; a jump that leads nowhere and the last of a function have fewer. */
  readonly successors: readonly (readonly number[])[];
  readonly predecessors: readonly (readonly number[])[];
  readonly backEdges: readonly BackEdge[];
  readonly calls: readonly LocalCall[];
  /** Reachable blocks of each function in reverse postorder, by number of the function. */
  readonly order: readonly (readonly number[])[];
  /** Instructions whose next one would be outside of the function: control falls off its end. */
  readonly fallsOff: readonly number[];
}

export function buildCfg(program: Code): Cfg {
  const { instructions, subprograms, targets } = program;
  const fallsOff: number[] = [];
  const successors: (readonly number[])[] = [];
  for (const subprogram of subprograms) {
    for (let index = subprogram.start; index < subprogram.end; index++) {
      successors[index] = successorsOf(
        instructions[index] as Instruction,
        index,
        targets,
        subprogram,
        fallsOff,
      );
    }
  }
  const predecessors = invert(successors, instructions.length);
  const plain = cutBlocks(successors, predecessors, subprograms);
  const blockOf = new Int32Array(instructions.length);
  for (const [number, { start, end }] of plain.entries()) blockOf.fill(number, start, end);
  const following = plain.map(({ end }) => [
    ...new Set(successors[end - 1]?.map((next) => blockOf[next] ?? 0)),
  ]);
  const preceding = invert(following, plain.length);
  const walks = subprograms.map(({ start, end }) =>
    start < end ? walk(blockOf[start] ?? 0, following) : undefined,
  );
  const dominators = new Int32Array(plain.length).fill(-1);
  const reachable = new Uint8Array(plain.length);
  for (const result of walks) {
    for (const block of result?.order ?? []) reachable[block] = 1;
    if (result !== undefined) findDominators(result.order, preceding, dominators);
  }
  const backEdges = walks
    .flatMap((result) => result?.backEdges ?? [])
    .map(([from, to]) => ({ from, to, reducible: dominates(to, from, dominators) }));
  const heads = new Set(backEdges.map((edge) => edge.to));
  return {
    blocks: plain.map((block, number) => ({
      ...block,
      successors: following[number] ?? [],
      predecessors: preceding[number] ?? [],
      reachable: reachable[number] === 1,
      dominator: dominators[number] ?? -1,
      loopHead: heads.has(number),
    })),
    blockOf,
    successors,
    predecessors,
    backEdges,
    calls: findCalls(program),
    order: walks.map((result) => result?.order ?? []),
    fallsOff,
  };
}

function successorsOf(
  instruction: Instruction,
  index: number,
  targets: Int32Array,
  { end }: Subprogram,
  fallsOff: number[],
): number[] {
  if (instruction.kind === "exit") return [];
  const target = targets[index] ?? -1;
  const jump = instruction.kind === "jump" ? instruction : undefined;
  const result: number[] = [];
  if (jump === undefined || jump.condition !== undefined) {
    if (index + 1 < end) result.push(index + 1);
    else fallsOff.push(index);
  }
  if (jump !== undefined && target >= 0 && !result.includes(target)) result.push(target);
  return result;
}

function invert(edges: readonly (readonly number[])[], count: number): number[][] {
  const result: number[][] = Array.from({ length: count }, () => []);
  for (const [from, list] of edges.entries()) for (const to of list) result[to]?.push(from);
  return result;
}

/** A block begins where a function does, where control comes from elsewhere than the one before, and behind a branch. */
function cutBlocks(
  successors: readonly (readonly number[])[],
  predecessors: readonly (readonly number[])[],
  subprograms: readonly Subprogram[],
): { start: number; end: number; subprogram: number }[] {
  const blocks: { start: number; end: number; subprogram: number }[] = [];
  for (const [subprogram, { start, end }] of subprograms.entries()) {
    let first = start;
    for (let index = start + 1; index <= end; index++) {
      const joined = predecessors[index]?.length === 1 && predecessors[index]?.[0] === index - 1;
      if (index < end && joined && successors[index - 1]?.length === 1) continue;
      blocks.push({ start: first, end: index, subprogram });
      first = index;
    }
  }
  return blocks;
}

/** Depth-first from one block: reverse postorder, and the edges to blocks that are still open. */
function walk(root: number, following: readonly (readonly number[])[]) {
  const state = new Map<number, "open" | "done">([[root, "open"]]);
  const stack = [{ block: root, next: 0 }];
  const postorder: number[] = [];
  const backEdges: [from: number, to: number][] = [];
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const to = following[top.block]?.[top.next++];
    if (to === undefined) {
      state.set(top.block, "done");
      postorder.push(top.block);
      stack.pop();
    } else if (state.get(to) === "open") {
      backEdges.push([top.block, to]);
    } else if (!state.has(to)) {
      state.set(to, "open");
      stack.push({ block: to, next: 0 });
    }
  }
  return { order: postorder.reverse(), backEdges };
}

/** Cooper, Harvey, Kennedy: A Simple, Fast Dominance Algorithm. `order` is a reverse postorder. */
function findDominators(
  order: readonly number[],
  preceding: readonly (readonly number[])[],
  dominators: Int32Array,
): void {
  const [root = 0] = order;
  const position = new Map(order.map((block, index) => [block, index]));
  const rank = (block: number) => position.get(block) ?? -1;
  dominators[root] = root;
  for (let changed = true; changed; ) {
    changed = false;
    for (const block of order.slice(1)) {
      let common = -1;
      for (const from of preceding[block] ?? []) {
        if (rank(from) < 0 || (dominators[from] ?? -1) < 0) continue;
        common = common < 0 ? from : meet(common, from, dominators, rank);
      }
      if (dominators[block] !== common) {
        dominators[block] = common;
        changed = true;
      }
    }
  }
  dominators[root] = -1;
}

function meet(a: number, b: number, dominators: Int32Array, rank: (block: number) => number): number {
  let [left, right] = [a, b];
  while (left !== right) {
    if (rank(left) > rank(right)) left = dominators[left] ?? 0;
    else right = dominators[right] ?? 0;
  }
  return left;
}

function dominates(a: number, b: number, dominators: Int32Array): boolean {
  for (let block = b; block >= 0; block = dominators[block] ?? -1) if (block === a) return true;
  return false;
}

function findCalls({ instructions, subprograms, targets }: Code): LocalCall[] {
  const numbers = new Map(subprograms.map(({ start }, number) => [start, number]));
  return instructions.flatMap((instruction, index) =>
    instruction.kind === "call" && instruction.target.kind === "local"
      ? [{ instruction: index, subprogram: numbers.get(targets[index] ?? -1) ?? -1 }]
      : [],
  );
}
