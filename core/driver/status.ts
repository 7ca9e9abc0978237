// What the driver is: what the service control manager has, whose file that is, what Windows makes of it, and what the driver
// says itself. Changes nothing.
import { EbpfError } from "../base/error.ts";
import { CONTRACT_VERSION } from "../host/kernel/wire.ts";
import { NUMBER, told, unless } from "./errors.ts";
import { originOf, plainPath } from "./file.ts";
import type { DriverRecord, MemoryIntegrity, Signature } from "./record.ts";
import { describeRefusal, findRefusal, remedyOf } from "./refusal.ts";
import { SERVICE_STATES, START_TYPES, type System, WindowsError } from "./system.ts";

export const SERVICE = "EbpfCore";

/** Results of WinVerifyTrust (winerror.h); others are "untrusted". */
const SIGNATURES = new Map<number, Signature>([
  [0, "trusted"],
  // TRUST_E_NOSIGNATURE, TRUST_E_SUBJECT_FORM_UNKNOWN.
  [0x800b_0100, "none"],
  [0x800b_0003, "none"],
  // TRUST_E_BAD_DIGEST.
  [0x8009_6010, "damaged"],
  // CERT_E_EXPIRED, CERT_E_UNTRUSTEDROOT.
  [0x800b_0101, "expired"],
  [0x800b_0109, "selfSigned"],
]);

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

interface Refused {
  readonly refusal: string | null;
  readonly problems: readonly string[];
}

/** Of one that could run, and does not. */
function readRefusal(system: System, { state, file, path }: ServiceFacts): Refused {
  if (state !== "stopped" || file !== "ours" || path === null) return { refusal: null, problems: [] };
  try {
    const found = findRefusal(system, path);
    if (found === undefined) return { refusal: null, problems: [] };
    const refusal = describeRefusal(found);
    return { refusal, problems: [`Windows did not load it: ${refusal}. ${remedyOf(found)}`] };
  } catch (error) {
    if (!(error instanceof WindowsError)) throw error;
    return { refusal: `not known: the event log cannot be read (${error.message})`, problems: [] };
  }
}

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
    signature: file === "missing" ? null : (SIGNATURES.get(system.verifyTrust(path)) ?? "untrusted"),
  };
}

type Answered = Omit<DriverRecord, "name" | "refusal" | "problems" | keyof ServiceFacts | keyof Policy>;

const SILENT: Answered = {
  ...{ contract: null, engine: null, engineReason: null, allowUncertified: null, hooks: null },
  ...{ programs: null, maps: null, links: null, clients: null },
};

function answerOf({ driver }: System, { memoryIntegrity }: Policy): Answered {
  const { programs, maps, clients, jitAvailable, allowUncertified } = driver.status();
  const hooks = driver.hooks();
  const reason =
    memoryIntegrity === "on"
      ? "memory integrity (HVCI) forbids memory that becomes executable"
      : "Windows did not let memory become executable";
  return {
    contract: CONTRACT_VERSION,
    engine: jitAvailable ? "jit" : "interpreter",
    engineReason: jitAvailable ? null : reason,
    allowUncertified,
    hooks: hooks.filter(({ present }) => present).map(({ name }) => name),
    programs,
    maps,
    links: hooks.reduce((sum, { linkCount }) => sum + linkCount, 0),
    clients: clients - 1,
  };
}

interface Asked {
  readonly answered: Answered;
  readonly problems: readonly string[];
}

/** What it answers; an error is a problem to tell, not the end. */
function askDriver(system: System, policy: Policy): Asked {
  try {
    return { answered: answerOf(system, policy), problems: [] };
  } catch (error) {
    if (!(error instanceof EbpfError)) throw error;
    const { message, remedy, data } = error;
    const contract = data.details?.driver;
    return {
      answered: { ...SILENT, contract: typeof contract === "number" ? contract : null },
      problems: [`What the driver holds is not known: ${message}. ${remedy}`],
    };
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
    const { refusal, problems: refused } = readRefusal(system, service);
    const { answered, problems } = asks ? askDriver(system, policy) : { answered: SILENT, problems: [] };
    return {
      name: SERVICE,
      ...service,
      refusal,
      ...answered,
      ...policy,
      problems: [...problemsOf(service, policy), ...refused, ...problems],
    };
  });
}
