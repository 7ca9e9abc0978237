// Where the library is looked for, what its files say of themselves, and what doctor makes of that.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import fc from "fast-check";
import { findWinDivert, judge } from "../../../../core/cli/commands/doctor-windivert.ts";
import { readExecutable } from "../../../../core/net/windivert/executable.ts";
import { describeLibrary, libraryPlaces } from "../../../../core/net/windivert/find.ts";
import { temporaryFolder } from "../../../harness/service.ts";
import { buildDouble } from "./double.ts";

const PUBLISHER = "Microsoft Windows Hardware Compatibility Publisher";

/** The parts of an executable of Windows that are looked at. */
function makeExecutable(
  machine: number,
  options: { wide?: boolean; version?: readonly number[]; certificate?: string } = {},
): Buffer {
  const { wide = true, version, certificate } = options;
  const bytes = Buffer.alloc(1024);
  bytes.write("MZ");
  bytes.writeUInt32LE(0x80, 0x3c);
  bytes.write("PE\0\0", 0x80, "latin1");
  bytes.writeUInt16LE(machine, 0x84);
  bytes.writeUInt16LE(wide ? 0x20b : 0x10b, 0x98);
  if (version !== undefined) {
    bytes.writeUInt32LE(0xfeef04bd, 512);
    for (const [index, at] of [522, 520, 526, 524].entries()) bytes.writeUInt16LE(version[index]!, at);
  }
  if (certificate !== undefined) {
    const entry = 0x98 + (wide ? 112 : 96) + 32;
    bytes.writeUInt32LE(700, entry);
    bytes.writeUInt32LE(200, entry + 4);
    bytes.write(certificate, 710, "latin1");
  }
  return bytes;
}

test("an executable says its processor, its version and whose signature it carries", (t) => {
  t.deepEqual(readExecutable(makeExecutable(0x8664, { version: [2, 2, 0, 1], certificate: PUBLISHER })), {
    machine: "x64",
    version: "2.2.0.1",
    signer: PUBLISHER,
  });
  t.deepEqual(readExecutable(makeExecutable(0x14c, { wide: false, certificate: "Somebody" })), {
    machine: "ia32",
    signer: "another publisher",
  });
  t.deepEqual(readExecutable(makeExecutable(0xaa64)), { machine: "arm64" });
  t.deepEqual(readExecutable(makeExecutable(0x1234)), { machine: "0x1234" });
  t.is(readExecutable(Buffer.from("#!/bin/sh\n")), undefined);
});

test("whatever the bytes, reading them ends", (t) => {
  const start = makeExecutable(0x8664, { version: [1, 2, 3, 4], certificate: "x" });
  fc.assert(
    fc.property(fc.nat(1024), fc.array(fc.tuple(fc.nat(1023), fc.nat(255))), (size, changes) => {
      const bytes = Buffer.from(start.subarray(0, size));
      for (const [at, value] of changes) if (at < size) bytes[at] = value;
      const found = readExecutable(bytes);
      t.true(found === undefined || typeof found.machine === "string");
    }),
    { numRuns: 1000 },
  );
});

test("the places: folders of Program Files, the newest first", (t) => {
  const list = (path: string): string[] =>
    path === "C:\\Program Files"
      ? ["WinDivert-2.2.0-C", "WinDivertTool", "Git", "WinDivert-2.2.2-A", "WinDivert"]
      : [];
  t.deepEqual(libraryPlaces("C:\\Program Files", list), [
    "C:\\Program Files\\WinDivert-2.2.2-A\\WinDivert.dll",
    "C:\\Program Files\\WinDivert-2.2.2-A\\x64\\WinDivert.dll",
    "C:\\Program Files\\WinDivert-2.2.0-C\\WinDivert.dll",
    "C:\\Program Files\\WinDivert-2.2.0-C\\x64\\WinDivert.dll",
    "C:\\Program Files\\WinDivert\\WinDivert.dll",
    "C:\\Program Files\\WinDivert\\x64\\WinDivert.dll",
  ]);
  t.deepEqual(libraryPlaces("C:\\nowhere"), []);
});

test("doctor: what is there, what is wrong with it, what to do", (t) => {
  const folder = temporaryFolder(t);
  const path = buildDouble("windows", folder);
  const say = (processor = "x64", trust = 0): string => {
    const { state, found, remedy = "" } = judge(describeLibrary(path), trust, processor);
    return `${state}: ${found.replace(path, "FILE")}: ${remedy}`;
  };
  t.regex(say(), /^absent: FILE: no WinDivert64\.sys beside it: Unpack both files/);
  t.regex(say("arm64"), /^absent: FILE: for x64, Node is for arm64: There is no signed WinDivert for ARM64/);
  const driver = join(folder, "WinDivert64.sys");
  writeFileSync(driver, makeExecutable(0x8664));
  t.regex(say(), /^absent: .*has no signature, Windows will refuse it/);
  writeFileSync(driver, makeExecutable(0x8664, { version: [2, 2, 0, 0], certificate: PUBLISHER }));
  t.regex(
    say(),
    /^ok: FILE; WinDivert64\.sys 2\.2\.0\.0, signed by Microsoft .*not the file of release.*Get-AuthenticodeSignature/,
  );
  t.regex(say("x64", 0x800b0109), /^absent: .*signed by Microsoft .*not trusted here \(0x800b0109\): Unpack/);
  const installed = describeLibrary(path);
  const released = judge({ ...installed, driver: { ...installed.driver!, isRelease: true } }, 0, "x64");
  t.regex(released.found, /the file of release 2\.2\.2: made for Secure Boot and memory integrity/);
  t.is(released.remedy, undefined);
  writeFileSync(path, "text");
  t.regex(say(), /^absent: FILE: no library of Windows/);
});

test("doctor where there is no Windows", async (t) => {
  t.like(await findWinDivert(), { state: "absent", found: "only on Windows" });
});
