// The drivers that Wine lacks, made for tests: fwpkclnt.sys and NDIS.SYS, from which EbpfCore.sys imports, with a device that plays
// frames (tests/driver/shim/).
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  buildFolder,
  compile,
  ddkFolder,
  hashOf,
  importLibrary,
  MINGW,
  SHIM,
  SYS_COMPILE,
  SYS_LINK,
  sysHash,
} from "../../scripts/driver.ts";

const WINDOWS = join(import.meta.dirname, "..", "..", "driver", "windows");
const DRIVERS = ["fwpkclnt.sys", "ndis.sys"] as const;

/** All that the driver imports of either is in the first; the second leads there. */
function exportsOf(): string {
  const names = ["fwpkclnt.def", "ndis.def"]
    .flatMap((name) => readFileSync(join(WINDOWS, name), "utf8").split("\n"))
    .filter((line) => /^(Fwp|Ndis)\w+$/.test(line));
  return ["LIBRARY fwpkclnt.sys", "EXPORTS", ...names, ""].join("\n");
}

function compileShim(folder: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "exports.def"), exportsOf());
  const flags = [...SYS_COMPILE, "-isystem", ddkFolder(), ...SYS_LINK];
  const libraries = [importLibrary("cng", folder), "-lntoskrnl", "-lhal"];
  const sources = ["callouts.c", "engine.c", "frames.c", "sockets.c", "windows.c"].map((name) =>
    join(SHIM, name),
  );
  const platform = join(WINDOWS, "platform-windows.c");
  const link = (inputs: readonly string[], name: string): void =>
    compile(`${MINGW}gcc`, [...flags, ...inputs, ...libraries, "-o", name], folder);
  link([...sources, platform, "exports.def"], DRIVERS[0]);
  link([join(SHIM, "ndis.c"), join(SHIM, "ndis.def")], DRIVERS[1]);
}

/** Their paths; they go into Wine's system32\\drivers. */
export function buildShim(): readonly string[] {
  const own = readdirSync(SHIM)
    .sort()
    .map((name) => join(SHIM, name));
  const folder = buildFolder(`shim-${hashOf(sysHash(), own)}`, compileShim);
  return DRIVERS.map((name) => join(folder, name));
}
