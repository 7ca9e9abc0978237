// The hooks of sockets, from an operation to what becomes of it, with programs compiled from C that their certificates prove,
// attached by links.
import test from "ava";
import koffi from "koffi";
import { encode } from "../../core/isa/encode.ts";
import { parse } from "../../core/isa/parse.ts";
import { countAllocations, failAllocation, library } from "../harness/driver.ts";
import { attachProgram } from "../harness/driver-attach.ts";
import { ask, type Client, closeClient, initiate, openClient, terminate } from "../harness/driver-client.ts";
import { HOOKS, setPresent } from "../harness/driver-hook.ts";
import { type Answer, dataOf, handleOf } from "../harness/driver-requests.ts";
import { type Endpoint, type Operation, SocketOperation, VERDICTS } from "../harness/driver-sockets.ts";

const check = test.serial;

const bindRun = library.func("uint32 BindRun(const void*, uint32)");
const connectRun = library.func("uint32 ConnectRun(void*, void*, _Out_ bool*)");
const acceptRun = library.func("uint32 AcceptRun(void*)");
const sockOpsRun = library.func("void SockOpsRun(const void*, uint32)");

/** Runs with a client and the hooks there, after which nothing may be left. */
function withClient(t: { is(a: unknown, b: unknown): void }, body: (client: Client) => void) {
  const before = countAllocations();
  initiate();
  for (const hook of HOOKS) setPresent(hook, true);
  const client = openClient();
  body(client);
  closeClient(client);
  for (const hook of HOOKS) setPresent(hook, false);
  terminate();
  t.is(countAllocations(), before);
}

const bytes = (...words: readonly number[]) => new Uint8Array(Uint32Array.from(words).buffer);
const number = (answer: Answer) => Buffer.from(dataOf(answer)).readBigUInt64LE();

const SOCKET: Operation = {
  local: { address: [10, 0, 0, 5], port: 8080 },
  remote: { address: [192, 0, 2, 7], port: 443 },
  processId: 77n,
  app: "\\device\\harddiskvolume2\\server.exe",
};
const SIX: Operation = {
  ...SOCKET,
  local: { address: [0xfe, 0x80, ...new Array(13).fill(0), 5], port: 8080 },
  remote: { address: [0x20, 1, 0xd, 0xb8, ...new Array(11).fill(0), 7], port: 443 },
};

check(
  "bind: a program refuses a port, and knows who has which addresses; detached, all is permitted",
  (t) => {
    const bind = (port: number, kind = 0) =>
      VERDICTS[bindRun(new SocketOperation({ ...SOCKET, local: { ...SOCKET.local, port } }).bytes, kind)];
    withClient(t, (client) => {
      const { link, maps } = attachProgram(client, "bind", "hook-bind", "guard_ports");
      ask.update(client, maps.refused_ports ?? 0, bytes(8080), bytes(0, 0));
      t.deepEqual(
        [bind(8080), bind(8081), bind(8082), bind(8081, 2), bind(8080)],
        [...["block", "permit", "permit", "permit", "block"]],
      );
      t.is(number(ask.lookup(client, maps.refused_ports ?? 0, bytes(8080))), 2n);
      const process = Buffer.from(dataOf(ask.lookup(client, maps.processes ?? 0, bytes(77, 0))));
      t.deepEqual([process.readUInt32LE(0), process.readUInt32LE(4)], [1, 2]);
      t.is(process.toString("latin1", 8, 18), "server.exe");
      t.is(ask.detachLink(client, link).error, "None");
      t.is(bind(8080), "permit");
      t.is(number(ask.lookup(client, maps.refused_ports ?? 0, bytes(8080))), 2n);
    });
  },
);

