// What PowerShell users expect of every cmdlet, checked by looking at what the module really exports.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { ERROR_CODES } from "../../core/base/error.ts";
import { INTERFACE_KINDS } from "../../core/net/interfaces.ts";
import { servicePaths } from "../../core/service/paths.ts";
import * as schemas from "../../core/service/schemas.ts";
import { RUNNING } from "../harness/driver-record.ts";
import { MANIFEST, type ModuleSession, openModule, ROOT } from "../harness/module.ts";
import { quote } from "../harness/powershell.ts";

interface Parameter {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly position: number;
  readonly wildcards: boolean;
}

interface Command {
  readonly name: string;
  readonly verb: string;
  readonly noun: string;
  readonly outputs: readonly string[];
  readonly shouldProcess: boolean;
  readonly synopsis: string;
  readonly description: string;
  readonly examples: readonly { readonly code: string; readonly remarks: string }[];
  readonly returns: string;
  readonly parameters: readonly Parameter[];
}

/** Approved verbs (Get-Verb) that the module may come to use; those that change something are true. */
const VERBS: Readonly<Record<string, boolean>> = {
  Add: true,
  Clear: true,
  ConvertFrom: false,
  ConvertTo: false,
  Debug: false,
  Disable: true,
  Enable: true,
  Export: true,
  Get: false,
  Import: true,
  Install: true,
  Invoke: true,
  Measure: false,
  New: true,
  // As Receive-Job: what it gives is gone from where it was, which is what it is asked for.
  Receive: false,
  Register: true,
  Remove: true,
  Restart: true,
  Set: true,
  Show: false,
  Start: true,
  Stop: true,
  Test: false,
  Trace: false,
  Uninstall: true,
  Unregister: true,
  Update: true,
  Wait: false,
  Watch: false,
};

/** The parameters every cmdlet has, and -WhatIf and -Confirm. */
const COMMON =
  "[System.Management.Automation.Cmdlet]::CommonParameters + [System.Management.Automation.Cmdlet]::OptionalCommonParameters";

const REFLECTION = `
$common = ${COMMON};
, @(foreach ($command in Get-Command -Module ebpf) {
  $help = Get-Help $command.Name -Full;
  [pscustomobject]@{
    name = $command.Name; verb = $command.Verb; noun = $command.Noun;
    outputs = @($command.OutputType | ForEach-Object { $_.Name });
    shouldProcess = $command.Parameters.ContainsKey('WhatIf');
    synopsis = $help.Synopsis;
    description = [string]($help.Description | ForEach-Object { $_.Text });
    examples = @($help.Examples.Example | ForEach-Object { [pscustomobject]@{ code = $_.Code; remarks = [string]($_.Remarks | ForEach-Object { $_.Text }) } });
    returns = [string]$help.returnValues.returnValue.type.name;
    parameters = @(foreach ($parameter in $command.Parameters.Values) {
      if ($common -contains $parameter.Name) { continue }
      $described = @($help.Parameters.Parameter | Where-Object { $_.name -eq $parameter.Name });
      [pscustomobject]@{
        name = $parameter.Name;
        type = $parameter.ParameterType.Name;
        help = [string]($described[0].Description | ForEach-Object { $_.Text });
        position = @($parameter.ParameterSets.Values)[0].Position;
        wildcards = [bool]@($parameter.Attributes | Where-Object { $_ -is [System.Management.Automation.SupportsWildcardsAttribute] }).Count
      }
    })
  }
})`;

let session: ModuleSession;
let commands: readonly Command[] = [];

test.before(async () => {
  session = await openModule();
  commands = (await session.value(REFLECTION)) as Command[];
});
test.after.always(() => session.close());

const files = readdirSync(join(ROOT, "cmdlets")).map((file) => file.replace(/\.ps1$/, ""));

