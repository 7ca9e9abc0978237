// Program types of the driver: their rows are those of the core's tables; what programs may write at run time; contexts of the
// hooks of sockets, their helpers, and what a program's answer means; runs on request with a context.
import test from "ava";
import koffi from "koffi";
import { encode } from "../../core/isa/encode.ts";
import type { ArgumentKind, ContextDescriptor, Helper, ProgramType } from "../../core/platform/platform.ts";
import { WINDOWS } from "../../core/platform/windows.ts";
import { assembleProgram } from "../../core/program/assemble.ts";
import {
  countAllocations,
  DRIVER_ENGINES,
  type DriverEngine,
  type DriverProgramType,
  library,
  loadProgram,
  PROGRAM_TYPES,
  release,
  runProgram,
} from "../harness/driver.ts";
import { ask, closeClient, initiate, openClient, terminate } from "../harness/driver-client.ts";
import { createMap, erase, MAP_TYPES, write } from "../harness/driver-maps.ts";
import { dataOf, field, REPLY } from "../harness/driver-requests.ts";
import { AtHook, type Operation, SocketOperation } from "../harness/driver-sockets.ts";
import { mapSpec } from "../harness/programs.ts";

const TYPES = ["xdp", "bind", "cgroup_sock_addr", "sock_ops"] as const;
type Type = (typeof TYPES)[number];

koffi.struct("EBPF_SPAN", { byteOffset: "uint32", sizeBytes: "uint32" });
koffi.struct("EBPF_PROGRAM_TYPE", {
  number: "uint32",
  name: "const char*",
  contextBytes: "uint32",
  packetStart: "uint32",
  packetEnd: "uint32",
  packetMeta: "uint32",
  interfaceIndex: "uint32",
  packetReadOnly: "bool",
  writableCount: "uint32",
  writable: koffi.array("EBPF_SPAN", 2),
  helperCount: "uint32",
  helpers: "void*",
});
koffi.struct("EBPF_HELPER_ROW", {
  id: "uint32",
  function: "void*",
  arguments: koffi.array("uint8", 5, "Typed"),
});
const find = library.func("void *ProgramTypeFind(uint32)");
const NONE = 0xffff_ffff;
const ARGUMENTS = [
  "None",
  "Scalar",
  "Map",
  "Key",
  "Value",
  "ValueOut",
  "Memory",
  "MemoryOrNull",
  "MemoryOut",
  "Size",
];

function coreType(name: string): ProgramType {
  const type = WINDOWS.programTypes.find((row) => row.name === name);
  if (type === undefined) throw new Error(name);
  return type;
}

function argumentName(kind: ArgumentKind): string {
  if (kind.kind === "memory") return kind.access === "read" ? "Memory" : "MemoryOut";
  return kind.kind === "size" ? "Size" : "Scalar";
}

const fieldAt = ({ fields }: ContextDescriptor, kind: string): number =>
  fields.find((row) => row.kind === kind)?.byteOffset ?? NONE;

test("rows have the numbers, contexts and helpers of the core's tables", (t) => {
  for (const name of TYPES) {
    const { id, context, helpers } = coreType(name);
    const row = koffi.decode(find(PROGRAM_TYPES[name]), "EBPF_PROGRAM_TYPE");
    t.is(row.number, id);
    t.is(row.name, name);
    t.is(row.contextBytes, context.sizeBytes);
    t.is(row.packetStart, fieldAt(context, "packetStart"), name);
    t.is(row.packetEnd, fieldAt(context, "packetEnd"), name);
    t.is(row.packetMeta, fieldAt(context, "packetMeta"), name);
    const index = context.fields.find((one) => one.name === "ingress_ifindex");
    t.is(row.interfaceIndex, index?.byteOffset ?? NONE, name);
    t.is(row.packetReadOnly, context.packetReadOnly === true, name);
    t.deepEqual(
      row.writable.slice(0, row.writableCount),
      context.fields
        .filter((one) => one.writable)
        .map(({ byteOffset, sizeBytes }) => ({ byteOffset, sizeBytes })),
    );
    const rows = Array.from({ length: row.helperCount }, (_, at) =>
      koffi.decode(row.helpers, at * koffi.sizeof("EBPF_HELPER_ROW"), "EBPF_HELPER_ROW"),
    );
    for (const one of rows) {
      const helper = WINDOWS.helpers.find((each) => each.id === one.id && isOf(each, name));
      const names = [...one.arguments]
        .map((kind: number) => ARGUMENTS[kind])
        .filter((kind) => kind !== "None");
      t.deepEqual(names, helper?.arguments.map(argumentName), `${name} ${one.id}`);
    }
    const ids = rows.map((one) => one.id);
    for (const one of helpers) t.true(ids.includes(WINDOWS.helpers.find((row) => row.name === one)?.id), one);
  }
  t.is(find(5), null);
});

