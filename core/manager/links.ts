// Attaching: which interface a person means, whether the program may go there, and the swap. One program an interface.
import { EbpfError } from "../base/error.ts";
import type { Interface, LoadedProgram } from "../host/host.ts";
import { findAttachType } from "../platform/platform.ts";
import { PLATFORMS } from "../platform/platforms.ts";
import type { Program } from "../program/program.ts";
import { type Context, liveThenWritten } from "./context.ts";
import type { LinkRecord } from "./records.ts";
import type { LiveInterface, LiveLink, Registry } from "./registry.ts";

/** The named interface, or the only one; InterfaceNotFound, or InterfaceAmbiguous naming them. */
export function chooseInterface(registry: Registry, name: string | undefined): LiveInterface {
  if (name !== undefined) return registry.interface(name);
  const [only, ...others] = registry.interfaces.values();
  if (only === undefined) throw new EbpfError("InterfaceNotFound", "there is no interface to attach to");
  if (others.length === 0) return only;
  const names = [...registry.interfaces.keys()];
  throw new EbpfError("InterfaceAmbiguous", `there are several interfaces: ${names.join(", ")}`, {
    details: { interfaces: names },
  });
}

/** The interface running; InterfaceFailed if it could not be brought back. */
export function running(entry: LiveInterface): Interface {
  if (entry.live !== undefined) return entry.live;
  throw new EbpfError("InterfaceFailed", `interface ${entry.name} does not run: ${entry.problem ?? ""}`, {
    target: entry.name,
  });
}

/** Whether any program could go to that hook here; told before anything of the program is looked at. */
export function checkHookName({ hooks }: Context, name: string): void {
  if (hooks.includes(name)) return;
  if (!Object.values(PLATFORMS).some((platform) => findAttachType(platform, name) !== undefined)) {
    throw new EbpfError("HookUnknown", `there is no hook ${name}`, { target: name });
  }
  throw unavailable(name);
}

function unavailable(name: string): EbpfError {
  return new EbpfError("HookUnavailable", `no interface of this service has the hook ${name}`, {
    target: name,
  });
}

/** The hook's name, checked: the platform knows it, it is for programs of this type, and interfaces here have it. */
export function checkHook(context: Context, program: Program, hook: string | undefined): string {
  const name = hook ?? program.attachType?.name ?? program.type.name;
  const row = findAttachType(program.platform, name);
  if (row === undefined) {
    throw new EbpfError("HookUnknown", `platform ${program.platform.name} has no hook ${name}`, {
      target: name,
    });
  }
  if (row.programType !== program.type.name) {
    throw new EbpfError(
      "ArgumentInvalid",
      `hook ${name} takes programs of type ${row.programType}; ${program.name} is of type ${program.type.name}`,
      { target: name },
    );
  }
  if (!context.hooks.includes(name)) throw unavailable(name);
  return name;
}

/** HookBusy if another program is attached there. */
export function checkFree(registry: Registry, entry: LiveInterface): void {
  const link = registry.linkOn(entry.name);
  if (link === undefined) return;
  const program = registry.program(link.programId);
  throw new EbpfError(
    "HookBusy",
    `program ${program.id} (${program.name}) is attached to interface ${entry.name}`,
    { target: entry.name, details: { programId: program.id } },
  );
}

/** What runs on the interface now, to be put back if a change fails. */
export function attachedTo(registry: Registry, entry: LiveInterface): LoadedProgram | undefined {
  const link = registry.linkOn(entry.name);
  return link === undefined ? undefined : registry.programs.get(link.programId)?.loaded;
}

export async function attach(
  context: Context,
  programId: number,
  interfaceName: string,
  hook: string | undefined,
): Promise<LinkRecord> {
  const { registry, state } = context;
  const { loaded } = registry.program(programId);
  const entry = registry.interface(interfaceName);
  const name = checkHook(context, loaded.image.program, hook);
  checkFree(registry, entry);
  const live = running(entry);
  const link: LiveLink = { id: registry.nextId(), programId, interface: entry.name, hook: name };
  await liveThenWritten(state, {
    live: () => live.attach(loaded),
    undo: () => live.attach(undefined),
    write(writer) {
      writer.addLink(link);
      writer.setLastId(registry.lastId);
    },
  });
  registry.links.set(link.id, link);
  return registry.linkRecord(link);
}

export async function detach(context: Context, id: number): Promise<LinkRecord> {
  const { registry, state } = context;
  const link = registry.link(id);
  const record = registry.linkRecord(link);
  state.change((writer) => writer.removeLink(id));
  registry.links.delete(id);
  await endLink(context, link);
  return record;
}

/** Ends it in the loop. The state already says so; an interface that fails now is told in the log and retried never. */
export async function endLink({ registry, log }: Context, link: LiveLink): Promise<void> {
  try {
    await registry.interfaces.get(link.interface)?.live?.attach(undefined);
  } catch (error) {
    log(`interface ${link.interface}: detaching failed: ${(error as Error).message}`);
  }
}
