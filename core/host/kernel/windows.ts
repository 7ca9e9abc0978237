// The driver on Windows: its device \\.\EbpfCore through CreateFileW and DeviceIoControl, by koffi; and the system's numbers of
// network interfaces.
import { EbpfError } from "../../base/error.ts";
import { bindNative, loadKoffi, type NativeCalls, type NativeTable } from "../../base/native.ts";
import { openError } from "./errors.ts";
import { type KernelSystem, systemWithout, type Transport } from "./transport.ts";

const DEVICE = "\\\\.\\EbpfCore";
const GENERIC_READ_WRITE = 0xc000_0000;
const SHARE_READ_WRITE = 3;
const OPEN_EXISTING = 3;
const INVALID_HANDLE = -1;

const HANDLE = "intptr_t";
const UINT = "uint32_t";
const POINTER = "void *";

const FUNCTIONS = {
  CreateFileW: ["kernel32.dll", HANDLE, ["str16", UINT, UINT, POINTER, UINT, UINT, HANDLE]],
  DeviceIoControl: ["kernel32.dll", "int", [HANDLE, UINT, POINTER, UINT, POINTER, UINT, POINTER, POINTER]],
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
        ...[DEVICE, GENERIC_READ_WRITE, SHARE_READ_WRITE, null, OPEN_EXISTING, 0, 0],
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

function transportOf(call: Calls, device: number): Transport {
  const size = Buffer.alloc(4);
  return {
    call(code, request, capacityBytes) {
      const reply = new Uint8Array(capacityBytes);
      const done = call.DeviceIoControl(
        ...[device, code, request, request.length, reply, capacityBytes, size, null],
      );
      if (done === 0) return { status: call.GetLastError(), reply: new Uint8Array(0) };
      return { status: 0, reply: reply.subarray(0, size.readUInt32LE()) };
    },
    close: () => void call.CloseHandle(device),
  };
}
