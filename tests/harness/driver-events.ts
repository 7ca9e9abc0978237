// What the portable core of the driver has written into the system's log, which on Linux is a list.
import { codeOf, EVENTS } from "../../core/driver/events.ts";
import { library } from "./driver.ts";

const TEXT_BYTES = 128;
const linuxTakeEvent = library.func("bool LinuxTakeEvent(_Out_ uint32*, _Out_ void*)");

/** From now on the system's log takes none. */
export const refuseEvents: (refuse: boolean) => void = library.func("void LinuxRefuseEvents(bool)");
/** From now on memory is said to become executable never. */
export const forbidCode: (forbid: boolean) => void = library.func("void LinuxForbidCode(bool)");
const linuxPassTime = library.func("void LinuxPassTime(uint64)");
export const passSeconds = (seconds: number): void => linuxPassTime(BigInt(seconds) * 1_000_000_000n);

export interface Written {
  readonly name: string;
  /** As they are put into the text. */
  readonly numbers: readonly string[];
}

/** All since the last time, the oldest first; the first of very many are lost. */
export function takeEvents(): readonly Written[] {
  const events: Written[] = [];
  const [code, text] = [[0], new Uint8Array(TEXT_BYTES)];
  while (linuxTakeEvent(code, text)) {
    const row = EVENTS.find((event) => codeOf(event) === code[0]);
    if (row === undefined) throw new Error(`no event has the code ${code[0]?.toString(16)}`);
    const [all = ""] = Buffer.from(text).toString("latin1").split("\0");
    events.push({ name: row.name, numbers: all.split("\n").slice(0, -1) });
  }
  return events;
}
