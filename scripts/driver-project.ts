// Makes driver/driver.vcxproj of the list of files that scripts/driver.ts compiles. Part of `npm run fixtures`. What the files are
// compiled with is driver/driver.props; tests/driver/windows/project.test.ts holds both to scripts/driver.ts.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SYS_PARTS } from "./driver.ts";

const ROOT = join(import.meta.dirname, "..");
const PATH = "driver/driver.vcxproj";

const itemGroup = (tag: string, paths: readonly string[]): string =>
  [
    "  <ItemGroup>",
    ...paths.map((path) => `    <${tag} Include="${path.replaceAll("/", "\\")}" />`),
    "  </ItemGroup>",
  ].join("\n");

const configuration = (name: string): string => `    <ProjectConfiguration Include="${name}|x64">
      <Configuration>${name}</Configuration>
      <Platform>x64</Platform>
    </ProjectConfiguration>`;

/** The file, for MSBuild with the Windows Driver Kit and clang-cl. */
export function projectFile(): string {
  return `<?xml version="1.0" encoding="utf-8"?>
<!-- Made by scripts/driver-project.ts: npm run fixtures. -->
<Project DefaultTargets="Build" xmlns="http://schemas.microsoft.com/developer/msbuild/2003">
  <ItemGroup Label="ProjectConfigurations">
${["Debug", "Release"].map(configuration).join("\n")}
  </ItemGroup>
  <PropertyGroup Label="Globals">
    <ProjectGuid>{6B1F0C52-5D0B-4B0E-9C58-0E7D1A2A4C61}</ProjectGuid>
    <RootNamespace>EbpfCore</RootNamespace>
    <DriverType>WDM</DriverType>
  </PropertyGroup>
  <Import Project="$(VCTargetsPath)\\Microsoft.Cpp.Default.props" />
  <PropertyGroup Label="Configuration">
    <ConfigurationType>Driver</ConfigurationType>
    <PlatformToolset>WindowsKernelModeDriver10.0</PlatformToolset>
    <TargetVersion>Windows10</TargetVersion>
    <UseDebugLibraries Condition="'$(Configuration)' == 'Debug'">true</UseDebugLibraries>
  </PropertyGroup>
  <Import Project="$(VCTargetsPath)\\Microsoft.Cpp.props" />
  <Import Project="driver.props" />
  <PropertyGroup>
    <TargetName>EbpfCore</TargetName>
    <!-- cl.exe has neither gcc's atomic operations nor the calling convention of the JIT's code. -->
    <CLToolExe>clang-cl.exe</CLToolExe>
    <CLToolPath>$(VCInstallDir)Tools\\Llvm\\x64\\bin</CLToolPath>
    <!-- It is signed by who installs it. -->
    <SignMode>Off</SignMode>
    <EnableInf2cat>false</EnableInf2cat>
  </PropertyGroup>
${itemGroup("ClCompile", SYS_PARTS.files(".c"))}
${itemGroup("ClInclude", SYS_PARTS.files(".h"))}
${itemGroup("ResourceCompile", [SYS_PARTS.resource])}
  <Import Project="$(VCTargetsPath)\\Microsoft.Cpp.targets" />
</Project>
`;
}

if (import.meta.main) {
  const file = join(ROOT, PATH);
  if (!process.argv.includes("--check")) writeFileSync(file, projectFile());
  else if (readFileSync(file, "utf8").replaceAll("\r\n", "\n") !== projectFile()) {
    process.stderr.write(`${PATH} is stale: npm run fixtures\n`);
    process.exitCode = 1;
  }
}
