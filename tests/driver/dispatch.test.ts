// The dispatch of the driver's requests (driver/ioctl.h), as a library: what each request does, rights and sizes, handles,
// engines, memory that fails, and random requests.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { ERROR_CODES } from "../../core/base/error.ts";
import { loadObject } from "../../core/elf/object.ts";
import { CONTRACT_VERSION } from "../../core/host/kernel/wire.ts";
import { encode } from "../../core/isa/encode.ts";
import { parse } from "../../core/isa/parse.ts";
import { buildProgram } from "../../core/program/build.ts";
import { forKernel } from "../../core/program/for-kernel.ts";
import { certify } from "../../core/verifier/certify.ts";
import { dispatchCase, makersAreComplete } from "../fuzz/dispatch.ts";
import { failAllocation, STATUS, share } from "../harness/driver.ts";
import { ask, type Client, call, closeClient, openClient, withClient } from "../harness/driver-client.ts";
import { MAP_TYPES, type MapDefinition } from "../harness/driver-maps.ts";
import {
  ACCESS,
  type Answer,
  codeOf,
  dataOf,
  ERRORS,
  field,
  handleOf,
  REPLY,
  readInfo,
  readMemory,
  request,
} from "../harness/driver-requests.ts";
import { FRAME_NAMES, FRAMES } from "../harness/frames.ts";

// The dispatch is one for the process, so these tests come one after the other.
const check = test.serial;

const MAP = 2;
const PROGRAM = 1;
const ENGINE = { any: 0, interpreter: 1, jit: 2 } as const;
const REASON = { none: 0, request: 1, uncertified: 2, memory: 3 } as const;
/** The field of OBJECT_INFO that says that a map is frozen. */
const FROZEN = 9;
const ARRAY: MapDefinition = { type: MAP_TYPES.array, keySizeBytes: 4, valueSizeBytes: 8, maxEntries: 2 };
const HASH: MapDefinition = { ...ARRAY, type: MAP_TYPES.hash };

const u32 = (value: number): Uint8Array => request(value);
const u64 = (value: number): Uint8Array => request(value, 0);
const assemble = (text: string): Uint8Array => encode(parse(text));

check("every error of the header is one of the core's, and every code is fuzzed", (t) => {
  for (const name of ERRORS.slice(1)) t.true(name in ERROR_CODES, name);
  t.is(ERRORS[0], "None");
  t.true(makersAreComplete());
});

check(
  "status: the contract's version, what there is, and that uncertified programs are not compiled",
  (t) => {
    for (const allow of [false, true])
      withClient(t, allow, (client) => {
        handleOf(ask.createMap(client, ARRAY));
        handleOf(ask.createProgram(client, assemble("r0 = 1\nexit")));
        const status = ask.status(client);
        t.is(field(status, 1), CONTRACT_VERSION);
        t.is(field(status, 2), allow ? 3 : 2);
        t.deepEqual([field(status, 4), field(status, 5), field(status, 6)], [1, 1, 1]);
      });
  },
);

check("entries of a map: written, read, walked, deleted", (t) => {
  withClient(t, false, (client) => {
    const map = handleOf(ask.createMap(client, HASH));
    t.is(ask.update(client, map, u32(5), u64(50)).error, "None");
    t.is(ask.update(client, map, u32(5), u64(51), 1).error, "MapKeyExists");
    t.is(ask.update(client, map, u32(6), u64(60), 2).error, "MapKeyNotFound");
    t.is(ask.update(client, map, u32(6), u64(60)).error, "None");
    t.is(ask.update(client, map, u32(7), u64(70)).error, "MapFull");
    t.deepEqual(dataOf(ask.lookup(client, map, u32(5))), u64(50));
    t.is(ask.lookup(client, map, u32(9)).error, "MapKeyNotFound");
    const first = dataOf(ask.nextKey(client, map, undefined));
    const second = dataOf(ask.nextKey(client, map, first));
    t.deepEqual([first[0], second[0]].sort(), [5, 6]);
    t.is(ask.nextKey(client, map, second).error, "MapKeyNotFound");
    t.is(ask.delete(client, map, u32(5)).error, "None");
    t.is(ask.delete(client, map, u32(5)).error, "MapKeyNotFound");
  });
});

