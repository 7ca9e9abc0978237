// What of EbpfCore.sys goes beside its bytes: the project for Microsoft's build, held to what scripts/driver.ts compiles; the
// version in its resource; signing it for machines of tests.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { buildSys, SYS_PARTS, signSys, testCertificate } from "../../../scripts/driver.ts";
import { projectFile } from "../../../scripts/driver-project.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..");
const DRIVER = join(ROOT, "driver");
const textOf = (name: string): string => readFileSync(join(DRIVER, name), "utf8").replaceAll("\r\n", "\n");
const project = textOf("driver.vcxproj");
const props = textOf("driver.props");

const included = (tag: string): string[] =>
  [...project.matchAll(new RegExp(`<${tag} Include="([^"]+)" />`, "g"))].map(([, path = ""]) =>
    path.replaceAll("\\", "/"),
  );

/** The entries of a list of the props, without what is inherited. */
function list(section: string, name: string): string[] {
  const [, body = ""] = new RegExp(`<${section}>([\\s\\S]*?)</${section}>`).exec(props) ?? [];
  const [, entries = ""] = new RegExp(`<${name}>([^<]*)</${name}>`).exec(body) ?? [];
  return entries.split(";").filter((entry) => !entry.startsWith("%("));
}

test("driver.vcxproj compiles the files that the build with mingw-w64 does", (t) => {
  t.is(project, projectFile());
  t.true(project.includes('<Import Project="driver.props" />'));
  for (const [tag, ending] of [
    ["ClCompile", ".c"],
    ["ClInclude", ".h"],
  ] as const) {
    t.deepEqual(included(tag), [...SYS_PARTS.files(ending)]);
    // Every file of the folder but those of the platform for tests.
    const all = readdirSync(DRIVER, { recursive: true, encoding: "utf8" })
      .map((path) => path.replaceAll("\\", "/"))
      .filter((path) => path.endsWith(ending) && path !== `platform-linux${ending}`);
    t.deepEqual(included(tag).sort(), all.sort());
  }
  t.deepEqual(included("ResourceCompile"), [SYS_PARTS.resource]);
});

test("driver.props has the defines, folders and libraries of that build", (t) => {
  t.deepEqual(list("ClCompile", "PreprocessorDefinitions"), [...SYS_PARTS.defines]);
  t.deepEqual(
    list("ClCompile", "AdditionalIncludeDirectories"),
    SYS_PARTS.includes.map((folder) => `$(MSBuildThisFileDirectory)${folder}`),
  );
  t.deepEqual(
    list("Link", "AdditionalDependencies"),
    [...SYS_PARTS.libraries, ...Object.keys(SYS_PARTS.imports)].map((name) => `${name}.lib`),
  );
  const defined = list("ResourceCompile", "PreprocessorDefinitions").map((entry) => entry.split("=")[0]);
  const used = new Set(readFileSync(join(DRIVER, SYS_PARTS.resource), "utf8").match(/EBPF_VERSION_\w+/g));
  t.deepEqual(new Set(defined), used);
});

test("the version in driver.props is read from the package as MSBuild reads it", (t) => {
  const [, pattern = ""] = /Match\(\$\(EbpfPackage\), '([^']+)'\)/.exec(props) ?? [];
  const text = readFileSync(join(ROOT, "package.json"), "utf8");
  const { version } = JSON.parse(text) as { version: string };
  t.is(new RegExp(pattern.replaceAll("&lt;", "<")).exec(text)?.[0], version);
});

/** The version numbers of the resource, by VS_FIXEDFILEINFO's signature. */
function fileVersion(image: Buffer): number[] {
  const at = image.indexOf(Buffer.from([0xbd, 0x04, 0xef, 0xfe]));
  return [10, 8, 14, 12].map((offset) => image.readUInt16LE(at + offset));
}

test("the version resource has the version of the package", (t) => {
  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
  t.deepEqual(fileVersion(readFileSync(buildSys())), [...version.split(".").map(Number), 0]);
});

const osslsigncode = (...args: readonly string[]) => spawnSync("osslsigncode", args, { encoding: "utf8" });

test("on demand it is signed with a certificate of its own, which is verified; a changed byte is noticed", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "ebpf-signed-"));
  try {
    const unsigned = buildSys();
    const signed = signSys(unsigned, join(folder, "EbpfCore.sys"));
    const { certificate, key } = testCertificate();
    t.is(statSync(key).mode & 0o077, 0, "nobody else reads the key");
    const verify = (path: string) => osslsigncode("verify", "-CAfile", certificate, "-in", path);
    const good = verify(signed);
    t.is(good.status, 0, good.stdout + good.stderr);
    t.regex(good.stdout, /ebpf, for tests only/);
    t.not(verify(unsigned).status, 0);
    // All of the driver is what was signed.
    const [before, after] = [readFileSync(unsigned), readFileSync(signed)];
    const text = before.indexOf(Buffer.from("EbpfCore", "utf16le"));
    t.true(after.subarray(text, text + 16).equals(before.subarray(text, text + 16)));
    after[text] = (after[text] ?? 0) ^ 1;
    writeFileSync(join(folder, "changed.sys"), after);
    t.not(verify(join(folder, "changed.sys")).status, 0);
    // Signing takes nothing away and changes nothing but its own place: without it, it is the driver again.
    const plain = join(folder, "plain.sys");
    t.is(osslsigncode("remove-signature", "-in", signed, "-out", plain).status, 0);
    t.true(readFileSync(plain).subarray(0, before.length).equals(before));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
