// The System that is Windows, through koffi: service control manager, registry, code integrity, signatures.
import { copyFileSync, readFileSync, unlinkSync } from "node:fs";
import { EbpfError } from "../base/error.ts";
import { bindNative, loadKoffi, type NativeCalls, type NativeTable } from "../base/native.ts";
import { createKernelHost, kernelSystem } from "../host/kernel/host.ts";
import { type ServiceConfiguration, type System, WindowsError } from "./system.ts";
import { EVENT_FUNCTIONS, readEvents } from "./windows-events.ts";

const UINT = "uint32_t";
const HANDLE = "intptr_t";
const TEXT = "str16";
const POINTER = "void *";

const FUNCTIONS = {
  OpenSCManagerW: ["advapi32.dll", HANDLE, [TEXT, TEXT, UINT]],
  OpenServiceW: ["advapi32.dll", HANDLE, [HANDLE, TEXT, UINT]],
  CreateServiceW: [
    "advapi32.dll",
    HANDLE,
    [HANDLE, TEXT, TEXT, UINT, UINT, UINT, UINT, TEXT, TEXT, POINTER, TEXT, TEXT, TEXT],
  ],
  ChangeServiceConfigW: [
    "advapi32.dll",
    "int",
    [HANDLE, UINT, UINT, UINT, TEXT, TEXT, POINTER, TEXT, TEXT, TEXT, TEXT],
  ],
  QueryServiceConfigW: ["advapi32.dll", "int", [HANDLE, POINTER, UINT, POINTER]],
  QueryServiceStatusEx: ["advapi32.dll", "int", [HANDLE, "int", POINTER, UINT, POINTER]],
  StartServiceW: ["advapi32.dll", "int", [HANDLE, UINT, POINTER]],
  ControlService: ["advapi32.dll", "int", [HANDLE, UINT, POINTER]],
  DeleteService: ["advapi32.dll", "int", [HANDLE]],
  CloseServiceHandle: ["advapi32.dll", "int", [HANDLE]],
  RegGetValueW: ["advapi32.dll", "int32_t", [HANDLE, TEXT, TEXT, UINT, POINTER, POINTER, POINTER]],
  RegSetKeyValueW: ["advapi32.dll", "int32_t", [HANDLE, TEXT, TEXT, UINT, POINTER, UINT]],
  RegDeleteTreeW: ["advapi32.dll", "int32_t", [HANDLE, TEXT]],
  NtQuerySystemInformation: ["ntdll.dll", "int32_t", [UINT, POINTER, UINT, POINTER]],
  WinVerifyTrust: ["wintrust.dll", "int32_t", [HANDLE, POINTER, POINTER]],
  FormatMessageW: ["kernel32.dll", UINT, [UINT, POINTER, UINT, UINT, POINTER, UINT, POINTER]],
  GetLastError: ["kernel32.dll", UINT, []],
} as const satisfies NativeTable;

type Calls = NativeCalls<typeof FUNCTIONS & typeof EVENT_FUNCTIONS>;

/** Access rights: what is asked for is what is used. */
const ACCESS = { connect: 1, createService: 2, queryConfig: 1, changeConfig: 2, queryStatus: 4 } as const;
const MORE_ACCESS = { start: 0x10, stop: 0x20, delete: 0x1_0000 } as const;
const NO_CHANGE = 0xffff_ffff;
const ERROR_NORMAL = 1;
const CONTROL_STOP = 1;
const LOCAL_MACHINE = -2_147_483_646;
const RRF_DWORD = 0x10;
const REG = { expandText: 2, number: 4 } as const;
const CODE_INTEGRITY_INFORMATION = 103;

/** DriverUnsupported where this is not Windows, or koffi is not there for it. */
export async function openWindows(): Promise<System> {
  if (process.platform !== "win32") {
    throw new EbpfError("DriverUnsupported", `the driver is for Windows; this is ${process.platform}`);
  }
  const koffi = await loadKoffi("DriverUnsupported");
  const calls = bindNative(koffi, { ...FUNCTIONS, ...EVENT_FUNCTIONS });
  const driver = createKernelHost(await kernelSystem());
  return systemOf(calls, (bytes) => Number(koffi.address(bytes)), driver);
}

