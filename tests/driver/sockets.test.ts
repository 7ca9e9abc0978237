// The hooks of sockets on WFP: the driver's own registration, filters and classify functions run here against a shim of the other
// side (tests/driver/shim/), which plays binds, connections and flows, and says where a rule of WFP is broken.
import test from "ava";
import { countAllocations, failAllocation, share } from "../harness/driver.ts";
import { type Attached, attachProgram, attachText } from "../harness/driver-attach.ts";
import { ask, type Client } from "../harness/driver-client.ts";
import type { HookName } from "../harness/driver-hook.ts";
import { withHooks } from "../harness/driver-hooks.ts";
import { type Answer, dataOf, handleOf, recordsOf } from "../harness/driver-requests.ts";
import {
  countShim,
  failShim,
  holdFlows,
  playBytes,
  playSocket,
  setEngineRunning,
  takeViolation,
} from "../harness/driver-wfp.ts";
import { generator } from "../harness/mutate.ts";
import { type PlayedSocket, socketBytes } from "../harness/shim-sockets.ts";

const check = test.serial;

type Hook = Exclude<HookName, "xdp">;

const words = (...values: readonly number[]) => new Uint8Array(Uint32Array.from(values).buffer);
const number = (answer: Answer) => Number(Buffer.from(dataOf(answer)).readBigUInt64LE());
const value = (client: Client, map: number | undefined, ...key: readonly number[]) =>
  number(ask.lookup(client, map ?? 0, words(...key)));
const set = (client: Client, map: number | undefined, key: Uint8Array, to: Uint8Array) => {
  const { error } = ask.update(client, map ?? 0, key, to);
  if (error !== "None") throw new Error(error);
};

const swap = (port: number) => ((port & 0xff) << 8) | (port >> 8);
/** An address as a program reads it. */
const word = (address: readonly number[], at = 0) => Buffer.from(address).readUInt32LE(at);

const SERVER = [192, 0, 2, 7];
const SIX_SERVER = [0x20, 1, 0xd, 0xb8, ...new Array(11).fill(0), 7];
const MAPPED_SERVER = [...new Array(10).fill(0), 255, 255, ...SERVER];
const ANY_SIX = new Array(16).fill(0);

const SOCKET: PlayedSocket = {
  local: { address: [10, 0, 0, 5], port: 8080 },
  remote: { address: SERVER, port: 443 },
  processId: 77,
  endpoint: 0x1000,
  app: "\\device\\harddiskvolume2\\web\\server.exe",
};
const SIX: PlayedSocket = {
  ...SOCKET,
  local: { address: ANY_SIX, port: 8080 },
  remote: { address: SIX_SERVER, port: 443 },
};

const PERMIT = { action: "permit", final: false } as const;
const HARD = { action: "permit", final: true } as const;
const BLOCK = { action: "block", final: true } as const;
const outcome = (...args: Parameters<typeof playSocket>) => {
  const { action, final } = playSocket(...args);
  return { action, final };
};

check("filters of a hook are there while something is attached to it", (t) => {
  const filters: Readonly<Record<Hook, number>> = {
    ...{ bind: 4, connect4: 3, connect6: 2, recv_accept4: 1, recv_accept6: 1, sockops: 2 },
  };
  withHooks(t, (client) => {
    for (const hook of Object.keys(filters) as Hook[]) {
      const link = attachText(client, hook, "r0 = 1\nexit");
      t.is(countShim().filters, filters[hook], hook);
      t.is(ask.detachLink(client, link).error, "None");
      t.is(countShim().filters, 0, hook);
    }
  });
});

check("bind: a port that is refused, addresses that are held; then detached", (t) => {
  withHooks(t, (client) => {
    const { link, maps } = attachProgram(client, "bind", "hook-bind", "guard_ports");
    const bind = (port: number) => outcome("bind", { ...SOCKET, local: { ...SOCKET.local, port } });
    t.deepEqual(bind(8080), PERMIT);
    set(client, maps.refused_ports, words(8080), words(0, 0));
    t.deepEqual([bind(8080), bind(8081), bind(8080)], [BLOCK, PERMIT, BLOCK]);
    t.deepEqual(outcome("unbind", SOCKET), PERMIT);
    t.is(value(client, maps.refused_ports, 8080), 2);
    const process = Buffer.from(dataOf(ask.lookup(client, maps.processes ?? 0, words(77, 0))));
    t.deepEqual([process.readUInt32LE(0), process.readUInt32LE(4)], [1, 2]);
    t.is(process.toString("latin1", 8, 18), "server.exe");
    t.is(ask.detachLink(client, link).error, "None");
    t.deepEqual(bind(8080), PERMIT);
    t.is(playSocket("bind", SOCKET).called, 0);
  });
});

