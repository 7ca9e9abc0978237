// A client of the driver as user mode sees it, answered by the dispatch of the portable core, which is compiled for this
// machine.
import { countAllocations, library, STATUS, setProcessor } from "./driver.ts";
import { ACCESS, type Answer, answerOf, make, type Request } from "./driver-requests.ts";

const dispatchInitiate = library.func("void DispatchInitiate(const void*)");
const dispatchTerminate = library.func("void DispatchTerminate()");
const dispatchCall = library.func(
  "int32 DispatchCall(void*, uint32, void*, uint32, uint32, _Out_ uint32*, void*)",
);
export const countWakes: () => number = library.func("uint32 LinuxCountWakes()");
const awaitWake = library.func("void LinuxAwaitWake(uint32, uint32)");
const monotonicTime = library.func("uint64 PlatformMonotonicTime()");
const clientOpen = library.func("void *ClientOpen(uint32)");
const clientClose = library.func("void ClientClose(void*)");

/** Starts the dispatch anew; with bounds of the memory of one client and of all, or the system's. */
export function initiate(allowUncertified = false, clientBytes = 0, totalBytes = 0): void {
  dispatchInitiate(BigUint64Array.of(allowUncertified ? 1n : 0n, BigInt(clientBytes), BigInt(totalBytes)));
}

/** What unloading does: closes what is open and frees what can be freed. */
export const terminate: () => void = dispatchTerminate;

export interface Client {
  readonly address: bigint;
}

/** Undefined if there was no memory. */
export function tryOpenClient(access: number = ACCESS.READ | ACCESS.WRITE): Client | undefined {
  const address = clientOpen(access) as bigint | null;
  return address === null ? undefined : { address };
}

export function openClient(access?: number): Client {
  const client = tryOpenClient(access);
  if (client === undefined) throw new Error("no memory for a client");
  return client;
}

export const closeClient = (client: Client): void => clientClose(client.address);

/** Memory of exactly that size, outside of the engine's own heap, so that AddressSanitizer sees its ends. */
const allocate = (sizeBytes: number): Uint8Array => new Uint8Array(new ArrayBuffer(sizeBytes));

/** One request, whose reply may have `capacity` bytes; one that may wait (STATUS.PENDING) if a deadline is given. */
export function call(
  client: Client,
  code: number,
  request: Uint8Array,
  capacity: number,
  deadline: BigUint64Array | null = null,
): Answer {
  const buffer = allocate(Math.max(request.length, capacity, 8));
  // What the I/O manager has there is not zeros.
  buffer.fill(0xa5);
  buffer.set(request);
  const size = [0];
  const status = dispatchCall(client.address, code, buffer, request.length, capacity, size, deadline);
  if (status === STATUS.PENDING && request.some((byte, at) => buffer[at] !== byte))
    throw new Error("a request that waits is not in its buffer any more");
  return answerOf(status, new DataView(buffer.buffer, 0, size[0]));
}

/**
 * The same, but the driver may have it wait: it is asked again as the system does it, until `isOpen` says that the file is closed; then
 * there is no answer.
 */
export async function callWaiting(
  client: Client,
  { code, bytes, capacity }: Request,
  isOpen: () => boolean,
): Promise<Answer | undefined> {
  const buffer = allocate(Math.max(bytes.length, capacity, 8));
  buffer.set(bytes);
  const deadline = new BigUint64Array(1);
  for (;;) {
    const size = [0];
    const seen = countWakes();
    const status = dispatchCall(client.address, code, buffer, bytes.length, capacity, size, deadline);
    if (status !== STATUS.PENDING) return answerOf(status, new DataView(buffer.buffer, 0, size[0]));
    const left = Math.ceil(Number((deadline[0] ?? 0n) - BigInt(monotonicTime())) / 1e6);
    await new Promise<void>((resolve, reject) =>
      awaitWake.async(seen, Math.max(0, left), (error: unknown) => (error ? reject(error) : resolve())),
    );
    if (!isOpen()) return undefined;
  }
}

/** What a driver that stops, or a file that is closed, does to those who wait. */
export const wake: () => void = library.func("void PlatformWake()");

type Make = typeof make;
type Ask = { readonly [Name in keyof Make]: (client: Client, ...args: Parameters<Make[Name]>) => Answer };

/** Sends the requests of `make` for a client. */
export const ask = Object.fromEntries(
  Object.entries(make).map(([name, build]) => [
    name,
    (client: Client, ...args: unknown[]) => {
      const { code, bytes, capacity } = (build as (...args: unknown[]) => Request)(...args);
      return call(client, code, bytes, capacity);
    },
  ]),
) as unknown as Ask;

interface Counts {
  is(a: number, b: number): void;
}

/** The dispatch with a client; the second ends both, after which nothing may be left. */
function openAlone(t: Counts, allowUncertified: boolean): readonly [Client, () => void] {
  const before = countAllocations();
  initiate(allowUncertified);
  setProcessor(0);
  const client = openClient();
  const end = (): void => {
    closeClient(client);
    terminate();
    t.is(countAllocations(), before);
  };
  return [client, end];
}

/** Runs with a client, after which nothing may be left. */
export function withClient(t: Counts, allowUncertified: boolean, body: (client: Client) => void): void {
  const [client, end] = openAlone(t, allowUncertified);
  body(client);
  end();
}

/** The same for what takes a while. */
export async function withClientLong(t: Counts, body: (client: Client) => Promise<void>): Promise<void> {
  const [client, end] = openAlone(t, false);
  await body(client);
  end();
}
