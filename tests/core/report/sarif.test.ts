// The SARIF log holds to the standard (OASIS SARIF 2.1.0): the schema below is strict, so that nothing is written that the
// standard does not have, and what refers to something refers to what is there.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import * as v from "valibot";
import { verifyFiles } from "../../../core/manager/batch.ts";
import type { FailureRecord } from "../../../core/report/records.ts";
import { SarifLog, type SarifRow } from "../../../core/report/sarif.ts";
import { FAILURE_CODES } from "../../../core/verifier/failure.ts";
import { FIXTURES } from "../../harness/fixture.ts";

const ROOT = join(FIXTURES, "..", "..");
const document = readFileSync(join(ROOT, "docs", "errors.md"), "utf8");

const index = v.pipe(v.number(), v.integer(), v.minValue(0));
const position = v.pipe(v.number(), v.integer(), v.minValue(1));
const text = v.pipe(v.string(), v.minLength(1));
const message = v.strictObject({ text });
const level = v.picklist(["none", "note", "warning", "error"]);
/** RFC 3986: a URI reference, with every character escaped that has to be. */
const uri = v.pipe(v.string(), v.regex(/^[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=%]+$/));
const artifactLocation = v.strictObject({
  uri,
  uriBaseId: v.exactOptional(v.literal("SRCROOT")),
  index: v.exactOptional(index),
});
const region = v.strictObject({
  startLine: position,
  startColumn: v.exactOptional(position),
  endLine: v.exactOptional(position),
  endColumn: v.exactOptional(position),
  snippet: v.exactOptional(message),
});
const location = v.strictObject({
  physicalLocation: v.strictObject({ artifactLocation, region: v.exactOptional(region) }),
  logicalLocations: v.exactOptional(
    v.array(v.strictObject({ name: text, fullyQualifiedName: text, kind: text })),
  ),
  message: v.exactOptional(message),
});
const descriptor = v.strictObject({
  id: text,
  name: text,
  shortDescription: message,
  help: v.strictObject({ text, markdown: text }),
  defaultConfiguration: v.strictObject({ level }),
});
const result = v.strictObject({
  ruleId: text,
  ruleIndex: index,
  kind: v.picklist(["notApplicable", "pass", "fail", "review", "open", "informational"]),
  level,
  message,
  analysisTarget: artifactLocation,
  locations: v.pipe(v.array(location), v.minLength(1)),
  codeFlows: v.exactOptional(
    v.array(
      v.strictObject({
        threadFlows: v.pipe(
          v.array(
            v.strictObject({ locations: v.pipe(v.array(v.strictObject({ location })), v.minLength(1)) }),
          ),
          v.minLength(1),
        ),
      }),
    ),
  ),
  fixes: v.exactOptional(
    v.array(
      v.strictObject({
        description: message,
        artifactChanges: v.pipe(
          v.array(
            v.strictObject({
              artifactLocation,
              replacements: v.pipe(
                v.array(v.strictObject({ deletedRegion: region, insertedContent: message })),
                v.minLength(1),
              ),
            }),
          ),
          v.minLength(1),
        ),
      }),
    ),
  ),
  properties: v.record(v.string(), v.unknown()),
});
const LOG = v.strictObject({
  $schema: v.pipe(v.string(), v.url()),
  version: v.literal("2.1.0"),
  runs: v.tuple([
    v.strictObject({
      tool: v.strictObject({
        driver: v.strictObject({
          name: v.literal("ebpf"),
          version: text,
          rules: v.array(descriptor),
          notifications: v.array(descriptor),
        }),
      }),
      columnKind: v.picklist(["utf16CodeUnits", "unicodeCodePoints"]),
      originalUriBaseIds: v.record(text, v.strictObject({ description: message })),
      invocations: v.tuple([
        v.strictObject({
          executionSuccessful: v.boolean(),
          toolExecutionNotifications: v.array(
            v.strictObject({
              descriptor: v.strictObject({ id: text, index }),
              level,
              message,
              locations: v.array(location),
            }),
          ),
        }),
      ]),
      artifacts: v.array(v.strictObject({ location: artifactLocation, roles: v.array(text) })),
      results: v.array(result),
    }),
  ]),
});

/** The run of the rows' log, which has gone through JSON and holds to the standard. */
function runOf(rows: readonly SarifRow[]) {
  const log = new SarifLog({ version: "0.0.1", document });
  for (const row of rows) log.add(row);
  const {
    runs: [run],
  } = v.parse(LOG, JSON.parse(JSON.stringify(log.log())));
  for (const { ruleId, ruleIndex, analysisTarget } of run.results) {
    if (run.tool.driver.rules[ruleIndex]?.id !== ruleId) throw new Error(`${ruleId} is no rule`);
    const artifact = run.artifacts[analysisTarget.index ?? -1];
    if (artifact?.location.uri !== analysisTarget.uri) throw new Error(`no artifact ${analysisTarget.uri}`);
  }
  for (const { descriptor: of } of run.invocations[0].toolExecutionNotifications) {
    if (run.tool.driver.notifications[of.index]?.id !== of.id) throw new Error(`${of.id} is no notification`);
  }
  return run;
}

