// The driver with its hooks of WFP, started at the shim, and one client: nothing of it may be left when a test has ended, and no
// rule of WFP broken.
import { countAllocations, STATUS, setProcessor } from "./driver.ts";
import { type Client, closeClient, initiate, openClient, terminate } from "./driver-client.ts";
import { countShim, play, stopHooks, takeInjected, takeViolation, tryStartHooks } from "./driver-wfp.ts";

export const NOTHING = {
  ...{ callouts: 0, filters: 0, lists: 0, pools: 0, handles: 0, violations: 0, flows: 0 },
};
/** What the driver has at the shim while nothing is attached. */
export const IDLE = { ...NOTHING, callouts: 14, pools: 1, handles: 4 };

export interface Assertions {
  is(a: unknown, b: unknown, message?: string): void;
  deepEqual(a: unknown, b: unknown, message?: string): void;
}

export function withHooks(t: Assertions, body: (client: Client) => void): void {
  const before = countAllocations();
  initiate();
  setProcessor(0);
  t.is(tryStartHooks(), STATUS.SUCCESS);
  const client = openClient();
  try {
    body(client);
  } finally {
    closeClient(client);
    stopHooks();
    terminate();
  }
  t.is(takeViolation(), "");
  t.deepEqual(countShim(), NOTHING);
  t.deepEqual(takeInjected(), []);
  t.is(countAllocations(), before);
}

/** What becomes of a frame. */
export const PASSED = { action: "permit", final: false, absorbed: false } as const;
export const DROPPED = { action: "block", final: true, absorbed: true } as const;
export const outcome = (frame: Parameters<typeof play>[0]) => {
  const { action, final, absorbed } = play(frame);
  return { action, final, absorbed };
};