check("bind: what the rows of the context are, of IPv6, and where Windows leaves them out", (t) => {
  withHooks(t, (client) => {
    const ring = handleOf(
      ask.createMap(client, { type: 13, keySizeBytes: 0, valueSizeBytes: 0, maxEntries: 4096 }),
    );
    const text = `r6 = r1\nr1 = map[0]\nr2 = r6\nr2 += 16\nr3 = 40\nr4 = 0\ncall 11\nr0 = 0\nexit`;
    attachText(client, "bind", text, 0, [ring]);
    const seen = (socket: PlayedSocket) => {
      t.deepEqual(outcome("bind", socket), PERMIT);
      return Buffer.from(recordsOf(ask.readRing(client, ring))[0]?.data ?? []).toString("hex");
    };
    const zeros = (count: number) => "00".repeat(count);
    t.is(seen(SOCKET), `4d${zeros(7)}0200901f0500000a${zeros(8)}10${zeros(3)}${zeros(4)}06${zeros(7)}`);
    const local = { address: [0xfe, 0x80, 1, 2, 3, 4, 5, 6, ...new Array(8).fill(9)], port: 53 };
    t.is(
      seen({ ...SIX, local }),
      `4d${zeros(7)}17003500${zeros(4)}fe800102030405061c${zeros(3)}${zeros(4)}06${zeros(7)}`,
    );
    t.is(seen({ ...SOCKET, sparse: true }), `${zeros(8)}0200${zeros(14)}10${zeros(7)}06${zeros(7)}`);
  });
});

check("a program's last word, and another driver's", (t) => {
  withHooks(t, (client) => {
    const answers = { bind: [0, 1, 3], recv_accept4: [1, 0, 2], connect4: [1, 0, 2] } as const;
    for (const [hook, numbers] of Object.entries(answers) as [keyof typeof answers, readonly number[]][]) {
      const what = hook === "bind" ? "bind" : hook === "connect4" ? "connect" : "accept";
      for (const [index, expected] of [PERMIT, BLOCK, HARD].entries()) {
        const link = attachText(client, hook, `r0 = ${numbers[index]}\nexit`);
        t.deepEqual(outcome(what, SOCKET), expected, `${hook} ${index}`);
        // A veto is heard where nothing else is; a connection that others permit is not looked at where it could go elsewhere.
        const vetoed = index === 1 && what !== "connect" ? BLOCK : HARD;
        t.deepEqual(outcome(what, { ...SOCKET, endpoint: 9, hardPermit: true }), vetoed, `${hook} ${index}`);
        t.is(ask.detachLink(client, link).error, "None");
      }
    }
  });
});

check("faults refuse: a bind, a connection out, a connection in", (t) => {
  withHooks(t, (client) => {
    for (const hook of ["bind", "connect4", "recv_accept4"] as const)
      attachText(client, hook, "r0 = *(u64 *)(r1 + 64)\nexit");
    for (const what of ["bind", "connect", "accept"] as const)
      t.deepEqual(outcome(what, SOCKET), BLOCK, what);
  });
});

check("connect4: elsewhere with data for the proxy, refused, and never twice round", (t) => {
  withHooks(t, (client) => {
    const { link, maps } = attachProgram(client, "connect4", "hook-connect", "route4");
    const from = words(word(SERVER), swap(443));
    t.deepEqual(outcome("connect", SOCKET), PERMIT);
    set(client, maps.routes4, from, words(0x0100007f, swap(8443)));
    const proxy = { address: [127, 0, 0, 1], port: 8443 };
    const sent = { ...HARD, to: proxy, redirected: true, context: "c000020701bb0000" };
    t.like(playSocket("connect", SOCKET), sent);
    // Not of loopback: Windows asks about both ends.
    set(client, maps.routes4, from, words(0x0900000a, swap(8443)));
    t.like(playSocket("connect", { ...SOCKET, endpoint: 0x2000 }), {
      ...{ ...sent, to: { address: [10, 0, 0, 9], port: 8443 }, called: 3 },
    });
    t.is(value(client, maps.asked, 0), 3);
    // What the driver itself has sent elsewhere, and what a proxy then sends on.
    for (const redirectState of [1, 3])
      t.like(playSocket("connect", { ...SOCKET, redirectState }), { redirected: false, action: "permit" });
    t.is(value(client, maps.asked, 0), 3);
    t.like(playSocket("connect", { ...SOCKET, redirectState: 2 }), { redirected: true });
    t.like(playSocket("connect", { ...SOCKET, takenByOther: true }), { redirected: false, ...HARD });
    set(client, maps.routes4, from, words(0, 0));
    t.like(playSocket("connect", SOCKET), { ...BLOCK, redirected: false });
    t.like(playSocket("connect", { ...SOCKET, protocol: 17 }), BLOCK);
    t.is(ask.detachLink(client, link).error, "None");
    t.deepEqual(outcome("connect", SOCKET), PERMIT);
  });
});

