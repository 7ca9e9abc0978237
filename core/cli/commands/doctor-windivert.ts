// The row of ebpf doctor about WinDivert: where it is, what its files are, and whether Windows will take them.
import { EbpfError } from "../../base/error.ts";
import { openWindows } from "../../driver/driver.ts";
import { describeLibrary, findLibrary, type Installation } from "../../net/windivert/find.ts";
import type { Finding } from "./finding.ts";

const name = "windivert";
const GATEWAY = "Use an interface of kind gateway.";
const FILES = "Unpack both files of the folder x64 of the release 2.2.2 there.";

export async function findWinDivert(): Promise<Finding> {
  if (process.platform !== "win32")
    return { name, state: "absent", found: "only on Windows", remedy: GATEWAY };
  try {
    const installation = describeLibrary(await findLibrary(undefined));
    const { driver } = installation;
    const trust = driver === undefined ? 0 : (await openWindows()).verifyTrust(driver.path);
    return judge(installation, trust, process.arch);
  } catch (error) {
    if (!(error instanceof EbpfError)) throw error;
    return { name, state: "absent", found: error.message, remedy: error.remedy };
  }
}

/** What an installation is good for. `trust` is what WinVerifyTrust says of its driver, 0 if its signature holds. */
export function judge({ path, library, driver }: Installation, trust: number, processor: string): Finding {
  const absent = (found: string, remedy: string): Finding => ({
    name,
    state: "absent",
    found: `${path}: ${found}`,
    remedy,
  });
  if (library === undefined) return absent("no library of Windows", FILES);
  if (library.machine !== processor) {
    const remedy = processor === "arm64" ? `There is no signed WinDivert for ARM64. ${GATEWAY}` : FILES;
    return absent(`for ${library.machine}, Node is for ${processor}`, remedy);
  }
  if (driver === undefined) return absent("no WinDivert64.sys beside it", FILES);
  if (driver.signer === undefined)
    return absent("WinDivert64.sys has no signature, Windows will refuse it", FILES);
  const version = driver.version === undefined ? "" : ` ${driver.version}`;
  const signed = `WinDivert64.sys${version}, signed by ${driver.signer}`;
  if (trust !== 0) return absent(`${signed}, which is not trusted here (0x${trust.toString(16)})`, FILES);
  if (driver.isRelease) {
    const fits =
      "the file of release 2.2.2: made for Secure Boot and memory integrity on, without test signing";
    return { name, state: "ok", found: `${path}; ${signed} (${fits})` };
  }
  return {
    name,
    state: "ok",
    found: `${path}; ${signed} (not the file of release 2.2.2)`,
    remedy: "Look at it with Get-AuthenticodeSignature before you trust it.",
  };
}
