// The sample of the tutorial: the objects that are shipped do what their source says, and so does what clang makes of it now.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { EbpfError } from "../../core/base/error.ts";
import { loadObject } from "../../core/elf/object.ts";
import { createEmbeddedHost } from "../../core/host/embedded/host.ts";
import { load } from "../../core/manager/load.ts";
import type { FailureRecord } from "../../core/manager/records.ts";
import { buildProgram } from "../../core/program/build.ts";
import { compileC } from "../harness/clang.ts";
import { ENGINES } from "../harness/engines.ts";
import { FRAME_NAMES, FRAMES, type FrameName } from "../harness/frames.ts";

const SAMPLES = join(import.meta.dirname, "..", "..", "samples");
const EMPTY: readonly FrameName[] = ["emptyUdp", "emptyUdpToEcho", "emptyUdpWithOptions"];

/** The shipped object, and one compiled now by the command that the source tells of. */
function objectsOf(name: string): [string, Uint8Array][] {
  return [
    ["shipped", readFileSync(join(SAMPLES, `${name}.o`))],
    ["compiled now", compileC(`samples/${name}.c`, ["-nostdlibinc"])],
  ];
}

for (const engine of ENGINES) {
  test(`droppacket drops and counts empty UDP datagrams over IPv4, and nothing else (${engine})`, async (t) => {
    for (const [which, object] of objectsOf("droppacket")) {
      const host = createEmbeddedHost();
      const program = load(host, object, { file: "droppacket.o", engine, proof: "required" }, () => {});
      const dropped = FRAME_NAMES.filter((name) => program.run({ data: FRAMES[name] }).action === "drop");
      t.deepEqual(dropped, [...EMPTY], which);
      t.is(program.run({ data: FRAMES.udp }).action, "pass");
      const [map] = program.maps;
      t.is(map?.spec.name, "dropped_packet_map");
      const value = map?.lookup(new Uint8Array(4)) ?? new Uint8Array(8);
      t.is(Buffer.from(value).readBigUInt64LE(), BigInt(EMPTY.length));
      await host.close();
    }
  });
}

test("the shipped droppacket is what clang makes of its source", (t) => {
  const [shipped, compiled] = objectsOf("droppacket").map(([, bytes]) =>
    buildProgram(loadObject(bytes, "droppacket.o"), undefined),
  );
  t.deepEqual(shipped?.instructions, compiled?.instructions);
});

test("droppacket_unsafe is refused at the line that reads what was not checked", async (t) => {
  for (const [which, object] of objectsOf("droppacket_unsafe")) {
    const host = createEmbeddedHost();
    const error = t.throws(
      () =>
        load(
          host,
          object,
          { file: "droppacket_unsafe.o", engine: "interpreter", proof: "required" },
          () => {},
        ),
      {
        instanceOf: EbpfError,
      },
    );
    t.is(error?.code, "ProgramRejected", which);
    const failure = error?.data.details?.failure as FailureRecord | undefined;
    t.is(failure?.source?.text.trim(), "if (ethernet->type != htons(ETHERTYPE_IPV4)) {", which);
    t.true(failure?.source?.file.endsWith("droppacket_unsafe.c"), which);
    await host.close();
  }
});

test("the unsafe edit is the bounds check taken out, and nothing else of the program", (t) => {
  const codeOf = (name: string) =>
    readFileSync(join(SAMPLES, name), "utf8")
      .split("\n")
      .filter((line) => !line.trimStart().startsWith("//"));
  const safe = codeOf("droppacket.c");
  const unsafe = codeOf("droppacket_unsafe.c");
  const check = safe.findIndex((line) => line.includes("> packet_end"));
  t.deepEqual(unsafe, safe.toSpliced(check, 3));
});
