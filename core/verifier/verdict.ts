// What verify() answers. Types only: the report room turns them into words, pictures, JSON.
import type { Program } from "../program/program.ts";
import type { SourceLocation } from "../spec.ts";
import type { FailureCode } from "./failure.ts";

declare const verified: unique symbol;

/** A program that verify() accepted. Only verify() makes one, and only this can be compiled and run. */
export type VerifiedProgram = Program & { readonly [verified]: true };

/** One step of the way to a failure. */
export interface SliceRow {
  readonly instruction: number;
  readonly slot: number;
  /** The instruction in assembly. */
  readonly text: string;
  readonly source?: SourceLocation;
  /** What it gave, in words; of a branch also its side: "not taken: r2 is a number between 0 and 16". */
  readonly note: string;
}

/** A change of the C program that takes the first cause away. */
export interface Mend {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** Where the text goes: before that line, or instead of it. */
  readonly place: "before" | "instead";
  readonly text: string;
}

/** What is told of a failure beside its first line. */
export interface Explanation {
  /** The few instructions that led to it, in the order followed. */
  readonly slice: readonly SliceRow[];
  /** What was known and what was needed, where both can be said in a few words; a number is one of bytes. */
  readonly known?: string;
  readonly needed?: string | number;
  readonly mend?: Mend;
}

export interface Failure extends Partial<Explanation> {
  readonly code: FailureCode;
  /** Index into `Program.instructions`, and the slot that `ebpf disasm` prints. */
  readonly instruction: number;
  readonly slot: number;
  /** The instruction in assembly. */
  readonly text: string;
  readonly source?: SourceLocation;
  /** One line: what is wrong and what to do, in the words of the C program where possible. */
  readonly message: string;
  readonly remedy: string;
  /** The instructions from the entry to the failing one; absent where nothing was followed, or too many for telling. */
  readonly path?: readonly number[];
  /** What the verifier knew of each register just before, by name ("r1"), in the printed form of the state. */
  readonly registers: Readonly<Record<string, string>>;
}

/** An instruction that is followed. */
export interface LogStep {
  readonly instruction: number;
  /** The instruction it was reached from; absent at the entry. */
  readonly from?: number;
  /** Everything that is known before it, in the printed form of the state. */
  readonly state: string;
}

export interface VerifyOptions {
  /** Linux: also refuse what only the privileged may do, see strict.ts. Other platforms always do. */
  readonly strict?: boolean;
  /** Steps before the verdict is TooComplex; a count, so that a verdict never depends on the machine. */
  readonly maximumSteps?: number;
  /** Tell more than the first failure: one ends only its path, and the others are followed within the same steps. */
  readonly all?: boolean;
  /** Called with the state at each instruction, in order of exploration; for `verify --log`. */
  readonly log?: (step: LogStep) => void;
}

export type Verdict =
  | {
      readonly kind: "accepted";
      readonly program: VerifiedProgram;
      readonly steps: number;
      readonly states: number;
    }
  | {
      readonly kind: "rejected";
      /** The first cause found; with `all` the others after it, each instruction and code once. */
      readonly failures: readonly [Failure, ...Failure[]];
      readonly steps: number;
      readonly states: number;
    };
