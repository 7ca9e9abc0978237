// The hosts that every test of a host's own side runs on, each with its engines.
import { createEmbeddedHost } from "../../core/host/embedded/host.ts";
import type { Host } from "../../core/host/host.ts";
import { createKernelHost } from "../../core/host/kernel/host.ts";
import type { EngineName } from "../../core/image/image.ts";
import { ENGINES } from "./engines.ts";
import { librarySystem } from "./kernel-system.ts";

export interface HostRow {
  readonly name: "embedded" | "kernel";
  readonly engines: readonly EngineName[];
  create(): Host;
  /** What it keeps for itself once everything is closed: the main thread's lane. */
  readonly leftBytes: number;
}

export const HOSTS: readonly HostRow[] = [
  { name: "embedded", engines: ENGINES, create: () => createEmbeddedHost(), leftBytes: 100_000 },
  {
    name: "kernel",
    engines: ["kernel-interpreter", "kernel-jit"],
    create: () => createKernelHost(librarySystem().system),
    leftBytes: 0,
  },
];
