// What a file of Windows says about itself: its processor, its version, whose signature it carries. Whether the signature
// holds is for Windows to say. (PE format, sections "COFF file header", "Optional header data directories".)

export interface Executable {
  /** As process.arch names it; "0x1234" for one that it does not. */
  readonly machine: string;
  /** "2.2.0.0", of its version resource. */
  readonly version?: string;
  readonly signer?: string;
}

const MACHINES: Readonly<Record<number, string>> = { 34404: "x64", 332: "ia32", 43620: "arm64" };
const PE_OFFSET = 0x3c;
const PE_SIGNATURE = 0x4550;
const PE32_PLUS = 0x20b;
/** Of the data directories: where they start in each form of the optional header, and which one is of certificates. */
const DIRECTORIES = { pe32: 96, pe32Plus: 112 } as const;
const CERTIFICATES = 4;
/** VS_FIXEDFILEINFO starts with these bytes; the version follows 8 bytes in. */
const FIXED_INFO = Uint8Array.of(0xbd, 0x04, 0xef, 0xfe);
/** Who signs what has passed Microsoft's hardware programme, or was attested to it. */
const HARDWARE_PUBLISHER = "Microsoft Windows Hardware Compatibility Publisher";

/** Undefined if it is no executable of Windows. */
export function readExecutable(bytes: Uint8Array): Executable | undefined {
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < PE_OFFSET + 4 || data.getUint16(0) !== 0x4d5a) return undefined;
  const header = data.getUint32(PE_OFFSET, true);
  if (header + 26 > bytes.length || data.getUint32(header, true) !== PE_SIGNATURE) return undefined;
  const machine = data.getUint16(header + 4, true);
  const version = readVersion(bytes, data);
  const signer = readSigner(bytes, data, header + 24);
  return {
    machine: MACHINES[machine] ?? `0x${machine.toString(16)}`,
    ...(version === undefined ? {} : { version }),
    ...(signer === undefined ? {} : { signer }),
  };
}

function readVersion(bytes: Uint8Array, data: DataView): string | undefined {
  const at = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).indexOf(FIXED_INFO);
  if (at < 0 || at + 16 > bytes.length) return undefined;
  const high = data.getUint32(at + 8, true);
  const low = data.getUint32(at + 12, true);
  return [high >>> 16, high & 0xffff, low >>> 16, low & 0xffff].join(".");
}

/** The hardware programme's signature if it is among those the file carries, else whether there is another. */
function readSigner(bytes: Uint8Array, data: DataView, optional: number): string | undefined {
  const form = data.getUint16(optional, true) === PE32_PLUS ? DIRECTORIES.pe32Plus : DIRECTORIES.pe32;
  const entry = optional + form + CERTIFICATES * 8;
  if (entry + 8 > bytes.length) return undefined;
  const start = data.getUint32(entry, true);
  const size = data.getUint32(entry + 4, true);
  if (size === 0 || start + size > bytes.length) return undefined;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, size);
  return text.includes(HARDWARE_PUBLISHER, 0, "latin1") ? HARDWARE_PUBLISHER : "another publisher";
}
