// Which host a program goes to: the one that is named, or the one that what else is named leaves, the kernel's if both would do.
import { EbpfError } from "../base/error.ts";
import type { Host, HostKind } from "../host/host.ts";
import type { Program } from "../program/program.ts";
import type { Context } from "./context.ts";
import { hostsOfEngine } from "./load.ts";

export interface HostChoice {
  readonly host?: "embedded" | "kernel";
  readonly engine?: string;
  readonly hook?: string;
  readonly interface?: string;
}

/**
 * The kernel's host where the driver runs, and has the hook if one is meant; the embedded one where it does not, and for what only
 * that has: interfaces of the service, its engines, programs for Linux. If the kernel's is named and the driver does not run, the
 * error says why.
 */
export function chooseHost(context: Context, choice: HostChoice, program: Program): Host {
  const { host, kernel } = context;
  const named = namedHost(context, choice);
  if (named === "embedded") return host;
  if (named === "kernel") {
    kernel.status();
    return kernel;
  }
  return program.platform.name === "windows" && kernel.isRunning() && hasHook(context, choice, program)
    ? kernel
    : host;
}

/** Undefined if nothing that is named tells. */
function namedHost({ registry }: Context, choice: HostChoice): HostKind | undefined {
  const { host, engine, interface: name } = choice;
  const having = engine === undefined ? [] : hostsOfEngine(engine);
  if (host !== undefined) return host;
  if (having.length === 1) return having[0];
  return name !== undefined && registry.interfaces.has(name) ? "embedded" : undefined;
}

/** Whether the kernel can run the program, and asks it where it is to be attached. */
function hasHook({ kernel }: Context, { hook, interface: name }: HostChoice, program: Program): boolean {
  const hooks = kernel.hooks();
  const attaches = hook !== undefined || name !== undefined;
  const wanted = hook ?? program.attachType?.name ?? program.type.name;
  return attaches
    ? hooks.some((row) => row.name === wanted && row.present)
    : hooks.some(({ attachType }) => programTypeOf(program, attachType));
}

const programTypeOf = ({ platform, type }: Program, attachType: number): boolean =>
  platform.attachTypes.some((row) => row.id === attachType && row.programType === type.name);

/** The host of a program that is loaded. */
export function hostNamed({ host, kernel }: Context, kind: HostKind): Host {
  switch (kind) {
    case "embedded":
      return host;
    case "kernel":
      return kernel;
    case "linux":
      throw new EbpfError("ArgumentInvalid", "there is no host linux in this version");
  }
}