check("connect6, and IPv6 sockets that connect to IPv4 addresses", (t) => {
  withHooks(t, (client) => {
    const six = attachProgram(client, "connect6", "hook-connect", "route6");
    const four = attachProgram(client, "connect4", "hook-connect", "route4");
    const key = words(...[0, 4, 8, 12].map((at) => word(SIX_SERVER, at)), swap(443));
    set(client, six.maps.routes6, key, words(0, 0, 0, 0x01000000, swap(8443)));
    t.like(playSocket("connect", SIX), {
      ...{ ...PERMIT, redirected: true, to: { address: [...new Array(15).fill(0), 1], port: 8443 } },
    });
    set(client, six.maps.routes6, key, words(0, 0, 0, 0, 0));
    t.deepEqual(outcome("connect", SIX), BLOCK);
    t.is(value(client, six.maps.asked, 0), 2);
    const mapped = { ...SIX, remote: { address: MAPPED_SERVER, port: 443 } };
    t.deepEqual(outcome("connect", mapped), PERMIT);
    const from = words(word(SERVER), swap(443));
    set(client, four.maps.routes4, from, words(0x0100007f, swap(8443)));
    t.like(playSocket("connect", mapped), {
      ...{ ...HARD, redirected: true, to: { address: [127, 0, 0, 1], port: 8443 } },
    });
    set(client, four.maps.routes4, from, words(0, 0));
    t.deepEqual(outcome("connect", mapped), BLOCK);
    t.is(value(client, four.maps.asked, 0), 3);
    t.is(value(client, six.maps.asked, 0), 2);
  });
});

check("programs are asked about a connection once, not when Windows authorises it again", (t) => {
  withHooks(t, (client) => {
    const { maps } = attachProgram(client, "recv_accept4", "hook-accept", "gate4");
    attachProgram(client, "recv_accept6", "hook-accept", "gate6");
    t.deepEqual(outcome("accept", SOCKET), PERMIT);
    set(client, maps.blocked, words(word(SERVER)), words(0, 0));
    t.deepEqual(outcome("accept", SOCKET), BLOCK);
    const again = { ...SOCKET, flags: 4, sparse: true };
    t.deepEqual(outcome("accept", again), PERMIT);
    t.is(value(client, maps.blocked, word(SERVER)), 1);
    t.deepEqual(outcome("accept", SIX), BLOCK);
    const near = { address: [0xfe, 0x80, ...new Array(13).fill(0), 3], port: 1 };
    t.deepEqual(outcome("accept", { ...SIX, remote: near }), HARD);
  });
});

