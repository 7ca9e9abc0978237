import { PassThrough } from "node:stream";
import test from "ava";
import fc from "fast-check";
import { type FrameProblem, FrameReader, isMessage } from "../../../core/service/frames.ts";

function frame(body: string): Buffer {
  return Buffer.from(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}

async function read(chunks: readonly Buffer[], limitBytes = 1000) {
  const stream = new PassThrough();
  const messages: unknown[] = [];
  const problems: FrameProblem[] = [];
  const reader = new FrameReader(stream, limitBytes, (problem) => problems.push(problem));
  reader.listen((message) => messages.push(message));
  for (const chunk of chunks) stream.write(chunk);
  await new Promise((resolve) => setImmediate(resolve));
  return { messages, problems };
}

const request = { jsonrpc: "2.0", id: 1, method: "service.status" };

test("messages come out whole, wherever the stream is cut", async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string(), { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 1, max: 50 }),
      async (texts, size) => {
        const sent = texts.map((text, id) => ({ ...request, id, params: { text } }));
        const bytes = Buffer.concat(sent.map((message) => frame(JSON.stringify(message))));
        const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_unused, index) =>
          bytes.subarray(index * size, (index + 1) * size),
        );
        const { messages, problems } = await read(chunks);
        t.deepEqual(messages, sent);
        t.deepEqual(problems, []);
      },
    ),
    { numRuns: 50 },
  );
});

const BROKEN: readonly (readonly [string, Buffer, FrameProblem["kind"]])[] = [
  ["a body over the limit", Buffer.from("Content-Length: 1001\r\n\r\n"), "frame"],
  ["a length that is no number", Buffer.from("Content-Length: ten\r\n\r\n"), "frame"],
  ["a negative length", Buffer.from("Content-Length: -1\r\n\r\n"), "frame"],
  ["no length", Buffer.from("Content-Type: x\r\n\r\n"), "frame"],
  ["a header without an end", Buffer.alloc(5000, "a"), "frame"],
  ["what is no JSON", frame("{"), "message"],
  ["an empty body", frame(""), "message"],
  ["a batch", frame("[]"), "message"],
  ["null", frame("null"), "message"],
  ["another version", frame('{"jsonrpc":"1.0","id":1,"method":"x"}'), "message"],
];

for (const [what, bytes, kind] of BROKEN) {
  test(`refused: ${what}`, async (t) => {
    const { messages, problems } = await read([bytes]);
    t.deepEqual(messages, []);
    t.deepEqual(
      problems.map((problem) => problem.kind),
      [kind],
    );
  });
}

test("after a broken frame nothing more is read; after a bad message the next one is", async (t) => {
  const good = frame(JSON.stringify(request));
  t.is((await read([Buffer.from("Content-Length: x\r\n\r\n"), good])).messages.length, 0);
  t.is((await read([frame("nonsense"), good])).messages.length, 1);
});

const MESSAGES: readonly (readonly [unknown, boolean])[] = [
  [request, true],
  [{ jsonrpc: "2.0", method: "note" }, true],
  [{ jsonrpc: "2.0", id: 1, result: null }, true],
  [{ jsonrpc: "2.0", id: "a", error: { code: 1, message: "" } }, true],
  [{ jsonrpc: "2.0", id: {}, method: "x" }, false],
  [{ jsonrpc: "2.0", id: null, method: "x" }, false],
  [{ jsonrpc: "2.0", id: 1, method: 7 }, false],
  [{ jsonrpc: "2.0", id: 1, method: "x", params: "text" }, false],
  [{ jsonrpc: "2.0", method: "$/cancelRequest" }, false],
  [{ jsonrpc: "2.0", method: "$/cancelRequest", params: { id: 4 } }, true],
  [{ jsonrpc: "2.0", id: 1 }, false],
];

test("what is a message", (t) => {
  for (const [value, expected] of MESSAGES) t.is(isMessage(value), expected, JSON.stringify(value));
});