check("a frozen map is read, and never again written or deleted from; others are not frozen", (t) => {
  withClient(t, false, (client) => {
    for (const definition of [ARRAY, HASH]) {
      const map = handleOf(ask.createMap(client, definition));
      t.is(ask.update(client, map, u32(1), u64(5)).error, "None");
      t.is(field(ask.info(client, map), FROZEN), 0);
      for (const _ of [1, 2]) t.is(ask.freeze(client, map).error, "None");
      t.is(field(ask.info(client, map), FROZEN), 1);
      for (const flags of [0, 2])
        t.is(ask.update(client, map, u32(1), u64(6), flags).error, "MapOperationUnsupported");
      t.is(ask.delete(client, map, u32(1)).error, "MapOperationUnsupported");
      t.deepEqual(dataOf(ask.lookup(client, map, u32(1))), u64(5));
      // Its flags do not say that programs only read it.
      const add = "r6 = map[0]\n*(u32 *)(r10 - 4) = 1\nr1 = r6\nr2 = r10\nr2 += -4\ncall 1\n";
      const program = ask.createProgram(
        client,
        assemble(`${add}if r0 == 0 goto +1\n*(u64 *)(r0 + 0) = 7\nr0 = 0\nexit`),
        {
          maps: [map],
        },
      );
      t.is(field(ask.run(client, handleOf(program), FRAMES.udp), 1), 0);
      t.deepEqual(dataOf(ask.lookup(client, map, u32(1))), u64(7));
    }
    const programs = { ...ARRAY, type: MAP_TYPES.prog_array, valueSizeBytes: 4 };
    t.is(ask.freeze(client, handleOf(ask.createMap(client, programs))).error, "MapOperationUnsupported");
    t.is(ask.freeze(client, 77).error, "MapNotFound");
  });
});

check("what does not fit a map is told", (t) => {
  withClient(t, false, (client) => {
    const map = handleOf(ask.createMap(client, ARRAY));
    const ring = handleOf(
      ask.createMap(client, {
        type: MAP_TYPES.ringbuf,
        keySizeBytes: 0,
        valueSizeBytes: 0,
        maxEntries: 4096,
      }),
    );
    const none = new Uint8Array(0);
    const answers: readonly [Answer, string][] = [
      [ask.lookup(client, map, new Uint8Array(3)), "MapValueInvalid"],
      [ask.update(client, map, u32(0), new Uint8Array(7)), "MapValueInvalid"],
      [ask.update(client, map, u32(0), u64(1), 3), "ArgumentInvalid"],
      [ask.update(client, map, u32(2), u64(1)), "MapKeyNotFound"],
      [ask.lookup(client, map, u32(0), 7), "ArgumentInvalid"],
      [ask.nextKey(client, map, undefined, 3), "ArgumentInvalid"],
      [ask.delete(client, map, u32(0)), "MapOperationUnsupported"],
      [ask.lookup(client, ring, none), "MapOperationUnsupported"],
      [ask.readRing(client, map), "MapOperationUnsupported"],
      [ask.readRing(client, ring), "None"],
      [ask.readRing(client, ring, 7), "ArgumentInvalid"],
      [ask.lookup(client, map + 1000, u32(0)), "MapNotFound"],
      [ask.createMap(client, { ...ARRAY, keySizeBytes: 8 }), "MapDefinitionInvalid"],
      [ask.createMap(client, { ...ARRAY, type: 77 }), "MapTypeUnsupported"],
      [ask.createMap(client, { ...ARRAY, valueSizeBytes: 1 << 20, maxEntries: 1024 }), "MemoryExhausted"],
      [ask.readLog(client), "None"],
    ];
    for (const [index, [answer, error]] of answers.entries()) t.is(answer.error, error, `${index}`);
  });
});

