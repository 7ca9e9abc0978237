// The folder of installed programs, as the registry of the machine names it. The environment says it too, but an elevated process
// has that from its user, whose other programs can set it: to a folder with a library of theirs.
import { EbpfError } from "../../base/error.ts";
import { loadKoffi } from "../../base/native.ts";

const LOCAL_MACHINE = -2_147_483_646;
const KEY = "SOFTWARE\\Microsoft\\Windows\\CurrentVersion";
const VALUE = "ProgramFilesDir";
const RRF_SZ = 2;
const CAPACITY_BYTES = 1040;

/** PlatformUnsupported where there is none. */
export async function programFolder(): Promise<string> {
  if (process.platform !== "win32") {
    throw new EbpfError("PlatformUnsupported", `WinDivert is for Windows, not for ${process.platform}`);
  }
  const koffi = await loadKoffi("PlatformUnsupported");
  const getValue = koffi
    .load("advapi32.dll")
    .func("RegGetValueW", "int32_t", [
      "intptr_t",
      "str16",
      "str16",
      "uint32_t",
      "void *",
      "void *",
      "_Inout_ uint32_t *",
    ]);
  const text = Buffer.alloc(CAPACITY_BYTES);
  const size: [number] = [CAPACITY_BYTES];
  const error = Number(getValue(LOCAL_MACHINE, KEY, VALUE, RRF_SZ, null, text, size));
  if (error === 0) return text.toString("utf16le", 0, size[0] - 2);
  throw new EbpfError("WinDivertUnavailable", `HKLM\\${KEY} has no ${VALUE}: Windows' error ${error}`, {
    target: VALUE,
  });
}
