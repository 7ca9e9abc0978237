// What is public, and what the package is built on, is reviewed when it changes: api.txt holds the names that
// core/index.ts exports and is edited by hand, and every npm package listed is used.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";

const root = join(import.meta.dirname, "..", "..");

/** Packages that are commands or types, not imports, and where they are called. */
const CALLED: Readonly<Record<string, string>> = {
  "@biomejs/biome": "scripts/run.mjs",
  "@types/dns-packet": "core/cli/demo/dns.ts",
  "@types/node": "tsconfig.json",
  node: "scripts/run.mjs",
  typescript: "scripts/run.mjs",
};

test("the public names of core/index.ts are those of api.txt", (t) => {
  const text = readFileSync(join(root, "core/index.ts"), "utf8");
  const names = [...text.matchAll(/export (?:type )?\{([^}]*)\}/g)]
    .flatMap(([, list = ""]) => list.split(","))
    .map((name) => name.trim().replace(/^type /, ""))
    .filter((name) => name !== "")
    .sort();
  const listed = readFileSync(join(import.meta.dirname, "api.txt"), "utf8")
    .trim()
    .split("\n");
  t.deepEqual(names, listed);
});

test("every npm package that is listed is used", (t) => {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const sources = ["core", "scripts", "tests"]
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((name) =>
        join(folder, name),
      ),
    )
    .filter((name) => /\.ts$/.test(name) && !name.includes("node_modules"))
    .map((name) => readFileSync(join(root, name), "utf8"));
  for (const name of Object.keys({ ...dependencies, ...devDependencies })) {
    const place = CALLED[name];
    const word = name.replace(/^@types\//, "");
    const used =
      place === undefined
        ? sources.some((text) => new RegExp(`(?:from|import\\(|require\\()\\s*"${name}[/"]`).test(text))
        : readFileSync(join(root, place), "utf8").includes(word);
    t.true(used, `${name} is listed in package.json and used nowhere`);
  }
});