const isOf = (helper: Helper, type: string) =>
  helper.programTypes === undefined || helper.programTypes.includes(type);

const assemble = (text: string, type: Type): Uint8Array =>
  encode(
    assembleProgram(text, {
      platform: "windows",
      type,
      maps: [{ ...mapSpec("m", 4, 4, 4), type: MAP_TYPES.prog_array }],
    }).instructions,
  );

function load(
  text: string,
  type: Type,
  engine: DriverEngine = "interpreter",
  maps: Parameters<typeof loadProgram>[1] = [],
) {
  return loadProgram(assemble(text, type), maps, engine, type satisfies DriverProgramType);
}

test("the interpreter lets a program write what its type's table says, and nothing else of context and packet", (t) => {
  const packet = new Uint8Array(16);
  for (const name of TYPES) {
    const { context } = coreType(name);
    const mayWrite = (offset: number, size: number) =>
      context.fields.some(
        (one) => one.writable && offset >= one.byteOffset && offset + size <= one.byteOffset + one.sizeBytes,
      );
    for (const size of [1, 2, 4, 8])
      for (let offset = 0; offset + size <= context.sizeBytes; offset++) {
        const program = load(`*(u${size * 8} *)(r1 + ${offset}) = 5\nr0 = 0\nexit`, name);
        const { fault } = runProgram(program, { context: new Uint8Array(context.sizeBytes), packet });
        t.is(fault, mayWrite(offset, size) ? "None" : "ReadOnly", `${name} ${offset} ${size}`);
        release(program);
      }
  }
  const at = BigInt(koffi.address(packet));
  for (const [name, fault] of [
    ["xdp", "None"],
    ["bind", "ReadOnly"],
  ] as const) {
    const program = load("r2 = *(u64 *)(r1 + 0)\n*(u8 *)(r2 + 3) = 5\nr0 = *(u8 *)(r2 + 3)\nexit", name);
    const context = new Uint8Array(new BigUint64Array(7).fill(at, 0, 2).buffer);
    t.is(runProgram(program, { context, packet }).fault, fault);
    const read = load("r2 = *(u64 *)(r1 + 0)\nr0 = *(u8 *)(r2 + 3)\nexit", name);
    t.is(runProgram(read, { context, packet }).fault, "None");
    release(program);
    release(read);
  }
});

for (const engine of DRIVER_ENGINES) {
  test.serial(`${engine}: a tail call leads to programs of the same type only`, (t) => {
    const before = countAllocations();
    const types = ["sock_ops", "bind"] as const;
    const first = Uint8Array.of(0, 0, 0, 0);
    const newArray = () =>
      createMap({ type: MAP_TYPES.prog_array, keySizeBytes: 4, valueSizeBytes: 4, maxEntries: 4 });
    const [arrays, spent] = [[newArray(), newArray()] as const, newArray()];
    const nextId = library.func("uint32 ObjectNextId(uint32, uint32)");
    for (const [index, type] of types.entries()) {
      const program = load("r0 = 44\nexit", type, engine);
      let id = 0;
      for (let next = nextId(0, 0); next !== 0; next = nextId(0, id)) id = next;
      const value = new Uint8Array(Uint32Array.of(id).buffer);
      t.is(write(arrays[index === 0 ? 0 : 1], first, value), 0);
      // An array takes programs of the type of its first one, also when that is not in it any more.
      if (index === 1) t.is(write(arrays[0], Uint8Array.of(1, 0, 0, 0), value), -22);
      t.is(write(spent, first, value), index === 0 ? 0 : -22);
      t.is(erase(spent, first), index === 0 ? 0 : -2);
      release(program);
    }
    for (const [index, result] of [
      [0, BigInt.asUintN(64, -22n)],
      [1, 44n],
    ] as const) {
      const program = load("r2 = map[0]\nr3 = 0\ncall tail_call\nexit", "bind", engine, [
        arrays[index === 0 ? 0 : 1],
      ]);
      t.is(runProgram(program, { context: new Uint8Array(56) }).result, result);
      release(program);
    }
    for (const array of [...arrays, spent]) {
      erase(array, first);
      release(array);
    }
    t.is(countAllocations(), before);
  });
}

