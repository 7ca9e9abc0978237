// Random requests to the driver (dispatch-requests.ts): two clients, and frames at what is attached. What must hold: no request
// harms the process, a reply keeps to its size, an error is one of the table, no code is ever writable and executable, and when the
// clients are gone so is all they had.
import { countAllocations, STATUS, setProcessor, writableCode } from "../harness/driver.ts";
import {
  ask,
  type Client,
  call,
  closeClient,
  initiate,
  openClient,
  terminate,
} from "../harness/driver-client.ts";
import { invokeXdp, setPresent } from "../harness/driver-hook.ts";
import {
  ACCESS,
  type Answer,
  CODES,
  codeOf,
  ERRORS,
  field,
  nameBytes,
  REPLY,
} from "../harness/driver-requests.ts";
import { FRAME_NAMES, FRAMES } from "../harness/frames.ts";
import { generator } from "../harness/mutate.ts";
import {
  createMap,
  definitionOf,
  type Handles,
  type Held,
  MAKERS,
  makeRequest,
  type Next,
  numbersOf,
  pick,
  type Request,
  SAMPLES,
  sampleAt,
} from "./dispatch-requests.ts";

const REQUESTS = 60;
/** The type of objects that maps are. */
const MAP = 2;

interface Session {
  readonly client: Client;
  readonly access: number;
  readonly handles: Handles;
}

interface World {
  readonly sessions: readonly Session[];
  /** Programs that most of the requests to load one are about: their maps are there from the start. */
  readonly favourites: readonly number[];
  /** Programs are only compiled, and never run: nothing proves what the engine relies on. */
  readonly compiles: boolean;
}

/** Not the low bits as they come: those of one draw tell those of the next, and some requests would never be made. */
const spread =
  (next: Next): Next =>
  (below) =>
    Math.floor(((Math.imul(next(2 ** 32), 0x9e37_79b1) >>> 0) / 2 ** 32) * below);

const STATUSES = new Set<number>([
  ...[STATUS.SUCCESS, STATUS.INVALID_PARAMETER, STATUS.NO_MEMORY, STATUS.BUFFER_TOO_SMALL],
  ...[STATUS.ACCESS_DENIED, STATUS.INVALID_DEVICE_REQUEST],
]);

/** What is wrong about an answer. */
function fault(
  { status, error, reply }: Answer,
  { name, capacity }: Request,
  access: number,
): string | undefined {
  if (status === STATUS.PENDING && name === "RING_WAIT")
    return reply.byteLength === 0 ? undefined : "a reply too early";
  if (!STATUSES.has(status)) return `status ${(status >>> 0).toString(16)}`;
  if (status !== STATUS.SUCCESS) return reply.byteLength === 0 ? undefined : "a failure with a reply";
  if (reply.byteLength > capacity) return `a reply of ${reply.byteLength} bytes`;
  if (error === undefined || !ERRORS.includes(error)) return error ?? "no error";
  const needed = (codeOf(name) >> 14) & 3;
  return (access & needed) === needed ? undefined : "a right that the client has not";
}

/** Keys of a map, and objects, that are remembered. */
const MOST_REMEMBERED = 16;

/** Remembers what a request has made, or told of. */
function keep({ maps, programs, links, listed }: Handles, { name, bytes }: Request, answer: Answer): void {
  const numbers = Array.from({ length: Math.min(5, bytes.length >> 2) }, (_unused, index) =>
    new DataView(bytes.buffer, bytes.byteOffset).getUint32(index * 4, true),
  );
  const list: Held[] | undefined = {
    MAP_CREATE: maps,
    PROGRAM_CREATE: programs,
    LINK_CREATE: links,
    OBJECT_OPEN: [programs, maps, links][(numbers[0] ?? 0) - 1],
  }[name];
  const what = name === "MAP_CREATE" ? definitionOf(...numbers) : "";
  list?.push({ handle: field(answer, 1), what, keys: [] });
  const [first = 0, , keyBytes = 0] = numbers;
  if (name === "OBJECT_NEXT" && field(answer, 1) !== 0) remember(listed, [first, field(answer, 1)]);
  const keys = maps.find(({ handle }) => handle === first)?.keys;
  if (name === "MAP_UPDATE" && keys !== undefined) remember(keys, bytes.slice(16, 16 + keyBytes));
}

function remember<T>(list: T[], value: T): void {
  list.push(value);
  if (list.length > MOST_REMEMBERED) list.shift();
}

/** A handle that is closed is asked for now and then still. */
function forget(next: Next, { maps, programs, links }: Handles, handle: number): void {
  for (const list of [maps, programs, links]) {
    const at = list.findIndex((held) => held.handle === handle);
    if (at >= 0 && next(4) !== 0) list.splice(at, 1);
  }
}

