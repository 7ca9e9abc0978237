// The driver's hooks as the system calls them: HookInvoke, on contexts and packets made here. Hooks are numbered as in
// driver/hook.h.
import koffi from "koffi";
import { library } from "./driver.ts";

const setPresentRaw = library.func("void HookSetPresent(int, bool)");
const invokeRaw = library.func("uint32 HookInvoke(int, uint32, const void*)");
const isAttachedRaw = library.func("bool HookIsAttached(int, uint32)");

export const HOOKS = [
  "xdp",
  "bind",
  "connect4",
  "connect6",
  "recv_accept4",
  "recv_accept6",
  "sockops",
] as const;
export type HookName = (typeof HOOKS)[number];

/** Whether the system lets the hook see what it is for: what hooks of WFP say of themselves. */
export const setPresent = (hook: HookName, present: boolean): void =>
  setPresentRaw(HOOKS.indexOf(hook), present);

export const isAttached = (hook: HookName, point = 0): boolean => isAttachedRaw(HOOKS.indexOf(hook), point);

/** What the programs attached to that point answer to a context, and the packet behind it. */
export function invoke(hook: HookName, point: number, context: Uint8Array, packet?: Uint8Array): number {
  const address = (bytes: Uint8Array | undefined): bigint =>
    bytes === undefined || bytes.length === 0 ? 0n : BigInt(koffi.address(bytes));
  const input = BigUint64Array.of(
    ...[address(context), BigInt(context.length), address(packet), BigInt(packet?.length ?? 0), 0n, 0n, 0n],
  );
  return invokeRaw(HOOKS.indexOf(hook), point, input);
}

/** The same of a frame at xdp: an xdp_md and the frame, which the program may change. */
export function invokeXdp(interfaceIndex: number, frame: Uint8Array): number {
  const buffer = new Uint8Array(Math.max(frame.length, 8));
  buffer.set(frame);
  const start = BigInt(koffi.address(buffer));
  const context = BigUint64Array.of(start, start + BigInt(frame.length), start, BigInt(interfaceIndex));
  return invoke("xdp", interfaceIndex, new Uint8Array(context.buffer), buffer.subarray(0, frame.length));
}
