// The manager's parts for the embedded host: one host, and the interfaces of net/. The only place that knows both.
import { createEmbeddedHost } from "../host/embedded/host.ts";
import { createInterface } from "../net/interfaces.ts";
import type { Context } from "./context.ts";
import { EMBEDDED_HOOKS } from "./hooks.ts";

export function embeddedParts(): Pick<Context, "host" | "makeInterface" | "hooks"> {
  const host = createEmbeddedHost();
  return {
    host,
    makeInterface: (kind, name, settings, program) =>
      createInterface(host, { kind, name, settings, ...(program === undefined ? {} : { program }) }),
    hooks: EMBEDDED_HOOKS,
  };
}
