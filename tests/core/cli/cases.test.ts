// Every case runs against the source and against the bundle: what gets shipped behaves as what is developed. Most run in
// this process, over the same door as the process's own entry; what only a process has is tested with processes.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import * as source from "../../../core/cli/main.ts";
import { bundle } from "../../../scripts/bundle.ts";
import { objectOf, repeat } from "../../fixtures/hostile/hostile.ts";
import {
  type Finished,
  killServiceAtEnd,
  ROOT,
  runCommand,
  SAMPLE,
  sourceScript,
  startCommand,
  temporaryFolder,
  UNSAFE_SAMPLE,
} from "../../harness/service.ts";

/** Outside of the repository: the bundle must have all it needs. */
const built = mkdtempSync(join(tmpdir(), "ebpf-bundle-"));
test.before(() => bundle(built));
test.after.always(() => rmSync(built, { recursive: true, force: true }));

type Door = Pick<typeof source, "runCommandLine" | "createIo">;

const ENTRIES: readonly { readonly name: string; readonly script: string; readonly door: () => Door }[] = [
  { name: "source", script: sourceScript, door: () => source },
  {
    name: "bundle",
    script: join(built, "ebpf.cjs"),
    door: () => createRequire(import.meta.url)(join(built, "core.cjs")) as Door,
  },
];

async function runHere(
  door: Door,
  words: readonly string[],
  env: Readonly<Record<string, string>>,
  input = "",
): Promise<Finished> {
  const written = { out: "", err: "" };
  const io = door.createIo({
    out: (text) => {
      written.out += text;
    },
    err: (text) => {
      written.err += text;
    },
    readStdin: async () => input,
    env: { ...process.env, NO_COLOR: "1", ...env },
    cwd: ROOT,
    outIsTerminal: false,
    errIsTerminal: false,
  });
  return { status: await door.runCommandLine(words, io), ...written };
}

interface Case {
  readonly words: readonly string[];
  readonly input?: string;
  readonly status: number;
  readonly out?: RegExp;
  readonly err?: RegExp;
  /** stdout as JSON. */
  readonly json?: unknown;
  readonly env?: Readonly<Record<string, string>>;
}

const UDP_FRAME = [
  "ffffffffffff",
  "000000000001",
  "0800",
  "4500001c",
  "00000000",
  "4011",
  "0000",
  "7f000001",
  "7f000001",
  "1000",
  "0035",
  "0008",
  "0000",
].join("");