check("rights and sizes are those of the table", (t) => {
  withClient(t, false, (client) => {
    const reader = openClient(ACCESS.READ);
    const map = handleOf(ask.createMap(client, ARRAY));
    t.is(ask.createMap(reader, ARRAY).status, STATUS.ACCESS_DENIED);
    const id = field(ask.next(reader, MAP, 0), 1);
    const own = handleOf(ask.open(reader, MAP, id));
    t.deepEqual(dataOf(ask.lookup(reader, own, u32(0))), u64(0));
    t.is(ask.update(reader, own, u32(0), u64(1)).status, STATUS.ACCESS_DENIED);
    closeClient(reader);
    const code = codeOf("MAP_LOOKUP");
    t.is(call(client, 0x1234, u32(0), 64).status, STATUS.INVALID_DEVICE_REQUEST);
    t.is(call(client, code, request(map, 0, 4, 0), 64).status, STATUS.INVALID_PARAMETER);
    t.is(call(client, code, request(map, 0, 0, 0, 0), 64).status, STATUS.INVALID_PARAMETER);
    t.is(call(client, code, request(map, 0, 0xffff_fffc, 8, 0), 64).status, STATUS.INVALID_PARAMETER);
    t.is(call(client, code, request(map, 0, 4), 64).status, STATUS.INVALID_PARAMETER);
    t.is(call(client, code, request(map, 0, 4, 0, 0), REPLY.data - 1).status, STATUS.BUFFER_TOO_SMALL);
  });
});

check("a handle is its client's, ends when it is closed, and its place has another number then", (t) => {
  withClient(t, false, (client) => {
    const other = openClient();
    const map = handleOf(ask.createMap(client, ARRAY));
    t.is(ask.lookup(other, map, u32(0)).error, "MapNotFound");
    t.is(ask.close(client, map).error, "None");
    t.is(ask.close(client, map).error, "ArgumentInvalid");
    t.is(ask.info(client, map).error, "ArgumentInvalid");
    const next = handleOf(ask.createMap(client, ARRAY));
    t.is(next & 0xffff, map & 0xffff);
    t.not(next, map);
    closeClient(other);
  });
});

check("many handles: none is given twice, and those of all others stay", (t) => {
  withClient(t, false, (client) => {
    const id = field(ask.createMap(client, ARRAY), 2);
    const handles = Array.from({ length: 300 }, () => handleOf(ask.open(client, MAP, id)));
    t.is(new Set(handles).size, handles.length);
    for (const handle of handles.filter((_, index) => index % 3 === 0))
      t.is(ask.close(client, handle).error, "None");
    for (const [index, handle] of handles.entries())
      t.is(ask.info(client, handle).error, index % 3 === 0 ? "ArgumentInvalid" : "None");
  });
});

check("a program keeps its maps; info tells of both; the last handle ends them", (t) => {
  withClient(t, false, (client) => {
    const other = openClient();
    const map = ask.createMap(client, ARRAY);
    const program = ask.createProgram(client, assemble("r1 = map[0]\nr0 = 2\nexit"), {
      maps: [handleOf(map)],
    });
    t.is(ask.close(client, handleOf(map)).error, "None");
    const info = ask.info(client, handleOf(program));
    t.deepEqual(
      [1, 2, 10, 11, 12, 13, 14, 15, 16].map((index) => field(info, index)),
      [PROGRAM, field(program, 2), 1, 4, ENGINE.interpreter, REASON.uncertified, 0, 1, field(map, 2)],
    );
    const again = handleOf(ask.open(other, MAP, field(map, 2)));
    t.is(field(ask.info(other, again), 8), 8);
    t.is(ask.close(client, handleOf(program)).error, "None");
    t.is(field(ask.next(client, PROGRAM, 0), 1), 0);
    t.is(field(ask.next(client, MAP, 0), 1), field(map, 2));
    closeClient(other);
    t.is(field(ask.next(client, MAP, 0), 1), 0);
    t.is(ask.open(client, MAP, field(map, 2)).error, "MapNotFound");
    t.is(ask.next(client, 4, 0).error, "ArgumentInvalid");
    t.is(ask.next(client, 0, 0).error, "ArgumentInvalid");
  });
});

