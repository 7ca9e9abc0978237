// One request to the driver and its reply. Every other file of this room asks through it.
import { EbpfError, InternalError } from "../../base/error.ts";
import { type About, callError, replyError, stopped } from "./errors.ts";
import { decodeStructure, sizeOf, type ValueOf } from "./structure.ts";
import type { Answer, Transport } from "./transport.ts";
import {
  CONTRACT_VERSION,
  type DriverError,
  decodeReply,
  ERRORS,
  encodeRequest,
  type Fields,
  REQUESTS,
  type Reply,
  type RequestName,
  replyBytes,
} from "./wire.ts";

export interface Replied<R extends RequestName> {
  readonly error: DriverError;
  readonly reply: Reply<R>;
  /** What follows the reply's fixed part. */
  readonly data: Uint8Array;
}

/** What follows a request's fixed part, and how much may follow its reply's. */
export interface Tail {
  readonly parts?: readonly Uint8Array[];
  readonly capacityBytes?: number;
}

export interface Driver {
  /** Whatever the driver answers. DriverNotRunning if it has been stopped; MemoryExhausted, DriverContractMismatch. */
  ask<R extends RequestName>(name: R, fields: Fields<R>, tail?: Tail): Replied<R>;
  /** The same for a request that may wait; undefined if as many wait as may. Rejected when the driver is closed, or stops. */
  askWaiting<R extends RequestName>(name: R, fields: Fields<R>): Promise<Replied<R>> | undefined;
  /** The same; an error of the reply is thrown, told of what the request is about. */
  transact<R extends RequestName>(about: About, name: R, fields: Fields<R>, tail?: Tail): Replied<R>;
  /** False once it is closed, or the driver was found to have been stopped: what came through it is gone. */
  isOpen(): boolean;
  close(): void;
}

/** Each takes one of the four threads that Node has for all that may take long. */
const MOST_WAITING = 2;

/** Over an open file that it takes over. DriverContractMismatch if the driver is of another version than this core. */
export function openDriver(transport: Transport): Driver {
  let open = true;
  let waiting = 0;
  /** After a request: once the driver was found to have been stopped, nothing more is asked of it. */
  const failed = (error: unknown): unknown => {
    if (error instanceof EbpfError && error.code === "DriverNotRunning") driver.close();
    return error;
  };
  const driver: Driver = {
    ask(name, fields, tail) {
      if (!open) throw stopped();
      try {
        return ask(transport, name, fields, tail);
      } catch (error) {
        throw failed(error);
      }
    },
    askWaiting(name, fields) {
      if (!open) throw stopped();
      if (waiting >= MOST_WAITING) return undefined;
      waiting += 1;
      return askWaiting(transport, name, fields)
        .catch((error: unknown) => {
          throw failed(error);
        })
        .finally(() => {
          waiting -= 1;
        });
    },
    transact(about, name, fields, tail) {
      const answer = driver.ask(name, fields, tail);
      if (answer.error !== "None") throw replyError(answer.error, about);
      return answer;
    },
    isOpen: () => open,
    close() {
      if (open) transport.close();
      open = false;
    },
  };
  try {
    checkContract(transport);
  } catch (error) {
    driver.close();
    throw error;
  }
  return driver;
}

/** Gives a handle up; nothing happens if what it is of has gone with the driver. */
export function closeHandle(driver: Driver, handle: number): void {
  if (driver.isOpen()) driver.ask("OBJECT_CLOSE", { handle });
}

function ask<R extends RequestName>(
  transport: Transport,
  name: R,
  fields: Fields<R>,
  { parts = [], capacityBytes = 0 }: Tail = {},
): Replied<R> {
  const bytes = encodeRequest(name, fields, parts);
  return replied(name, transport.call(REQUESTS[name].code, bytes, replyBytes(name) + capacityBytes));
}

async function askWaiting<R extends RequestName>(
  transport: Transport,
  name: R,
  fields: Fields<R>,
): Promise<Replied<R>> {
  const { code } = REQUESTS[name];
  return replied(name, await transport.callWaiting(code, encodeRequest(name, fields), replyBytes(name)));
}

function replied<R extends RequestName>(name: R, { status, reply }: Answer): Replied<R> {
  if (status !== 0) throw callError(status);
  const decoded = decodeReply(name, reply);
  // Every reply begins with its error.
  const error = ERRORS[(decoded?.reply as { readonly error: number } | undefined)?.error ?? -1];
  if (decoded === undefined || error === undefined) throw new InternalError(`no reply of ${name}`);
  return { error, ...decoded };
}

/** Replies of other versions are longer or shorter, but begin the same. */
const ANY_STATUS_BYTES = 1024;

function checkContract(transport: Transport): void {
  const { status, reply } = transport.call(REQUESTS.STATUS.code, new Uint8Array(0), ANY_STATUS_BYTES);
  if (status !== 0) throw callError(status);
  const begin = { error: 4, contractVersion: 4 } as const;
  const contractVersion =
    reply.length < sizeOf(begin)
      ? 0
      : (decodeStructure(begin, reply) as ValueOf<typeof begin>).contractVersion;
  if (contractVersion === CONTRACT_VERSION && decodeReply("STATUS", reply) !== undefined) return;
  throw new EbpfError(
    "DriverContractMismatch",
    `the driver's contract is ${contractVersion}, this version's is ${CONTRACT_VERSION}`,
    { target: "EbpfCore", details: { driver: contractVersion, core: CONTRACT_VERSION } },
  );
}
