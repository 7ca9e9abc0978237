// Where a program is attached: to an interface of the service, or to a hook of the kernel. Both are taken, and given back if the
// change cannot be written, the same way.
import { EbpfError } from "../base/error.ts";
import type { Interface, LoadedProgram } from "../host/host.ts";
import type { KernelProgram } from "../host/kernel/host.ts";
import type { Context } from "./context.ts";
import type { KernelPlace } from "./kernel-links.ts";
import type { LiveInterface, LiveLink, LiveProgram } from "./registry.ts";

interface Before {
  readonly link: LiveLink;
  readonly program: LiveProgram;
}

export interface Place {
  /** Of the hook. */
  readonly hook: string;
  /** Of the interface, or of what else the hook's points are. */
  readonly name: string;
  /** What is attached there of ours, and is replaced. */
  readonly before?: Before;
  /** From the next packet on it is asked; under that id the link is known. */
  attach(program: LiveProgram, linkId: number): Promise<void>;
  /** As it was before attach(). */
  undo(linkId: number): Promise<void>;
}

/** The interface running; InterfaceFailed if it could not be brought back. */
export function running(entry: LiveInterface): Interface {
  if (entry.live !== undefined) return entry.live;
  throw new EbpfError("InterfaceFailed", `interface ${entry.name} does not run: ${entry.problem ?? ""}`, {
    target: entry.name,
  });
}

const withBefore = (registry: Context["registry"], link: LiveLink | undefined): { before?: Before } =>
  link === undefined ? {} : { before: { link, program: registry.program(link.programId) } };

/** InterfaceFailed if the interface could not be brought back. */
export function interfacePlace({ registry }: Context, entry: LiveInterface, hook: string): Place {
  const live = running(entry);
  const replaced = withBefore(registry, registry.linkOn(entry.name));
  const attached: LoadedProgram | undefined = replaced.before?.program.loaded;
  return {
    hook,
    name: entry.name,
    ...replaced,
    attach: (program) => live.attach(program.loaded),
    undo: () => live.attach(attached),
  };
}

/** With `replace` the link that we have there, if any, asks the new program from one run to the next. */
export function kernelPlace(context: Context, { hook, point, name }: KernelPlace, replace: boolean): Place {
  const { registry, kernel } = context;
  const replaced = withBefore(registry, replace ? registry.linkAt(hook.name, name) : undefined);
  const { before } = replaced;
  const live = before === undefined ? undefined : registry.kernelLinks.get(before.link.id);
  return {
    hook: hook.name,
    name,
    ...replaced,
    async attach(program, linkId) {
      const loaded = program.loaded as KernelProgram;
      if (live === undefined) registry.kernelLinks.set(linkId, kernel.attach(loaded, hook, point));
      else {
        live.replace(loaded);
        registry.kernelLinks.set(linkId, live);
      }
    },
    async undo(linkId) {
      const link = registry.kernelLinks.get(linkId);
      registry.kernelLinks.delete(linkId);
      if (before === undefined || live === undefined) link?.close();
      else live.replace(before.program.loaded as KernelProgram);
    },
  };
}