test("the manifest is valid; it exports one function for each file of cmdlets, and nothing else", async (t) => {
  const manifest = (await session.value(
    `$m = Test-ModuleManifest ${quote(MANIFEST)}; [pscustomobject]@{ functions = @($m.ExportedFunctions.Keys); cmdlets = $m.ExportedCmdlets.Count; variables = $m.ExportedVariables.Count; aliases = $m.ExportedAliases.Count; editions = @($m.CompatiblePSEditions); version = [string]$m.PowerShellVersion }`,
  )) as Record<string, unknown>;
  t.deepEqual([...(manifest.functions as string[])].sort(), [...files].sort());
  t.deepEqual(commands.map((command) => command.name).sort(), [...files].sort());
  t.deepEqual([manifest.cmdlets, manifest.variables, manifest.aliases], [0, 0, 0]);
  t.deepEqual(manifest.editions, ["Desktop", "Core"]);
  t.is(manifest.version, "5.1");
  for (const file of files) {
    const text = readFileSync(join(ROOT, "cmdlets", `${file}.ps1`), "utf8");
    t.deepEqual(
      [...text.matchAll(/^function ([\w-]+)/gm)].map((match) => match[1]),
      [file],
    );
  }
});

test("names: approved verbs, one prefix, singular nouns", (t) => {
  for (const { name, verb, noun } of commands) {
    t.true(verb in VERBS, `${name}: the verb ${verb}`);
    t.regex(noun, /^Ebpf[A-Z][A-Za-z]*[^s]$/, name);
  }
});

test("what changes something takes -WhatIf and -Confirm, what does not takes neither", (t) => {
  for (const { name, verb, shouldProcess } of commands) t.is(shouldProcess, VERBS[verb] === true, name);
});

test("every cmdlet says what it gives", (t) => {
  for (const { name, outputs, returns } of commands) {
    t.true(outputs.length > 0, name);
    t.true(
      outputs.every(
        (output) => output.startsWith("Ebpf.") || output === "bool" || output === "System.Boolean",
      ),
      name,
    );
    t.true(returns.includes(outputs[0]!), `${name}: ${returns}`);
  }
});

test("help is complete: synopsis, description, every parameter, an example with its words", (t) => {
  for (const command of commands) {
    t.regex(command.synopsis, /^[A-Z].*\.$/, command.name);
    t.true(command.description.length > command.synopsis.length, command.name);
    t.true(command.examples.length > 0, command.name);
    for (const { code, remarks } of command.examples) {
      t.true(code.includes(command.noun), `${command.name}: ${code}`);
      t.true(remarks.trim().length > 0, `${command.name}: ${code}`);
    }
    for (const { name, help } of command.parameters) t.regex(help, /^\S.*\.$/s, `${command.name} -${name}`);
  }
});

test("parameters: Path has a LiteralPath beside it, what is plural in meaning is a list, wildcards are declared", (t) => {
  for (const { name, parameters } of commands) {
    const byName = new Map(parameters.map((parameter) => [parameter.name, parameter]));
    t.is(byName.has("Path"), byName.has("LiteralPath"), name);
    const path = byName.get("Path");
    if (path !== undefined)
      t.deepEqual([path.type, path.position, path.wildcards], ["String[]", 0, true], name);
    if (/^(Get|Remove)-/.test(name)) {
      const given = byName.get("Name");
      if (given !== undefined) t.deepEqual([given.type, given.wildcards], ["String[]", true], name);
    }
  }
});

test("types: the properties of an object are those of its record", async (t) => {
  const shapes = (await session.value("& (Get-Module ebpf) { $script:Shapes }")) as Record<string, string[]>;
  const records: Readonly<Record<string, unknown>> = {
    "Ebpf.Program": schemas.PROGRAM,
    "Ebpf.Verification": schemas.VERIFICATION,
    "Ebpf.Failure": schemas.FAILURE,
    "Ebpf.Slice": schemas.SLICE,
    "Ebpf.Mend": schemas.MEND,
    "Ebpf.Example": schemas.EXAMPLE,
    "Ebpf.Instruction": schemas.DISASSEMBLY,
    "Ebpf.Section": schemas.SECTION,
    "Ebpf.Map": schemas.MAP,
    "Ebpf.MapEntry": schemas.MAP_ENTRY,
    "Ebpf.Interface": schemas.INTERFACE,
    "Ebpf.Counters": fieldsOf(schemas.INTERFACE).counters,
    "Ebpf.Source": fieldsOf(schemas.DISASSEMBLY).source,
    "Ebpf.Service": schemas.STATUS,
    // Not of the service's protocol; its type holds it to the record's.
    "Ebpf.Driver": { entries: RUNNING },
  };
  t.deepEqual(Object.keys(shapes).sort(), Object.keys(records).sort());
  for (const [type, record] of Object.entries(records)) {
    t.deepEqual([...shapes[type]!].sort(), Object.keys(fieldsOf(record)).sort(), type);
  }
});

