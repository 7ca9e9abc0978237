// Attaching: which interface a person means, whether the program may go there, and the swap. One program an interface.
import { EbpfError } from "../base/error.ts";
import { findAttachType } from "../platform/platform.ts";
import { PLATFORMS } from "../platform/platforms.ts";
import type { Program } from "../program/program.ts";
import { type Context, liveThenWritten } from "./context.ts";
import { findPlace } from "./kernel-links.ts";
import { interfacePlace, kernelPlace, type Place } from "./places.ts";
import type { LinkRecord } from "./records.ts";
import type { LiveInterface, LiveLink, LiveProgram, Registry } from "./registry.ts";

/** The named interface, or the only one; InterfaceNotFound, or InterfaceAmbiguous naming them. */
export function chooseInterface(context: Context, name: string | undefined): LiveInterface {
  const { registry } = context;
  if (name !== undefined) return registry.interface(name);
  const [only, ...others] = registry.interfaces.values();
  if (only === undefined)
    throw orDriver(context, new EbpfError("InterfaceNotFound", "there is no interface to attach to"));
  if (others.length === 0) return only;
  const names = [...registry.interfaces.keys()];
  throw new EbpfError("InterfaceAmbiguous", `there are several interfaces: ${names.join(", ")}`, {
    details: { interfaces: names },
  });
}

/**
 * The error, or, where a driver runs that this process cannot use, that one's: a person who has started it means it. A service that was
 * started by an ordinary user stays one for an administrator who asks it.
 */
function orDriver({ kernel }: Context, error: EbpfError): EbpfError {
  try {
    kernel.status();
    return error;
  } catch (cause) {
    if (!(cause instanceof EbpfError)) throw cause;
    const { code, message, data } = cause;
    if (code === "DriverNotRunning" || code === "DriverUnsupported") return error;
    const what = `${error.message}, and the service cannot use the driver: ${message}`;
    const more = code === "ElevationNeeded" ? " (stop the service, and start it as administrator)" : "";
    return new EbpfError(code, `${what}${more}`, data, cause);
  }
}

/** HookUnknown if no platform has a hook of that name. */
export function checkHookKnown(name: string): void {
  if (Object.values(PLATFORMS).some((platform) => findAttachType(platform, name) !== undefined)) return;
  throw new EbpfError("HookUnknown", `there is no hook ${name}`, { target: name });
}

/** Whether interfaces of the service have it; told before anything of the program is looked at. */
export function checkHookName(context: Context, name: string): void {
  checkHookKnown(name);
  if (!context.hooks.includes(name)) throw orDriver(context, unavailable(name));
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

/** The kernel's host attaches to interfaces of the system, or to all of them if none is named; the embedded one to its own. */
export async function attach(
  context: Context,
  programId: number,
  interfaceName: string | undefined,
  hook: string | undefined,
): Promise<LinkRecord> {
  const { registry, state } = context;
  const program = registry.program(programId);
  const place = placeFor(context, program, interfaceName, hook);
  const link: LiveLink = { id: registry.nextId(), programId, interface: place.name, hook: place.hook };
  await liveThenWritten(state, {
    live: () => place.attach(program, link.id),
    undo: () => place.undo(link.id),
    write(writer) {
      writer.addLink(link);
      writer.setLastId(registry.lastId);
    },
  });
  registry.links.set(link.id, link);
  return registry.linkRecord(link);
}

function placeFor(
  context: Context,
  { host, loaded }: LiveProgram,
  interfaceName: string | undefined,
  hook: string | undefined,
): Place {
  const { program } = loaded.image;
  if (host === "kernel") return kernelPlace(context, findPlace(context, program, hook, interfaceName), false);
  const entry = chooseInterface(context, interfaceName);
  const name = checkHook(context, program, hook);
  checkFree(context.registry, entry);
  return interfacePlace(context, entry, name);
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

/** Ends it where it lives. The state already says so; what fails now is told in the log and retried never. */
export async function endLink({ registry, log }: Context, link: LiveLink): Promise<void> {
  try {
    const inKernel = registry.kernelLinks.get(link.id);
    registry.kernelLinks.delete(link.id);
    if (registry.isKernel(link.programId)) inKernel?.close();
    else await registry.interfaces.get(link.interface)?.live?.attach(undefined);
  } catch (error) {
    log(`${link.hook} ${link.interface}: detaching failed: ${(error as Error).message}`);
  }
}
