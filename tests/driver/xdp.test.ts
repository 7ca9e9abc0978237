// The hook "xdp" on WFP, with the driver's own registration, classify functions, walk over NDIS' buffers and injection, all of
// which run here against a shim of the other side (tests/driver/shim/), which also says where a rule of WFP is broken.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { loadObject } from "../../core/elf/object.ts";
import { encode } from "../../core/isa/encode.ts";
import { parse } from "../../core/isa/parse.ts";
import { buildProgram } from "../../core/program/build.ts";
import { certify } from "../../core/verifier/certify.ts";
import { countAllocations, failAllocation, STATUS, share } from "../harness/driver.ts";
import { ask, type Client, closeClient, initiate, openClient, terminate } from "../harness/driver-client.ts";
import { takeEvents } from "../harness/driver-events.ts";
import { DROPPED, IDLE, NOTHING, outcome, PASSED, withHooks } from "../harness/driver-hooks.ts";
import { MAP_TYPES } from "../harness/driver-maps.ts";
import { dataOf, field, handleOf } from "../harness/driver-requests.ts";
import {
  countShim,
  failShim,
  holdInjected,
  keepBusy,
  play,
  refuse,
  setEngineRunning,
  stopHooks,
  takeInjected,
  takeViolation,
  tryStartHooks,
} from "../harness/driver-wfp.ts";
import { FRAME_NAMES, FRAMES } from "../harness/frames.ts";
import { generator } from "../harness/mutate.ts";
import { NBL } from "../harness/shim.ts";

const check = test.serial;

const XDP = 1;
const load = (client: Client, text: string): number =>
  handleOf(ask.createProgram(client, encode(parse(text))));

const DROP = "r0 = 2\nexit";
const PASS = "r0 = 1\nexit";
/** The packet's first two bytes get other values, if there are two, and it is passed, or sent. */
const changing = (verdict: number): string => `
  r2 = *(u64 *)(r1 + 0)
  r3 = *(u64 *)(r1 + 8)
  r0 = 1
  r4 = r2
  r4 += 2
  if r4 > r3 goto done
  *(u8 *)(r2 + 0) = 170
  *(u8 *)(r2 + 1) = 187
  r0 = ${verdict}
  done: exit`;

check("filters are there while something is attached, and only then", (t) => {
  withHooks(t, (client) => {
    t.deepEqual(countShim(), IDLE);
    t.is(play({ bytes: FRAMES.udp }).called, 0);
    const link = handleOf(ask.createLink(client, load(client, DROP)));
    t.deepEqual(countShim(), { ...IDLE, filters: 2 });
    t.deepEqual(outcome({ bytes: FRAMES.udp }), DROPPED);
    const other = handleOf(ask.createLink(client, load(client, DROP), XDP, 9));
    t.is(ask.detachLink(client, link).error, "None");
    t.deepEqual(countShim(), { ...IDLE, filters: 2 });
    t.deepEqual(outcome({ bytes: FRAMES.udp }), PASSED);
    t.deepEqual(outcome({ bytes: FRAMES.udp, interfaceIndex: 9 }), DROPPED);
    t.is(ask.close(client, other).error, "None");
    t.deepEqual(countShim(), IDLE);
  });
});

const sample = buildProgram(
  loadObject(readFileSync(join(import.meta.dirname, "../../samples/droppacket.o")), "droppacket.o"),
  undefined,
);
const certified = certify(sample);
const certificate = certified.kind === "certified" ? certified.bytes : new Uint8Array(0);