/** What connect answers, where it goes then, and what is left for who is there. */
function connect(given: Operation) {
  const operation = new SocketOperation({ ...given, mayRedirect: true });
  const to = new Uint8Array(koffi.sizeof("SOCKET_ENDPOINT"));
  const redirected = [false];
  const verdict = VERDICTS[connectRun(operation.bytes, to, redirected)];
  const context = operation.takeRedirectContext();
  const left = context === undefined ? undefined : Buffer.from(context).toString("hex");
  return { verdict, to: redirected[0] ? Buffer.from(to).toString("hex") : undefined, left };
}

const word = ({ address }: Endpoint, at = 0) => Buffer.from(address).readUInt32LE(at);
const swap = (port: number) => ((port & 0xff) << 8) | (port >> 8);

check("connect4: sent elsewhere, refused, or as it was; by compartment", (t) => {
  const { remote = SOCKET.local } = SOCKET;
  withClient(t, (client) => {
    const { maps } = attachProgram(client, "connect4", "hook-connect", "route4", 3);
    const here = { ...SOCKET, compartmentId: 3 };
    t.deepEqual(connect(here), { verdict: "permit", to: undefined, left: undefined });
    const from = bytes(word(remote), swap(443));
    ask.update(client, maps.routes4 ?? 0, from, bytes(0x0100007f, swap(8443)));
    const sent = { verdict: "permitHard", to: `7f000001${"00".repeat(12)}20fb`, left: "c000020701bb0000" };
    t.deepEqual(connect(here), sent as never);
    ask.update(client, maps.routes4 ?? 0, from, bytes(0, 0));
    t.deepEqual(connect(here), { verdict: "block", to: undefined, left: undefined });
    t.is(connect({ ...SOCKET, compartmentId: 1 }).verdict, "permit");
    t.is(connect({ ...SIX, compartmentId: 3 }).verdict, "permit");
    t.is(number(ask.lookup(client, maps.asked ?? 0, bytes(0))), 3n);
  });
});

check("connect6: all sixteen bytes", (t) => {
  const { remote = SIX.local } = SIX;
  withClient(t, (client) => {
    const { maps } = attachProgram(client, "connect6", "hook-connect", "route6");
    const words = [0, 4, 8, 12].map((at) => word(remote, at));
    ask.update(client, maps.routes6 ?? 0, bytes(...words, swap(443)), bytes(1, 2, 3, 4, swap(53)));
    t.deepEqual(connect(SIX), {
      verdict: "permit",
      to: "010000000200000003000000040000000035",
      left: undefined,
    });
    t.is(connect(SOCKET).to, undefined);
  });
});

check("recv_accept4 and recv_accept6: who is let in", (t) => {
  const accept = (given: Operation) => VERDICTS[acceptRun(new SocketOperation(given).bytes)];
  withClient(t, (client) => {
    const { maps } = attachProgram(client, "recv_accept4", "hook-accept", "gate4");
    attachProgram(client, "recv_accept6", "hook-accept", "gate6");
    const { remote = SOCKET.local } = SOCKET;
    t.is(accept(SOCKET), "permit");
    ask.update(client, maps.blocked ?? 0, bytes(word(remote)), bytes(0, 0));
    t.is(accept(SOCKET), "block");
    t.is(accept({ ...SOCKET, remote: { address: [192, 0, 2, 8], port: 9 } }), "permit");
    t.is(number(ask.lookup(client, maps.blocked ?? 0, bytes(word(remote)))), 1n);
    t.is(accept(SIX), "block");
    t.is(accept({ ...SIX, remote: SIX.local }), "permitHard");
  });
});