function sendOne(next: Next, { sessions, favourites, compiles }: World): string {
  if (!compiles && next(4) === 0) invokeXdp(next(4), FRAMES[pick(next, FRAME_NAMES)]);
  const session = pick(next, sessions);
  const { handles } = next(8) === 0 ? pick(next, sessions) : session;
  const sent = makeRequest(next, handles, favourites);
  const code = next(50) === 0 ? next(2 ** 31) : codeOf(sent.name);
  if (compiles && code === codeOf("PROGRAM_RUN")) return "PROGRAM_RUN not sent";
  const deadline = next(2) === 0 ? new BigUint64Array(1) : null;
  const answer = call(session.client, code, sent.bytes, sent.capacity, deadline);
  const wrong = code === codeOf(sent.name) ? fault(answer, sent, session.access) : undefined;
  if (wrong !== undefined) throw new Error(`${sent.name}: ${wrong}`);
  if (answer.error === "None" && code === codeOf(sent.name)) keep(session.handles, sent, answer);
  if (answer.error === "None" && code === codeOf("OBJECT_CLOSE"))
    forget(next, session.handles, new DataView(sent.bytes.buffer, sent.bytes.byteOffset).getUint32(0, true));
  const engine = sent.name === "PROGRAM_CREATE" && answer.error === "None" ? ` ${field(answer, 3)}` : "";
  return `${sent.name} ${answer.error ?? (answer.status >>> 0).toString(16)}${engine}`;
}

function openSession(next: Next, access: number, favourites: readonly number[]): Session {
  const session = {
    client: openClient(access),
    access,
    handles: { maps: [], programs: [], links: [], listed: [] },
  };
  for (const spec of favourites.flatMap((index) => sampleAt(index).maps)) {
    const bytes = createMap(nameBytes(spec.name), numbersOf(spec));
    const sent = { name: "MAP_CREATE", bytes, capacity: REPLY.handle };
    const answer = call(session.client, codeOf("MAP_CREATE"), bytes, REPLY.handle);
    if (answer.error !== "None") continue;
    keep(session.handles, sent, answer);
    if (spec.data === undefined) continue;
    // What a certificate says of constants holds of those that nobody changes any more.
    const value = new Uint8Array(spec.valueSizeBytes);
    value.set(spec.data.bytes.subarray(0, value.length));
    ask.update(session.client, field(answer, 1), new Uint8Array(4), value);
    if (next(8) !== 0) ask.freeze(session.client, field(answer, 1));
  }
  for (let id = 0; ; ) {
    id = field(ask.next(session.client, MAP, id), 1);
    if (id === 0) break;
    remember(session.handles.listed, [MAP, id]);
  }
  // Something to run, to attach and to hand over to.
  for (let made = 0; made < 2; made++) {
    const bytes = MAKERS.PROGRAM_CREATE?.[1](next, session.handles, favourites) ?? new Uint8Array(0);
    const sent = { name: "PROGRAM_CREATE", bytes, capacity: REPLY.create };
    const answer = call(session.client, codeOf(sent.name), bytes, sent.capacity);
    if (answer.error === "None") keep(session.handles, sent, answer);
  }
  return session;
}

/** One case; how its requests ended. Throws if something is wrong. */
export function dispatchCase(seed: number): readonly string[] {
  const next = spread(generator(seed));
  const before = countAllocations();
  const compiles = next(4) === 0;
  setProcessor(next(2));
  initiate(compiles);
  setPresent("xdp", true);
  const favourites = [next(SAMPLES), next(SAMPLES), next(SAMPLES)];
  const both = ACCESS.READ | ACCESS.WRITE;
  const sessions = [both, next(8) === 0 ? ACCESS.READ : both].map((access) =>
    openSession(next, access, favourites),
  );
  const world = { sessions, favourites, compiles };
  const outcomes = Array.from({ length: REQUESTS }, () => sendOne(next, world));
  const wrong = writableCode();
  if (wrong.length > 0) throw new Error(`code that can be written: ${wrong.join(", ")}`);
  // Who closes its file, and who is cut off.
  if (next(2) === 0) for (const { client } of sessions) closeClient(client);
  terminate();
  const left = countAllocations() - before;
  if (left !== 0) throw new Error(`${left} allocations are left`);
  return outcomes;
}

/** Every code has a maker here. */
export const makersAreComplete = (): boolean =>
  [...CODES.keys()].every((name) => name in MAKERS) && CODES.size === Object.keys(MAKERS).length;