check("droppacket drops empty UDP and counts it, however the frame is cut", (t) => {
  withHooks(t, (client) => {
    for (const engine of [0, 1]) {
      const map = handleOf(
        ask.createMap(client, { type: MAP_TYPES.array, keySizeBytes: 4, valueSizeBytes: 8, maxEntries: 1 }),
      );
      const program = handleOf(
        ask.createProgram(client, encode(sample.instructions), { maps: [map], engine, certificate }),
      );
      const link = handleOf(ask.createLink(client, program));
      let plays = 0;
      for (const cuts of [[], [14], [1, 2, 3, 20, 34, 40], [0, 14, 14, 33], [1000]])
        for (const headroom of [0, 14, 128]) {
          const dropped = FRAME_NAMES.filter(
            (name) => play({ bytes: FRAMES[name], cuts, headroom }).action === "block",
          );
          t.deepEqual(dropped, ["emptyUdp", "emptyUdpToEcho", "emptyUdpWithOptions"]);
          plays++;
        }
      const counted = Buffer.from(dataOf(ask.lookup(client, map, new Uint8Array(4)))).readBigUInt64LE();
      t.is(counted, BigInt(3 * plays));
      t.is(ask.detachLink(client, link).error, "None");
      t.deepEqual(outcome({ bytes: FRAMES.emptyUdp }), PASSED);
    }
  });
});

const frame = Uint8Array.from({ length: 60 }, (_, index) => index);
const changed = Uint8Array.from(frame, (byte, index) => [170, 187][index] ?? byte);

check(
  "what a program changes in a frame that passes is what the stack sees, in one piece or in several",
  (t) => {
    withHooks(t, (client) => {
      handleOf(ask.createLink(client, load(client, changing(1))));
      for (const cuts of [[], [1], [1, 2], [0, 1, 1, 30]])
        for (const headroom of [0, 7]) {
          const { action, bytes } = play({ bytes: frame, cuts, headroom });
          t.is(action, "permit");
          t.deepEqual(bytes, changed);
        }
      t.deepEqual(takeInjected(), []);
    });
  },
);

check("a frame that must not be written is replaced by one of the driver's if a program changes it", (t) => {
  withHooks(t, (client) => {
    const link = handleOf(ask.createLink(client, load(client, PASS)));
    const readOnly = { bytes: frame, flags: NBL.readOnly, vlan: 0x50, checksum: 3, interfaceIndex: 3 };
    t.deepEqual(outcome(readOnly), PASSED);
    t.deepEqual(takeInjected(), []);
    t.is(ask.replaceLink(client, link, load(client, changing(1))).error, "None");
    const verdict = play(readOnly);
    t.deepEqual(verdict.bytes, frame);
    t.is(verdict.action, "block");
    t.deepEqual(takeInjected(), [
      { sent: false, interfaceIndex: 3, port: 103, vlan: 0x50, checksum: 3, bytes: changed },
    ]);
  });
});

check(
  "a frame that a program sends leaves by its interface, with its VLAN; the one that came is taken away",
  (t) => {
    withHooks(t, (client) => {
      handleOf(ask.createLink(client, load(client, changing(3))));
      for (const cuts of [[], [14, 20]]) {
        t.deepEqual(outcome({ bytes: frame, interfaceIndex: 5, vlan: 0x1230, checksum: 3, cuts }), DROPPED);
        t.deepEqual(takeInjected(), [
          { sent: true, interfaceIndex: 5, port: 105, vlan: 0x1230, checksum: 0, bytes: changed },
        ]);
      }
    });
  },
);

check(
  "frames that are under way are waited for when the last link goes, and when the driver stops",
  async (t) => {
    withHooks(t, (client) => {
      handleOf(ask.createLink(client, load(client, changing(3))));
      holdInjected(true);
      for (let count = 0; count < 5000; count++) play({ bytes: frame });
      // As many as there may be; the others are lost.
      t.is(countShim().lists, 4096);
      holdInjected(false);
      t.is(countShim().lists, 0);
      t.is(takeInjected().length, 4096);
    });
  },
);

