// `npm test`: all checks and all tests.
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const ava = spawnSync(
  process.execPath,
  [join(root, "node_modules/ava/entrypoints/cli.js"), ...process.argv.slice(2)],
  {
    cwd: root,
    stdio: "inherit",
  },
);
process.exit(ava.status ?? 1);
