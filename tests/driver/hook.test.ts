// Hooks and links of the driver: what is asked where, replacing and detaching, what a fault answers, how long a link lives,
// what is counted, and what is told of them.
import test from "ava";
import { encode } from "../../core/isa/encode.ts";
import { parse } from "../../core/isa/parse.ts";
import { ATTACH_TYPES, PROGRAM_TYPES } from "../../core/platform/windows/types.ts";
import { countAllocations, STATUS, setProcessor } from "../harness/driver.ts";
import { ask, type Client, closeClient, initiate, openClient, terminate } from "../harness/driver-client.ts";
import { HOOKS, invokeXdp, isAttached, setPresent } from "../harness/driver-hook.ts";
import { ACCESS, type Answer, field, handleOf } from "../harness/driver-requests.ts";

// Hooks are there once for the process, so these tests come one after the other.
const check = test.serial;

const PROGRAM = 1;
const LINK = 3;
const XDP = 1;
const { pass, drop, transmit } = { pass: 1, drop: 2, transmit: 3 } as const;
/** Places in the reply of OBJECT_INFO. */
const [RUNS, FAULTS] = [80, 84];
const DESCRIPTION = [104, 105, 106] as const;
const FRAME = new Uint8Array(60);

const program = (client: Client, text: string): Answer => ask.createProgram(client, encode(parse(text)));
const answering = (client: Client, result: number): number =>
  handleOf(program(client, `r0 = ${result}\nexit`));

/** Runs with a client and the hooks there, after which nothing may be left. */
function withClient(t: { is(a: unknown, b: unknown): void }, body: (client: Client) => void) {
  const before = countAllocations();
  initiate();
  setProcessor(0);
  for (const hook of HOOKS) setPresent(hook, true);
  const client = openClient();
  body(client);
  closeClient(client);
  t.is(isAttached("xdp"), false);
  for (const hook of HOOKS) setPresent(hook, false);
  terminate();
  t.is(countAllocations(), before);
}

check("the hooks have the core's names, numbers and program types", (t) => {
  withClient(t, (client) => {
    const names: string[] = [];
    for (let type = 0; ; ) {
      const hook = ask.nextHook(client, type);
      type = field(hook, 1);
      if (type === 0) break;
      const name = Buffer.from(new Uint8Array(hook.reply.buffer, hook.reply.byteOffset + 32, 32))
        .toString()
        .replaceAll("\0", "");
      names.push(name);
      const row = ATTACH_TYPES.find((candidate) => candidate.id === type);
      t.is(row?.name, name);
      const types = PROGRAM_TYPES.find(({ id }) => id === field(hook, 2));
      t.is(row?.programType, types?.name);
      t.is(field(hook, 5), 1, "present");
      t.true(
        types?.returns.some(({ value }) => value === field(hook, 6)),
        `${name}: a fault's answer`,
      );
    }
    t.deepEqual(names, [...HOOKS]);
  });
});

check("a program runs where it is attached, until it is detached or its last handle is closed", (t) => {
  withClient(t, (client) => {
    t.is(invokeXdp(5, FRAME), pass);
    const link = handleOf(ask.createLink(client, answering(client, drop), XDP, 5));
    t.deepEqual([invokeXdp(5, FRAME), invokeXdp(6, FRAME)], [drop, pass]);
    t.deepEqual([isAttached("xdp", 5), isAttached("xdp", 6)], [true, false]);
    t.is(ask.detachLink(client, link).error, "None");
    t.is(invokeXdp(5, FRAME), pass);
    t.is(ask.detachLink(client, link).error, "LinkNotFound");
    t.is(ask.replaceLink(client, link, answering(client, drop)).error, "LinkNotFound");
    const other = handleOf(ask.createLink(client, answering(client, drop)));
    t.is(invokeXdp(5, FRAME), drop);
    t.is(ask.close(client, other).error, "None");
    t.is(invokeXdp(5, FRAME), pass);
  });
});

check("what a client that ends has attached is detached, but for what another has a handle to", (t) => {
  withClient(t, (client) => {
    const other = openClient();
    const first = ask.createLink(other, answering(other, drop), XDP, 1);
    handleOf(ask.createLink(other, answering(other, drop), XDP, 2));
    const own = handleOf(ask.open(client, LINK, field(first, 2)));
    closeClient(other);
    t.deepEqual([invokeXdp(1, FRAME), invokeXdp(2, FRAME)], [drop, pass]);
    // The link keeps its program.
    t.is(field(ask.info(client, own), DESCRIPTION[2]), field(ask.next(client, PROGRAM, 0), 1));
    t.is(ask.close(client, own).error, "None");
    t.is(invokeXdp(1, FRAME), pass);
    t.is(field(ask.next(client, PROGRAM, 0), 1), 0);
  });
});

