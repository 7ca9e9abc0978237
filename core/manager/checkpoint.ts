// The content of persistent maps on its way to the state. Programs write maps without telling anyone, so the maps are
// read from time to time and what differs from the last time is written. In steps, so that no request waits for long.
import { parseHex, printHex } from "../base/hex.ts";
import type { LiveMap, Registry } from "./registry.ts";
import type { State } from "./state.ts";

const INTERVAL_MILLISECONDS = 2000;
/** About a millisecond of reading. */
const STEP_ENTRIES = 512;

/** One entry, as hexadecimal digits: those compare and hash as they are. */
interface Change {
  readonly key: string;
  /** Absent: deleted. */
  readonly value?: string;
}

export interface Checkpoints {
  /** Writes one entry now; without a value, that it is gone. StateUnwritable if the disk refuses. */
  write(mapId: number, key: Uint8Array, value: Uint8Array | undefined): void;
  /** Writes what the maps hold now. */
  flush(): Promise<void>;
  /** Writes a last time and ends. */
  stop(): Promise<void>;
}

interface Writing {
  readonly registry: Registry;
  readonly state: State;
  /** By map, then by key: what the state holds. */
  readonly written: Map<number, Map<string, string>>;
}

/** A checkpoint that the disk refuses is told to `log` and tried again the next time. */
export function createCheckpoints(
  registry: Registry,
  state: State,
  log: (line: string) => void,
): Checkpoints {
  const writing: Writing = { registry, state, written: new Map() };
  let running: Promise<void> | undefined;
  const run = (): Promise<void> => {
    running ??= checkpointAll(writing)
      .catch((error: unknown) => log(`checkpoint: ${(error as Error).message}`))
      .finally(() => {
        running = undefined;
      });
    return running;
  };
  const flush = async (): Promise<void> => {
    await running;
    await run();
  };
  const timer = setInterval(run, INTERVAL_MILLISECONDS);
  timer.unref();
  return {
    write(mapId, key, value) {
      const change = { key: printHex(key), ...(value === undefined ? {} : { value: printHex(value) }) };
      writeEntries(writing, mapId, [change]);
    },
    flush,
    async stop() {
      clearInterval(timer);
      await flush();
    },
  };
}

async function checkpointAll(writing: Writing): Promise<void> {
  const { registry, written } = writing;
  for (const id of written.keys()) if (!registry.maps.has(id)) written.delete(id);
  for (const live of registry.maps.values()) {
    if (live.persistent) await checkpoint(live, writing);
  }
}

async function checkpoint(live: LiveMap, writing: Writing): Promise<void> {
  const seen = new Set<string>();
  const step: Change[] = [];
  const flush = (): void => writeEntries(writing, live.id, step.splice(0));
  let count = 0;
  for (const { key, value } of live.map.entries()) {
    const change = { key: printHex(key), value: printHex(value) };
    seen.add(change.key);
    step.push(change);
    count += 1;
    if (count % STEP_ENTRIES !== 0) continue;
    flush();
    await new Promise((resolve) => setImmediate(resolve));
    if (writing.registry.maps.get(live.id) !== live) return;
  }
  flush();
  const gone = [...heldOf(writing, live.id).keys()].filter((key) => !seen.has(key));
  writeEntries(
    writing,
    live.id,
    gone.map((key) => ({ key })),
  );
}

function heldOf({ written, state }: Writing, mapId: number): Map<string, string> {
  const known = written.get(mapId);
  if (known !== undefined) return known;
  const read = state.entries(mapId).map(({ key, value }) => [printHex(key), printHex(value)] as const);
  const held = new Map(read);
  written.set(mapId, held);
  return held;
}

function writeEntries(writing: Writing, mapId: number, changes: readonly Change[]): void {
  const held = heldOf(writing, mapId);
  const news = changes.filter(({ key, value }) => held.get(key) !== value);
  if (news.length === 0) return;
  writing.state.change((writer) => {
    for (const { key, value } of news) {
      if (value === undefined) writer.deleteEntry(mapId, parseHex(key));
      else writer.putEntry(mapId, { key: parseHex(key), value: parseHex(value) });
    }
  });
  for (const { key, value } of news) {
    if (value === undefined) held.delete(key);
    else held.set(key, value);
  }
}
