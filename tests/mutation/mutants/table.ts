// Rows of one file.
import type { Mutant } from "../mutant.ts";

export function mutantsOf(file: string, rows: readonly Omit<Mutant, "file">[]): readonly Mutant[] {
  return rows.map((row) => ({ ...row, file }));
}
