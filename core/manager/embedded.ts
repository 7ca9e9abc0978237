// The manager's parts: the embedded host with the interfaces of net/, and the kernel host. The only place that knows all.
import { createEmbeddedHost } from "../host/embedded/host.ts";
import { createKernelHost, type KernelSystem } from "../host/kernel/host.ts";
import { createInterface } from "../net/interfaces.ts";
import type { Context } from "./context.ts";
import { EMBEDDED_HOOKS } from "./hooks.ts";

/** Which driver there is, if any, is found out when it is asked. */
export function hostParts(
  system: KernelSystem,
): Pick<Context, "host" | "kernel" | "makeInterface" | "hooks"> {
  const host = createEmbeddedHost();
  return {
    host,
    kernel: createKernelHost(system),
    makeInterface: (kind, name, settings, program) =>
      createInterface(host, { kind, name, settings, ...(program === undefined ? {} : { program }) }),
    hooks: EMBEDDED_HOOKS,
  };
}
