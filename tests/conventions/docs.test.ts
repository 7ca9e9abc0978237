// The commands that README and docs/ show are run: lines that start with "$ " in ```console blocks as the command line,
// ```powershell blocks whole, and ```sh blocks must name scripts of package.json. So are those of the module's help topic. Each has a
// service of its own.
import { execFile } from "node:child_process";
import { copyFileSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { findClang } from "../../scripts/fixtures.ts";
import { quote, runPowerShell } from "../harness/powershell.ts";

const root = join(import.meta.dirname, "..", "..");
const files = ["README.md", ...readdirSync(join(root, "docs")).map((name) => join("docs", name))].filter(
  (name) => name.endsWith(".md"),
);

interface Block {
  readonly language: string;
  readonly text: string;
}

function blocks(file: string): Block[] {
  const text = readFileSync(join(root, file), "utf8");
  return [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, language = "", body = ""]) => ({
    language,
    text: body,
  }));
}

/** A folder as a reader has it: the clone, where nothing that is run can leave a trace in ours. */
function clone(): string {
  const folder = mkdtempSync(join(tmpdir(), "ebpf-docs-"));
  for (const name of ["samples", "include", "module", "cmdlets"]) {
    cpSync(join(root, name), join(folder, name), { recursive: true });
  }
  copyFileSync(join(root, "ebpf.psd1"), join(folder, "ebpf.psd1"));
  for (const name of ["core", "node_modules", "package.json"])
    symlinkSync(join(root, name), join(folder, name));
  // The name under which a reader is told to keep a program of his own.
  copyFileSync(join(root, "tests/include/programs/empty_udp.c"), join(folder, "my_xdp_program.c"));
  return folder;
}

const clang = findClang();

function runLine(line: string, folder: string, home: string): Promise<{ status: number; output: string }> {
  const command = line
    .replace(/^ebpf /, `'${process.execPath}' --disable-warning=ExperimentalWarning core/cli/main.ts `)
    .replace(/^clang /, `${clang ?? "clang"} `);
  return new Promise((resolve) => {
    execFile(
      "sh",
      ["-c", command],
      { cwd: folder, env: { ...process.env, EBPF_HOME: home }, timeout: 60_000 },
      (error, stdout, stderr) => {
        const status = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
        resolve({ status, output: stdout + stderr });
      },
    );
  });
}

test.serial("about_ebpf: its first session runs, in the folder of the samples", async (t) => {
  t.timeout(120_000);
  const about = readFileSync(join(root, "en-US", "about_ebpf.help.txt"), "utf8").replaceAll("\r\n", "\n");
  const [, session = ""] = /A first session:\n\n((?: {8}.*\n)+)/.exec(about) ?? [];
  const [compile = "", ...commands] = session
    .trim()
    .split("\n")
    .map((line) => line.trim());
  const folder = clone();
  const samples = join(folder, "samples");
  try {
    const made = await runLine(compile, samples, join(folder, "home"));
    t.is(made.status, 0, made.output);
    t.true(commands.length > 4);
    const manifest = join(folder, "ebpf.psd1");
    const script = `$ErrorActionPreference = 'Stop'\nImport-Module ${quote(manifest)}\n${commands.join("\n")}\nStop-EbpfService\n'the end'`;
    const result = await runPowerShell(["-NoProfile", "-NonInteractive", "-Command", script], {
      folder: samples,
      environment: { EBPF_HOME: join(folder, "home") },
    });
    t.is(result.stderr.trim(), "");
    t.regex(result.stdout, /the end\s*$/);
  } finally {
    await runLine("ebpf service stop", folder, join(folder, "home"));
    rmSync(folder, { recursive: true, force: true });
  }
});

for (const file of files) {
  const all = blocks(file);
  const lines = all
    .filter((block) => block.language === "console")
    .flatMap((block) => block.text.split("\n").filter((line) => line.startsWith("$ ")))
    .map((line) => line.slice(2));
  const scripts = all.filter((block) => block.language === "powershell").map((block) => block.text);

  test(`${file}: scripts of package.json that it names exist`, (t) => {
    const known = Object.keys(JSON.parse(readFileSync(join(root, "package.json"), "utf8")).scripts);
    const text = readFileSync(join(root, file), "utf8");
    const named = [...text.matchAll(/(?:`|^)npm (?:run ([a-z:]+)|(test))/gm)].map(
      ([, script, test]) => script ?? test ?? "",
    );
    t.true(named.length > 0 || file !== "README.md");
    t.deepEqual(
      named.filter((name) => !known.includes(name)),
      [],
    );
  });

  test(`${file}: files that it links to exist`, (t) => {
    const text = readFileSync(join(root, file), "utf8");
    const folder = join(root, file, "..");
    for (const [, target = ""] of text.matchAll(/\]\(([^)#:]+)\)/g)) {
      t.notThrows(() => readFileSync(join(folder, target)), `${file} links to ${target}`);
    }
    t.pass();
  });

  // One after the other: both open the same port.
  if (lines.length > 0) {
    test.serial(`${file}: its commands run`, async (t) => {
      t.timeout(120_000);
      const folder = clone();
      const home = join(folder, "home");
      try {
        for (const line of lines) {
          const { status, output } = await runLine(line, folder, home);
          t.is(status, 0, `${line}\n${output}`);
        }
      } finally {
        await runLine("ebpf service stop", folder, home);
        rmSync(folder, { recursive: true, force: true });
      }
    });
  }

  if (scripts.length > 0) {
    test.serial(`${file}: its PowerShell runs`, async (t) => {
      t.timeout(120_000);
      const folder = clone();
      const home = join(folder, "home");
      const [title = "", ...rest] = scripts;
      // The line under the title is what the demonstration types; it needs the interface that the text makes later.
      t.regex(title, /^Add-EbpfProgram droppacket\.o -Hook xdp\n$/);
      const script = `$ErrorActionPreference = 'Stop'\n${rest.join("\n")}\nStop-EbpfService\n'the end'`;
      try {
        const result = await runPowerShell(["-NoProfile", "-NonInteractive", "-Command", script], {
          folder,
          environment: { EBPF_HOME: home },
        });
        t.is(result.exitCode, 0, result.stderr);
        t.is(result.stderr.trim(), "");
        t.regex(result.stdout, /the end\s*$/);
      } finally {
        await runLine("ebpf service stop", folder, home);
        rmSync(folder, { recursive: true, force: true });
      }
    });
  }
}
