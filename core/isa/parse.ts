// Assembly text -> Instruction[]: the inverse of print.ts, with labels and comments. It takes the spellings of LLVM,
// bpftool and the Linux verifier, one instruction a line. Knows no bytes.
//
//   loop:                    ; a label, on a line of its own or before an instruction
//   r1 -= 1                  // comments begin with ; or // or # (a # right after a word is part of it: f#1)
//   if r1 != 0 goto loop     jumps, local calls and subprog[...] take labels as well as +N and -N
//   call map_lookup_elem#1   the number counts; a name alone needs a look-up (ParseNames), or is a label
import { type Instruction, slotCount } from "./instruction.ts";
import { type ParseNames, parseStatement, type Statement } from "./parse-statement.ts";

import { Line, tokenize } from "./tokens.ts";

export type { ParseNames } from "./parse-statement.ts";

/** Words that cannot be labels, because an instruction begins with them or they are something else after `call`. */
const RESERVED = /^(?:[rw]\d+|if|goto|gotol|call|callx|exit|lock|pc|kfunc|map|variable|subprog|skb)$/;

/**
 * The instructions of a text. FormatError AssemblyInvalid says what was expected; `data.details` has `line` and
 * `column`, both from 1.
 */
export function parse(text: string, names: ParseNames = {}): Instruction[] {
  const statements: Statement[] = [];
  const labels = new Map<string, number>();
  const slots: number[] = [];
  let slot = 0;
  for (const [index, source] of text.split(/\r\n|\n|\r/).entries()) {
    const line = new Line(tokenize(source, index + 1), index + 1, source.length + 1);
    while (line.startsWithLabel()) defineLabel(line, labels, slot);
    if (line.atEnd()) continue;
    const statement = parseStatement(line, names);
    line.expectEnd();
    statements.push(statement);
    slots.push(slot);
    slot += slotCount(statement.instruction);
  }
  return statements.map(({ instruction, label }, index) => {
    if (label === undefined) return instruction;
    const target = labels.get(label.name);
    if (target === undefined) throw label.line.errorAt(label.column, `there is no label "${label.name}"`);
    const offset = target - (slots[index] as number) - 1;
    if (Math.abs(offset + 0.5) > 2 ** (label.bitWidth - 1)) {
      const remedy = instruction.kind === "jump" && instruction.condition === undefined ? "; use gotol" : "";
      throw label.line.errorAt(label.column, `"${label.name}" is too far away for a 16-bit offset${remedy}`);
    }
    return withOffset(instruction, offset);
  });
}

function defineLabel(line: Line, labels: Map<string, number>, slot: number): void {
  const { text, column } = line.next();
  line.next();
  if (RESERVED.test(text)) throw line.errorAt(column, `"${text}" cannot be the name of a label`);
  if (labels.has(text)) throw line.errorAt(column, `the label "${text}" is defined twice`);
  labels.set(text, slot);
}

function withOffset(instruction: Instruction, offset: number): Instruction {
  if (instruction.kind === "jump") return { ...instruction, offset };
  if (instruction.kind === "call") return { kind: "call", target: { kind: "local", offset } };
  if (instruction.kind === "loadImmediate") return { ...instruction, source: { kind: "function", offset } };
  return instruction;
}
