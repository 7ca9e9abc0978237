// Where the package lies on this machine: its samples, its module. Knows the layout of the package, nothing else.
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { EbpfError } from "../../base/error.ts";

const MARK = join("samples", "droppacket.o");

/** The folder of the package: the nearest one above `from` that has the samples. FileNotFound if there is none. */
export function packageRoot(from: string = import.meta.dirname): string {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, MARK))) return folder;
    if (dirname(folder) === folder) break;
  }
  throw new EbpfError(
    "FileNotFound",
    `the samples are not beside this installation of ebpf (no ${MARK} above ${from})`,
    {
      file: MARK,
    },
  );
}
