// Verdicts -> SARIF 2.1.0 (OASIS), the form that editors and code scanning read. A rejected program is a result with its C
// line, the way to it and, where one is known, the change that mends it; what could not be verified is a notification of
// the tool. Knows no files: whoever asks gives the text of docs/errors.md.
import { listCodes, sectionsOf } from "./codes.ts";
import type { FailureRecord, MendRecord, SourceRecord } from "./records.ts";
import type * as Sarif from "./sarif-types.ts";

/** What is told of a program; the rows of `ebpf verify` have all of it. */
export interface SarifRow {
  readonly file: string;
  /** What is not known of a file that is no object is null. */
  readonly section: string | null;
  readonly program: string | null;
  readonly type: string | null;
  readonly platform: string | null;
  readonly verdict: "accepted" | "rejected" | "error";
  readonly code?: string;
  readonly message?: string;
  readonly failure?: FailureRecord;
  readonly failures?: readonly FailureRecord[];
}

export interface SarifFacts {
  readonly version: string;
  /** The text of docs/errors.md. */
  readonly document: string;
}

/** Names in debug information are relative to the folder the program was compiled in; nobody here knows which that was. */
const SOURCE_ROOT = "SRCROOT";

/** Rows in, one log out. Keeps no rows of accepted programs. */
export class SarifLog {
  readonly #facts: SarifFacts;
  readonly #results: Sarif.Result[] = [];
  readonly #notifications: Sarif.Notification[] = [];
  readonly #artifacts = new Map<string, number>();
  readonly #rules: ReadonlyMap<string, number>;
  readonly #errors: ReadonlyMap<string, number>;

  constructor(facts: SarifFacts) {
    this.#facts = facts;
    const codes = listCodes();
    const numbered = (kind: "failure" | "error") =>
      new Map(codes.filter((row) => row.kind === kind).map(({ code }, index) => [code, index]));
    this.#rules = numbered("failure");
    this.#errors = numbered("error");
  }

  add(row: SarifRow): void {
    const index = this.#artifacts.get(row.file) ?? this.#artifacts.size;
    this.#artifacts.set(row.file, index);
    const object = { uri: uriOf(row.file), index };
    if (row.verdict === "error") this.#notifications.push(this.#notification(row, object));
    if (row.failure === undefined) return;
    for (const failure of row.failures ?? [row.failure]) {
      this.#results.push(this.#result(row, failure, object));
    }
  }

  log(): Sarif.Log {
    const { version, document } = this.#facts;
    const driver = { name: "ebpf", version, ...descriptors(sectionsOf(document)) };
    const run: Sarif.Run = {
      tool: { driver },
      columnKind: "utf16CodeUnits",
      originalUriBaseIds: {
        [SOURCE_ROOT]: { description: { text: "The folder that the programs were compiled in." } },
      },
      invocations: [
        {
          executionSuccessful: this.#notifications.length === 0,
          toolExecutionNotifications: this.#notifications,
        },
      ],
      artifacts: [...this.#artifacts.keys()].map((file) => ({
        location: { uri: uriOf(file) },
        roles: ["analysisTarget"],
      })),
      results: this.#results,
    };
    return { $schema: "https://json.schemastore.org/sarif-2.1.0.json", version: "2.1.0", runs: [run] };
  }

  #notification(row: SarifRow, object: Sarif.ArtifactLocation): Sarif.Notification {
    const id = row.code ?? "InternalError";
    return {
      descriptor: { id, index: this.#errors.get(id) ?? -1 },
      level: "error",
      message: { text: row.message ?? id },
      locations: [{ physicalLocation: { artifactLocation: object }, ...logical(row) }],
    };
  }

  #result(row: SarifRow, failure: FailureRecord, object: Sarif.ArtifactLocation): Sarif.Result {
    const { code, slice = [], mend, instruction, slot, text, registers, known, needed, example } = failure;
    const place = placeOf(failure.source, object);
    // The place stands beside it.
    const said = failure.message.replace(/^.*?:(slot )?\d+: /, "");
    const steps = slice.map(({ source, note }) => step(placeOf(source, object), note));
    return {
      ruleId: code,
      ruleIndex: this.#rules.get(code) ?? -1,
      kind: "fail",
      level: "error",
      message: { text: said },
      analysisTarget: object,
      locations: [{ ...place, ...logical(row) }],
      ...(steps.length > 0 && {
        codeFlows: [{ threadFlows: [{ locations: [...steps, step(place, said)] }] }],
      }),
      ...(mend !== undefined && { fixes: [fixOf(mend, failure.source)] }),
      properties: {
        section: row.section,
        type: row.type,
        platform: row.platform,
        instruction,
        slot,
        assembly: text,
        registers,
        ...(known !== undefined && { known }),
        ...(needed !== undefined && { needed }),
        ...(example !== undefined && { example }),
      },
    };
  }
}

