// What a person types for a live thing, a number or a name, and the one thing it means.
import { EbpfError, type ErrorCode } from "../base/error.ts";
import type { InterfaceRecord, LinkRecord, MapRecord, ProgramRecord } from "../manager/records.ts";
import type { ServiceClient } from "../service/client.ts";

interface Named {
  readonly id: number;
  readonly name: string;
}

/** A number is an id; several of one name are told apart by their ids. */
function pick<T extends Named>(what: string, text: string, rows: readonly T[], missing: ErrorCode): T {
  const found = /^[0-9]+$/.test(text)
    ? rows.filter((row) => row.id === Number(text))
    : rows.filter((row) => row.name === text);
  const [only, ...others] = found;
  if (only === undefined) throw new EbpfError(missing, `there is no ${what} ${text}`, { target: text });
  if (others.length === 0) return only;
  const ids = found.map((row) => row.id).join(", ");
  throw new EbpfError("ArgumentInvalid", `several ${what}s are named ${text}: give one of the ids ${ids}`, {
    target: text,
  });
}

/** Numbers that the service does not give are those of what others have in the driver. */
const hostOf = (text: string): { readonly host?: "kernel" } =>
  /^[0-9]{10}$/.test(text) ? { host: "kernel" } : {};

export async function findProgram(client: ServiceClient, text: string): Promise<ProgramRecord> {
  return pick("program", text, await client.call("program.list", hostOf(text)), "ProgramNotFound");
}

export async function findMap(client: ServiceClient, text: string): Promise<MapRecord> {
  return pick("map", text, await client.call("map.list", hostOf(text)), "MapNotFound");
}

/** A link by its id, or by the interface it is on. */
export async function findLink(client: ServiceClient, text: string): Promise<LinkRecord> {
  const rows = (await client.call("link.list", {})).map((row) => ({ ...row, name: row.interface }));
  const { name: _name, ...link } = pick("link", text, rows, "LinkNotFound");
  return link;
}

export async function findInterface(client: ServiceClient, name: string): Promise<InterfaceRecord> {
  const found = (await client.call("interface.list", {})).find((row) => row.name === name);
  if (found !== undefined) return found;
  throw new EbpfError("InterfaceNotFound", `there is no interface ${name}`, { target: name });
}