test("New-EbpfInterface has a parameter for every setting that names something", async (t) => {
  const sets = (await session.value("& (Get-Module ebpf) { $script:InterfaceSettings }")) as Record<
    string,
    Record<string, string>
  >;
  for (const { kind, settings } of INTERFACE_KINDS) {
    const named = Object.values(sets[`${kind[0]!.toUpperCase()}${kind.slice(1)}`]!);
    const expected = settings.filter(({ type }) =>
      ["address", "device", "namespace", "path", "text", "choice"].includes(type),
    );
    t.deepEqual([...named].sort(), expected.map(({ name }) => name).sort(), kind);
  }
});

test("errors: the codes that the module raises are rows of the one table", async (t) => {
  const rows = (await session.value("& (Get-Module ebpf) { $script:ErrorCodes }")) as Record<
    string,
    string[]
  >;
  for (const [code, row] of Object.entries(rows)) {
    const expected = ERROR_CODES[code as keyof typeof ERROR_CODES];
    t.deepEqual(row, [expected.category, expected.remedy], code);
  }
  const raised = readdirSync(join(ROOT, "module", "private"))
    .map((file) => readFileSync(join(ROOT, "module", "private", file), "utf8"))
    .flatMap((text) => [...text.matchAll(/New-EbpfException (\w+)/g)].map((match) => match[1]!));
  t.deepEqual(
    raised.filter((code) => !(code in rows)),
    [],
  );
});

test("the module looks for the service where the service listens", async (t) => {
  const found = (await session.value("& (Get-Module ebpf) { Get-EbpfServicePath }")) as Record<
    string,
    string
  >;
  const base = { platform: process.platform, env: {}, homeFolder: "/home/anne", userName: "anne" };
  const here = servicePaths({ ...base, env: { EBPF_HOME: session.home } });
  t.deepEqual(found, { Folder: here.home, Socket: here.socket });
  const pipe = await session.value("& (Get-Module ebpf) { Get-EbpfPipeName 'C:\\Users\\Anne\\ebpf' 'Anne' }");
  // node:path joins as this system does; a state folder given whole is left as it is on both.
  const there = servicePaths({ ...base, platform: "win32", userName: "Anne", env: { EBPF_HOME: "/ebpf" } });
  const same = await session.value(`& (Get-Module ebpf) { Get-EbpfPipeName ${quote(there.home)} 'ANNE' }`);
  t.is(same, there.socket);
  t.regex(String(pipe), /^\\\\\.\\pipe\\ebpf-[0-9a-f]{16}$/);
});

test("completion is registered for exactly the parameters it knows", (t) => {
  const text = readFileSync(join(ROOT, "module", "private", "Completers.ps1"), "utf8");
  const table = [...text.matchAll(/^ {4}'([\w-]+ \w+)' += '/gm)].map((match) => match[1]!);
  const registered = [
    ...text.matchAll(/^Register-ArgumentCompleter -ParameterName (\w+) .*-CommandName (.*)$/gm),
  ];
  const pairs = registered.flatMap(([, parameter, names]) =>
    [...names!.matchAll(/'([\w-]+)'/g)].map((match) => `${match[1]} ${parameter}`),
  );
  t.true(table.length > 10);
  t.deepEqual([...table].sort(), [...pairs].sort());
  for (const pair of table) {
    const [command, parameter] = pair.split(" ");
    const known = commands.find(({ name }) => name === command)?.parameters.map(({ name }) => name);
    t.true(known?.includes(parameter!) === true, pair);
  }
});

function fieldsOf(schema: unknown): Readonly<Record<string, unknown>> {
  const facts = schema as {
    readonly entries?: Readonly<Record<string, unknown>>;
    readonly wrapped?: unknown;
  };
  return facts.entries ?? (facts.wrapped === undefined ? {} : fieldsOf(facts.wrapped));
}
