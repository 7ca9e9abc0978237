// What a run of the model machine ends with if the program does what verification should have ruled out.

export type ModelFaultKind =
  | "outOfBounds"
  | "readOnly"
  | "uninitialized"
  | "notAPointer"
  | "misaligned"
  | "argument"
  | "reference"
  | "result"
  | "callDepth"
  | "endless";

export class ModelFault extends Error {
  readonly kind: ModelFaultKind;
  readonly instruction: number;

  constructor(kind: ModelFaultKind, instruction: number, what: string) {
    super(`instruction ${instruction}: ${what}`);
    this.kind = kind;
    this.instruction = instruction;
  }
}

/** The model cannot run this: no verdict on the program. */
export class NotModelled extends Error {}
