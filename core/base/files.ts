// Reading whole files, with errors that say which file and what to do. Knows no formats.
import { readFileSync, statSync } from "node:fs";
import { EbpfError } from "./error.ts";

/** Far above any object or capture that programs are run on here; keeps a mistaken path from filling the memory. */
export const FILE_LIMIT_BYTES = 1 << 30;

const CODE_OF_ERRNO = {
  ENOENT: "FileNotFound",
  ENOTDIR: "FileNotFound",
  ENAMETOOLONG: "FileNotFound",
} as const;

/** FileNotFound or FileUnreadable for what the system's error means. */
export function fileError(file: string, error: unknown): EbpfError {
  if (error instanceof EbpfError) return error;
  const errno = (error as NodeJS.ErrnoException).code ?? "";
  const code = CODE_OF_ERRNO[errno as keyof typeof CODE_OF_ERRNO] ?? "FileUnreadable";
  const text = code === "FileNotFound" ? "there is no file" : `${errno || "error"}: cannot read`;
  return new EbpfError(code, `${text} ${file}`, { target: file, file }, error);
}

/** The file's bytes; FileNotFound or FileUnreadable (folders, devices and files over the limit too). */
export function readBytes(file: string, limitBytes = FILE_LIMIT_BYTES): Uint8Array<ArrayBuffer> {
  try {
    const facts = statSync(file);
    if (!facts.isFile()) {
      throw new EbpfError("FileUnreadable", `${file} is not a file`, { target: file, file });
    }
    if (facts.size > limitBytes) {
      throw new EbpfError("FileUnreadable", `${file} is larger than ${limitBytes} bytes`, {
        target: file,
        file,
      });
    }
    return new Uint8Array(readFileSync(file));
  } catch (error) {
    throw fileError(file, error);
  }
}
