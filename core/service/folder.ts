// Makes folders. mkdir with `recursive` of Node is not used: where a file system makes no folders and says that there is none of
// that name, as Linux' /proc does, it tries again for ever.
import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";

/** A folder with those above it, as far as they are not there; nobody but its user may enter what is made. */
export function makeFolder(path: string): void {
  if (isFolder(path)) return;
  const parent = dirname(path);
  if (parent !== path) makeFolder(parent);
  try {
    mkdirSync(path, 0o700);
  } catch (error) {
    // Somebody else may have made it meanwhile.
    if (isFolder(path)) return;
    throw (error as NodeJS.ErrnoException).code === "ENOENT"
      ? new Error(`no folder can be made in ${parent}`, { cause: error })
      : error;
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
