// What an output form of `ebpf verify` is. One file beside this for each: text, JSON, lines of JSON, SARIF.
import type { VerificationRecord } from "../../manager/records.ts";
import type { Invocation } from "../command.ts";
import type { Style } from "../output.ts";

export const STYLES: Readonly<Record<VerificationRecord["verdict"], Style>> = {
  accepted: "green",
  rejected: "red",
  error: "yellow",
};

export interface Form {
  /** Called for each program, in order, as soon as it is verified. */
  row(record: VerificationRecord): void;
  /** Called once after the last; not if the run was interrupted. */
  end(): void;
}

export interface FormFacts {
  readonly invocation: Invocation;
  /** More than one file is verified. */
  readonly many: boolean;
}

export type MakeForm = (facts: FormFacts) => Form;
