// The types that CO-RE relocations are computed against: those of a file (.BTF as it is, or in an ELF file), or of the kernel
// that runs here.
import { release } from "node:os";
import { EbpfError, FormatError } from "../base/error.ts";
import { readBytes } from "../base/files.ts";
import { readBtf } from "../btf/read.ts";
import type { BtfTypes } from "../btf/types.ts";
import { readElf } from "../elf/file.ts";

/** What stands for the running kernel, where a file is named otherwise. */
export const KERNEL = "kernel";
const KERNEL_FILE = "/sys/kernel/btf/vmlinux";
const ELF_MAGIC = 0x7f;

/** Those of many files are the same, and reading a kernel's takes longer than verifying a program. */
let last: { readonly name: string; readonly types: BtfTypes } | undefined;

/** Variables of the configuration that are known of a target: of the kernel that runs here, its version. */
export function readConfiguration(name: string): ReadonlyMap<string, bigint> {
  const version = name === KERNEL ? /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(release()) : null;
  if (version === null) return new Map();
  const [major = 0, minor = 0, patch = 0] = version.slice(1).map((part) => Number(part ?? 0));
  // As KERNEL_VERSION() in C, which has 8 bits for the last part.
  const number = (major << 16) + (minor << 8) + Math.min(patch, 255);
  return new Map([["LINUX_KERNEL_VERSION", BigInt(number)]]);
}

/** FileNotFound, FileUnreadable; BtfInvalid, ElfInvalid if the file is neither; PlatformUnsupported without a kernel to ask. */
export function readTargetTypes(name: string): BtfTypes {
  if (last?.name !== name) last = { name, types: readTypes(name) };
  return last.types;
}

function readTypes(name: string): BtfTypes {
  if (name === KERNEL && process.platform !== "linux") {
    throw new EbpfError("PlatformUnsupported", "the running kernel has types for programs on Linux only");
  }
  const file = name === KERNEL ? KERNEL_FILE : name;
  const bytes = readBytes(file);
  const section = bytes[0] === ELF_MAGIC ? sectionOf(bytes, file) : bytes;
  return readBtf(section, { file }).types;
}

function sectionOf(bytes: Uint8Array, file: string): Uint8Array {
  const section = readElf(bytes, file).sections.find(({ name }) => name === ".BTF");
  if (section === undefined) throw new FormatError("BtfInvalid", `${file} has no section .BTF`, { file });
  return section.bytes;
}
