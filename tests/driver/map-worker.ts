// One of several threads on one map: random writes, reads and deletions of few keys. A value says which key it is of, so
// that one that was torn, or is of another entry, shows. Some keys are there all the time.
import { parentPort, workerData } from "node:worker_threads";
import { type DriverMap, share } from "../harness/driver.ts";
import { entriesOf, erase, keysOf, MAP, read, write } from "../harness/driver-maps.ts";
import { generator } from "../harness/mutate.ts";

const OPERATIONS = share(20_000);
const { map, seed, staying } = workerData as { map: DriverMap; seed: number; staying: readonly number[] };
const next = generator(seed);
const problems: string[] = [];
let writes = 0;

const key = (number: number): Uint8Array => new Uint8Array(Uint32Array.of(number).buffer);

/** Of every processor: the key and the writer, or nothing. */
function check(number: number, value: Uint8Array): void {
  const words = new Uint32Array(value.buffer);
  for (let at = 0; at < words.length; at += 2) {
    const whole = words[at] === number && (words[at + 1] === 1 || words[at + 1] === 2);
    if (!whole) problems.push(`${number}: ${words.join(" ")}`);
  }
}

/** Entries at once: each whole, no key twice, and those that stay are all there. */
function checkAll(): void {
  const seen = new Set<number>();
  for (const entry of entriesOf(map, 16 * (4 + map.copySizeBytes))) {
    const number = new Uint32Array(entry.slice(0, 4).buffer)[0] ?? 0;
    if (seen.has(number)) problems.push(`${number} comes twice`);
    seen.add(number);
    check(number, entry.slice(4));
  }
  for (const number of staying) if (!seen.has(number)) problems.push(`${number} is missing`);
}

for (let count = 0; count < OPERATIONS && problems.length < 5; count++) {
  const number = 1 + next(24);
  switch (next(5)) {
    case 0:
      erase(map, key(number));
      break;
    case 1: {
      const value = read(map, key(number));
      if (typeof value !== "number") check(number, value);
      break;
    }
    case 2:
      if (count % 100 === 0 && keysOf(map).length > 10_000) problems.push("keys without end");
      if (count % 10 === 0) checkAll();
      break;
    default: {
      const words = Uint32Array.from({ length: map.copySizeBytes / 4 }, (_, at) =>
        at % 2 === 0 ? number : seed,
      );
      const result = write(map, key(number), new Uint8Array(words.buffer));
      if (result === MAP.OK) writes++;
      else if (result !== MAP.TOO_BIG && result !== MAP.NO_MEMORY) problems.push(`write: ${result}`);
    }
  }
}
parentPort?.postMessage({ problems, writes });