check("a program is compiled only if that is allowed, and the reply says why it is not", (t) => {
  const code = assemble("r0 = 2\nexit");
  const engineOf = (answer: Answer) => [field(answer, 3), field(answer, 4)];
  withClient(t, false, (client) => {
    t.deepEqual(engineOf(ask.createProgram(client, code)), [ENGINE.interpreter, REASON.uncertified]);
    t.is(ask.createProgram(client, code, { engine: ENGINE.jit }).error, "ArgumentInvalid");
  });
  withClient(t, true, (client) => {
    const program = ask.createProgram(client, code);
    t.deepEqual(engineOf(program), [ENGINE.jit, REASON.none]);
    t.is(field(ask.info(client, handleOf(program)), 14), 0);
    const { interpreter } = ENGINE;
    t.deepEqual(engineOf(ask.createProgram(client, code, { engine: interpreter })), [
      interpreter,
      REASON.request,
    ]);
  });
});

check("what is refused of programs", (t) => {
  withClient(t, true, (client) => {
    const rejected = ask.createProgram(client, assemble("r0 = 2\nr0 = 3"));
    t.is(rejected.error, "ProgramRejected");
    t.deepEqual([field(rejected, 5), field(rejected, 6)], [6, 1]);
    const code = assemble("r0 = 2\nexit");
    t.is(ask.createProgram(client, code, { type: 5 }).error, "ProgramTypeUnsupported");
    t.is(ask.createProgram(client, code, { maps: [99] }).error, "MapNotFound");
    const map = handleOf(ask.createMap(client, ARRAY));
    t.is(
      ask.createProgram(client, code, { maps: Array.from({ length: 65 }, () => map) }).error,
      "ArgumentInvalid",
    );
    t.is(ask.run(client, map, FRAMES.udp).error, "ProgramNotFound");
  });
});

check("runs: the packet as it was left, the budget, a fault, repetition", (t) => {
  withClient(t, false, (client) => {
    const writes =
      "r2 = *(u64 *)(r1 + 0)\nr3 = *(u8 *)(r2 + 0)\nr3 += 1\n*(u8 *)(r2 + 0) = r3\nr0 = *(u32 *)(r1 + 24)\nexit";
    const program = handleOf(ask.createProgram(client, assemble(writes)));
    const run = ask.run(client, program, Uint8Array.of(5, 6), 3);
    t.deepEqual([field(run, 1), field(run, 3), field(run, 4), field(run, 10)], [0, 3, 7, 2]);
    t.deepEqual(dataOf(run, REPLY.run), Uint8Array.of(6, 6));
    const empty = ask.run(client, program, new Uint8Array(0), 9);
    t.deepEqual([field(empty, 1), field(empty, 2), field(empty, 3)], [1, 1, 1]);
    const loop = handleOf(ask.createProgram(client, assemble("top: goto top")));
    t.deepEqual([field(ask.run(client, loop, new Uint8Array(0), 9, 500), 1)], [4]);
    t.is(ask.run(client, program, new Uint8Array(1), 0).error, "ArgumentInvalid");
    t.is(ask.run(client, program, new Uint8Array(1), 1, 1_000_001).error, "ArgumentInvalid");
    t.is(ask.run(client, program, new Uint8Array(65537)).error, "ArgumentInvalid");
  });
});

/** droppacket, and the certificate that the verifier makes of it. */
const sample = buildProgram(
  loadObject(readFileSync(join(import.meta.dirname, "../../samples/droppacket.o")), "droppacket.o"),
  undefined,
);
const droppacket = encode(sample.instructions);
const certified = certify(sample);
const certificate = certified.kind === "certified" ? certified.bytes : new Uint8Array(0);

check("a program whose certificate holds is compiled, and shown as certified", (t) => {
  withClient(t, false, (client) => {
    const maps = [handleOf(ask.createMap(client, { ...ARRAY, maxEntries: 1 }))];
    const program = ask.createProgram(client, droppacket, { maps, certificate });
    t.deepEqual([field(program, 3), field(program, 4)], [ENGINE.jit, REASON.none]);
    const info = ask.info(client, handleOf(program));
    t.deepEqual([field(info, 12), field(info, 14)], [ENGINE.jit, 1]);
    t.is(field(ask.run(client, handleOf(program), FRAMES.emptyUdp), 4), 2);
    t.deepEqual(dataOf(ask.lookup(client, maps[0] ?? 0, u32(0))), u64(1));
    const { interpreter } = ENGINE;
    const other = ask.createProgram(client, droppacket, { maps, certificate, engine: interpreter });
    t.deepEqual([field(other, 3), field(other, 4)], [interpreter, REASON.request]);
    t.is(field(ask.info(client, handleOf(other)), 14), 1);
  });
});

