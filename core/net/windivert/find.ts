// Where WinDivert is on this machine, and what its files are. It is the user's own: never shipped, never looked for on PATH or
// in the folder one happens to be in, for whoever may write there would be run as administrator.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, win32 } from "node:path";
import { EbpfError } from "../../base/error.ts";
import { type Executable, readExecutable } from "./executable.ts";
import { programFolder } from "./program-folder.ts";

export const LIBRARY_NAME = "WinDivert.dll";
const DRIVER_NAME = "WinDivert64.sys";
/** In Program Files, under its own name or that of the release's archive; in that, the folder for x64. */
const PRODUCT_FOLDER = /^WinDivert(?:-.*)?$/i;
const SUBFOLDERS = ["", "x64"] as const;

/** WinDivert64.sys of the release 2.2.2: the last one, signed by Microsoft's hardware programme. */
const RELEASED_DRIVER = "8da085332782708d8767bcace5327a6ec7283c17cfb85e40b03cd2323a90ddc2";

/** Paths that are looked at below the folder of installed programs, in this order; the first that is there is taken. */
export function libraryPlaces(
  programs: string,
  listFolder: (path: string) => readonly string[] = list,
): string[] {
  return listFolder(programs)
    .filter((name) => PRODUCT_FOLDER.test(name))
    .sort((left, right) => right.localeCompare(left, "en", { numeric: true }))
    .flatMap((folder) => SUBFOLDERS.map((inner) => win32.join(programs, folder, inner, LIBRARY_NAME)));
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** The library: `given` if it is, else where it is installed. WinDivertNotFound says where it was looked for. */
export async function findLibrary(given: string | undefined): Promise<string> {
  if (given !== undefined) return firstOf([given], given);
  const programs = await programFolder();
  return firstOf(libraryPlaces(programs), win32.join(programs, "WinDivert*"));
}

function firstOf(places: readonly string[], looked: string): string {
  const found = places.find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new EbpfError("WinDivertNotFound", `there is no ${LIBRARY_NAME}: looked for ${looked}`, {
    target: looked,
  });
}

/** The two files as they lie there; nothing is loaded. */
export interface Installation {
  readonly path: string;
  /** Undefined if the file is no executable of Windows. */
  readonly library: Executable | undefined;
  /** The driver beside it; undefined if there is none. */
  readonly driver: (Executable & { readonly path: string; readonly isRelease: boolean }) | undefined;
}

export function describeLibrary(path: string): Installation {
  return { path, library: readExecutable(readFileSync(path)), driver: describeDriver(dirname(path)) };
}

function describeDriver(folder: string): Installation["driver"] {
  const path = join(folder, DRIVER_NAME);
  if (!existsSync(path)) return undefined;
  const bytes = readFileSync(path);
  const driver = readExecutable(bytes);
  if (driver === undefined) return undefined;
  return { ...driver, path, isRelease: createHash("sha256").update(bytes).digest("hex") === RELEASED_DRIVER };
}

/** WinDivertUnavailable if the library is for another processor than this process; other files are left to the system to refuse. */
export function checkProcessor(path: string): void {
  const machine = readExecutable(readFileSync(path))?.machine;
  if (machine === undefined || machine === process.arch) return;
  throw new EbpfError(
    "WinDivertUnavailable",
    `${path} is for ${machine}, and this is Node for ${process.arch}: use the WinDivert.dll of the folder ${process.arch === "ia32" ? "x86" : process.arch} of the release`,
    { target: path },
  );
}
