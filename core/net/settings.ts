// The check of given settings against the table of kinds.
import { lookup } from "node:dns/promises";
import { resolve } from "node:path";
import { EbpfError } from "../base/error.ts";
import type { InterfaceKind } from "../host/host.ts";
import { addressBytes, formatAddress, type SocketAddress, splitAddress } from "./address.ts";
import { INTERFACE_KINDS, type InterfaceKindRow, type SettingRow } from "./kinds.ts";
import type { LoopSettings } from "./loop.ts";
import type { Direction } from "./windivert/expression.ts";

type Given = Readonly<Record<string, unknown>>;
/** Checked against their rows: strings, whole numbers and booleans. */
type Values = Readonly<Record<string, string | number | boolean | undefined>>;

/** The settings of a kind, checked, addresses resolved, defaults filled in; ArgumentInvalid says which is wrong and why. */
export async function checkSettings(kind: InterfaceKind, given: Given): Promise<LoopSettings> {
  const row = INTERFACE_KINDS.find((candidate) => candidate.kind === kind);
  if (row === undefined) {
    const kinds = INTERFACE_KINDS.map((known) => known.kind).join(", ");
    throw wrong(kind, `there is no interface kind "${kind}"; there are ${kinds}`);
  }
  const values = checkValues(row, given);
  switch (row.kind) {
    case "gateway":
      return checkGateway(values);
    case "tap":
      return checkTap(values);
    case "pcap":
      return checkPcap(values);
    case "windivert":
      return checkWindivert(values);
  }
}

function wrong(target: string, message: string): EbpfError {
  return new EbpfError("ArgumentInvalid", message, { target });
}

function checkValues(row: InterfaceKindRow, given: Given): Values {
  const known = row.settings.map((setting) => setting.name);
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw wrong(unknown, `a ${row.kind} interface has no setting "${unknown}"; it has ${known.join(", ")}`);
  }
  return Object.fromEntries(
    row.settings.map((setting) => [setting.name, checkValue(row, setting, given[setting.name])]),
  );
}

/** Numbers and flags may come as text, as from a command line. */
function checkValue(
  row: InterfaceKindRow,
  setting: SettingRow,
  value: unknown,
): string | number | boolean | undefined {
  const { name } = setting;
  if (value === undefined || value === null) {
    if (setting.required) throw wrong(name, `a ${row.kind} interface needs the setting "${name}"`);
    return setting.default;
  }
  switch (setting.type) {
    case "flag":
      if (typeof value === "boolean") return value;
      if (value === "true" || value === "false") return value === "true";
      throw wrong(name, `${name} is ${show(value)}; it must be true or false`);
    case "count": {
      const { minimum = 0, maximum = Number.MAX_SAFE_INTEGER } = setting;
      const number = typeof value === "string" && /^-?\d+$/.test(value) ? Number(value) : value;
      if (typeof number === "number" && Number.isInteger(number) && number >= minimum && number <= maximum) {
        return number;
      }
      throw wrong(name, `${name} is ${show(value)}; it must be a whole number from ${minimum} to ${maximum}`);
    }
    case "device":
      if (typeof value === "string" && /^[\w.-]{1,15}$/.test(value) && !/^\.{1,2}$/.test(value)) return value;
      throw wrong(name, `${name} is ${show(value)}; a device name has 1 to 15 letters, digits or _.-`);
    case "namespace":
      if (typeof value === "string" && /^[\w.-]{1,255}$/.test(value) && !/^\.{1,2}$/.test(value))
        return value;
      throw wrong(name, `${name} is ${show(value)}; it must be a name that "ip netns list" shows`);
    case "path":
      if (typeof value === "string" && value !== "" && !value.includes("\0")) return resolve(value);
      throw wrong(name, `${name} is ${show(value)}; it must be the path of a file`);
    case "text":
      // What the system's functions take ends at a NUL.
      if (typeof value === "string" && value.trim() !== "" && !value.includes("\0")) return value;
      throw wrong(name, `${name} is ${show(value)}; it must be a text that is not empty`);
    case "choice":
      if (typeof value === "string" && setting.choices?.includes(value) === true) return value;
      throw wrong(name, `${name} is ${show(value)}; it must be one of ${setting.choices?.join(", ")}`);
    case "address":
      if (typeof value === "string") return value;
      throw wrong(name, `${name} is ${show(value)}; it must be an address and a port, such as 127.0.0.1:53`);
  }
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}

async function checkGateway(values: Values): Promise<LoopSettings> {
  const listen = await resolveAddress(String(values.listen), "listen");
  const to = await resolveAddress(String(values.to), "to");
  if (to.port === 0) throw wrong("to", "to has port 0; it must be the port of a server");
  if (formatAddress(listen) === formatAddress(to)) {
    throw wrong("to", `to is ${formatAddress(to)}, where the gateway itself listens`);
  }
  return {
    kind: "gateway",
    listen,
    to,
    clients: Number(values.clients),
    idleSeconds: Number(values.idleSeconds),
    plain: values.plain === true,
  };
}

async function resolveAddress(text: string, setting: string): Promise<SocketAddress> {
  const { host, port } = splitAddress(text, setting);
  const direct = addressBytes(host);
  if (direct !== undefined) return { address: host, port, bytes: direct };
  if (host.includes("%")) {
    throw wrong(setting, `${setting} is "${text}"; addresses with a zone are not supported`);
  }
  let found: string;
  try {
    found = (await lookup(host)).address;
  } catch (cause) {
    throw new EbpfError(
      "ArgumentInvalid",
      `${setting} names ${host}, which has no address`,
      { target: setting },
      cause,
    );
  }
  return { address: found, port, bytes: addressBytes(found) ?? new Uint8Array(4) };
}

function checkTap(values: Values): LoopSettings {
  const { outside, inside, outsideNamespace, insideNamespace } = values;
  if (outside === inside && outsideNamespace === insideNamespace) {
    throw wrong("inside", `inside and outside are the same device, ${inside}`);
  }
  return {
    kind: "tap",
    outside: String(outside),
    inside: String(inside),
    ...(outsideNamespace === undefined ? {} : { outsideNamespace: String(outsideNamespace) }),
    ...(insideNamespace === undefined ? {} : { insideNamespace: String(insideNamespace) }),
    plain: values.plain === true,
  };
}

function checkPcap(values: Values): LoopSettings {
  const { input, output, verdicts } = values;
  const paths = [input, output, verdicts].filter((path) => path !== undefined);
  if (new Set(paths).size < paths.length)
    throw wrong("output", "input, output and verdicts must be different files");
  return {
    kind: "pcap",
    input: String(input),
    ...(output === undefined ? {} : { output: String(output) }),
    ...(verdicts === undefined ? {} : { verdicts: String(verdicts) }),
  };
}

function checkWindivert(values: Values): LoopSettings {
  const { adapter, library } = values;
  return {
    kind: "windivert",
    filter: String(values.filter),
    direction: values.direction as Direction,
    loopback: values.loopback === true,
    ...(adapter === undefined ? {} : { adapter: String(adapter) }),
    priority: Number(values.priority),
    queuePackets: Number(values.queuePackets),
    queueMilliseconds: Number(values.queueMilliseconds),
    queueBytes: Number(values.queueBytes),
    ...(library === undefined ? {} : { library: String(library) }),
  };
}
