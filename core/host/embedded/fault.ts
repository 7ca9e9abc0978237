// What the interpreter throws when a program does what verification should have ruled out.
import { InternalError } from "../../base/error.ts";

export type FaultKind =
  | "outOfBounds"
  | "readOnly"
  | "registerUninitialized"
  | "stackUninitialized"
  | "callDepth"
  | "stepBudget"
  | "unsupported";

/** A verified program must never cause one: it means that the verifier is unsound, or that the step budget was too small. */
export class InterpreterFault extends InternalError {
  readonly kind: FaultKind;
  /** Index into `Program.instructions`. */
  readonly instruction: number;

  constructor(kind: FaultKind, instruction: number, what: string) {
    super(`instruction ${instruction}: ${what}`, { details: { kind, instruction } });
    this.name = "InterpreterFault";
    this.kind = kind;
    this.instruction = instruction;
  }
}