check("a certificate that does not hold is told, and nothing is loaded, whatever is allowed", (t) => {
  for (const allow of [false, true])
    withClient(t, allow, (client) => {
      const maps = [handleOf(ask.createMap(client, { ...ARRAY, maxEntries: 1 }))];
      const large = [handleOf(ask.createMap(client, { ...ARRAY, maxEntries: 2 }))];
      const changed = Uint8Array.from(droppacket);
      changed[changed.length - 12] = (changed[changed.length - 12] ?? 0) ^ 1;
      const cut = certificate.slice(0, -1);
      const errorOf = (code: Uint8Array, options: object) =>
        ask.createProgram(client, code, { maps, certificate, ...options }).error;
      t.is(errorOf(droppacket, { certificate: Uint8Array.of(1, 2, 3) }), "CertificateInvalid");
      t.is(errorOf(droppacket, { certificate: cut }), "CertificateRefused");
      t.is(errorOf(droppacket, { section: "xdp/other" }), "CertificateMismatch");
      t.is(errorOf(droppacket, { maps: large }), "CertificateMismatch");
      t.is(errorOf(droppacket, { section: "x".repeat(257) }), "ArgumentInvalid");
      t.is(errorOf(assemble("r0 = 2\nexit"), { maps: [] }), "CertificateMismatch");
      t.not(errorOf(changed, {}), "None");
      t.is(field(ask.status(client), 4), 0);
    });
});

/** A program with .data, .bss and two sections of constants. */
const original = buildProgram(
  loadObject(readFileSync(join(import.meta.dirname, "../fixtures/c/object-data.o")), "object-data.o"),
  undefined,
);

/** Its maps as a host creates them for the driver. */
function createDataMaps(
  client: Client,
  freeze: boolean,
  change: (bytes: Uint8Array) => void = () => {},
): number[] {
  return forKernel(original).maps.map(({ spec }, index) => {
    const handle = handleOf(ask.createMap(client, spec));
    const bytes = Uint8Array.from(original.maps[index]?.spec.data?.bytes ?? []);
    if (spec.data !== undefined) change(bytes);
    if (ask.update(client, handle, u32(0), bytes).error !== "None") throw new Error("not written");
    if (freeze && spec.data !== undefined && ask.freeze(client, handle).error !== "None")
      throw new Error("not frozen");
    return handle;
  });
}

check("variables and constants: frozen constants are part of what is certified, and it is compiled", (t) => {
  const proof = certify(forKernel(original));
  if (proof.kind === "none") return t.fail(proof.reason);
  const code = encode(original.instructions);
  const load = (client: Client, maps: readonly number[], options = {}) =>
    ask.createProgram(client, code, { maps, certificate: proof.bytes, ...options });
  withClient(t, false, (client) => {
    // Before it is frozen, or with another constant, it is not what was proved.
    t.is(load(client, createDataMaps(client, false)).error, "CertificateMismatch");
    const changed = createDataMaps(client, true, (bytes) => bytes.set([bytes.at(-1)! ^ 1], bytes.length - 1));
    t.is(load(client, changed).error, "CertificateMismatch");
    for (const engine of [ENGINE.any, ENGINE.interpreter]) {
      const maps = createDataMaps(client, true);
      const program = load(client, maps, { engine });
      t.deepEqual(
        [program.error, field(program, 3)],
        ["None", engine === ENGINE.any ? ENGINE.jit : ENGINE.interpreter],
      );
      t.is(field(ask.info(client, handleOf(program)), 14), 1);
      // The interface is number 7; "pass"[1] is not 'r'. packets began as 7.
      t.is(field(ask.run(client, handleOf(program), FRAMES.udp, 60), 4), 1);
      t.is(dataOf(ask.lookup(client, maps[0] ?? 0, u32(0)))[0], 67);
      t.deepEqual(dataOf(ask.lookup(client, maps[1] ?? 0, u32(0))).slice(0, 4), u32(7));
    }
  });
});

