// Which files are meant when files and folders are named. Looks at names and the first bytes; opens no object.
import { closeSync, type Dirent, openSync, readdirSync, readSync, statSync } from "node:fs";
import { extname, join, resolve } from "node:path";
import { EbpfError } from "../base/error.ts";
import { fileError } from "../base/files.ts";

/**
 * Files as they are named; of a folder the objects in it and below, in the order of their paths' code units (which no
 * locale changes): every *.o, and what has no extension and is a relocatable ELF file for eBPF. Links to folders are not
 * followed. FileNotFound or FileUnreadable for a path that cannot be looked at.
 */
export function findObjects(paths: readonly string[], cwd: string): string[] {
  return paths.flatMap((path) => {
    const absolute = resolve(cwd, path);
    try {
      return statSync(absolute).isDirectory() ? objectsIn(absolute) : [absolute];
    } catch (error) {
      throw fileError(path, error);
    }
  });
}

/** As findObjects() of one folder; FileNotFound if it holds none. */
export function findObjectsIn(folder: string): string[] {
  const files = findObjects([folder], folder);
  if (files.length > 0) return files;
  throw new EbpfError("FileNotFound", `there is no object file in ${folder}`, { target: folder });
}

function objectsIn(folder: string): string[] {
  const entries: Dirent[] = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => ({ name: entry.name, path: join(entry.parentPath, entry.name) }))
    .filter(({ name, path }) => name.endsWith(".o") || (extname(name) === "" && isBpfElf(path)))
    .map(({ path }) => path)
    .sort();
}

/** ELF header (gABI): e_ident magic, e_type at 16 (1: relocatable), e_machine at 18 (247: eBPF; older compilers wrote 0). */
function isBpfElf(path: string): boolean {
  const head = new DataView(new ArrayBuffer(20));
  try {
    // A named pipe would keep us waiting for whoever writes to it.
    if (!statSync(path).isFile()) return false;
    const file = openSync(path, "r");
    try {
      if (readSync(file, head, 0, 20, 0) < 20) return false;
    } finally {
      closeSync(file);
    }
  } catch {
    // Not to be read: nobody named it, and nothing tells that it is an object.
    return false;
  }
  const littleEndian = head.getUint8(5) === 1;
  const machine = head.getUint16(18, littleEndian);
  const magic = 0x7f454c46;
  return (
    head.getUint32(0) === magic &&
    head.getUint16(16, littleEndian) === 1 &&
    (machine === 247 || machine === 0)
  );
}