check(
  "which frames no program is asked about: other media, one's own, none, and those sent from here",
  (t) => {
    withHooks(t, (client) => {
      handleOf(ask.createLink(client, load(client, DROP)));
      t.deepEqual(outcome({ bytes: frame, mediaType: 9 }), PASSED);
      t.deepEqual(outcome({ bytes: frame, flags: NBL.loopback }), PASSED);
      t.deepEqual(outcome({ bytes: frame }), DROPPED);
      t.deepEqual(outcome({ bytes: new Uint8Array(0) }), DROPPED);
      // Another driver's permit is vetoed.
      t.deepEqual(outcome({ bytes: frame, hardPermit: true }), DROPPED);
    });
  },
);

check("what another has permitted for good stays so if the program passes it", (t) => {
  withHooks(t, (client) => {
    handleOf(ask.createLink(client, load(client, PASS)));
    t.deepEqual(outcome({ bytes: frame, hardPermit: true }), {
      action: "permit",
      final: true,
      absorbed: false,
    });
  });
});

check("a frame that a program cannot be shown is dropped, but only where a program is attached", (t) => {
  withHooks(t, (client) => {
    handleOf(ask.createLink(client, load(client, PASS), XDP, 2));
    const long = { bytes: new Uint8Array(65536), interfaceIndex: 2 };
    t.deepEqual(outcome(long), DROPPED);
    t.deepEqual(outcome({ ...long, interfaceIndex: 3 }), PASSED);
    t.deepEqual(outcome({ bytes: new Uint8Array(65535), interfaceIndex: 2, cuts: [9000, 40000] }), PASSED);
    t.deepEqual(outcome({ bytes: frame, interfaceIndex: 2, buffers: 2 }), DROPPED);
  });
});

check("when the engine stops hooks see nothing, and links come back to life with it", (t) => {
  withHooks(t, (client) => {
    const link = handleOf(ask.createLink(client, load(client, DROP)));
    setEngineRunning(false);
    t.deepEqual(countShim(), { ...IDLE, handles: IDLE.handles - 1 });
    t.is(field(ask.nextHook(client, 0), 5), 0);
    t.is(ask.createLink(client, load(client, DROP), XDP, 4).error, "HookUnavailable");
    t.deepEqual(outcome({ bytes: frame }), PASSED);
    setEngineRunning(true);
    t.is(field(ask.nextHook(client, 0), 5), 1);
    t.deepEqual(outcome({ bytes: frame }), DROPPED);
    setEngineRunning(false);
    t.is(ask.detachLink(client, link).error, "None");
    setEngineRunning(true);
    t.deepEqual(countShim(), IDLE);
  });
});

check("the driver starts while the engine is stopped", (t) => {
  setEngineRunning(false);
  withHooks(t, (client) => {
    t.is(ask.createLink(client, load(client, DROP)).error, "HookUnavailable");
    setEngineRunning(true);
    handleOf(ask.createLink(client, load(client, DROP)));
    t.deepEqual(outcome({ bytes: frame }), DROPPED);
  });
});

check(
  "each call that Windows refuses while the driver starts is told, or its hooks come later; nothing is left",
  (t) => {
    const before = countAllocations();
    const statuses = new Set<number>();
    initiate();
    for (const fail of [failShim, failAllocation])
      for (let number = 1; ; number++) {
        fail(number);
        const status = tryStartHooks();
        fail(0);
        statuses.add(status);
        if (status === STATUS.SUCCESS) {
          // What was refused then is not now.
          const client = openClient();
          const link = ask.createLink(client, load(client, DROP));
          t.is(link.error, "None", `${number}`);
          t.deepEqual(outcome({ bytes: frame }), DROPPED);
          closeClient(client);
          stopHooks();
        }
        const used = countShim();
        t.deepEqual(used, NOTHING, `${number}`);
        t.is(countAllocations(), before, `${number}`);
        if (number > 20) break;
      }
    terminate();
    t.is(takeViolation(), "");
    t.deepEqual([...statuses].sort(), [STATUS.NO_MEMORY, STATUS.SUCCESS]);
  },
);

