// The programs of a host, and how threads that run packet loops come to those that tail calls lead to. The main thread posts a
// program before it first puts it into a program array; a thread that finds an id there which it does not know has it waiting.
import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import type { InstanceDescriptor } from "./lane.ts";
import type { ProgramSource } from "./tail-calls.ts";

/** To a thread; without a descriptor the program is gone. */
interface Message {
  readonly id: number;
  readonly descriptor?: InstanceDescriptor;
}

export interface Programs extends ProgramSource {
  add(descriptor: InstanceDescriptor): void;
  remove(id: number): void;
  /** Every thread can have it from now on. */
  publish(id: number): void;
  /** A thread that reads the other end by receivePrograms() until it is told to stop. */
  connect(port: MessagePort): void;
  disconnect(port: MessagePort): void;
}

export function createPrograms(): Programs {
  const all = new Map<number, InstanceDescriptor>();
  const published = new Map<number, InstanceDescriptor>();
  const ports = new Set<MessagePort>();
  const post = (message: Message): void => {
    for (const port of ports) port.postMessage(message);
  };
  return {
    find: (id) => all.get(id),
    add: (descriptor) => void all.set(descriptor.programId, descriptor),
    remove(id) {
      all.delete(id);
      if (published.delete(id)) post({ id });
    },
    publish(id) {
      const descriptor = all.get(id);
      if (descriptor === undefined || published.has(id)) return;
      published.set(id, descriptor);
      post({ id, descriptor });
    },
    connect(port) {
      ports.add(port);
      for (const [id, descriptor] of published) port.postMessage({ id, descriptor } satisfies Message);
    },
    disconnect(port) {
      ports.delete(port);
      port.close();
    },
  };
}

/** A thread's side. */
export function receivePrograms(port: MessagePort): ProgramSource {
  const known = new Map<number, InstanceDescriptor>();
  return {
    find(id) {
      // Nothing that was posted before the id could be seen is still under way.
      for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) {
        const message = next.message as Message;
        if (message.descriptor === undefined) known.delete(message.id);
        else known.set(message.id, message.descriptor);
      }
      return known.get(id);
    },
  };
}
