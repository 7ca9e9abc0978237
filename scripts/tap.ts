// Counts the results in a TAP 13 stream as ava writes it: lines that start with "ok" or "not ok", with a directive
// "# SKIP" or "# TODO" at the end where a test did not run, and at the end "# fail N", which also counts the tests that a
// crash kept from running. Knows nothing of the YAML blocks between them.

export interface Totals {
  readonly passed: number;
  readonly failed: number;
  /** Tests that were left out on purpose, by SKIP or TODO. */
  readonly skipped: number;
}

export const emptyTotals: Totals = { passed: 0, failed: 0, skipped: 0 };

/** The totals with one more line of the stream counted; indented lines belong to a YAML block and count nothing. */
export function addTapLine(totals: Totals, line: string): Totals {
  const end = /^# fail (\d+)$/.exec(line);
  if (end !== null) return { ...totals, failed: Math.max(totals.failed, Number(end[1])) };
  const match = /^(not )?ok\b.*?(# (?:SKIP|TODO)\b.*)?$/.exec(line);
  if (match === null) return totals;
  if (match[2] !== undefined) return { ...totals, skipped: totals.skipped + 1 };
  if (match[1] !== undefined) return { ...totals, failed: totals.failed + 1 };
  return { ...totals, passed: totals.passed + 1 };
}

/** What is not a pass: a skipped test proves nothing. */
export function failedOf(totals: Totals): number {
  return totals.failed + totals.skipped;
}
