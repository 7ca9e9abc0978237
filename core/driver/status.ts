// What the driver is: what the service control manager has, whose file that is, what Windows makes of it, and what the driver
// says itself. Changes nothing.
import { CONSTANTS, CONTRACT_VERSION, decodeReply, type Reply } from "../host/kernel/wire.ts";
import { NUMBER, told, unless } from "./errors.ts";
import { originOf, plainPath } from "./file.ts";
import type { DriverRecord, MemoryIntegrity, Signature } from "./record.ts";
import { SERVICE_STATES, START_TYPES, type System, WindowsError } from "./system.ts";

export const SERVICE = "EbpfCore";

/** Results of WinVerifyTrust (winerror.h); others are "untrusted". */
const SIGNATURES: Readonly<Record<number, Signature>> = {
  0: "trusted",
  2148204800: "none",
  2148204547: "none",
  2148098064: "damaged",
  2148204801: "expired",
  2148204809: "selfSigned",
};

/** Bits of CodeIntegrityOptions. */
const OPTION = { testSigning: 2, memoryIntegrity: 0x400 } as const;
const CONTROL = "SYSTEM\\CurrentControlSet\\Control";
const MEMORY_INTEGRITY = `${CONTROL}\\DeviceGuard\\Scenarios\\HypervisorEnforcedCodeIntegrity`;
const SECURE_BOOT = `${CONTROL}\\SecureBoot\\State`;

/** What decides whether Windows loads a driver, and whether that may make code. */
type Policy = Pick<DriverRecord, "testSigning" | "secureBoot" | "memoryIntegrity">;

function readPolicy(system: System): Policy {
  const options = system.codeIntegrity();
  const wanted = system.registryNumber(MEMORY_INTEGRITY, "Enabled") === 1;
  const integrity: MemoryIntegrity = wanted ? "afterRestart" : "off";
  return {
    testSigning: (options & OPTION.testSigning) !== 0,
    secureBoot: system.registryNumber(SECURE_BOOT, "UEFISecureBootEnabled") === 1,
    memoryIntegrity: (options & OPTION.memoryIntegrity) !== 0 ? "on" : integrity,
  };
}

type ServiceFacts = Pick<DriverRecord, "state" | "startType" | "path" | "file" | "signature">;

const ABSENT: ServiceFacts = { state: "absent", startType: null, path: null, file: null, signature: null };

function readService(system: System): ServiceFacts {
  const found = unless(NUMBER.noService, () => system.configuration(SERVICE));
  if (found === undefined) return ABSENT;
  const path = plainPath(found.path, system.windowsFolder);
  const file = originOf(system, path);
  return {
    state: SERVICE_STATES[system.state(SERVICE) - 1] ?? "unknown",
    startType: START_TYPES[found.start] ?? null,
    path,
    file,
    signature: file === "missing" ? null : (SIGNATURES[system.verifyTrust(path)] ?? "untrusted"),
  };
}

type Answered = Omit<DriverRecord, "name" | "problems" | keyof ServiceFacts | keyof Policy>;

const SILENT: Answered = {
  ...{ contract: null, engine: null, engineReason: null, allowUncertified: null },
  ...{ programs: null, maps: null, clients: null },
};

function answerOf(reply: Reply<"STATUS">, { memoryIntegrity }: Policy): Answered {
  const { contractVersion, flags, programCount, mapCount, clientCount } = reply;
  const hasJit = (flags & CONSTANTS.STATUS_JIT_AVAILABLE) !== 0;
  const reason =
    memoryIntegrity === "on"
      ? "memory integrity (HVCI) forbids memory that becomes executable"
      : "Windows did not let memory become executable";
  return {
    contract: contractVersion,
    engine: hasJit ? "jit" : "interpreter",
    engineReason: hasJit ? null : reason,
    allowUncertified: (flags & CONSTANTS.STATUS_ALLOW_UNCERTIFIED) !== 0,
    programs: programCount,
    maps: mapCount,
    clients: clientCount - 1,
  };
}

interface Asked {
  readonly answered: Answered;
  readonly problems: readonly string[];
}

function askDriver(system: System, policy: Policy): Asked {
  try {
    const reply = decodeReply("STATUS", system.askStatus())?.reply;
    if (reply === undefined || reply.error !== 0)
      return { answered: SILENT, problems: ["The device \\\\.\\EbpfCore answers nothing of ours."] };
    if (reply.contractVersion !== CONTRACT_VERSION) {
      const problem = `The driver has contract ${reply.contractVersion}, this version of ebpf ${CONTRACT_VERSION}: install the driver that belongs to it.`;
      return { answered: { ...SILENT, contract: reply.contractVersion }, problems: [problem] };
    }
    return { answered: answerOf(reply, policy), problems: [] };
  } catch (error) {
    if (!(error instanceof WindowsError)) throw error;
    const denied = error.number === NUMBER.accessDenied;
    const problem = denied
      ? "Only administrators can ask the driver what it holds: run elevated to see it."
      : `The driver cannot be asked: ${error.message}.`;
    return { answered: SILENT, problems: [problem] };
  }
}

/** What the service and its file make wrong, each a sentence with its remedy. */
function problemsOf({ state, startType, path, file, signature }: ServiceFacts, policy: Policy): string[] {
  const problems: string[] = [];
  if (file === "missing") problems.push(`Its file ${path} is not there: install it again.`);
  if (file === "other")
    problems.push(
      `The service is another product's (${path}), such as eBPF for Windows: uninstall that to use this driver.`,
    );
  if (state === "stopping")
    problems.push("It is stopping until the last program that has it open closes it.");
  if (startType === "disabled") problems.push("Its start type is disabled: install it with another.");
  if (file === "ours" && state !== "running" && signature !== "trusted" && !policy.testSigning)
    problems.push(
      `Windows will refuse the file's signature (${signature}): docs/driver.md tells how to sign it for a machine of yours.`,
    );
  return problems;
}

/** Fails with ElevationNeeded or DriverFailed if Windows does not even tell that. */
export function readStatus(system: System): DriverRecord {
  return told("ask for the driver", SERVICE, () => {
    const policy = readPolicy(system);
    const service = readService(system);
    const asks = service.state === "running" && service.file !== "other";
    const { answered, problems } = asks ? askDriver(system, policy) : { answered: SILENT, problems: [] };
    return {
      name: SERVICE,
      ...service,
      ...answered,
      ...policy,
      problems: [...problemsOf(service, policy), ...problems],
    };
  });
}