check("droppacket drops and counts what it should, in both engines", (t) => {
  withClient(t, true, (client) => {
    for (const engine of [ENGINE.any, ENGINE.interpreter]) {
      const map = handleOf(ask.createMap(client, { ...ARRAY, maxEntries: 1 }));
      const program = handleOf(ask.createProgram(client, droppacket, { maps: [map], engine }));
      const dropped = FRAME_NAMES.filter((name) => field(ask.run(client, program, FRAMES[name]), 4) === 2);
      t.deepEqual(dropped, ["emptyUdp", "emptyUdpToEcho", "emptyUdpWithOptions"]);
      t.deepEqual(dataOf(ask.lookup(client, map, u32(0))), u64(3));
    }
  });
});

check("programs and maps have the names they are given, if those can be shown", (t) => {
  withClient(t, false, (client) => {
    const map = handleOf(ask.createMap(client, ARRAY, "counts"));
    t.is(readInfo(ask.info(client, map)).name, "counts");
    const longest = "ß".repeat(31);
    const program = handleOf(ask.createProgram(client, assemble("r0 = 1\nexit"), { name: longest }));
    t.is(readInfo(ask.info(client, program)).name, longest);
    t.is(readInfo(ask.info(client, handleOf(ask.createMap(client, ARRAY)))).name, "");
    for (const bad of ["a\nb", "\u001b[2J", "a\u0000b", "\u007f", "n".repeat(64)]) {
      t.is(ask.createMap(client, ARRAY, bad).error, "ArgumentInvalid");
      t.is(ask.createProgram(client, assemble("exit"), { name: bad }).error, "ArgumentInvalid");
    }
  });
});

check(
  "runs are counted and timed while that is asked for, faults always; by what the run began with",
  (t) => {
    withClient(t, true, (client) => {
      const info = (handle: number) => readInfo(ask.info(client, handle));
      for (const engine of [ENGINE.any, ENGINE.interpreter]) {
        const program = handleOf(
          ask.createProgram(client, droppacket, { maps: [handleOf(ask.createMap(client, ARRAY))], engine }),
        );
        ask.run(client, program, FRAMES.udp, 10);
        t.like(info(program), { runs: 0, nanoseconds: 0, faults: 0 });
        t.is(ask.statistics(client, 1).error, "None");
        t.is(field(ask.status(client), 2) & 4, 4);
        ask.run(client, program, FRAMES.udp, 1000);
        t.is(ask.statistics(client, 0).error, "None");
        t.is(field(ask.status(client), 2) & 4, 0);
        ask.run(client, program, FRAMES.udp, 10);
        t.like(info(program), { runs: 1000, faults: 0 });
        t.true(info(program).nanoseconds > 1000 && info(program).nanoseconds < 1e9);
        const endless = handleOf(ask.createProgram(client, assemble("again:\ngoto again"), { engine }));
        for (let count = 0; count < 3; count++) t.is(field(ask.run(client, endless, FRAMES.udp), 1), 4);
        t.like(info(endless), { runs: 0, faults: 3 });
      }
      t.is(ask.statistics(client, 2).error, "ArgumentInvalid");
    });
  },
);

check("what programs print is read line by line", (t) => {
  withClient(t, false, (client) => {
    const print = "r1 = 0x6968 \n*(u64 *)(r10 - 8) = r1\nr1 = r10\nr1 += -8\nr2 = 3\ncall 12\nr0 = 0\nexit";
    const program = handleOf(ask.createProgram(client, assemble(print)));
    while (field(ask.readLog(client), 2) === 1);
    t.is(field(ask.run(client, program, new Uint8Array(0), 2), 1), 0);
    for (const line of ["hi", "hi"]) t.is(Buffer.from(dataOf(ask.readLog(client))).toString(), line);
    t.is(field(ask.readLog(client), 2), 0);
  });
});

check("an array of programs that holds its own program is freed at the end", (t) => {
  withClient(t, false, (client) => {
    const array = { type: MAP_TYPES.prog_array, keySizeBytes: 4, valueSizeBytes: 4, maxEntries: 2 };
    const map = handleOf(ask.createMap(client, array));
    const program = ask.createProgram(client, assemble("r1 = map[0]\nr0 = 2\nexit"), { maps: [map] });
    t.is(ask.update(client, map, u32(0), u32(field(program, 2))).error, "None");
    t.is(ask.update(client, map, u32(1), u32(9999)).error, "MapValueInvalid");
  });
});

