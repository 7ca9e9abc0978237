import test from "ava";
import { stateOf } from "../../../core/cli/commands/interface.ts";
import type { InterfaceRecord } from "../../../core/manager/records.ts";

const COUNTERS = {
  received: 0,
  receivedBytes: 0,
  passed: 0,
  dropped: 0,
  transmitted: 0,
  aborted: 0,
  errors: 0,
};
const RECORD: InterfaceRecord = {
  name: "i",
  kind: "windivert",
  settings: {},
  counters: COUNTERS,
  state: "open",
};

test("the state of an interface in words", (t) => {
  t.is(stateOf(RECORD), "open");
  t.is(stateOf({ ...RECORD, delayMilliseconds: 99 }), "open");
  t.is(stateOf({ ...RECORD, delayMilliseconds: 230 }), "open, 230 ms late");
  t.is(stateOf({ ...RECORD, kind: "pcap", progress: 0.426 }), "open 42 %");
  t.is(stateOf({ ...RECORD, state: "failed", problem: "why" }), "failed: why");
});
