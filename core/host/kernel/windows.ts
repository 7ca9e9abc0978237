// The driver on Windows: its device \\.\EbpfCore through CreateFileW and DeviceIoControl, by koffi; and the system's numbers of
// network interfaces.
import { EbpfError } from "../../base/error.ts";
import { bindNative, loadKoffi, type NativeCalls, type NativeTable } from "../../base/native.ts";
import { openError } from "./errors.ts";
import { type Answer, type KernelSystem, systemWithout, type Transport } from "./transport.ts";

const DEVICE = "\\\\.\\EbpfCore";
const GENERIC_READ_WRITE = 0xc000_0000;
const SHARE_READ_WRITE = 3;
const OPEN_EXISTING = 3;
const INVALID_HANDLE = -1;
const FILE_FLAG_OVERLAPPED = 0x4000_0000;
const ERROR_IO_PENDING = 997;

/** OVERLAPPED: the status, 4 bytes of Internal; then what is not used here; at 24 the event. */
const OVERLAPPED_BYTES = 32;
const EVENT_AT = 24;

const HANDLE = "intptr_t";
const UINT = "uint32_t";
const POINTER = "void *";

const FUNCTIONS = {
  CreateFileW: ["kernel32.dll", HANDLE, ["str16", UINT, UINT, POINTER, UINT, UINT, HANDLE]],
  DeviceIoControl: ["kernel32.dll", "int", [HANDLE, UINT, POINTER, UINT, POINTER, UINT, POINTER, POINTER]],
  GetOverlappedResult: ["kernel32.dll", "int", [HANDLE, POINTER, POINTER, "int"]],
  CancelIoEx: ["kernel32.dll", "int", [HANDLE, POINTER]],
  CreateEventW: ["kernel32.dll", HANDLE, [POINTER, "int", "int", POINTER]],
  RtlNtStatusToDosError: ["ntdll.dll", UINT, [UINT]],
  CloseHandle: ["kernel32.dll", "int", [HANDLE]],
  GetLastError: ["kernel32.dll", UINT, []],
  ConvertInterfaceAliasToLuid: ["iphlpapi.dll", UINT, ["str16", POINTER]],
  ConvertInterfaceLuidToIndex: ["iphlpapi.dll", UINT, [POINTER, POINTER]],
} as const satisfies NativeTable;

type Calls = NativeCalls<typeof FUNCTIONS>;

/** Where there can be no driver, a system that says so. */
export async function kernelSystem(): Promise<KernelSystem> {
  if (process.platform !== "win32") {
    return systemWithout(
      new EbpfError("DriverUnsupported", `the driver is for Windows; this is ${process.platform}`),
    );
  }
  try {
    return systemOf(bindNative(await loadKoffi("DriverUnsupported"), FUNCTIONS));
  } catch (error) {
    if (error instanceof EbpfError) return systemWithout(error);
    throw error;
  }
}

function systemOf(call: Calls): KernelSystem {
  return {
    open() {
      const device = call.CreateFileW(
        ...[DEVICE, GENERIC_READ_WRITE, SHARE_READ_WRITE, null, OPEN_EXISTING, FILE_FLAG_OVERLAPPED, 0],
      );
      if (device === INVALID_HANDLE) throw openError(call.GetLastError());
      return transportOf(call, device);
    },
    interfaceIndex(name) {
      const [luid, index] = [Buffer.alloc(8), Buffer.alloc(4)];
      if (call.ConvertInterfaceAliasToLuid(name, luid) !== 0) return undefined;
      return call.ConvertInterfaceLuidToIndex(luid, index) === 0 ? index.readUInt32LE() : undefined;
    },
  };
}

/** Of a file that is open. */
interface Device {
  readonly call: Calls;
  readonly handle: number;
}

const newEvent = (call: Calls): number => call.CreateEventW(null, 1, 0, null);

/** Begins a request, of which a file may have several under way; all of its memory is the system's until the result was asked for. */
function begin(
  { call, handle }: Device,
  event: number,
  code: number,
  request: Uint8Array,
  capacityBytes: number,
) {
  const overlapped = Buffer.alloc(OVERLAPPED_BYTES);
  overlapped.writeBigInt64LE(BigInt(event), EVENT_AT);
  const [reply, size] = [new Uint8Array(capacityBytes), Buffer.alloc(4)];
  const done = call.DeviceIoControl(
    ...[handle, code, request, request.length, reply, capacityBytes, null, overlapped],
  );
  const error = done === 0 ? call.GetLastError() : 0;
  return {
    /** Of a request that is not under way, nor was. */
    failed: error !== 0 && error !== ERROR_IO_PENDING ? error : undefined,
    /** What GetOverlappedResult takes. */
    result: [handle, overlapped, size, 1],
    /** After GetOverlappedResult, by what it gave. */
    answer: (succeeded: number): Answer =>
      succeeded === 0
        ? { status: call.RtlNtStatusToDosError(overlapped.readUInt32LE()), reply: NOTHING }
        : { status: 0, reply: reply.subarray(0, size.readUInt32LE()) },
  };
}

const NOTHING = new Uint8Array(0);

/** Koffi's other way to call a function: in a thread of Node's. */
interface Threaded {
  async(...values: readonly unknown[]): void;
}

const inThread = (call: unknown, values: readonly unknown[]): Promise<number> =>
  new Promise((resolve, reject) => {
    const ended = (error: Error | null, result: number): void => (error ? reject(error) : resolve(result));
    (call as Threaded).async(...values, ended);
  });

function transportOf(call: Calls, handle: number): Transport {
  const device: Device = { call, handle };
  const event = newEvent(call);
  let waiting = 0;
  let closed = false;
  const closeIfIdle = (): void => {
    if (!closed || waiting > 0) return;
    for (const one of [event, handle]) call.CloseHandle(one);
  };
  return {
    call(code, request, capacityBytes) {
      const { failed, result, answer } = begin(device, event, code, request, capacityBytes);
      if (failed !== undefined) return { status: failed, reply: NOTHING };
      return answer(call.GetOverlappedResult(...result));
    },
    async callWaiting(code, request, capacityBytes) {
      const own = newEvent(call);
      waiting += 1;
      try {
        const { failed, result, answer } = begin(device, own, code, request, capacityBytes);
        if (failed !== undefined) return { status: failed, reply: NOTHING };
        return answer(await inThread(call.GetOverlappedResult, result));
      } finally {
        call.CloseHandle(own);
        waiting -= 1;
        closeIfIdle();
      }
    },
    close() {
      closed = true;
      if (waiting > 0) call.CancelIoEx(handle, null);
      closeIfIdle();
    },
  };
}