check(
  "an array of programs is cleared when the last handle to it is closed, so that no circle stays",
  (t) => {
    withClient(t, false, (client) => {
      const array = { type: MAP_TYPES.prog_array, keySizeBytes: 4, valueSizeBytes: 4, maxEntries: 2 };
      const code = assemble("r2 = map[0]\nr3 = 1\ncall tail_call\nr0 = 7\nexit".replace("tail_call", "5"));
      const answers = assemble("r0 = 2\nexit");
      const other = openClient();
      const map = ask.createMap(client, array);
      const again = handleOf(ask.open(other, MAP, field(map, 2)));
      const calls = ask.createProgram(client, code, { maps: [handleOf(map)] });
      const target = ask.createProgram(client, answers);
      t.is(ask.update(client, handleOf(map), u32(0), u32(field(calls, 2))).error, "None");
      t.is(ask.update(client, handleOf(map), u32(1), u32(field(target, 2))).error, "None");
      const result = () => field(ask.run(client, handleOf(calls), FRAMES.udp), 4);
      t.is(result(), 2);
      t.is(ask.close(client, handleOf(map)).error, "None");
      // Another has it still.
      t.is(result(), 2);
      t.is(ask.close(other, again).error, "None");
      t.is(result(), 7);
      t.is(ask.close(client, handleOf(target)).error, "None");
      t.is(ask.close(client, handleOf(calls)).error, "None");
      t.deepEqual([field(ask.status(client), 4), field(ask.status(client), 5)], [0, 0]);
      closeClient(other);
      t.is(readMemory(ask.status(client)).total, readMemory(ask.status(client)).client);
    });
  },
);

check("where there is no memory for code a program is interpreted, and says so", (t) => {
  withClient(t, true, (client) => {
    const reasons = new Set<number>();
    for (let number = 1; ; number++) {
      failAllocation(number);
      const answer = ask.createProgram(client, assemble("r0 = 2\nexit"));
      failAllocation(0);
      if (answer.error !== "None") continue;
      reasons.add(field(answer, 4));
      t.is(field(answer, 3), field(answer, 4) === REASON.none ? ENGINE.jit : ENGINE.interpreter);
      if (field(answer, 4) === REASON.none) break;
    }
    t.true(reasons.has(REASON.memory));
  });
});

check("room for handles that fails is told, and the handles before stay", (t) => {
  withClient(t, false, (client) => {
    const first = ask.createMap(client, ARRAY);
    for (let count = 1; count < 16; count++) handleOf(ask.open(client, MAP, field(first, 2)));
    failAllocation(2);
    t.is(ask.open(client, MAP, field(first, 2)).error, "MemoryExhausted");
    failAllocation(0);
    t.is(ask.info(client, handleOf(first)).error, "None");
    handleOf(ask.open(client, MAP, field(first, 2)));
  });
});

check("random requests", (t) => {
  const outcomes = new Set<string>();
  for (let seed = 1; seed <= share(300); seed++) {
    try {
      for (const outcome of dispatchCase(seed)) outcomes.add(outcome);
    } catch (error) {
      return t.fail(`seed ${seed}: ${error instanceof Error ? error.message : error}`);
    }
  }
  for (const name of [
    "MAP_UPDATE None",
    "MAP_LOOKUP None",
    "MAP_LOOKUP_BATCH None",
    "MAP_LOOKUP_BATCH ArgumentInvalid",
    "PROGRAM_RUN None",
    "PROGRAM_CREATE None 1",
    "PROGRAM_CREATE None 2",
    "RING_READ None",
    "RING_WAIT None",
    "RING_WAIT 103",
    "LINK_CREATE None",
    "LINK_REPLACE None",
    "LINK_DETACH None",
    "PROGRAM_CREATE CertificateMismatch",
  ])
    t.true(outcomes.has(name), `${name}\n${[...outcomes].sort().join("\n")}`);
});
