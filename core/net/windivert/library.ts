// The functions of WinDivert.dll, and the few of Windows that wait for them, through koffi. Memory is named by addresses.
// Windows' own come from its libraries; elsewhere from the given library too, which is how tests bring a double of it all.
import type { Koffi } from "../../base/native.ts";
import { loadError } from "./errors.ts";

const INT = "int";
const HANDLE = "intptr_t";
const POINTER = "uintptr_t";
const U32 = "uint32_t";
const U64 = "uint64_t";

/** Result and parameters of each function, under its C name. What answers 0 has failed; `lastError()` says why. */
const WINDIVERT = {
  WinDivertOpen: [HANDLE, ["str", INT, "int16_t", U64]],
  WinDivertRecvEx: [INT, [HANDLE, POINTER, U32, POINTER, U64, POINTER, POINTER, POINTER]],
  WinDivertSendEx: [INT, [HANDLE, POINTER, U32, POINTER, U64, POINTER, U32, POINTER]],
  WinDivertShutdown: [INT, [HANDLE, INT]],
  WinDivertClose: [INT, [HANDLE]],
  WinDivertSetParam: [INT, [HANDLE, INT, U64]],
  WinDivertGetParam: [INT, [HANDLE, INT, POINTER]],
  WinDivertHelperCompileFilter: [INT, ["str", INT, POINTER, U32, "_Out_ const char **", "_Out_ uint32_t *"]],
} as const;

const KERNEL32 = {
  GetLastError: [U32, []],
  CreateEventW: [HANDLE, [POINTER, INT, INT, POINTER]],
  WaitForSingleObject: [U32, [HANDLE, U32]],
  CloseHandle: [INT, [HANDLE]],
  QueryPerformanceFrequency: [INT, [POINTER]],
  QueryPerformanceCounter: [INT, [POINTER]],
} as const;

const IPHLPAPI = {
  ConvertInterfaceAliasToLuid: [U32, ["str16", POINTER]],
  ConvertInterfaceLuidToIndex: [U32, [POINTER, POINTER]],
  GetIfEntry2: [U32, [POINTER]],
} as const;

interface TypeOf {
  readonly str: string;
  readonly str16: string;
  readonly "_Out_ const char **": [string | null];
  readonly "_Out_ uint32_t *": [number];
}
type Value<T> = T extends keyof TypeOf ? TypeOf[T] : number;
type Values<P extends readonly string[]> = { -readonly [At in keyof P]: Value<P[At]> };
type Table = Readonly<Record<string, readonly [result: string, parameters: readonly string[]]>>;
type Functions<T extends Table> = { readonly [Name in keyof T]: (...values: Values<T[Name][1]>) => number };

export interface Library
  extends Functions<typeof WINDIVERT>,
    Functions<typeof KERNEL32>,
    Functions<typeof IPHLPAPI> {
  readonly path: string;
  addressOf(bytes: Uint8Array<ArrayBufferLike>): number;
}

/** Of the first functions of the kind: a layer of the network stack; what Shutdown() ends; a parameter of a handle. */
export const LAYER_NETWORK = 0;
export const SHUTDOWN_RECEIVE = 1;
export const PARAMETER = {
  queueLength: 0,
  queueMilliseconds: 1,
  queueBytes: 2,
  versionMajor: 3,
  versionMinor: 4,
} as const;

/** LOAD_WITH_ALTERED_SEARCH_PATH: what the library itself needs is looked for beside it. */
const ALTERED_SEARCH_PATH = 8;

/** Binds the library at an absolute path; WinDivertUnavailable or WinDivertBlocked says why it cannot be. */
export function openLibrary(koffi: Koffi, path: string): Library {
  const onWindows = process.platform === "win32";
  const bind = <T extends Table>(file: string, table: T): Functions<T> => {
    const library = koffi.load(onWindows ? file : path);
    return Object.fromEntries(
      Object.entries(table).map(([name, [result, parameters]]) => [
        name,
        library.func(name, result, [...parameters]),
      ]),
    ) as unknown as Functions<T>;
  };
  if (onWindows) loadFirst(koffi, path);
  try {
    return {
      ...bind(path, WINDIVERT),
      ...bind("kernel32.dll", KERNEL32),
      ...bind("iphlpapi.dll", IPHLPAPI),
      path,
      addressOf: (bytes) => Number(koffi.address(bytes)),
    };
  } catch (cause) {
    throw loadError(path, undefined, cause);
  }
}

/** koffi's own error is a text of the system; loaded by Windows itself first, a failure is a number. */
function loadFirst(koffi: Koffi, path: string): void {
  const kernel32 = koffi.load("kernel32.dll");
  const load = kernel32.func("LoadLibraryExW", HANDLE, ["str16", HANDLE, U32]) as (
    ...values: readonly [string, number, number]
  ) => number;
  const lastError = kernel32.func("GetLastError", U32, []) as () => number;
  if (load(path, 0, ALTERED_SEARCH_PATH) === 0) throw loadError(path, lastError());
}
