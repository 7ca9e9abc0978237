// The driver's file: where it is, where it goes, and whose it is. Windows names files of the kernel in several ways.
import { existsSync } from "node:fs";
import { dirname, join, win32 } from "node:path";
import { EbpfError } from "../base/error.ts";
import type { FileOrigin } from "./record.ts";
import type { System } from "./system.ts";

const FILE_NAME = "EbpfCore.sys";

/** FileDescription of driver/windows/EbpfCore.rc: eBPF for Windows has a service and a file of the same names. */
const DESCRIPTION = Buffer.from("eBPF for Windows, execution host in the kernel", "utf16le");

/** A path as services have it, as one that files are opened with. */
export function plainPath(path: string, windowsFolder: string): string {
  const text = path.trim().replace(/^"(.*)"$/, "$1");
  if (text.startsWith("\\??\\")) return text.slice(4);
  const below = /^\\SystemRoot\\(.*)$/i.exec(text)?.[1] ?? /^system32\\.*$/i.exec(text)?.[0];
  return below === undefined ? text : win32.join(windowsFolder, below);
}

export function isSamePath(one: string, other: string): boolean {
  return win32.normalize(one).toLowerCase() === win32.normalize(other).toLowerCase();
}

/** Where drivers of the system are; only administrators can write there. */
export function placeOfDriver({ windowsFolder }: System): string {
  return win32.join(windowsFolder, "System32", "drivers", FILE_NAME);
}

export function originOf(system: System, path: string): FileOrigin {
  const bytes = read(system, path);
  if (bytes === undefined) return "missing";
  return Buffer.from(bytes).includes(DESCRIPTION) ? "ours" : "other";
}

/** Beside the script of the core, or in the folder above it, where the module is. */
export function findDriverFile(script: string): string {
  const folder = dirname(script);
  const places = [join(folder, FILE_NAME), join(folder, "..", FILE_NAME)];
  const found = places.find((place) => existsSync(place));
  if (found !== undefined) return found;
  throw new EbpfError("FileNotFound", `${FILE_NAME} is not beside ${script}: name it with --path or -Path`, {
    target: FILE_NAME,
  });
}

/** Nothing is written if the same is there already: a driver that is loaded has its file locked. */
export function placeFile(system: System, source: string, target: string): void {
  const bytes = read(system, source);
  const there = read(system, target);
  if (bytes !== undefined && there !== undefined && Buffer.from(bytes).equals(there)) return;
  change(target, `be copied from ${source}`, () => system.copyFile(source, target));
}

export function removeFile(system: System, path: string): void {
  change(path, "be removed", () => system.removeFile(path));
}

function read(system: System, path: string): Uint8Array | undefined {
  try {
    return system.readFile(path);
  } catch (error) {
    throw new EbpfError("FileUnreadable", `${path} cannot be read`, { target: path, file: path }, error);
  }
}

function change(path: string, what: string, body: () => void): void {
  try {
    body();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const kind = code === "EPERM" || code === "EACCES" ? "ElevationNeeded" : "FileUnwritable";
    throw new EbpfError(kind, `${path} cannot ${what}: ${message}`, { target: path, file: path }, error);
  }
}
