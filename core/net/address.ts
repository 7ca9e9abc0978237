// Network addresses: "host:port" read and written, as bytes for frames and as the sockaddr of Linux' sockets.
import { isIP } from "node:net";
import { EbpfError } from "../base/error.ts";
import { LINUX } from "./posix.ts";

/** One end of a UDP exchange; plain, so that it can be posted to a worker. */
export interface SocketAddress {
  /** As text, without brackets. */
  readonly address: string;
  readonly port: number;
  /** 4 or 16, in network order. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** sizeof(struct sockaddr_in6); a sockaddr_in is shorter. */
export const SOCKADDR_BYTES = 28;
const SOCKADDR_IN_BYTES = 16;

/** Splits "127.0.0.1:53", "[::1]:53" or "name:53"; ArgumentInvalid names the setting it came from. */
export function splitAddress(
  text: string,
  setting: string,
): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:\s]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || !(port <= 65_535) || (match?.[1] !== undefined && isIP(host) !== 6)) {
    throw new EbpfError(
      "ArgumentInvalid",
      `${setting} is "${text}"; it must be an address and a port, such as 127.0.0.1:53 or [::1]:53`,
      { target: setting },
    );
  }
  return { host, port };
}

export function formatAddress(address: SocketAddress): string {
  return address.bytes.length === 4
    ? `${address.address}:${address.port}`
    : `[${address.address}]:${address.port}`;
}

/** The bytes of an IP address in text, 4 or 16; undefined if it is none, or has a zone. */
export function addressBytes(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (isIP(text) === 4) return Uint8Array.from(text.split("."), Number);
  if (isIP(text) !== 6 || text.includes("%")) return undefined;
  // An embedded IPv4 address ("::ffff:1.2.3.4") is two groups (RFC 4291 section 2.2).
  const plain = text.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) =>
    [Number(a) * 256 + Number(b), Number(c) * 256 + Number(d)].map((group) => group.toString(16)).join(":"),
  );
  const [head = "", rest] = plain.split("::");
  const groups = (part: string): number[] =>
    part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16));
  const before = groups(head);
  const after = groups(rest ?? "");
  const zeros = new Array<number>(8 - before.length - after.length).fill(0);
  return Uint8Array.from([...before, ...zeros, ...after].flatMap((group) => [group >> 8, group & 0xff]));
}

/** Writes struct sockaddr_in or sockaddr_in6 at `at`; its size. */
export function writeSockaddr(data: DataView, at: number, address: SocketAddress): number {
  const four = address.bytes.length === 4;
  const size = four ? SOCKADDR_IN_BYTES : SOCKADDR_BYTES;
  for (let index = 0; index < size; index++) data.setUint8(at + index, 0);
  data.setUint16(at, four ? LINUX.AF_INET : LINUX.AF_INET6, true);
  data.setUint16(at + 2, address.port);
  const start = at + sockaddrAddressOffset(address.bytes.length);
  for (const [index, byte] of address.bytes.entries()) data.setUint8(start + index, byte);
  return size;
}

/** Where the address stands in a sockaddr, by its bytes (4 or 16). */
export function sockaddrAddressOffset(addressSize: number): number {
  return addressSize === 4 ? 4 : 8;
}