function descriptors(sections: ReadonlyMap<string, string>): Pick<Sarif.Driver, "rules" | "notifications"> {
  const rows = listCodes().map(({ code, kind, remedy }) => {
    const section = sections.get(code) ?? remedy;
    const descriptor: Sarif.Descriptor = {
      id: code,
      name: code,
      shortDescription: { text: firstSentence(section) },
      help: { text: remedy, markdown: section },
      defaultConfiguration: { level: "error" },
    };
    return { kind, descriptor };
  });
  const of = (kind: string) => rows.filter((row) => row.kind === kind).map(({ descriptor }) => descriptor);
  return { rules: of("failure"), notifications: of("error") };
}

function firstSentence(section: string): string {
  const paragraph = section.split("\n\n")[0]?.replaceAll("\n", " ").replaceAll("`", "") ?? "";
  return /^.*?[.:](?= |$)/.exec(paragraph)?.[0].replace(/:$/, ".") ?? paragraph;
}

function logical({ program, section }: SarifRow): Pick<Sarif.Location, "logicalLocations"> {
  if (program === null || program === "") return {};
  return {
    logicalLocations: [
      { name: program, fullyQualifiedName: `${section ?? ""}/${program}`, kind: "function" },
    ],
  };
}

/** The C line; without one, the object. */
function placeOf(
  source: SourceRecord | undefined,
  object: Sarif.ArtifactLocation,
): { readonly physicalLocation: Sarif.PhysicalLocation } {
  if (source === undefined) return { physicalLocation: { artifactLocation: object } };
  const { line, column, text } = source;
  const region = {
    startLine: line,
    // Column 0 is one that nobody knows.
    ...(column > 0 && { startColumn: column }),
    ...(text !== "" && { snippet: { text } }),
  };
  return { physicalLocation: { artifactLocation: sourceLocation(source.file), region } };
}

function sourceLocation(file: string): Sarif.ArtifactLocation {
  const uri = uriOf(file);
  return uri.startsWith("file:") ? { uri } : { uri, uriBaseId: SOURCE_ROOT };
}

function step(place: { readonly physicalLocation: Sarif.PhysicalLocation }, text: string) {
  return { location: { ...place, message: { text } } };
}

/** A line put in front of one, or in its place; indented as the failing line is, unless it has its own indentation. */
function fixOf({ file, line, place, text }: MendRecord, source: SourceRecord | undefined): Sarif.Fix {
  const indent = /^\s*/.exec(source?.text ?? "")?.[0] ?? "";
  const lines = text.split("\n");
  const indented = /^\s/.test(text) ? text : lines.map((part) => indent + part.trimStart()).join("\n");
  const replacement =
    place === "before"
      ? {
          deletedRegion: { startLine: line, startColumn: 1, endLine: line, endColumn: 1 },
          insertedContent: { text: `${indented}\n` },
        }
      : { deletedRegion: { startLine: line }, insertedContent: { text: indented } };
  return {
    description: { text: place === "before" ? `Insert: ${text}` : `Write instead: ${text}` },
    artifactChanges: [{ artifactLocation: sourceLocation(file), replacements: [replacement] }],
  };
}

/** A path of any system as a URI reference: absolute ones as file URIs, every other character that needs it escaped. */
function uriOf(path: string): string {
  const slashes = /^[A-Za-z]:[\\/]|\\/.test(path) ? path.replaceAll("\\", "/") : path;
  const drive = /^[A-Za-z]:(?=\/)/.exec(slashes)?.[0] ?? "";
  const escaped = slashes.slice(drive.length).split("/").map(encodeURIComponent).join("/");
  if (drive !== "") return `file:///${drive}${escaped}`;
  return slashes.startsWith("/") ? `file://${escaped.replace(/^\/+/, "/")}` : escaped;
}
