// What goes to the server out of one batch, gathered by client: those of one client leave with one system call.
import type { Client } from "./clients.ts";
import { createMessages, sendMessages } from "./messages.ts";
import type { Posix } from "./posix.ts";

/** Where the payload of each slot's datagram lies. */
export interface Payloads {
  readonly addresses: Float64Array;
  readonly sizes: Int32Array;
}

export function createPayloads(slotCount: number): Payloads {
  return { addresses: new Float64Array(slotCount), sizes: new Int32Array(slotCount) };
}

export interface Relay {
  /** Slots of one client are sent in the order added. */
  add(client: Client, slot: number): void;
  /** Sends what was added; how many could not be sent. */
  flush(): number;
}

export function createRelay(posix: Posix, payloads: Payloads): Relay {
  const slotCount = payloads.sizes.length;
  const messages = createMessages(posix, slotCount);
  // Each client's slots are a list: its first and last slot, and for every slot the next one or -1.
  const next = new Int32Array(slotCount);
  let touched: Client[] = [];
  return {
    add(client, slot) {
      next[slot] = -1;
      if (client.firstSlot < 0) {
        client.firstSlot = slot;
        touched.push(client);
      } else next[client.lastSlot] = slot;
      client.lastSlot = slot;
    },
    flush() {
      if (touched.length === 0) return 0;
      let failed = 0;
      for (const client of touched) {
        let count = 0;
        for (let slot = client.firstSlot; slot >= 0; slot = next[slot]!) {
          messages.setBuffer(count, payloads.addresses[slot]!, payloads.sizes[slot]!);
          count += 1;
        }
        client.firstSlot = -1;
        failed += sendMessages(posix, client.fd, messages, count);
      }
      touched = [];
      return failed;
    },
  };
}
