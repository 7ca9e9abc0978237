// Conventions of the driver's sources: every declaration says at which IRQL it may be called and what its pointers are for, and
// every function that driver/THREATS.md names is there.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";

const DRIVER = join(import.meta.dirname, "..", "..", "driver");
const FILES = readdirSync(DRIVER, { recursive: true, encoding: "utf8" }).map((path) =>
  path.replaceAll("\\", "/"),
);
const textOf = (path: string): string => readFileSync(join(DRIVER, path), "utf8").replaceAll("\r\n", "\n");

/** Without comments, texts and what is for the preprocessor. */
const code = (text: string): string =>
  text
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/\/\/.*$/gm, "")
    .replace(/"(?:[^"\\\n]|\\.)*"/g, '""')
    .replace(/^[ \t]*#(?:.*\\\n)*.*$/gm, "");

interface Declaration {
  readonly text: string;
  /** Followed by a body. */
  readonly isInline: boolean;
}

/** What stands outside of braces, up to its `;`, or to the body of a function. */
function declarations(source: string): Declaration[] {
  const found: Declaration[] = [];
  let depth = 0;
  let text = "";
  for (const character of source) {
    if (character === "{") {
      if (depth === 0 && text.trim().endsWith(")")) {
        found.push({ text: text.trim(), isInline: true });
        text = "";
      }
      depth++;
    } else if (character === "}") depth--;
    else if (depth === 0 && character === ";") {
      found.push({ text: text.trim(), isInline: false });
      text = "";
    } else if (depth === 0) text += character;
  }
  return found.map(({ text: one, isInline }) => ({ text: one.replace(/\s+/g, " "), isInline }));
}

/** The parentheses of a function's parameters: the last ones that are not within others. */
function parametersOf(text: string): string {
  const end = text.lastIndexOf(")");
  let depth = 0;
  for (let at = end; at >= 0; at--) {
    if (text[at] === ")") depth++;
    if (text[at] === "(" && --depth === 0) return text.slice(at + 1, end);
  }
  return "";
}

function split(list: string): string[] {
  const parts: string[] = [""];
  let depth = 0;
  for (const character of list) {
    if (character === "(") depth++;
    if (character === ")") depth--;
    if (character === "," && depth === 0) parts.push("");
    else parts[parts.length - 1] += character;
  }
  return parts.map((part) => part.trim());
}

/** No use of a macro, such as an assertion. */
const isFunction = ({ text }: Declaration): boolean => text.endsWith(")") && !/^[A-Z_]+\(/.test(text);

/** What Windows' own headers declare, for compilers that lack them. */
const OF_WINDOWS = ["wfp/wfp.h", "wfp/wfp-ale.h"];
const HEADERS = FILES.filter((path) => path.endsWith(".h") && !OF_WINDOWS.includes(path));

/** What functions of headers lack, and how many there are. */
function missing(of: (one: Declaration) => readonly string[]): {
  readonly count: number;
  readonly lack: string[];
} {
  const functions = HEADERS.flatMap((path) =>
    declarations(code(textOf(path)))
      .filter(isFunction)
      .map((one) => ({ path, one })),
  );
  const lack = functions.flatMap(({ path, one }) => of(one).map((what) => `${path}: ${what}`));
  return { count: functions.length, lack };
}

test("every function of a header says at which IRQL it may be called", (t) => {
  const { count, lack } = missing(({ text, isInline }) =>
    isInline || /_IRQL_requires_(?:max_|min_)?\(/.test(text) ? [] : [text],
  );
  t.deepEqual(lack, []);
  t.true(count > 200, `${count}`);
});

test("every pointer that a function of a header takes says what for", (t) => {
  const { lack } = missing(({ text }) =>
    split(parametersOf(text)).filter(
      (parameter) => parameter.includes("*") && !/^_(?:In|Out|Inout|Outptr)\w*_/.test(parameter),
    ),
  );
  t.deepEqual(lack, []);
});

test("what a function of a header answers as a status has to be looked at", (t) => {
  const { lack } = missing(({ text }) =>
    /\bNTSTATUS \w+\(/.test(text) && !text.includes("_Must_inspect_result_") ? [text] : [],
  );
  t.deepEqual(lack, []);
});

const SOURCES = FILES.filter((path) => /\.[ch]$/.test(path) && !OF_WINDOWS.includes(path)).map(textOf);
/** Functions with a body, whose name begins a line. */
const FUNCTIONS = new Set(
  SOURCES.flatMap((text) =>
    [...text.matchAll(/^(?:HELPER\((\w+)\)|([A-Z]\w+)\()/gm)].map(([, a, b]) => a ?? b ?? ""),
  ),
);
const THREATS = textOf("THREATS.md");
const names = (text: string): string[] =>
  [...text.matchAll(/`([A-Z]\w*[a-z]\w*)`/g)].map(([, name = ""]) => name);

test("each threat names the function that stops it, and what the page names is there", (t) => {
  const rows = [...THREATS.matchAll(/^\| (.+?) \| (.+) \|$/gm)].filter(
    ([, attack = ""]) => !/^(?:attack|-+)$/.test(attack),
  );
  t.true(rows.length > 15, `${rows.length}`);
  t.deepEqual(
    rows
      .filter(([, , stops = ""]) => !names(stops).some((name) => FUNCTIONS.has(name)))
      .map(([, attack]) => attack),
    [],
    "rows without a function",
  );
  const all = SOURCES.join("\n");
  t.deepEqual(
    names(THREATS).filter((name) => !FUNCTIONS.has(name) && !new RegExp(`\\b${name}\\b`).test(all)),
    [],
    "names that are nowhere",
  );
  for (const [, path = ""] of THREATS.matchAll(/`((?:[\w-]+\/)*[\w-]+\.(?:c|h))`/g))
    t.true(FILES.includes(path), path);
});
