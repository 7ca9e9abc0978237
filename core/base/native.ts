// Functions of shared libraries, through koffi, which is an optional package: whoever needs it is told when it is not there.
import { EbpfError, type ErrorCode } from "./error.ts";

export type Koffi = typeof import("koffi")["default"];

/** Fails with `code` if koffi is not installed, or not for this system. */
export async function loadKoffi(code: ErrorCode): Promise<Koffi> {
  try {
    return (await import("koffi")).default;
  } catch (cause) {
    throw new EbpfError(code, "the npm package koffi cannot be loaded", {}, cause);
  }
}

/** Name -> library, result, parameters, in koffi's words. On x64 and arm64 there is one calling convention. */
export type NativeTable = Readonly<Record<string, readonly [string, string, readonly string[]]>>;

export type NativeCalls<T extends NativeTable> = Readonly<Record<keyof T, (...values: unknown[]) => number>>;

/** Binds the functions of a table; each library is opened once. */
export function bindNative<T extends NativeTable>(koffi: Koffi, table: T): NativeCalls<T> {
  const libraries = new Map<string, ReturnType<Koffi["load"]>>();
  const calls: Record<string, unknown> = {};
  for (const [name, [file, result, parameters]] of Object.entries(table)) {
    const library = libraries.get(file) ?? koffi.load(file);
    libraries.set(file, library);
    calls[name] = library.func(name, result, [...parameters]);
  }
  return calls as NativeCalls<T>;
}
