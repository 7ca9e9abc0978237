// The row of ebpf doctor about WinDivert: where it is, what its files say of themselves, and whether Windows will take them.
import { EbpfError } from "../../base/error.ts";
import { describeLibrary, findLibrary, type Installation } from "../../net/windivert/find.ts";
import type { Finding } from "./finding.ts";

const name = "windivert";
const GATEWAY = "Use an interface of kind gateway.";

/** `platform` and `processor` are those of Node. */
export function findWinDivert(
  env: Readonly<Record<string, string | undefined>>,
  platform: string = process.platform,
  processor: string = process.arch,
): Finding {
  if (platform !== "win32") return { name, state: "absent", found: "only on Windows", remedy: GATEWAY };
  let path: string;
  try {
    path = findLibrary(undefined, env);
  } catch (error) {
    if (!(error instanceof EbpfError)) throw error;
    return { name, state: "absent", found: error.message, remedy: error.remedy };
  }
  return judge(describeLibrary(path), processor);
}

/** What an installation is good for. */
export function judge({ path, library, driver }: Installation, processor: string): Finding {
  const absent = (found: string, remedy: string): Finding => ({
    name,
    state: "absent",
    found: `${path}: ${found}`,
    remedy,
  });
  const files = "Unpack both files of the folder x64 of the release 2.2.2 there.";
  if (library === undefined) return absent("no library of Windows", files);
  if (library.machine !== processor) {
    const remedy = processor === "arm64" ? `There is no signed WinDivert for ARM64. ${GATEWAY}` : files;
    return absent(`for ${library.machine}, Node is for ${processor}`, remedy);
  }
  if (driver === undefined) return absent("no WinDivert64.sys beside it", files);
  if (driver.signer === undefined)
    return absent("WinDivert64.sys has no signature, Windows will refuse it", files);
  const version = driver.version === undefined ? "" : ` ${driver.version}`;
  const found = `${path}; WinDivert64.sys${version}, signed by ${driver.signer}`;
  if (driver.isRelease) {
    const fits =
      "the file of release 2.2.2: made for Secure Boot and memory integrity on, without test signing";
    return { name, state: "ok", found: `${found} (${fits})` };
  }
  return {
    name,
    state: "ok",
    found: `${found} (not the file of release 2.2.2)`,
    remedy: "Look at its signature with Get-AuthenticodeSignature before you trust it.",
  };
}