check("who a connection is of: process, logon, rights, socket, route", (t) => {
  withHooks(t, (client) => {
    const array = { type: 2, keySizeBytes: 4, valueSizeBytes: 8, maxEntries: 1 };
    const told = (call: string, socket: PlayedSocket): bigint => {
      const map = handleOf(ask.createMap(client, array));
      const text = `r6 = r1\n${call}r7 = r0\n*(u32 *)(r10 - 4) = 0\nr1 = map[0]\nr2 = r10\nr2 += -4\ncall 1
        if r0 == 0 goto +1\n*(u64 *)(r0 + 0) = r7\nr0 = 1\nexit`;
      const link = attachText(client, "recv_accept4", text, 0, [map]);
      t.deepEqual(outcome("accept", socket), PERMIT);
      ask.detachLink(client, link);
      return Buffer.from(dataOf(ask.lookup(client, map, words(0)))).readBigUInt64LE();
    };
    const helper = (id: number) => `r1 = r6\ncall ${id}\n`;
    const socket = { ...SOCKET, logonId: 0x1_0000_03e7n };
    t.is(told(helper(19), socket) >> 32n, 77n);
    t.is(told(helper(20), socket), 0x1_0000_03e7n);
    t.is(told(helper(26), socket), 0x1000n);
    const rights = (["user", "administrator", "notElevated", "none"] as const).map((token) =>
      BigInt.asIntN(64, told(helper(21), { ...socket, token })),
    );
    t.deepEqual(rights, [0n, 1n, 0n, -1n]);
    const route = (offset: number, size: number) =>
      told(
        `r1 = r6\nr2 = r10\nr2 += -32\nr3 = 32\ncall 65538\nr0 = *(u${size} *)(r10 - ${32 - offset})\n`,
        socket,
      );
    t.deepEqual(
      [route(0, 32), route(4, 32), route(8, 32), route(16, 64), route(24, 32)],
      [1n, 6n, 1n, 77n, 9n],
    );
    t.is(told("r0 = *(u64 *)(r6 + 56)\n", socket), 0x600n);
    t.is(told("r0 = *(u32 *)(r6 + 48)\n", { ...socket, compartmentId: 5 }), 5n);
  });
});

check("a compartment's programs are asked about its connections only", (t) => {
  withHooks(t, (client) => {
    attachText(client, "recv_accept4", "r0 = 0\nexit", 3);
    t.deepEqual(outcome("accept", { ...SOCKET, compartmentId: 3 }), BLOCK);
    t.deepEqual(outcome("accept", { ...SOCKET, compartmentId: 1 }), PERMIT);
  });
});

/** What hook-flow counted: this end connected, the other one did, ended. */
const events = (client: Client, { maps }: Attached) =>
  [0, 1, 2].map((key) => value(client, maps.events, key));

check(
  "sockops: flows are told when they begin and when they end; those that are open when it is detached go too",
  (t) => {
    withHooks(t, (client) => {
      const watch = attachProgram(client, "sockops", "hook-flow", "watch");
      const { called, action } = playSocket("establish", { ...SOCKET, flow: 5 });
      t.deepEqual([called, action], [1, "permit"]);
      playSocket("establish", { ...SOCKET, flow: 6, inbound: true });
      playSocket("establish", { ...SIX, flow: 7 });
      t.is(countShim().flows, 3);
      playSocket("end", { ...SOCKET, flow: 5 });
      t.deepEqual(events(client, watch), [2, 1, 1]);
      t.is(ask.lookup(client, watch.maps.open_flows ?? 0, words(5, 0)).error, "MapKeyNotFound");
      const open = Buffer.from(dataOf(ask.lookup(client, watch.maps.open_flows ?? 0, words(6, 0))));
      t.is(open.toString("hex"), "4d00000000000000c000020701bb0000");
      t.is(ask.detachLink(client, watch.link).error, "None");
      t.is(countShim().flows, 0);
      playSocket("establish", { ...SOCKET, flow: 8 });
      t.is(countShim().flows, 0);
      t.deepEqual(events(client, watch), [2, 1, 1]);
      const again = attachProgram(client, "sockops", "hook-flow", "watch");
      playSocket("establish", { ...SOCKET, flow: 9 });
      t.is(countShim().flows, 1);
      t.deepEqual(events(client, again), [1, 0, 0]);
    });
  },
);

check(
  "a flow that Windows keeps no context of is told of as ended at once; without memory it is not told of",
  (t) => {
    withHooks(t, (client) => {
      const watch = attachProgram(client, "sockops", "hook-flow", "watch");
      failShim(1);
      playSocket("establish", { ...SOCKET, flow: 5 });
      t.deepEqual(events(client, watch), [1, 0, 1]);
      playSocket("establish", { ...SOCKET, flow: 6 });
      // The same flow once more: there is a context already.
      playSocket("establish", { ...SOCKET, flow: 6 });
      t.deepEqual(events(client, watch), [3, 0, 2]);
      failAllocation(1);
      playSocket("establish", { ...SOCKET, flow: 7 });
      failAllocation(0);
      t.deepEqual(events(client, watch), [3, 0, 2]);
      t.is(countShim().flows, 1);
    });
  },
);

