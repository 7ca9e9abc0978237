// The driver's hooks of WFP on Linux: they register at the shim that is in the library, and frames are played through them.
import { library } from "./driver.ts";
import {
  countsOf,
  frameHeader,
  type InjectedFrame,
  injectedOf,
  MAXIMUM_FRAME,
  type PlayedFrame,
  type PlayVerdict,
  type ShimCounts,
  verdictOf,
} from "./shim.ts";
import {
  type PlayedSocket,
  SOCKET_RESULT_BYTES,
  type SocketResult,
  socketBytes,
  socketResult,
  type WHAT,
} from "./shim-sockets.ts";

const wfpStart = library.func("int32 WfpStart(void*)");
const wfpStop = library.func("void WfpStop()");
const shimPlay = library.func("void ShimPlay(const void*, _Inout_ void*, _Out_ void*)");
const shimPlayMany = library.func("uint64 ShimPlayMany(const void*, _Inout_ void*, uint32, _Out_ void*)");
const shimPlaySocket = library.func("void ShimPlaySocket(const void*, _Out_ void*)");
const shimTakeInjected = library.func("bool ShimTakeInjected(_Out_ void*, _Out_ void*)");
const shimCount = library.func("void ShimCount(_Out_ void*)");
const shimTakeViolation = library.func("str ShimTakeViolation()");

/** The status that the driver's start of its hooks ends with. */
export const tryStartHooks = (): number => wfpStart(new Uint8Array(8));
export const stopHooks = (): void => wfpStop();

export const holdInjected: (hold: boolean) => void = library.func("void ShimHold(bool)");
export const setEngineRunning: (running: boolean) => void = library.func("void ShimSetRunning(bool)");
/** The Nth call from now of what Windows may refuse fails, once. */
export const failShim: (number: number) => void = library.func("void ShimFail(uint32)");
/** The next so many of these calls fail. */
export const refuse: (count: number) => void = library.func("void ShimRefuse(uint32)");
export const keepBusy: (times: number) => void = library.func("void ShimKeepBusy(uint32)");
/** The first rule of WFP that was broken since the last time; empty if none was. */
export const takeViolation = (): string => shimTakeViolation() as string;

export function play(frame: PlayedFrame): PlayVerdict {
  const bytes = new Uint8Array(new ArrayBuffer(Math.max(frame.bytes.length, 8)));
  bytes.set(frame.bytes);
  const verdict = new Uint32Array(4);
  shimPlay(frameHeader(frame), bytes, verdict);
  return verdictOf(verdict, bytes.slice(0, frame.bytes.length));
}

/** Nanoseconds that the classify functions take for a frame, of so many. */
export function timeFrames(frame: PlayedFrame, times: number): number {
  const bytes = Uint8Array.from(frame.bytes);
  return Number(shimPlayMany(frameHeader(frame), bytes, times, new Uint32Array(4))) / times;
}

/** All that is injected since the last time. */
export function takeInjected(): readonly InjectedFrame[] {
  const frames: InjectedFrame[] = [];
  const numbers = new Uint32Array(6);
  const bytes = new Uint8Array(MAXIMUM_FRAME);
  while (shimTakeInjected(numbers, bytes)) frames.push(injectedOf(numbers, bytes));
  return frames;
}

/** Something that happens to a socket. */
export const playSocket = (what: keyof typeof WHAT, socket: PlayedSocket): SocketResult =>
  playBytes(socketBytes(what, socket));

/** The same, of a structure that is made already. */
export function playBytes(socket: Uint8Array): SocketResult {
  const result = new Uint8Array(SOCKET_RESULT_BYTES);
  shimPlaySocket(socket, result);
  return socketResult(result);
}

/** TRUE: contexts of flows that are given up go only when this is false again. */
export const holdFlows: (hold: boolean) => void = library.func("void ShimHoldFlows(bool)");

export function countShim(): ShimCounts {
  const numbers = new Uint32Array(7);
  shimCount(numbers);
  return countsOf(numbers);
}
