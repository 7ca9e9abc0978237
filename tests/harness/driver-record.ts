// What a driver may be, as records: for how they are shown, and for the names of their members.
import type { DriverRecord } from "../../core/driver/driver.ts";

export const RUNNING: DriverRecord = {
  name: "EbpfCore",
  state: "running",
  startType: "boot",
  path: "C:\\Windows\\System32\\drivers\\EbpfCore.sys",
  file: "ours",
  signature: "trusted",
  refusal: null,
  contract: 1,
  engine: "interpreter",
  engineReason: "memory integrity (HVCI) forbids memory that becomes executable",
  allowUncertified: false,
  hooks: ["xdp", "bind"],
  programs: 2,
  maps: 3,
  links: 1,
  clients: 1,
  testSigning: false,
  secureBoot: true,
  memoryIntegrity: "on",
  problems: [],
};

export const ABSENT: DriverRecord = {
  ...{
    name: "EbpfCore",
    state: "absent",
    startType: null,
    path: null,
    file: null,
    signature: null,
    refusal: null,
  },
  ...{ contract: null, engine: null, engineReason: null, allowUncertified: null, hooks: null },
  ...{ programs: null, maps: null, links: null, clients: null },
  ...{ testSigning: false, secureBoot: true, memoryIntegrity: "off", problems: [] },
};