const FAILURE: FailureRecord = {
  code: "PacketOutOfBounds",
  message: "x.c:31: reads 2 bytes at offset 12 of the packet",
  remedy: "Check the end of the packet first.",
  instruction: 7,
  slot: 8,
  text: "r3 = *(u16 *)(r1 + 12)",
  registers: { r1: "packet" },
};

const ROW: SarifRow = {
  file: "/objects/x.o",
  section: "xdp",
  program: "Drop",
  type: "xdp",
  platform: "windows",
  verdict: "rejected",
  failure: FAILURE,
};

test("every object of the C fixtures and the samples, all failures: the log holds to the standard", async (t) => {
  const rows: SarifRow[] = [];
  const files = ["tests/fixtures/c", "samples"].flatMap((folder) =>
    [
      "unsafe-index",
      "unsafe-key",
      "unsafe-loop",
      "safe-null",
      "object-core",
      "droppacket",
      "droppacket_unsafe",
    ]
      .map((name) => join(ROOT, folder, `${name}.o`))
      .filter((file) => file.includes("droppacket") === (folder === "samples")),
  );
  const request = { files: [...files, join(ROOT, "package.json")], choice: { all: true }, jobs: 0 };
  for await (const record of verifyFiles(request)) rows.push(record);
  const run = runOf(rows);
  t.is(run.results.length, rows.flatMap((row) => row.failures ?? []).length);
  t.deepEqual(run.results.map(({ ruleId }) => ruleId).slice(0, 3), [
    "MapValueOutOfBounds",
    "StackUninitialized",
    "LoopNotBounded",
  ]);
  const [first] = run.results;
  t.like(first?.locations[0], {
    physicalLocation: {
      artifactLocation: { uri: "tests/fixtures/c/unsafe-index.c", uriBaseId: "SRCROOT" },
      region: { startLine: 24 },
    },
    logicalLocations: [{ name: "Measure", fullyQualifiedName: "xdp/Measure" }],
  });
  t.true((first?.codeFlows?.[0]?.threadFlows[0]?.locations.length ?? 0) > 1);
  t.false(/^\S+:\d+:/.test(first?.message.text ?? ""), "the place stands beside the message");
  t.true(
    run.results.some(({ properties }) => properties.example !== undefined),
    "what triggers a failure is told",
  );
  const [invocation] = run.invocations;
  t.false(invocation.executionSuccessful);
  t.true(
    invocation.toolExecutionNotifications.some(({ descriptor: { id } }) => id === "ElfInvalid"),
    "what is no object is a notification",
  );
});

test("rules are the table of failures, with what docs/errors.md says of each", (t) => {
  const { rules } = runOf([]).tool.driver;
  t.deepEqual(
    rules.map(({ id }) => id),
    Object.keys(FAILURE_CODES),
  );
  for (const { id, shortDescription, help } of rules) {
    t.regex(shortDescription.text, /^[A-Z][^\n`]+\.$/, id);
    t.true(help.markdown.includes("```"), id);
  }
});

test("without a C line the place is the object; without rejections there is no result", (t) => {
  const run = runOf([
    ROW,
    { ...ROW, file: "/objects/y.o", verdict: "accepted", failure: undefined as never },
  ]);
  t.deepEqual(run.results[0]?.locations[0]?.physicalLocation, {
    artifactLocation: { uri: "file:///objects/x.o", index: 0 },
  });
  t.is(run.results.length, 1);
  t.is(run.artifacts.length, 2);
  t.true(run.invocations[0].executionSuccessful);
});

test("paths of every system become URIs", (t) => {
  const uris = ["C:\\my objects\\x.o", "/tmp/50%/ü#.o", "build/x.o", "build\\x.o"].map(
    (file) => runOf([{ ...ROW, file }]).artifacts[0]?.location.uri,
  );
  t.deepEqual(uris, [
    "file:///C:/my%20objects/x.o",
    "file:///tmp/50%25/%C3%BC%23.o",
    "build/x.o",
    "build/x.o",
  ]);
});

test("a mend is a fix: a line before, or one in its place, indented as the failing line is", (t) => {
  const source = { file: "x.c", line: 31, column: 0, text: "\tif (a->b)" };
  const fixOf = (place: "before" | "instead", text = "if (c) return 1;") => {
    const mend = { file: "x.c", line: 31, place, text };
    return runOf([{ ...ROW, failure: { ...FAILURE, source, mend } }]).results[0]?.fixes?.[0]
      ?.artifactChanges[0];
  };
  t.deepEqual(fixOf("before")?.replacements, [
    {
      deletedRegion: { startLine: 31, startColumn: 1, endLine: 31, endColumn: 1 },
      insertedContent: { text: "\tif (c) return 1;\n" },
    },
  ]);
  t.deepEqual(fixOf("instead")?.replacements, [
    { deletedRegion: { startLine: 31 }, insertedContent: { text: "\tif (c) return 1;" } },
  ]);
  // A line of another function has its own indentation.
  t.is(fixOf("instead", "  if (d) {")?.replacements[0]?.insertedContent.text, "  if (d) {");
});