check("a link that the engine refuses is not there; one that it refuses once is", (t) => {
  withHooks(t, (client) => {
    const program = load(client, DROP);
    const errors = new Set<string | undefined>();
    for (let number = 1; number < 9; number++) {
      failShim(number);
      const answer = ask.createLink(client, program);
      failShim(0);
      errors.add(answer.error);
      t.deepEqual(outcome({ bytes: frame }), answer.error === "None" ? DROPPED : PASSED);
      if (answer.error === "None") t.is(ask.close(client, handleOf(answer)).error, "None");
      t.is(field(ask.next(client, 3, 0), 1), 0);
    }
    t.deepEqual([...errors], ["None"]);
    setEngineRunning(false);
    setEngineRunning(true);
  });
});

check(
  "each allocation that fails while a frame is sent, or is put together, loses that frame and no more",
  (t) => {
    withHooks(t, (client) => {
      handleOf(ask.createLink(client, load(client, changing(3))));
      for (let number = 1; number < 9; number++) {
        failAllocation(number);
        play({ bytes: frame, cuts: [20] });
        failAllocation(0);
      }
      for (let number = 1; number < 3; number++) {
        failShim(number);
        t.deepEqual(outcome({ bytes: frame }), DROPPED);
        failShim(0);
      }
      takeInjected();
      t.is(countShim().lists, 0);
      t.deepEqual(outcome({ bytes: frame }), DROPPED);
      t.is(takeInjected().length, 1);
    });
  },
);

check("the driver does not go before Windows lets its callouts go", (t) => {
  withHooks(t, (client) => {
    handleOf(ask.createLink(client, load(client, DROP)));
    keepBusy(3);
  });
});

check(
  "what the engine refuses while it starts is asked again; hooks that stay away come with the next link",
  (t) => {
    withHooks(t, (client) => {
      handleOf(ask.createLink(client, load(client, DROP)));
      for (let number = 1; number < 16; number++) {
        setEngineRunning(false);
        failShim(number);
        setEngineRunning(true);
        failShim(0);
        t.deepEqual(outcome({ bytes: frame }), DROPPED);
      }
      setEngineRunning(false);
      refuse(15);
      setEngineRunning(true);
      t.deepEqual(outcome({ bytes: frame }), DROPPED);
      setEngineRunning(false);
      refuse(1000);
      setEngineRunning(true);
      t.is(field(ask.nextHook(client, 0), 5), 0);
      t.deepEqual(takeEvents().slice(-2), [
        { name: "HooksLost", numbers: [] },
        { name: "HooksRefused", numbers: ["0xc0000017"] },
      ]);
      t.deepEqual(outcome({ bytes: frame }), PASSED);
      t.is(ask.createLink(client, load(client, DROP), XDP, 2).error, "HookUnavailable");
      refuse(0);
      handleOf(ask.createLink(client, load(client, DROP), XDP, 2));
      t.deepEqual(outcome({ bytes: frame }), DROPPED);
      t.deepEqual(takeEvents(), [{ name: "HooksBack", numbers: [] }]);
    });
    t.deepEqual(takeEvents(), [], "the end of the driver is none");
  },
);

check("random frames, cut anywhere, are seen and changed as in one piece", (t) => {
  withHooks(t, (client) => {
    handleOf(ask.createLink(client, load(client, changing(1))));
    for (let seed = 1; seed <= share(400); seed++) {
      const next = generator(seed);
      const bytes = Uint8Array.from({ length: next(90) }, () => next(256));
      const cuts = Array.from({ length: next(7) }, () => next(100)).sort((a, b) => a - b);
      const expected = Uint8Array.from(bytes, (byte, index) =>
        bytes.length < 2 ? byte : ([170, 187][index] ?? byte),
      );
      const { action, bytes: seen } = play({ bytes, cuts, headroom: next(20) });
      t.deepEqual([action, seen], ["permit", expected], `seed ${seed}`);
    }
  });
});
