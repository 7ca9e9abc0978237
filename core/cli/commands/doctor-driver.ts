// ebpf doctor's rows about the driver: what it is, whether Windows loads it, what it may do, and which host fits here.
import { EbpfError } from "../../base/error.ts";
import { type DriverRecord, openWindows, readStatus, type Signature } from "../../driver/driver.ts";
import type { Finding } from "./finding.ts";

export async function findDriver(): Promise<Finding[]> {
  try {
    return driverFindings(readStatus(await openWindows()));
  } catch (error) {
    if (!(error instanceof EbpfError)) throw error;
    const { code, message, remedy } = error;
    const state = code === "DriverUnsupported" ? "absent" : "missing";
    return [
      { name: "driver", state, found: `${message}; programs run in the service (host embedded)`, remedy },
    ];
  }
}

/** Of what is there; without a driver only what decides whether there could be one. */
export function driverFindings(record: DriverRecord): Finding[] {
  const rows = [driver(record)];
  if (record.signature !== null) rows.push(signature(record, record.signature));
  return [...rows, memoryIntegrity(record), host(record)];
}

function driver(record: DriverRecord): Finding {
  const { name, state, startType, path, problems } = record;
  const found =
    state === "absent" ? "not installed" : `${state}, start type ${startType}, ${path}${saysOf(record)}`;
  const [problem] = problems;
  if (problem !== undefined) return { name: "driver", state: "missing", found, remedy: problem };
  if (state === "running") return { name: "driver", state: "ok", found };
  const remedy =
    state === "absent"
      ? "Install-EbpfDriver or 'ebpf driver install', as administrator."
      : `Start-EbpfDriver or 'ebpf driver start', as administrator; or: sc start ${name}.`;
  return { name: "driver", state: "absent", found, remedy };
}

function saysOf({ contract, engine, engineReason, allowUncertified, programs, links }: DriverRecord): string {
  if (engine === null) return contract === null ? "" : `, contract ${contract}`;
  const why = engineReason === null ? "" : ` (${engineReason})`;
  const open = allowUncertified === true ? "; AllowUncertified is set" : "";
  return `; contract ${contract}, engine ${engine}${why}, ${programs} programs, ${links} attached${open}`;
}

const SIGNATURES: Readonly<Record<Signature, string>> = {
  none: "the file is not signed",
  trusted: "signed, by one whom this machine trusts",
  selfSigned: "signed, by one whom this machine does not trust",
  expired: "signed with a certificate that is over",
  damaged: "the file is not what was signed",
  untrusted: "signed, and Windows does not trust it",
};

/** What runs was loaded: then nothing has to be done about it. */
function signature({ state, testSigning, secureBoot }: DriverRecord, signature: Signature): Finding {
  const switches = `test signing ${testSigning ? "on" : "off"}, Secure Boot ${secureBoot ? "on" : "off"}`;
  const found = `${SIGNATURES[signature]}; ${switches}`;
  if (state === "running") return { name: "signature", state: "ok", found };
  const whole = signature === "trusted" || (signature === "selfSigned" && testSigning);
  if (whole) return { name: "signature", state: "ok", found };
  const first = secureBoot ? "Secure Boot has to be off before test signing can be on. " : "";
  return {
    name: "signature",
    state: "missing",
    found,
    remedy: `${first}docs/driver.md tells how to sign it.`,
  };
}

function memoryIntegrity({ memoryIntegrity: state, engine }: DriverRecord): Finding {
  const name = "memory integrity";
  if (state === "off") return { name, state: "ok", found: "off: the driver may compile programs" };
  const found = state === "on" ? "on" : "on after the next start of Windows";
  // The driver has tried it; what the setting says does not matter then.
  if (state === "on" && engine === "jit")
    return { name, state: "ok", found: `${found}; the JIT works all the same` };
  return {
    name,
    state: "absent",
    found: `${found}: the driver interprets programs`,
    remedy: "Nothing has to be done; where speed matters more, turn off memory integrity (docs/driver.md).",
  };
}

function host({ state, contract, engine, secureBoot, testSigning }: DriverRecord): Finding {
  const name = "host";
  if (state === "running" && contract !== null && engine !== null)
    return { name, state: "ok", found: "kernel: programs run in the driver" };
  const found = "embedded: programs run in the service";
  const remedy =
    secureBoot && !testSigning
      ? "With Secure Boot on, packets of this machine come through an interface of kind windivert."
      : "Packets of this machine come through an interface of kind windivert, or with the driver.";
  return { name, state: "ok", found, remedy };
}