function systemOf(call: Calls, addressOf: (bytes: Uint8Array) => number, driver: System["driver"]): System {
  const fail = (number: number): never => {
    throw new WindowsError(number, textOf(call, number));
  };
  const check = (result: number): number => (result === 0 ? fail(call.GetLastError()) : result);

  function withService<R>(name: string, access: number, body: (handle: number) => R): R {
    const manager = check(call.OpenSCManagerW(null, null, ACCESS.connect));
    try {
      const handle = check(call.OpenServiceW(manager, name, access));
      try {
        return body(handle);
      } finally {
        call.CloseServiceHandle(handle);
      }
    } finally {
      call.CloseServiceHandle(manager);
    }
  }

  function createService(name: string, { type, start, path }: ServiceConfiguration): void {
    const manager = check(call.OpenSCManagerW(null, null, ACCESS.connect | ACCESS.createService));
    try {
      const rest = [null, null, null, null, null];
      call.CloseServiceHandle(
        check(
          call.CreateServiceW(
            ...[manager, name, name, ACCESS.queryConfig],
            ...[type, start, ERROR_NORMAL, path, ...rest],
          ),
        ),
      );
    } finally {
      call.CloseServiceHandle(manager);
    }
  }

  return {
    windowsFolder: process.env.SystemRoot ?? "C:\\Windows",
    configuration: (name) =>
      withService(name, ACCESS.queryConfig, (handle) => {
        // The most that the function gives (its documentation).
        const bytes = Buffer.alloc(8192);
        check(call.QueryServiceConfigW(handle, bytes, bytes.length, Buffer.alloc(4)));
        return readConfiguration(bytes, addressOf(bytes));
      }),
    state: (name) =>
      withService(name, ACCESS.queryStatus, (handle) => {
        const bytes = Buffer.alloc(36);
        check(call.QueryServiceStatusEx(handle, 0, bytes, bytes.length, Buffer.alloc(4)));
        return bytes.readUInt32LE(4);
      }),
    createService,
    configureService: (name, { type, start, path }) =>
      withService(name, ACCESS.changeConfig, (handle) => {
        const rest = [null, null, null, null, null, null];
        check(call.ChangeServiceConfigW(handle, type, start, NO_CHANGE, path, ...rest));
      }),
    startService: (name) =>
      withService(name, MORE_ACCESS.start, (handle) => {
        check(call.StartServiceW(handle, 0, null));
      }),
    stopService: (name) =>
      withService(name, MORE_ACCESS.stop, (handle) => {
        check(call.ControlService(handle, CONTROL_STOP, Buffer.alloc(28)));
      }),
    deleteService: (name) =>
      withService(name, MORE_ACCESS.delete, (handle) => {
        check(call.DeleteService(handle));
      }),
    registryNumber: (key, value) => readNumber(call, key, value),
    setRegistry(key, values) {
      for (const [name, value] of Object.entries(values)) {
        const isText = typeof value === "string";
        const bytes = isText
          ? Buffer.from(`${value}\0`, "utf16le")
          : Buffer.from(Uint32Array.of(value).buffer);
        const type = isText ? REG.expandText : REG.number;
        const error = call.RegSetKeyValueW(LOCAL_MACHINE, key, name, type, bytes, bytes.length);
        if (error !== 0) fail(error);
      }
    },
    deleteRegistry(key) {
      const error = call.RegDeleteTreeW(LOCAL_MACHINE, key);
      if (error !== 0) fail(error);
    },
    codeIntegrity() {
      const bytes = Buffer.alloc(8);
      bytes.writeUInt32LE(bytes.length, 0);
      const status = call.NtQuerySystemInformation(CODE_INTEGRITY_INFORMATION, bytes, bytes.length, null);
      return status === 0 ? bytes.readUInt32LE(4) : 0;
    },
    verifyTrust: (file) => verifyTrust(call, addressOf, file),
    events: (log, query, maximum) => readEvents(call, fail, log, query, maximum),
    driver,
    readFile(path) {
      try {
        return readFileSync(path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw error;
      }
    },
    copyFile: copyFileSync,
    removeFile: unlinkSync,
    sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
  };
}

/** QUERY_SERVICE_CONFIGW, whose strings lie behind it. */
function readConfiguration(bytes: Buffer, address: number): ServiceConfiguration {
  const place = Number(bytes.readBigUInt64LE(16));
  if (place === 0) return { type: bytes.readUInt32LE(0), start: bytes.readUInt32LE(4), path: "" };
  const from = place - address;
  let to = from;
  while (to + 1 < bytes.length && bytes.readUInt16LE(to) !== 0) to += 2;
  return {
    type: bytes.readUInt32LE(0),
    start: bytes.readUInt32LE(4),
    path: bytes.toString("utf16le", from, to),
  };
}

function readNumber(call: Calls, key: string, value: string): number | undefined {
  const data = Buffer.alloc(4);
  const size = Buffer.from([data.length, 0, 0, 0]);
  const error = call.RegGetValueW(LOCAL_MACHINE, key, value, RRF_DWORD, null, data, size);
  return error === 0 ? data.readUInt32LE(0) : undefined;
}

/** Windows' own words for one of its error numbers. */
function textOf(call: Calls, number: number): string {
  const [fromSystem, ignoreInserts, english] = [0x1000, 0x200, 0x409];
  const bytes = Buffer.alloc(1024);
  let length = 0;
  // In English as all that is said here, else in the language there is.
  for (const language of [english, 0]) {
    length = call.FormatMessageW(
      ...[fromSystem | ignoreInserts, null, number, language, bytes, bytes.length / 2, null],
    );
    if (length > 0) break;
  }
  const text = bytes.toString("utf16le", 0, length * 2).trim();
  return text === "" ? `Windows error ${number}` : `${text} (Windows error ${number})`;
}

const INFO_BYTES = 32;
const DATA_BYTES = 88;

/**
 * The file's own signature, checked up to a root that this machine trusts; without the network, and without a window.
 *
 *   WINTRUST_FILE_INFO  size 0, path 8, handle 16, subject 24                                            32 bytes
 *   WINTRUST_DATA       size 0, interface 24 (2: none), revocation 28, union 32 (1: file), file 40, flags 72   88 bytes
 */
function verifyTrust(call: Calls, addressOf: (bytes: Uint8Array) => number, file: string): number {
  // WINTRUST_ACTION_GENERIC_VERIFY_V2.
  const action = Buffer.from("6bc5aa0044cdd0118cc200c04fc295ee", "hex");
  const path = Buffer.from(`${file}\0`, "utf16le");
  // In one buffer: koffi keeps what it is given, and not what is only reached through that.
  const all = Buffer.alloc(DATA_BYTES + INFO_BYTES + path.length);
  const [data, info] = [all.subarray(0, DATA_BYTES), all.subarray(DATA_BYTES)];
  path.copy(info, INFO_BYTES);
  const address = addressOf(all);
  info.writeUInt32LE(INFO_BYTES, 0);
  info.writeBigUInt64LE(BigInt(address + DATA_BYTES + INFO_BYTES), 8);
  data.writeUInt32LE(DATA_BYTES, 0);
  data.writeUInt32LE(2, 24);
  data.writeUInt32LE(1, 32);
  data.writeBigUInt64LE(BigInt(address + DATA_BYTES), 40);
  // WTD_REVOCATION_CHECK_NONE, WTD_CACHE_ONLY_URL_RETRIEVAL.
  data.writeUInt32LE(0x1010, 72);
  return call.WinVerifyTrust(-1, action, all) >>> 0;
}