/** These need no service, and start none. */
const CASES: Readonly<Record<string, Case>> = {
  help: { words: ["--help"], status: 0, out: /Usage: ebpf .*\n[\s\S]*verify/ },
  "help of a command": { words: ["verify", "--help"], status: 0, out: /Examples:\n {2}ebpf verify samples/ },
  "help of a noun": {
    words: ["interface", "add", "--help"],
    status: 0,
    out: /gateway[\s\S]*tap[\s\S]*pcap[\s\S]*windivert/,
  },
  version: { words: ["--version"], status: 0, out: /^\d+\.\d+\.\d+\n$/ },
  "no words": { words: [], status: 64, err: /Usage:/ },
  "unknown command": {
    words: ["verfy"],
    status: 64,
    err: /unknown command 'verfy'\n\(Did you mean verify\?\)/,
  },
  "unknown option": { words: ["verify", "x", "--speed"], status: 64, err: /unknown option/ },
  "missing argument": { words: ["program", "add"], status: 64, err: /missing required argument 'file'/ },
  "too many arguments": { words: ["sections", "a", "b"], status: 64, err: /too many arguments/ },
  "wrong choice": { words: ["run", SAMPLE, "--engine", "turbo"], status: 64, err: /Allowed choices/ },
  "wrong number": { words: ["run", SAMPLE, "--repeat", "-1"], status: 64, err: /whole number/ },
  accepted: { words: ["verify", SAMPLE], status: 0, out: /^accepted .*DropPacket \(xdp, windows\)/ },
  rejected: {
    words: ["verify", UNSAFE_SAMPLE],
    status: 1,
    out: /rejected[\s\S]*PacketOutOfBounds[\s\S]*droppacket_unsafe.c:28/,
  },
  "verify --sarif": {
    words: ["verify", "samples", "package.json", "--sarif"],
    status: 1,
    json: { version: "2.1.0", runs: [{ results: [{ ruleId: "PacketOutOfBounds" }] }] },
  },
  "verify: one form of output": {
    words: ["verify", SAMPLE, "--sarif", "--jsonl"],
    status: 64,
    err: /ArgumentInvalid.*only one of --json, --jsonl and --sarif/,
  },
  "explain: a failure": {
    words: ["explain", "packetOutOfBounds"],
    status: 0,
    out: /^PacketOutOfBounds \(failure\)\n[\s\S]*\n {4}SEC\("xdp"\)\n[\s\S]*help: Check the end/,
  },
  "explain: an error": { words: ["explain", "MapFull"], status: 0, out: /^MapFull \(error\)/ },
  "explain: every code": {
    words: ["explain"],
    status: 0,
    out: /StackOutOfBounds +failure[\s\S]*ElfInvalid +error/,
  },
  "explain --json": {
    words: ["explain", "ElfNotBpf", "--json"],
    status: 0,
    out: /"code": "ElfNotBpf",\n {2}"kind": "error"/,
  },
  "explain: no code": { words: ["explain", "Nonsense"], status: 64, err: /no code Nonsense/ },
  "complete a code": {
    words: ["complete", "--", "explain", "PacketO"],
    status: 0,
    out: /^PacketOutOfBounds\n$/,
  },
  "verify --all": {
    words: ["verify", UNSAFE_SAMPLE, "--all", "--json"],
    status: 1,
    json: [{ failures: [{ code: "PacketOutOfBounds" }] }],
  },
  "verify --btf": {
    words: [
      "verify",
      "tests/fixtures/c/co-re.o",
      "--program",
      "unguarded",
      "--platform",
      "linux",
      "--btf",
      "tests/fixtures/c/co-re-target.o",
    ],
    status: 1,
    out: /RelocationUnresolved[\s\S]*does not have: field gone of struct record/,
  },
  "verify --btf of what has no types": {
    words: ["verify", SAMPLE, "--btf", "package.json"],
    status: 1,
    err: /BtfInvalid/,
  },
  "verify --json": {
    words: ["verify", SAMPLE, "--json"],
    status: 0,
    json: [{ program: "DropPacket", verdict: "accepted" }],
  },
  "verify --jsonl of a folder": {
    words: ["verify", "samples", "--jsonl"],
    status: 1,
    out: /^(\{"file":.*\}\n)+$/,
  },
  "verify of a folder": {
    words: ["verify", "samples"],
    status: 1,
    out: /states, [\s\S]*\nverdict +code +programs[\s\S]*\nall +-? /,
  },
  "verify of a folder on several threads": {
    words: ["verify", "samples", "--jsonl", "--jobs", "2"],
    status: 1,
    out: /^(\{"file":.*\}\n)+$/,
  },
  "verify on no thread": {
    words: ["verify", SAMPLE, "--jobs", "0"],
    status: 64,
    err: /ArgumentInvalid.*--jobs/,
  },
  "verify --jsonl of what is no object": {
    words: ["verify", "package.json", "--jsonl"],
    status: 1,
    out: /"section":null,"program":null,"type":null,"platform":null,"verdict":"error","code":"ElfInvalid"/,
  },
  "verify --certificate of many": {
    words: ["verify", "samples", "--certificate", "none.cert"],
    status: 64,
    err: /ArgumentInvalid.*one object/,
  },
  "verify --certificate where nothing can be written": {
    words: ["verify", SAMPLE, "--certificate", "none/none.cert"],
    status: 1,
    err: /FileUnwritable/,
  },
  "check what is no certificate": {
    words: ["check", SAMPLE, "package.json"],
    status: 1,
    err: /CertificateInvalid.*no certificate/,
  },
  "check without a certificate": { words: ["check", SAMPLE], status: 64, err: /missing required argument/ },
  "help of check": { words: ["check", "--help"], status: 0, out: /Examples:\n {2}ebpf check samples/ },
  "verify --log": {
    words: ["verify", SAMPLE, "--log"],
    status: 0,
    out: /^accepted/,
    err: /^DropPacket \(xdp, windows\)\n; .*droppacket\.c:\d+: [\s\S]*\n +2: .*\n +new {3}r2 = packet_end\n +all {3}r0 = 1; [\s\S]*-- on from slot/,
  },
  "verify --log --jsonl": {
    words: ["verify", SAMPLE, "--log", "--jsonl"],
    status: 0,
    out: /^\{"file":[^\n]*\n$/,
    err: /^(\{"file":.*"slot":\d+,.*"state":".*"\}\n)+$/,
  },
  "verify --log --json": { words: ["verify", SAMPLE, "--log", "--json"], status: 64, err: /--log goes with/ },
  "verify of no file": { words: ["verify", "none.o"], status: 1, err: /FileNotFound/ },
  "verify of what is no object": { words: ["verify", "package.json"], status: 1, err: /ElfInvalid/ },
  "verify of many, one is no object": {
    words: ["verify", "package.json", SAMPLE],
    status: 1,
    out: /error[\s\S]*accepted/,
  },
  "verify as another type": {
    words: ["verify", SAMPLE, "--type", "nonsense"],
    status: 1,
    out: /ProgramTypeUnknown/,
  },
  "verify of a program that is not there": {
    words: ["verify", SAMPLE, "--program", "x"],
    status: 1,
    err: /ProgramNotFound.*DropPacket/,
  },
  sections: { words: ["sections", SAMPLE], status: 0, out: /xdp +program +328 +xdp +DropPacket/ },
  "sections --json": { words: ["sections", SAMPLE, "--json"], status: 0, out: /"section": "xdp"/ },
  disasm: { words: ["disasm", SAMPLE], status: 0, out: /DropPacket in section xdp:\n +0: {2}w0 = 1\n/ },
  "disasm --source --opcodes": {
    words: ["disasm", SAMPLE, "--source", "--opcodes"],
    status: 0,
    out: /; .*droppacket.c:17[\s\S]*b400000001000000/,
  },
  run: {
    words: ["run", SAMPLE, "--hex", UDP_FRAME, "--json"],
    status: 0,
    json: { returnName: "XDP_DROP", action: "drop", engine: "wasm" },
  },
  "run in the interpreter": {
    words: ["run", SAMPLE, "--hex", UDP_FRAME, "--json", "--engine", "interpreter"],
    status: 0,
    json: { returnName: "XDP_DROP", action: "drop", engine: "interpreter" },
  },
  "run another packet": { words: ["run", SAMPLE, "--json"], status: 0, json: { action: "pass" } },
  "run --trace": { words: ["run", SAMPLE, "--trace"], status: 0, out: /^ +0 {2}w0 = 1 +r0=/ },
  "run --trace needs the interpreter": {
    words: ["run", SAMPLE, "--trace", "--engine", "wasm"],
    status: 64,
    err: /ArgumentInvalid/,
  },
  "run of a rejected program": { words: ["run", UNSAFE_SAMPLE], status: 1, err: /ProgramRejected/ },
  "run with bytes that are none": { words: ["run", SAMPLE, "--hex", "zz"], status: 64, err: /HexInvalid/ },
  exec: {
    words: ["exec"],
    input: "b7 00 00 00 2a 00 00 00\n95 00 00 00 00 00 00 00\n",
    status: 0,
    out: /^2a\n$/,
  },
  "exec with memory": {
    words: ["exec", "0102030405060708"],
    input: "7910000000000000 9500000000000000",
    status: 0,
    out: /^807060504030201\n$/,
  },
  "exec in the interpreter": {
    words: ["exec", "--engine", "interpreter", "11"],
    input: "7110000000000000 9500000000000000",
    status: 0,
    out: /^11\n$/,
  },
  "exec past the memory": {
    words: ["exec", "11"],
    input: "7910000000000000 9500000000000000",
    status: 1,
    err: /ProgramRejected/,
  },
  "exec of no bytecode": { words: ["exec"], input: "ff00000000000000", status: 1, err: /InstructionInvalid/ },
  "exec of nothing": { words: ["exec"], input: "", status: 64, err: /ArgumentInvalid/ },
  "errors as JSON": {
    words: ["verify", "none.o", "--json"],
    status: 1,
    err: /^\{"error":\{"code":"FileNotFound",.*"remedy":/,
  },
  "status without a service": {
    words: ["service", "status"],
    status: 1,
    err: /ServiceNotRunning[\s\S]*service start/,
  },
  "stop without a service": { words: ["service", "stop"], status: 1, err: /ServiceNotRunning/ },
  methods: { words: ["service", "methods"], status: 0, out: /^program\.add\n {2}Verifies/m },
  "completion for bash": {
    words: ["completion", "bash"],
    status: 0,
    out: /complete -o default -F _ebpf ebpf/,
  },
  "completion for PowerShell": {
    words: ["completion", "powershell"],
    status: 0,
    out: /Register-ArgumentCompleter -Native/,
  },
  "complete a command": { words: ["complete", "--", "pro"], status: 0, out: /^program\n$/ },
  "complete a verb": {
    words: ["complete", "--", "program", ""],
    status: 0,
    out: /^add\nlist\nshow\nremove\nstats\n$/,
  },
  "complete an option": {
    words: ["complete", "--", "verify", "x.o", "--pl"],
    status: 0,
    out: /^--platform\n$/,
  },
  "complete a choice": {
    words: ["complete", "--", "verify", "x.o", "--platform", "w"],
    status: 0,
    out: /^windows\n$/,
  },
  "complete a live name without a service": {
    words: ["complete", "--", "program", "show", ""],
    status: 0,
    out: /^$/,
  },
  doctor: { words: ["doctor"], status: 0, out: /^ok +Node +v[\s\S]*driver +the driver is for Windows/ },
  "a state folder that is too long": {
    words: ["service", "status"],
    status: 1,
    err: /SocketUnusable/,
    env: { EBPF_HOME: `/${"x".repeat(120)}` },
  },
};

function check(t: ExecutionContext, expected: Case, found: Finished): void {
  t.is(found.status, expected.status, found.err + found.out);
  if (expected.out !== undefined) t.regex(found.out, expected.out);
  if (expected.err !== undefined) t.regex(found.err, expected.err);
  else if (expected.status === 0) t.is(found.err, "");
  if (expected.json !== undefined) t.like(JSON.parse(found.out), expected.json as object);
  t.notRegex(found.err, /\n\s+at .*\(/, "no stack trace");
}

for (const { name, script, door } of ENTRIES) {
  for (const [title, expected] of Object.entries(CASES)) {
    test(`${name}: ${title}`, async (t) => {
      const env = { EBPF_HOME: join(temporaryFolder(t), "home"), ...expected.env };
      check(t, expected, await runHere(door(), expected.words, env, expected.input));
    });
  }

  test(`${name}: a certificate`, async (t) => {
    const home = temporaryFolder(t);
    const path = join(home, "program.cert");
    const ebpf = (...words: string[]) => runHere(door(), words, { EBPF_HOME: home });
    t.like(await ebpf("verify", UNSAFE_SAMPLE, "--certificate", path), { status: 1, err: "" });
    t.false(existsSync(path), "a rejected program has none");
    t.like(await ebpf("verify", SAMPLE, "--certificate", path), { status: 0, err: "" });
    const proved = await ebpf("check", SAMPLE, path);
    t.is(proved.status, 0);
    t.regex(proved.out, /^proved .*DropPacket \(xdp, windows\): strict rules, \d+ instructions/);
    const json = await ebpf("check", SAMPLE, path, "--program", "DropPacket", "--json");
    t.like(JSON.parse(json.out), [{ program: "DropPacket", verdict: "proved", strict: true }]);
    const other = await ebpf("check", UNSAFE_SAMPLE, path);
    t.is(other.status, 1);
    t.regex(other.out, /^refused .*: CertificateMismatch\n/);
    t.regex((await ebpf("check", SAMPLE, path, "--program", "x")).err, /ProgramNotFound/);
    t.deepEqual(readdirSync(home), ["program.cert"], "nothing is left beside it");
  });

  test(`${name}: as a process`, async (t) => {
    t.timeout(120_000);
    const bytecode = "b7000000070000009500000000000000";
    t.deepEqual(await runCommand(script, ["exec", "--json"], {}, "zz"), {
      status: 64,
      out: "",
      err: (await runHere(door(), ["exec", "--json"], {}, "zz")).err,
    });
    t.deepEqual(await runCommand(script, ["exec"], {}, bytecode), { status: 0, out: "7\n", err: "" });
    t.like(await runCommand(script, ["verify", UNSAFE_SAMPLE], {}), { status: 1, err: "" });
  });

  test(`${name}: a day of a service`, async (t) => {
    t.timeout(120_000);
    const home = temporaryFolder(t);
    killServiceAtEnd(t, home);
    const ebpf = async (line: string, status = 0): Promise<Finished> => {
      const found = await runHere(door(), line.split(" "), { EBPF_HOME: home });
      t.is(found.status, status, `${line}: ${found.err}${found.out}`);
      return found;
    };
    const json = async (line: string) => JSON.parse((await ebpf(`${line} --json`)).out);

    t.regex((await ebpf("program list")).err, /No program is loaded/);
    t.regex((await ebpf(`program add ${SAMPLE} --hook xdp`, 1)).err, /InterfaceNotFound/);
    await ebpf("interface add gateway --listen 127.0.0.1:0 --to 127.0.0.1:9");
    await ebpf("interface add gateway --listen 127.0.0.1:0 --to 127.0.0.1:9 --name dns");
    t.regex((await ebpf(`program add ${SAMPLE} --hook xdp`, 1)).err, /InterfaceAmbiguous.*gateway0, dns/);
    t.regex((await ebpf(`program add ${SAMPLE} --hook bind`, 1)).err, /HookUnavailable/);
    t.regex((await ebpf(`program add ${SAMPLE} --hook nonsense`, 1)).err, /HookUnknown/);
    const program = await json(`program add ${SAMPLE} --hook xdp --interface dns --name drop --persistent`);
    t.like(program, { name: "drop", hook: "xdp", interfaces: ["dns"], engine: "wasm", host: "embedded" });
    t.regex((await ebpf(`program add ${SAMPLE} --hook xdp --interface dns`, 1)).err, /HookBusy/);
    t.regex(
      (await ebpf(`program add ${UNSAFE_SAMPLE} --hook xdp --interface dns --replace`, 1)).err,
      /ProgramRejected.*droppacket_unsafe.c:28/,
    );
    t.regex((await ebpf("program list")).out, / drop +xdp +embedded +wasm +yes +dns /);
    t.like(await json("program show drop"), program);
    t.like(await json("map show dropped_packet_map"), { persistent: true, programIds: [program.id] });
    await ebpf("map update dropped_packet_map 0 41");
    t.like(await json("map dump dropped_packet_map"), [
      { key: 0, value: 41, valueHex: "0x2900000000000000" },
    ]);
    t.like(await json("map lookup dropped_packet_map 0x00000000"), { value: 41 });
    t.regex((await ebpf("map lookup dropped_packet_map 9", 1)).err, /MapKeyNotFound/);
    t.regex((await ebpf("map update dropped_packet_map 0 -1", 1)).err, /MapValueInvalid/);
    t.regex((await ebpf("map lookup nowhere 0", 1)).err, /MapNotFound/);
    t.like(await json("link list"), [{ program: "drop", interface: "dns", hook: "xdp" }]);
    t.regex((await ebpf("interface remove dns", 1)).err, /InterfaceInUse/);
    await ebpf("link detach dns");
    await ebpf("link attach drop gateway0");
    t.like(await json("program stats drop"), {
      interfaces: [{ interface: "gateway0", counters: { received: 0 } }],
    });
    t.is((await ebpf("complete -- program show d")).out, "drop\n");
    t.is((await ebpf("complete -- link attach drop ga")).out, "gateway0\n");
    const status = await json("service status");
    t.like(status, { programs: 1, maps: 1, links: 1, interfaces: 2, stateFolder: home });

    process.kill(status.processId, "SIGKILL");
    t.like(await json("map dump dropped_packet_map"), [{ value: 41 }]);
    t.like(await json("link list"), [{ program: "drop", interface: "gateway0" }]);
    await ebpf("program remove drop");
    // Its certificate is made in another thread.
    const large = () => `${repeat(600, (index) => `r0 = ${index}`)}\nexit`;
    writeFileSync(join(home, "large.o"), objectOf({ name: "large", safe: true, code: large }));
    const added = await json(`program add ${join(home, "large.o")} --platform windows`);
    t.like(added, { name: "hostile", certified: true, instructions: 601 });
    await ebpf("program remove hostile");
    t.deepEqual([await json("program list"), await json("map list"), await json("link list")], [[], [], []]);
    await ebpf("interface remove dns");
    await ebpf("service stop");
    await ebpf("service status", 1);
    t.regex((await ebpf("service logs")).out, /listening on [\s\S]*stopped/);
  });

  test(`${name}: a reader that stops reading`, async (t) => {
    t.timeout(120_000);
    const child = startCommand(script, ["service", "methods"], {});
    child.stdout?.destroy();
    let err = "";
    child.stderr?.on("data", (chunk) => {
      err += chunk;
    });
    const status = await new Promise((resolve) => child.on("close", resolve));
    t.is(status, 0);
    t.is(err, "");
  });
}

test("the loader's cache is the user's own", (t) => {
  t.regex(readFileSync(join(built, "ebpf.cjs"), "utf8"), /enableCompileCache\?\.\(cache\)/);
});
