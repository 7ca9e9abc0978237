import test from "ava";
import { EbpfError } from "../../../core/base/error.ts";
import type { Io } from "../../../core/cli/command.ts";
import { COMMANDS } from "../../../core/cli/commands.ts";
import { runCommandLine } from "../../../core/cli/main.ts";
import { INTERFACE_KINDS } from "../../../core/net/interfaces.ts";
import { generator } from "../../harness/mutate.ts";
import { ROOT, SAMPLE, temporaryFolder } from "../../harness/service.ts";

function testIo(home: string, stdin: string) {
  const written = { out: "", err: "" };
  const io: Io = {
    out: (text) => {
      written.out += text;
    },
    err: (text) => {
      written.err += text;
    },
    readStdin: async () => stdin,
    env: { EBPF_HOME: home, NO_COLOR: "1" },
    cwd: ROOT,
    outIsTerminal: false,
    errIsTerminal: false,
    signal: new AbortController().signal,
    connect: async () => {
      throw new EbpfError("ServiceNotRunning", "no service in this test");
    },
  };
  return { io, written };
}

/** Words that are right somewhere, and words that are right nowhere. */
const WORDS: readonly string[] = [
  ...new Set([
    ...COMMANDS.flatMap((row) => row.path),
    ...COMMANDS.flatMap((row) => (row.options ?? []).map((option) => option.flags.split(" ")[0] ?? "")),
    ...COMMANDS.flatMap((row) => (row.options ?? []).flatMap((option) => option.choices ?? [])),
  ]),
  ...[
    "--json",
    "--help",
    "-h",
    "--",
    "-",
    "--=",
    "-x",
    "--json=1",
    SAMPLE,
    "package.json",
    "samples",
    "none.o",
    "/none",
  ],
  ...[
    "",
    " ",
    "0",
    "-1",
    "1e99",
    "99999999999999999999",
    "0x",
    "0xzz",
    "00",
    "\u0000",
    "\u001b[2J",
    "é",
    "💥",
    "__proto__",
  ],
  ...[
    "constructor",
    "toString",
    "DropPacket",
    "a".repeat(5000),
    "../../../../etc",
    "%s%n",
    "$(id)",
    "\n",
    "\\",
    "NaN",
  ],
];

/** These would be a service or a server in this process, or show the demonstration. */
function isNotForHere(words: readonly string[]): boolean {
  return (
    words.some((word) => word.startsWith("demo")) || (words.includes("service") && words.includes("run"))
  );
}

function wordsOf(next: (below: number) => number): string[] {
  const row = COMMANDS[next(COMMANDS.length)];
  const words = next(4) === 0 ? [] : [...(row?.path ?? [])];
  for (let count = next(6); count > 0; count--) {
    const word = WORDS[next(WORDS.length)] ?? "";
    words.splice(next(words.length + 1), 0, word);
  }
  if (next(8) === 0) words.splice(next(words.length + 1), 1);
  return words;
}

test("20,000 damaged command lines end with an exit code and an error, never with a stack trace", async (t) => {
  t.timeout(170_000);
  const home = temporaryFolder(t);
  const codes = new Map<number, number>();
  for (let seed = 0; seed < 20_000; seed++) {
    const words = wordsOf(generator(seed));
    if (isNotForHere(words)) continue;
    const { io, written } = testIo(home, seed % 3 === 0 ? "b700000000000000 9500000000000000" : "zz");
    const code = await runCommandLine(words, io);
    codes.set(code, (codes.get(code) ?? 0) + 1);
    const shown = `${JSON.stringify(words)}: ${code}: ${written.err}`;
    if (![0, 1, 64].includes(code)) t.fail(shown);
    if (/\n\s+at .*:\d+/.test(written.err)) t.fail(shown);
    if (code !== 0 && written.err === "" && written.out === "") t.fail(shown);
  }
  // All ways to end are met, or the words are too tame.
  t.deepEqual(
    [...codes.keys()].sort((a, b) => a - b),
    [0, 1, 64],
  );
});

test("every command has help, and every option says what it is for", (t) => {
  for (const row of COMMANDS) {
    t.true(row.help.length > 10, row.path.join(" "));
    for (const option of row.options ?? []) t.true(option.help.length > 5, option.flags);
    for (const argument of row.arguments ?? []) t.true(argument.help.length > 1, argument.name);
  }
  const paths = COMMANDS.map((row) => row.path.join(" "));
  t.is(new Set(paths).size, paths.length);
});

test("interfaces: the options of each kind are its settings", (t) => {
  for (const { kind, settings } of INTERFACE_KINDS) {
    const row = COMMANDS.find(({ path }) => path.join(" ") === `interface add ${kind}`);
    const options = (row?.options ?? []).map((option) => option.flags.split(" ")[0]);
    const names = settings.map(
      ({ name }) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
    );
    t.deepEqual(new Set(options), new Set([...names, "--name"]), kind);
    for (const { name, minimum, maximum } of settings) {
      const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
      const bounds = row?.options?.find((option) => option.flags.startsWith(`${flag} `))?.integer;
      if (minimum !== undefined) t.deepEqual(bounds, { minimum, maximum });
    }
  }
});

test("colours are for terminals, and NO_COLOR is honoured", async (t) => {
  const home = temporaryFolder(t);
  const shown = async (change: Partial<Io>): Promise<boolean> => {
    const { io, written } = testIo(home, "");
    await runCommandLine(["verify", SAMPLE], { ...io, ...change });
    return written.out.includes("\u001b[");
  };
  t.true(await shown({ outIsTerminal: true, env: {} }));
  t.false(await shown({ outIsTerminal: true, env: { NO_COLOR: "1" } }));
  t.false(await shown({ outIsTerminal: true, env: { TERM: "dumb" } }));
  t.false(await shown({ outIsTerminal: false, env: {} }));
});

test("progress goes to stderr, and only to a terminal", async (t) => {
  const { io, written } = testIo(temporaryFolder(t), "");
  await runCommandLine(["verify", "samples"], { ...io, errIsTerminal: true });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what moves the cursor is what is asked for
  t.regex(written.err, /\r\u001b\[K1\/[2-9] /);
  t.false(written.out.includes("\u001b"));
});

test("names from files cannot move the cursor", async (t) => {
  const { io, written } = testIo(temporaryFolder(t), "");
  await runCommandLine(["verify", "none\u001b[2J.o"], io);
  t.false(written.err.includes("\u001b"));
});
