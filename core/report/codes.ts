// The codes of failures and errors, and their sections of docs/errors.md. Knows the document's headings, not where it lies.
import { ERROR_CODES } from "../base/error.ts";
import { FAILURE_CODES } from "../verifier/failure.ts";

/** A failure is why a program is rejected, an error why a command could not do what it was asked. */
export interface CodeRecord {
  readonly code: string;
  readonly kind: "failure" | "error";
  readonly remedy: string;
}

/** Every code, failures first, in the order of their tables. */
export function listCodes(): CodeRecord[] {
  const rows = (kind: CodeRecord["kind"], table: Readonly<Record<string, { readonly remedy: string }>>) =>
    Object.entries(table).map(([code, { remedy }]): CodeRecord => ({ code, kind, remedy }));
  return [...rows("failure", FAILURE_CODES), ...rows("error", ERROR_CODES)];
}

/** What follows the heading `### CODE` up to the next heading, by code, in the order of the document. */
export function sectionsOf(document: string): ReadonlyMap<string, string> {
  const sections = new Map<string, string>();
  let open: { readonly code: string; readonly lines: string[] } | undefined;
  const close = (): void => {
    if (open !== undefined) sections.set(open.code, open.lines.join("\n").trim());
    open = undefined;
  };
  let fenced = false;
  for (const line of document.split(/\r?\n/)) {
    if (line.startsWith("```")) fenced = !fenced;
    // A line of C may begin with # too.
    if (!fenced && /^#{1,3} /.test(line)) {
      close();
      if (line.startsWith("### ")) open = { code: line.slice(4).trim(), lines: [] };
    } else open?.lines.push(line);
  }
  close();
  return sections;
}