const SOCKET: Operation = {
  local: { address: [10, 0, 0, 5], port: 50_000 },
  remote: { address: [192, 0, 2, 7], port: 443 },
  compartmentId: 3,
  interfaceLuid: 0x0600_0100_0000n,
  processId: 4321n,
  logonId: 0x3e7n,
  administrator: 1,
  endpointHandle: 0x1122_3344_5566n,
  flowId: 99n,
  route: { interfaceType: 6, tunnelType: 2, subInterfaceIndex: 8, nextHopLuid: 77n },
  app: "\\device\\harddiskvolume1\\windows\\system32\\curl.exe",
};
const SIX: Operation = {
  ...SOCKET,
  local: { address: [0xfe, 0x80, ...new Array(13).fill(0), 5], port: 50_000 },
  remote: { address: [0x20, 1, 0xd, 0xb8, ...new Array(11).fill(0), 7], port: 443 },
};

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

test("bind: the address in host order, the image's name, who asks", (t) => {
  const at = new AtHook("bind", new SocketOperation({ ...SOCKET, protocol: 17 }));
  t.is(Buffer.from(at.packet).toString("utf16le"), "curl.exe");
  t.is(at.view.getBigUint64(8, true) - at.view.getBigUint64(0, true), 16n);
  t.is(at.view.getBigUint64(16, true), 4321n);
  t.is(
    hex(at.context.subarray(24, 56)),
    `020050c30500000a${"00".repeat(8)}10${"00".repeat(3)}00000000110000${"00".repeat(5)}`,
  );
  const six = new AtHook("unbind", new SocketOperation({ ...SIX, app: "plain" }));
  t.is(
    hex(six.context.subarray(24, 56)),
    `170050c300000000fe80${"00".repeat(6)}1c${"00".repeat(3)}020000000600${"00".repeat(6)}`,
  );
  t.is(Buffer.from(six.packet).toString("utf16le"), "plain");
  t.is(new AtHook("bind", new SocketOperation({ ...SOCKET, app: "" })).packet.length, 0);
  t.is(new AtHook("bind", new SocketOperation({ ...SOCKET, app: "a\\" })).packet.length, 0);
});

test("connect and accept: from whom to whom, in network order", (t) => {
  const tail = `0600000003000000000000000000000100060000`;
  const address = (bytes: string) => bytes.padEnd(32, "0");
  const connect = new AtHook("connect", new SocketOperation(SOCKET));
  t.is(hex(connect.context), `02000000${address("0a000005")}c3500000${address("c0000207")}01bb0000${tail}`);
  const accept = new AtHook("accept", new SocketOperation(SOCKET));
  t.is(hex(accept.context), `02000000${address("c0000207")}01bb0000${address("0a000005")}c3500000${tail}`);
  const six = new AtHook("connect", new SocketOperation(SIX));
  t.is(
    hex(six.context.subarray(0, 44)),
    `17000000fe80${"00".repeat(13)}05c350000020010db8${"00".repeat(11)}0701bb0000`,
  );
});

test("sock_ops: what happened, and between whom", (t) => {
  const address = (bytes: string) => bytes.padEnd(32, "0");
  for (const [kind, number] of [
    ["established", 0],
    ["accepted", 1],
    ["deleted", 2],
  ] as const) {
    const at = new AtHook(kind, new SocketOperation(SOCKET));
    const text = `0${number}00000002000000${address("0a000005")}c3500000${address("c0000207")}01bb0000`;
    t.is(hex(at.context), `${text}06000000030000000000000100060000`);
  }
});