check(
  "one program a point: a second is refused, and that of the interface goes before that of every one",
  (t) => {
    withClient(t, (client) => {
      const dropping = answering(client, drop);
      const sending = answering(client, transmit);
      const all = handleOf(ask.createLink(client, dropping));
      const one = handleOf(ask.createLink(client, sending, XDP, 7));
      t.is(ask.createLink(client, dropping).error, "HookBusy");
      t.is(ask.createLink(client, dropping, XDP, 7).error, "HookBusy");
      t.deepEqual([invokeXdp(7, FRAME), invokeXdp(8, FRAME)], [transmit, drop]);
      t.is(ask.detachLink(client, one).error, "None");
      t.is(invokeXdp(7, FRAME), drop);
      handleOf(ask.createLink(client, sending, XDP, 7));
      t.is(ask.detachLink(client, all).error, "None");
      t.deepEqual([invokeXdp(7, FRAME), invokeXdp(8, FRAME)], [transmit, pass]);
    });
  },
);

check("a hook has 1,024 links at most, to all of its points", (t) => {
  withClient(t, (client) => {
    const passing = answering(client, pass);
    for (let point = 1; point <= 1024; point++)
      if (ask.createLink(client, passing, XDP, point).error !== "None") return t.fail(`${point}`);
    t.is(ask.createLink(client, passing, XDP, 1025).error, "HookBusy");
    t.is(ask.createLink(client, passing).error, "HookBusy");
  });
});

check("a link can be given another program, and tells of it", (t) => {
  withClient(t, (client) => {
    const first = program(client, "r0 = 2\nexit");
    const second = program(client, "r0 = 3\nexit");
    const link = ask.createLink(client, handleOf(first), XDP, 4);
    const about = () => {
      const info = ask.info(client, handleOf(link));
      return [1, 2, ...DESCRIPTION].map((index) => field(info, index));
    };
    t.deepEqual(about(), [LINK, field(link, 2), XDP, 4, field(first, 2)]);
    t.is(ask.replaceLink(client, handleOf(link), handleOf(second)).error, "None");
    t.is(invokeXdp(4, FRAME), transmit);
    t.deepEqual(about(), [LINK, field(link, 2), XDP, 4, field(second, 2)]);
    // Nobody has the first one any more.
    t.is(ask.close(client, handleOf(first)).error, "None");
    t.is(field(ask.next(client, PROGRAM, 0), 1), field(second, 2));
    t.is(ask.detachLink(client, handleOf(link)).error, "None");
    t.deepEqual(about(), [LINK, field(link, 2), XDP, 4, 0]);
  });
});

check("runs that fault and answers that are none drop the frame; runs and faults are counted", (t) => {
  withClient(t, (client) => {
    const spins = handleOf(program(client, "top: goto top"));
    const link = handleOf(ask.createLink(client, spins));
    t.is(invokeXdp(1, FRAME), drop);
    t.is(invokeXdp(1, FRAME), drop);
    t.is(field(ask.info(client, spins), FAULTS), 2);
    for (const [result, verdict] of [
      [0, drop],
      [4, drop],
      [-1, drop],
      [1, pass],
      [3, transmit],
    ] as const) {
      t.is(ask.replaceLink(client, link, answering(client, result)).error, "None");
      t.is(invokeXdp(1, FRAME), verdict, `${result}`);
    }
    const counted = answering(client, pass);
    t.is(ask.replaceLink(client, link, counted).error, "None");
    t.is(ask.statistics(client, 1).error, "None");
    invokeXdp(1, FRAME);
    invokeXdp(1, FRAME);
    t.is(ask.statistics(client, 0).error, "None");
    t.is(field(ask.info(client, counted), RUNS), 2);
  });
});

check("what is refused of links", (t) => {
  withClient(t, (client) => {
    const xdp = answering(client, pass);
    t.is(ask.createLink(client, xdp, 99).error, "HookUnknown");
    t.is(ask.createLink(client, xdp, 2).error, "ProgramTypeUnsupported");
    t.is(ask.createLink(client, 77).error, "ProgramNotFound");
    t.is(ask.replaceLink(client, xdp, xdp).error, "LinkNotFound");
    t.is(ask.detachLink(client, xdp).error, "LinkNotFound");
    const link = handleOf(ask.createLink(client, xdp));
    t.is(ask.replaceLink(client, link, link).error, "ProgramNotFound");
    const reader = openClient(ACCESS.READ);
    t.is(ask.createLink(reader, xdp).status, STATUS.ACCESS_DENIED);
    const read = handleOf(ask.open(reader, LINK, field(ask.next(reader, LINK, 0), 1)));
    t.is(ask.detachLink(reader, read).status, STATUS.ACCESS_DENIED);
    closeClient(reader);
    setPresent("xdp", false);
    t.is(ask.createLink(client, xdp, XDP, 3).error, "HookUnavailable");
    t.is(field(ask.nextHook(client, 0), 5), 0);
  });
});