check("sockops: what was established, and what of it is still there", (t) => {
  withClient(t, (client) => {
    const { maps } = attachProgram(client, "sockops", "hook-flow", "watch");
    const tell = (flow: bigint, kind: number) =>
      sockOpsRun(new SocketOperation({ ...SOCKET, flowId: flow }).bytes, kind);
    tell(5n, 0);
    tell(6n, 1);
    tell(7n, 0);
    tell(5n, 2);
    const events = [0, 1, 2].map((key) => number(ask.lookup(client, maps.events ?? 0, bytes(key))));
    t.deepEqual(events, [2n, 1n, 1n]);
    t.is(ask.lookup(client, maps.open_flows ?? 0, bytes(5, 0)).error, "MapKeyNotFound");
    const open = Buffer.from(dataOf(ask.lookup(client, maps.open_flows ?? 0, bytes(6, 0))));
    t.is(open.toString("hex"), "4d00000000000000c000020701bb0000");
  });
});

check("a program that faults, and one that gives an answer that means nothing, have not said yes", (t) => {
  const texts = { fault: "r0 = *(u64 *)(r1 + 64)\nexit", nothing: "r0 = 77\nexit" };
  withClient(t, (client) => {
    for (const text of Object.values(texts)) {
      const code = encode(parse(text));
      const links = [2, 3, 5].map((type) => {
        const program = ask.createProgram(client, code, { type: type === 2 ? 2 : 3 });
        return handleOf(ask.createLink(client, handleOf(program), type));
      });
      t.is(VERDICTS[bindRun(new SocketOperation(SOCKET).bytes, 0)], "block");
      t.is(connect(SOCKET).verdict, "block");
      t.is(VERDICTS[acceptRun(new SocketOperation(SOCKET).bytes)], "block");
      for (const link of links) t.is(ask.detachLink(client, link).error, "None");
    }
  });
});

check(
  "verdicts are kept until they are asked for: of one socket to one end, the latest; and there is an end of room",
  (t) => {
    const keep = library.func("bool VerdictKeep(const void*, const void*, uint32)");
    const find = library.func("uint32 VerdictFind(const void*)");
    const before = countAllocations();
    const END = koffi.offsetof("SOCKET_OPERATION", "remote");
    const of = (given: Operation) => {
      const operation = new SocketOperation({ endpointHandle: 9n, ...given });
      return { bytes: operation.bytes, remote: operation.bytes.subarray(END) };
    };
    const one = of(SOCKET);
    const others = [
      of({ ...SOCKET, endpointHandle: 10n }),
      of({ ...SOCKET, remote: { address: [192, 0, 2, 7], port: 444 } }),
      of({ ...SOCKET, remote: { address: [192, 0, 2, 8], port: 443 } }),
      of({ ...SOCKET, protocol: 17 }),
      of(SIX),
    ];
    const [permit, permitHard, block] = [0, 1, 2] as const;
    t.true(keep(one.bytes, one.remote, permit));
    t.is(countAllocations(), before);
    const nameless = of({ ...SOCKET, endpointHandle: 0n });
    t.deepEqual([keep(nameless.bytes, nameless.remote, block), find(nameless.bytes)], [false, permit]);
    t.true(keep(one.bytes, one.remote, block));
    t.deepEqual([find(one.bytes), find(one.bytes)], [block, block]);
    for (const other of others) t.is(find(other.bytes), permit);
    t.true(keep(one.bytes, one.remote, permitHard));
    t.is(find(one.bytes), permitHard);
    t.is(countAllocations(), before + 1);
    failAllocation(1);
    t.false(keep(one.bytes, one.remote, block));
    // What was kept before is not true any more.
    t.is(find(one.bytes), permit);
    for (let port = 0; port < 16_384; port++) {
      new DataView(one.bytes.buffer).setUint16(END + 16, port, true);
      if (!keep(one.bytes, one.remote, block)) return t.fail(`${port}`);
    }
    const last = of({ ...SOCKET, endpointHandle: 11n });
    t.false(keep(last.bytes, last.remote, block));
    t.true(keep(one.bytes, one.remote, permit));
    t.true(keep(last.bytes, last.remote, block));
    t.is(find(last.bytes), block);
    library.func("void VerdictForgetAll()")();
    t.is(find(last.bytes), permit);
    t.is(countAllocations(), before);
  },
);
