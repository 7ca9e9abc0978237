// Comparisons counted, and the words of one that is a defect.
import { listing } from "../net.ts";
import type { Comparison } from "./compare.ts";

/** The row of the table that a comparison belongs to. */
export function rowOf(comparison: Comparison): string {
  switch (comparison.kind) {
    case "only we accept": {
      const { reason, said } = comparison;
      if (reason === undefined) return `only we accept, unexplained: ${said}`;
      return `only we accept, ${reason.hygiene ? "hygiene" : "explained"}: ${reason.name}`;
    }
    case "only the kernel accepts":
      return `only the kernel accepts: ${comparison.code}`;
    case "both accept":
    case "both reject":
      return comparison.kind;
  }
}

/** Undefined unless we accept what the kernel rejects for a reason that nothing explains. */
export function defectOf(comparison: Comparison): string | undefined {
  if (comparison.kind !== "only we accept" || comparison.reason !== undefined) return undefined;
  const { mutant, said, log } = comparison;
  const path = log.split("\n").slice(-40).join("\n");
  return `${mutant.file} ${mutant.name}: the kernel says "${said}"\n${path}\n${listing(mutant)}`;
}
