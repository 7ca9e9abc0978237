import test from "ava";
import fc from "fast-check";
import { assembleProgram } from "../../../core/program/assemble.ts";
import { buildCfg } from "../../../core/program/cfg.ts";

const cfg = (text: string) => buildCfg(assembleProgram(text, { platform: "raw" }));

test("a diamond: blocks, edges, dominators", (t) => {
  const graph = cfg("if r1 == 0 goto other\nr0 = 1\ngoto done\nother: r0 = 2\ndone: exit");
  t.deepEqual(
    graph.blocks.map(({ start, end, successors, predecessors, dominator }) => ({
      start,
      end,
      successors,
      predecessors,
      dominator,
    })),
    [
      { start: 0, end: 1, successors: [1, 2], predecessors: [], dominator: -1 },
      { start: 1, end: 3, successors: [3], predecessors: [0], dominator: 0 },
      { start: 3, end: 4, successors: [3], predecessors: [0], dominator: 0 },
      { start: 4, end: 5, successors: [], predecessors: [1, 2], dominator: 0 },
    ],
  );
  t.deepEqual([...graph.blockOf], [0, 1, 1, 2, 3]);
  t.deepEqual(graph.successors, [[1, 3], [2], [4], [4], []]);
  t.deepEqual(graph.backEdges, []);
  t.deepEqual(graph.fallsOff, []);
});

test("nested loops have heads and reducible back edges", (t) => {
  const graph = cfg(
    "r1 = 0\nouter: r2 = 0\ninner: r2 += 1\nif r2 < 9 goto inner\nr1 += 1\nif r1 < 9 goto outer\nexit",
  );
  const heads = graph.blocks.filter((block) => block.loopHead).map((block) => block.start);
  t.deepEqual(heads, [1, 2]);
  t.deepEqual(
    graph.backEdges.map(({ from, to, reducible }) => [
      graph.blocks[from]?.start,
      graph.blocks[to]?.start,
      reducible,
    ]),
    [
      [4, 1, true],
      [2, 2, true],
    ],
  );
});

test("a loop with two entries is not reducible", (t) => {
  const graph = cfg("if r1 == 0 goto second\nfirst: r0 = 1\nsecond: r0 = 2\nif r2 == 0 goto first\nexit");
  t.deepEqual(
    graph.backEdges.map((edge) => edge.reducible),
    [false],
  );
});

test("unreachable code, jumps to nowhere and a missing exit", (t) => {
  const graph = cfg("goto +1\nr0 = 1\nif r0 == 0 goto +9\nr0 = 3");
  t.deepEqual(
    graph.blocks.map(({ start, reachable, successors }) => ({ start, reachable, successors })),
    [
      { start: 0, reachable: true, successors: [2] },
      { start: 1, reachable: false, successors: [2] },
      { start: 2, reachable: true, successors: [] },
    ].slice(0, graph.blocks.length),
  );
  t.deepEqual(graph.fallsOff, [3]);
});

test("functions are graphs of their own", (t) => {
  const graph = cfg("call callee\nexit\ncallee: r0 = 1\nexit");
  t.deepEqual(graph.calls, [{ instruction: 0, subprogram: 1 }]);
  t.deepEqual(graph.successors, [[1], [], [3], []]);
  t.deepEqual(graph.order, [[0], [1]]);
});

/** A random program of jumps: each instruction goes on, jumps, branches or ends. */
const programs = fc
  .array(fc.tuple(fc.constantFrom("goto", "if", "next", "exit"), fc.integer({ min: -12, max: 12 })), {
    minLength: 1,
    maxLength: 40,
  })
  .map((lines) =>
    lines
      .map(([kind, offset]) => {
        const where = offset < 0 ? `${offset}` : `+${offset}`;
        return { goto: `goto ${where}`, if: `if r1 == 0 goto ${where}`, next: "r0 = 0", exit: "exit" }[kind];
      })
      .join("\n"),
  );

test("blocks cover the code, edges agree, and dominators are what removing a block shows", (t) => {
  fc.assert(
    fc.property(programs, (text) => {
      const graph = cfg(text);
      const { blocks } = graph;
      t.is(
        blocks.reduce((sum, { start, end }) => sum + end - start, 0),
        text.split("\n").length,
      );
      for (const [number, block] of blocks.entries()) {
        for (const next of block.successors) t.true(blocks[next]?.predecessors.includes(number));
        const inner = graph.successors.slice(block.start, block.end - 1);
        t.true(inner.every((list, index) => list.length === 1 && list[0] === block.start + index + 1));
      }
      const reach = (without: number) => {
        const seen = new Set<number>();
        const pending = without === 0 ? [] : [0];
        for (let block = pending.pop(); block !== undefined; block = pending.pop()) {
          if (seen.has(block)) continue;
          seen.add(block);
          pending.push(...(blocks[block]?.successors ?? []).filter((next) => next !== without));
        }
        return seen;
      };
      const all = reach(-1);
      for (const [number, block] of blocks.entries()) {
        t.is(block.reachable, all.has(number));
        if (number > 0 && block.reachable) t.false(reach(block.dominator).has(number));
      }
      for (const { from, to, reducible } of graph.backEdges)
        t.is(reducible, from === to || !reach(to).has(from));
    }),
    { numRuns: 300, seed: 7 },
  );
});
