// The bundle on the oldest Node it is for: everything a user does with it, once.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { bundle } from "../../../scripts/bundle.ts";
import { OLDEST_NODE } from "../../../scripts/setup.ts";
import { ROOT, SAMPLE, temporaryFolder, UNSAFE_SAMPLE } from "../../harness/service.ts";

const built = mkdtempSync(join(tmpdir(), "ebpf-bundle-"));
test.before(() => bundle(built));
test.after.always(() => rmSync(built, { recursive: true, force: true }));

/** mov r0, 7; exit */
const SEVEN = "b700000007000000 9500000000000000";

const STEPS: readonly {
  readonly words: string;
  readonly status: number;
  readonly out: RegExp;
  readonly input?: string;
}[] = [
  { words: `verify ${SAMPLE} --json`, status: 0, out: /"verdict": "accepted"/ },
  { words: `verify ${UNSAFE_SAMPLE}`, status: 1, out: /PacketOutOfBounds/ },
  { words: "exec --engine wasm", status: 0, out: /^7\s*$/, input: SEVEN },
  { words: "exec --engine interpreter", status: 0, out: /^7\s*$/, input: SEVEN },
  {
    words: "interface add gateway --name dns --listen 127.0.0.1:0 --to 127.0.0.1:9 --json",
    status: 0,
    out: /"dns"/,
  },
  { words: `program add ${SAMPLE} --hook xdp --json`, status: 0, out: /"interfaces": \[\s*"dns"/ },
  { words: "map dump dropped_packet_map --json", status: 0, out: /"value": 0/ },
  { words: "service status --json", status: 0, out: /"programs": 1/ },
  { words: "service stop", status: 0, out: /Stopped/ },
];

test("the bundle does its work on Node 22", (t) => {
  t.timeout(120_000);
  t.true(existsSync(OLDEST_NODE), "npm test installs it: scripts/setup.ts");
  t.regex(execFileSync(OLDEST_NODE, ["--version"], { encoding: "utf8" }), /^v22\./);
  const home = temporaryFolder(t);
  for (const { words, status, out, input } of STEPS) {
    const done = spawnSync(OLDEST_NODE, [join(built, "ebpf.cjs"), ...words.split(" ")], {
      cwd: ROOT,
      encoding: "utf8",
      input: input ?? "",
      env: { ...process.env, EBPF_HOME: home, NO_COLOR: "1" },
    });
    t.is(done.status, status, `${words}: ${done.stderr}`);
    t.regex(done.stdout, out, words);
  }
});

test("on an older Node the bundle says what it needs", (t) => {
  const older = join(temporaryFolder(t), "older.cjs");
  writeFileSync(
    older,
    "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } });",
  );
  const done = spawnSync(process.execPath, ["--require", older, join(built, "ebpf.cjs"), "doctor"], {
    encoding: "utf8",
  });
  t.is(done.status, 1);
  t.is(done.stderr, "ebpf: ToolMissing: Node 22.18 or newer is needed; this is Node 20.20.2\n");
});
