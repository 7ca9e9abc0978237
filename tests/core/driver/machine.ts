// A Windows machine as the driver's room sees it, in memory: services, files, registry, and what fails with which number.
import { EbpfError } from "../../../core/base/error.ts";
import { type ServiceConfiguration, type System, WindowsError } from "../../../core/driver/system.ts";

export interface Machine extends System {
  readonly services: Map<string, { configuration: ServiceConfiguration; state: number }>;
  readonly files: Map<string, Uint8Array>;
  /** By log: events as XML, the newest first. */
  readonly logs: Map<string, string[]>;
  readonly registry: Map<string, string | number>;
  /** Function -> the number it fails with. */
  readonly failing: Map<keyof System, number>;
  /** What the running driver says. */
  programs: number;
  jit: boolean;
  options: number;
  trust: number;
  /** It goes on stopping. */
  isHeld: boolean;
  answers: boolean;
  /** Who held it, closes it. */
  letGo(): void;
}

export const OURS = Buffer.from("...eBPF for Windows, execution host in the kernel...", "utf16le");
export const OTHERS = Buffer.from("another driver");
export const PLACE = "C:\\Windows\\System32\\drivers\\EbpfCore.sys";
export const FILE = "D:\\ebpf\\EbpfCore.sys";

const STOPPED = 1;
const STOPPING = 3;
const RUNNING = 4;

/** Paths are as Windows': in any case. */
const key = (path: string): string => path.toLowerCase();

export function makeMachine(files: Readonly<Record<string, Uint8Array>> = { [FILE]: OURS }): Machine {
  const machine = {
    windowsFolder: "C:\\Windows",
    services: new Map<string, { configuration: ServiceConfiguration; state: number }>(),
    files: new Map(Object.entries(files).map(([path, bytes]) => [key(path), bytes])),
    logs: new Map<string, string[]>(),
    registry: new Map<string, string | number>(),
    failing: new Map<keyof System, number>(),
    programs: 0,
    jit: true,
    options: 1,
    trust: 0,
    isHeld: false,
    answers: true,
    letGo(): void {
      for (const found of machine.services.values()) found.state = STOPPED;
    },
  };
  const call = <R>(name: keyof System, body: () => R): R => {
    const number = machine.failing.get(name);
    if (number !== undefined) throw new WindowsError(number, `Windows error ${number}`);
    return body();
  };
  const service = (name: string) => {
    const found = machine.services.get(name);
    if (found === undefined) throw new WindowsError(1060, "no service");
    return found;
  };
  const system: System = {
    windowsFolder: machine.windowsFolder,
    configuration: (name) => call("configuration", () => service(name).configuration),
    state: (name) => call("state", () => service(name).state),
    createService: (name, configuration) =>
      call("createService", () => void machine.services.set(name, { configuration, state: STOPPED })),
    configureService: (name, configuration) =>
      call("configureService", () => {
        service(name).configuration = configuration;
      }),
    startService: (name) =>
      call("startService", () => {
        if (service(name).state === RUNNING) throw new WindowsError(1056, "runs");
        service(name).state = RUNNING;
      }),
    stopService: (name) =>
      call("stopService", () => {
        service(name).state = machine.isHeld ? STOPPING : STOPPED;
      }),
    deleteService: (name) => call("deleteService", () => void machine.services.delete(name)),
    registryNumber(folder, name) {
      const value = machine.registry.get(`${folder}\\${name}`);
      return typeof value === "number" ? value : undefined;
    },
    setRegistry: (folder, values) =>
      call("setRegistry", () => {
        for (const [name, value] of Object.entries(values)) machine.registry.set(`${folder}\\${name}`, value);
      }),
    deleteRegistry: (folder) =>
      call("deleteRegistry", () => {
        const names = [...machine.registry.keys()].filter((name) => name.startsWith(`${folder}\\`));
        if (names.length === 0) throw new WindowsError(2, "no such key");
        for (const name of names) machine.registry.delete(name);
      }),
    codeIntegrity: () => machine.options,
    verifyTrust: () => machine.trust,
    events: (log, query, maximum) =>
      call("events", () =>
        (machine.logs.get(log) ?? []).filter((xml) => selects(query, xml)).slice(0, maximum),
      ),
    driver: {
      status: () => {
        if (!machine.answers)
          throw new EbpfError("ElevationNeeded", "only administrators may open the driver");
        return {
          ...{ programs: machine.programs, maps: 1, clients: 1, memoryBytes: 0, allowUncertified: false },
          ...{ jitAvailable: machine.jit, statistics: false },
        };
      },
      takeLog: () => {
        if (!machine.answers) throw new EbpfError("DriverNotRunning", "the driver does not run");
        return ["hi"];
      },
      hooks: () => [
        { name: "xdp", attachType: 1, present: true, point: "interface", maximumLinks: 1, linkCount: 2 },
        { name: "bind", attachType: 2, present: false, point: "compartment", maximumLinks: 1, linkCount: 0 },
      ],
    },
    readFile: (path) => machine.files.get(key(path)),
    copyFile: (from, to) =>
      void machine.files.set(key(to), machine.files.get(key(from)) ?? new Uint8Array(0)),
    removeFile: (path) => void machine.files.delete(key(path)),
    sleep: async () => {},
  };
  return Object.assign(machine, system);
}

/** As Windows renders one. */
export function eventXml(provider: string, id: number, time: string, data: readonly string[]): string {
  const parts = data.map((text) => (text === "" ? "<Data/>" : `<Data Name='param'>${text}</Data>`)).join("");
  return `<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='${provider}'/><EventID Qualifiers='16388'>${id}</EventID><Version>0</Version><Level>3</Level><TimeCreated SystemTime='${time}'/><EventRecordID>7</EventRecordID><Channel>System</Channel></System><EventData>${parts}<Binary>00</Binary></EventData></Event>`;
}

/** The part of XPath that queries here have; time is not looked at. */
function selects(query: string, xml: string): boolean {
  const [, provider] = /^\*\[System\[Provider\[@Name='([^']+)'\].*\]\]$/.exec(query) ?? [];
  const ids = [...query.matchAll(/EventID=(\d+)/g)].map(([, id]) => id);
  return (
    xml.includes(`<Provider Name='${provider}'`) &&
    (ids.length === 0 || ids.some((id) => xml.includes(`>${id}</EventID>`)))
  );
}

/** As `sc create` registers it. */
export function createByHand(machine: Machine, path: string, start = 3): void {
  machine.services.set("EbpfCore", { configuration: { type: 1, start, path }, state: STOPPED });
}
