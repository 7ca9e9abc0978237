// The one entry for developers and for a fresh clone: `node scripts/run.mjs TASK`. Plain JavaScript for the Node that
// Debian has (20): it installs the npm packages once, then runs the task with the Node that came with them (24).
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const node = join(root, "node_modules", "node", "bin", process.platform === "win32" ? "node.exe" : "node");

/** Each task is a list of commands; `ts` runs a TypeScript file, `bin` a command of an npm package. */
const TASKS = {
  check: [
    ["bin", "typescript/bin/tsc", "--project", "tsconfig.json"],
    ["bin", "@biomejs/biome/bin/biome", "check", "--error-on-warnings", "."],
  ],
  test: [["ts", "scripts/test.ts"]],
  demo: [["ts", "scripts/demo.ts"]],
  bench: [["ts", "scripts/bench.ts"]],
  fixtures: [
    ["ts", "scripts/fixtures.ts"],
    ["ts", "scripts/certificate-rows.ts"],
    ["ts", "scripts/driver-events.ts"],
    ["ts", "scripts/driver-project.ts"],
  ],
  fuzz: [["ts", "scripts/fuzz.ts"]],
  bundle: [["ts", "scripts/bundle.ts"]],
  "build:driver": [["ts", "scripts/driver.ts"]],
};

function fail(text, status = 1) {
  process.stderr.write(`${text}\n`);
  process.exit(status);
}

/** True if node_modules holds what package-lock.json says (npm leaves a copy of the lock there). */
function installed() {
  const stamp = join(root, "node_modules", ".package-lock.json");
  return (
    existsSync(node) &&
    existsSync(stamp) &&
    statSync(stamp).mtimeMs >= statSync(join(root, "package-lock.json")).mtimeMs
  );
}

function install() {
  process.stderr.write("Installing npm packages (once)...\n");
  const npm = spawnSync("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: root,
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32",
  });
  if (npm.status !== 0) fail("npm ci failed; its own message is above.");
}

function run([kind, file, ...rest], extra) {
  const args =
    kind === "bin"
      ? [join(root, "node_modules", file), ...rest]
      : ["--disable-warning=ExperimentalWarning", join(root, file), ...rest];
  const path = `${dirname(node)}${process.platform === "win32" ? ";" : ":"}${process.env.PATH}`;
  const result = spawnSync(node, [...args, ...extra], {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, PATH: path },
  });
  if (result.status !== 0) process.exit(result.status ?? 1);
}

const [task, ...extra] = process.argv.slice(2);
const commands = TASKS[task];
if (commands === undefined) fail(`usage: node scripts/run.mjs ${Object.keys(TASKS).join("|")}`, 64);
if (Number(process.versions.node.split(".")[0]) < 20) fail("Node 20 or newer is needed.");
if (
  !existsSync(join(root, "package-lock.json")) ||
  readFileSync(join(root, "package-lock.json")).length === 0
) {
  fail("package-lock.json is missing; is this a whole clone?");
}
if (!installed()) install();
for (const [index, command] of commands.entries()) run(command, index === commands.length - 1 ? extra : []);