for (const engine of DRIVER_ENGINES) {
  test.serial(`${engine}: a connect program redirects, and leaves data for the proxy`, (t) => {
    const before = countAllocations();
    const program = load(
      `r6 = r1\nr2 = 0x0100007f\n*(u32 *)(r1 + 24) = r2\nr2 = ${0x3412}\n*(u16 *)(r1 + 40) = r2\n*(u32 *)(r1 + 28) = 9
*(u64 *)(r10 - 8) = 0x11223344\nr2 = r10\nr2 += -8\nr3 = 8\ncall sock_addr_set_redirect_context\nr7 = r0
r1 = r6\nr2 = r10\nr2 += -8\nr3 = 4\ncall sock_addr_set_redirect_context\nr0 += r7\nr0 += 1\nexit`,
      "cgroup_sock_addr",
      engine,
    );
    const at = new AtHook("connect", new SocketOperation({ ...SOCKET, mayRedirect: true }));
    t.is(at.redirect, undefined);
    t.like(at.run(program), { result: 1n, fault: "None" });
    t.deepEqual(at.redirect, { address: [127, 0, 0, 1], port: 0x1234 });
    t.deepEqual(at.operation.takeRedirectContext(), Uint8Array.of(0x44, 0x33, 0x22, 0x11));
    const accept = new AtHook("accept", new SocketOperation(SOCKET));
    t.is(accept.run(program).result, BigInt.asUintN(64, -1n));
    t.is(accept.operation.takeRedirectContext(), undefined);
    release(program);
    t.is(countAllocations(), before);
  });

  test.serial(`${engine}: helpers tell of the socket, not of who runs now`, (t) => {
    const call = (name: string) => `r1 = r6\ncall ${name}\n`;
    const results = (type: Type, kind: "connect" | "deleted" | "unbind", text: string) => {
      const program = load(`r6 = r1\n${text}exit`, type, engine);
      const { result, fault } = new AtHook(kind, new SocketOperation(SOCKET)).run(program);
      release(program);
      t.is(fault, "None");
      return result;
    };
    const socket = (name: string) => results("cgroup_sock_addr", "connect", call(name));
    t.is(socket("get_current_pid_tgid") >> 32n, 4321n);
    t.is(socket("get_current_logon_id"), 0x3e7n);
    t.is(socket("is_current_admin"), 1n);
    t.is(socket("get_socket_cookie"), 0x1122_3344_5566n);
    t.is(results("sock_ops", "deleted", call("sock_ops_get_flow_id")), 99n);
    for (const [type, kind] of [
      ["sock_ops", "deleted"],
      ["bind", "unbind"],
    ] as const) {
      t.is(results(type, kind, call("get_current_pid_tgid")) >> 32n, 4321n);
      t.is(results(type, kind, call("get_current_logon_id")), 0x3e7n);
      t.is(results(type, kind, call("is_current_admin")), 1n);
    }
    const network = (size: number, read: string) =>
      results(
        "cgroup_sock_addr",
        "connect",
        `r1 = r6\nr2 = r10\nr2 += -32\nr3 = ${size}\ncall sock_addr_get_network_context\nif r0 != 0 goto none\nr0 = ${read}\nnone:\n`,
      );
    t.is(network(32, "*(u32 *)(r10 - 32)"), 1n);
    t.is(network(32, "*(u32 *)(r10 - 28)"), 6n);
    t.is(network(32, "*(u32 *)(r10 - 24)"), 2n);
    t.is(network(32, "*(u64 *)(r10 - 16)"), 77n);
    t.is(network(32, "*(u32 *)(r10 - 8)"), 8n);
    t.is(network(8, "*(u32 *)(r10 - 28)"), 6n);
  });
}

test.serial("runs on request: with a context, without one, and what does not fit the type", (t) => {
  const before = countAllocations();
  initiate();
  const client = openClient();
  const create = (type: Type, text: string) =>
    field(ask.createProgram(client, assemble(text, type), { type: PROGRAM_TYPES[type] }), 1);
  const bind = create(
    "bind",
    "r2 = *(u64 *)(r1 + 0)\nr0 = *(u8 *)(r2 + 1)\nr3 = *(u64 *)(r1 + 16)\nr0 += r3\n*(u8 *)(r1 + 24) = 9\nexit",
  );
  const context = new Uint8Array(56).fill(5);
  const run = ask.runOn(client, bind, context, Uint8Array.of(1, 2));
  t.deepEqual([field(run, 1), field(run, 4), field(run, 10), field(run, 11)], [0, 0x0505_0507, 2, 56]);
  const left = Uint8Array.from(context);
  left.fill(0, 0, 16);
  left[24] = 9;
  t.deepEqual(dataOf(run, REPLY.run), Uint8Array.of(1, 2, ...left));
  t.is(field(ask.info(client, bind), 10), 2);
  t.is(field(ask.runOn(client, bind, new Uint8Array(0), Uint8Array.of(1, 2)), 4), 2);
  t.is(field(ask.runOn(client, bind, new Uint8Array(0)), 1), 1);
  t.is(ask.runOn(client, bind, new Uint8Array(64)).error, "ArgumentInvalid");
  const ops = create(
    "sock_ops",
    "call get_current_pid_tgid\nr6 = r0\ncall sock_ops_get_flow_id\nr0 += r6\nr0 >>= 32\nexit",
  );
  t.is(field(ask.runOn(client, ops, new Uint8Array(64)), 4), process.pid);
  t.is(ask.runOn(client, ops, new Uint8Array(64), Uint8Array.of(1)).error, "ArgumentInvalid");
  t.is(ask.run(client, ops, new Uint8Array(0)).error, "ArgumentInvalid");
  const rejected = ask.createProgram(client, assemble("call sock_ops_get_flow_id\nexit", "sock_ops"), {
    type: 3,
  });
  t.is(rejected.error, "ProgramRejected");
  closeClient(client);
  terminate();
  t.is(countAllocations(), before);
});
