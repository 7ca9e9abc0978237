// Every case of tests/fixtures/transfer: what instructions make of a state. `pre` is the state before, `post` the one behind the
// last instruction; of a conditional jump there are two, `side=taken` and `side=falls`, and a side that no run takes is
// "impossible". `failure at=N` instead: instruction N is refused in that state.
// Where the state before is numbers only, runs of the instructions from numbers in it must end in the state behind.
import test from "ava";
import { createEmbeddedHost } from "../../../core/host/embedded/host.ts";
import { compile } from "../../../core/image/compile.ts";
import { parse } from "../../../core/isa/parse.ts";
import { ranges } from "../../../core/verifier/domain/range.ts";
import { register, type State } from "../../../core/verifier/domain/state.ts";
import type { NumberValue } from "../../../core/verifier/domain/value.ts";
import { type Fixture, readFixtures, sectionText } from "../../harness/fixture.ts";
import { trust } from "../../harness/programs.ts";
import { parseState } from "./parse-state.ts";
import { programOfInstructions } from "./programs.ts";
import { follow, programOf, told } from "./transfer.ts";

const fixtures = readFixtures("transfer");

for (const fixture of fixtures) {
  test(fixture.name, (t) => {
    const program = programOf(fixture);
    const outcome = follow(program, parseState(program, sectionText(fixture, "pre") ?? ""));
    const sections = fixture.sections.filter(({ name }) => name === "post" || name === "failure");
    t.true(sections.length > 0, "the case expects something");
    for (const { name, attributes, text } of sections) {
      const expected = text.trim();
      if (name === "failure") {
        t.like(outcome, { kind: "failure", at: Number(attributes.at), finding: { code: expected } });
      } else if (attributes.side === undefined) {
        if (outcome.kind !== "end") return t.fail(JSON.stringify(outcome));
        t.is(told(program, outcome.state), expected);
      } else {
        if (outcome.kind !== "sides") return t.fail(JSON.stringify(outcome));
        t.is(told(program, outcome[attributes.side as "taken" | "falls"]), expected, attributes.side);
      }
    }
  });
}

test("there are cases of every kind", (t) => {
  t.true(fixtures.length >= 60, `${fixtures.length}`);
  t.true(fixtures.some(({ sections }) => sections.some(({ text }) => text.trim() === "impossible")));
});

const host = createEmbeddedHost();

/** r0 of a program without memory; verification is not what is tested here. */
function resultOf(code: string): bigint {
  const program = trust(programOfInstructions(parse(code), { memory: 0 }));
  const loaded = host.load(compile(program, "interpreter"), []);
  const { returnValue } = loaded.run({ data: new Uint8Array(0) });
  loaded.close();
  return BigInt.asUintN(64, returnValue);
}

interface Known {
  readonly name: string;
  readonly value: NumberValue;
}

function numbersOf(state: State): Known[] {
  return [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].flatMap((index) => {
    const value = register(state, index);
    return value.kind === "number" ? [{ name: `r${index}`, value }] : [];
  });
}

const CORNERS = [
  0n,
  1n,
  2n,
  5n,
  7n,
  9n,
  100n,
  255n,
  1n << 31n,
  (1n << 32n) - 1n,
  1n << 32n,
  1n << 63n,
  -1n,
  -2n,
  -5n,
];

/** Numbers that are in the value: its bounds, what lies beside them, and what is special to the machine. */
function members({ range }: NumberValue): bigint[] {
  const { umin, umax, smin, smax } = range.full;
  const bounds = [umin, umax, smin, smax].filter(Number.isFinite).flatMap((bound) => {
    const at = BigInt(bound);
    return [at - 1n, at, at + 1n, at / 2n];
  });
  const all = [...bounds, ...CORNERS].map((value) => BigInt.asUintN(64, value));
  return [...new Set(all)].filter((value) => ranges.contains(range, value));
}

/** Every choice of one member for each. */
function choices(known: readonly Known[]): bigint[][] {
  return known.reduce<bigint[][]>(
    (lists, { value }) => lists.flatMap((list) => members(value).map((member) => [...list, member])),
    [[]],
  );
}

/** Why the state does not hold these numbers. */
function notHeld(state: State | undefined, numberIn: (name: string) => bigint): string | undefined {
  if (state === undefined) return "no run was to come here";
  const links = new Map<number, bigint>();
  for (const { name, value } of numbersOf(state)) {
    const concrete = numberIn(name);
    if (!ranges.contains(value.range, concrete)) return `${name} is ${concrete}`;
    if (value.id === 0 || value.extended) continue;
    const linked = BigInt.asUintN(64, concrete - BigInt(value.delta));
    if ((links.get(value.id) ?? linked) !== linked)
      return `${name} is ${concrete}, which is not what it is linked to`;
    links.set(value.id, linked);
  }
  return undefined;
}

/** Nothing but numbers without links before, and no memory and no helper on the way. */
function isPlain(fixture: Fixture): boolean {
  const pre = sectionText(fixture, "pre") ?? "";
  return (
    /^(r\d = (-?\d|number)[^{]*\n?)*$/.test(pre) &&
    fixture.sections.some(({ name }) => name === "post") &&
    !/\*\(|call/.test(sectionText(fixture, "asm") ?? "")
  );
}

let runs = 0;

for (const fixture of fixtures.filter(isPlain)) {
  test(`${fixture.name}: runs end in it`, (t) => {
    const program = programOf(fixture);
    const asm = (sectionText(fixture, "asm") ?? "").trim();
    const known = numbersOf(parseState(program, sectionText(fixture, "pre") ?? ""));
    const outcome = follow(program, parseState(program, sectionText(fixture, "pre") ?? ""));
    for (const chosen of choices(known)) {
      const set = known.map(({ name }, index) => `${name} = ${chosen[index]} ll`).join("\n");
      const input = (name: string): bigint => chosen[known.findIndex((row) => row.name === name)] ?? 0n;
      let wrong: string | undefined;
      if (outcome.kind === "end") {
        wrong = notHeld(outcome.state, (name) => resultOf(`${set}\n${asm}\nr0 = ${name}\nexit`));
      } else if (outcome.kind === "sides") {
        const jump = asm.replace("goto +0", "goto taken");
        const taken = resultOf(`${set}\n${jump}\nr0 = 0\nexit\ntaken:\nr0 = 1\nexit`) === 1n;
        wrong = notHeld(taken ? outcome.taken : outcome.falls, input);
      }
      runs++;
      t.is(wrong, undefined, `${asm} from ${chosen.join(", ")}`);
    }
  });
}

test.after(() => {
  if (runs < 500) throw new Error(`only ${runs} runs`);
});