check("where Windows does not let a connection be changed, or there is no memory, it is refused", (t) => {
  withHooks(t, (client) => {
    const { maps } = attachProgram(client, "connect4", "hook-connect", "route4");
    const from = words(word(SERVER), swap(443));
    set(client, maps.routes4, from, words(0x0100007f, swap(8443)));
    for (const number of [1, 2]) {
      failShim(number);
      t.like(playSocket("connect", SOCKET), { ...BLOCK, redirected: false }, `${number}`);
      failShim(0);
    }
    const outstanding = countAllocations();
    for (let number = 1, last = false; !last; number++) {
      failAllocation(number);
      const result = playSocket("connect", { ...SOCKET, endpoint: 0x9000 + number });
      failAllocation(0);
      last = result.action === "permit" && result.context !== undefined && result.final;
      // The data for the proxy; the memory that is Windows' then; what is kept of both ends.
      if (number <= 1 || number === 3 || number === 4)
        t.deepEqual([result.action, number], ["block", number]);
      if (number > 8) return t.fail("it never succeeds");
    }
    t.true(countAllocations() >= outstanding);
  });
});

check("the engine stops and starts: filters are back, flows from before are not told of", (t) => {
  withHooks(t, (client) => {
    const watch = attachProgram(client, "sockops", "hook-flow", "watch");
    attachText(client, "bind", "r0 = 1\nexit");
    playSocket("establish", { ...SOCKET, flow: 5 });
    setEngineRunning(false);
    t.deepEqual(outcome("bind", SOCKET), PERMIT);
    t.is(countShim().flows, 0);
    setEngineRunning(true);
    t.deepEqual(outcome("bind", SOCKET), BLOCK);
    playSocket("establish", { ...SOCKET, flow: 6 });
    playSocket("end", { ...SOCKET, flow: 6 });
    t.deepEqual(events(client, watch), [2, 0, 1]);
  });
});

check("thousands of open flows are given up when the driver stops", (t) => {
  withHooks(t, (client) => {
    attachProgram(client, "sockops", "hook-flow", "watch");
    for (let flow = 1; flow <= 4000; flow++) playSocket("establish", { ...SOCKET, flow });
    t.is(countShim().flows, 4000);
    holdFlows(false);
  });
});

check("whatever Windows says of a socket, no rule is broken and nothing is left", (t) => {
  const what = ["bind", "unbind", "connect", "accept", "establish", "end"] as const;
  const tokens = ["user", "administrator", "notElevated", "none"] as const;
  withHooks(t, (client) => {
    attachProgram(client, "bind", "hook-bind", "guard_ports");
    const { maps } = attachProgram(client, "connect4", "hook-connect", "route4");
    attachProgram(client, "connect6", "hook-connect", "route6");
    attachProgram(client, "recv_accept4", "hook-accept", "gate4");
    attachProgram(client, "recv_accept6", "hook-accept", "gate6");
    attachProgram(client, "sockops", "hook-flow", "watch");
    set(client, maps.routes4, words(word(SERVER), swap(443)), words(0x0100007f, swap(8443)));
    set(client, maps.routes4, words(word(SERVER), swap(444)), words(0, 0));
    for (let seed = 1; seed <= share(4000); seed++) {
      const next = generator(seed);
      const six = next(2) === 0;
      const address = () =>
        six ? ([MAPPED_SERVER, SIX_SERVER, ANY_SIX][next(3)] ?? []) : ([SERVER, [0, 0, 0, 0]][next(2)] ?? []);
      const maybe = <T>(value: T, other: T): T => (next(4) === 0 ? value : other);
      const bytes = socketBytes(what[next(what.length)] ?? "bind", {
        local: { address: address(), port: next(65536) },
        remote: { address: address(), port: 442 + next(4) },
        protocol: [6, 17, 1, 255][next(4)] ?? 6,
        compartmentId: next(3),
        endpoint: next(5),
        flow: next(50),
        processId: next(100),
        token: tokens[next(4)] ?? "none",
        flags: maybe(next(1 << 22), 0),
        inbound: next(2) === 0,
        hardPermit: maybe(true, false),
        redirectState: maybe(next(4), 0),
        takenByOther: maybe(true, false),
        sparse: maybe(true, false),
        app: "\\".repeat(next(3)) + "x".repeat(next(100)),
      });
      // An odd number of bytes, which Windows never gives.
      bytes[124] = (bytes[124] ?? 0) & (next(8) === 0 ? 0xff : 0xfe) || next(2);
      const { action } = playBytes(bytes);
      if (action !== "permit" && action !== "block") return t.fail(action);
    }
    t.is(takeViolation(), "");
  });
});
