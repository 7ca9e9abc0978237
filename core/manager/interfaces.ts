// Interfaces: adding and removing. What a kind's settings mean is decided where the kind is made (net/).
import { EbpfError } from "../base/error.ts";
import type { InterfaceKind } from "../host/host.ts";
import { type Context, liveThenWritten } from "./context.ts";
import type { InterfaceRecord } from "./records.ts";
import type { LiveInterface, Registry } from "./registry.ts";

/** A name is typed by people and shown in tables: letters, digits and a few marks, 64 at most. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

function nameFor(registry: Registry, kind: InterfaceKind, name: string | undefined): string {
  if (name === undefined) {
    for (let number = 0; ; number++) {
      if (!registry.interfaces.has(`${kind}${number}`)) return `${kind}${number}`;
    }
  }
  if (!NAME.test(name)) {
    throw new EbpfError(
      "ArgumentInvalid",
      `an interface's name is 1 to 64 letters, digits, '.', '_' and '-': ${JSON.stringify(name)}`,
      { target: name },
    );
  }
  if (registry.interfaces.has(name)) {
    throw new EbpfError("InterfaceExists", `there is an interface ${name} already`, { target: name });
  }
  return name;
}

export async function addInterface(
  context: Context,
  kind: InterfaceKind,
  name: string | undefined,
  settings: Readonly<Record<string, unknown>>,
): Promise<InterfaceRecord> {
  const { registry, state, makeInterface } = context;
  const chosen = nameFor(registry, kind, name);
  const live = await makeInterface(kind, chosen, settings);
  // Its own settings: a gateway that was given port 0 says the port it got, and has it again after a restart.
  const stored = { name: chosen, kind, settings: live.settings };
  await liveThenWritten(state, {
    live: async () => {},
    undo: () => live.close(),
    write: (writer) => writer.addInterface(stored),
  });
  const entry: LiveInterface = { ...stored, live, problem: undefined };
  registry.interfaces.set(entry.name, entry);
  return registry.interfaceRecord(entry);
}

export async function removeInterface(
  context: Context,
  name: string,
  force: boolean,
): Promise<InterfaceRecord> {
  const { registry, state, log } = context;
  const entry = registry.interface(name);
  const link = registry.linkOn(name);
  if (link !== undefined && !force) {
    throw new EbpfError("InterfaceInUse", `program ${link.programId} is attached to interface ${name}`, {
      target: name,
      details: { programId: link.programId },
    });
  }
  const record = registry.interfaceRecord(entry);
  state.change((writer) => {
    if (link !== undefined) writer.removeLink(link.id);
    writer.removeInterface(name);
  });
  if (link !== undefined) registry.links.delete(link.id);
  registry.interfaces.delete(name);
  try {
    await entry.live?.close();
  } catch (error) {
    log(`interface ${name}: closing failed: ${(error as Error).message}`);
  }
  return record;
}
