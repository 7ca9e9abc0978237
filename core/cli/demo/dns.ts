// The two helper processes of the demonstration that speak DNS: one asks like a stub resolver, one answers where there
// is no other server. They run where they are started (a namespace, or here) and talk to the demonstration over IPC.
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { decode, encode } from "dns-packet";
import { EbpfError } from "../../base/error.ts";
import { argumentOf, type Invocation } from "../command.ts";

/** The one name that is asked for, and its address (of a documentation network: RFC 5737). */
export const DEMO_NAME = "www.example.test";
export const DEMO_ADDRESS = "198.51.100.7";

/** What the demonstration tells the asker: count from now; stop counting and say how it went. */
export type AskerOrder = { readonly kind: "begin" } | { readonly kind: "end" };

/** What the asker tells, after every query and when asked to end (then no counted query is under way any more). */
export interface AskerReport {
  readonly kind: "progress" | "ended";
  readonly asked: number;
  readonly answered: number;
}

/** What the answerer tells ten times a second: everything that reached its socket, taken in or lost for want of room. */
export interface AnswererReport {
  readonly kind: "received";
  readonly port: number;
  readonly milliseconds: number;
  readonly datagrams: number;
}

const ASK_MILLISECONDS = 400;
/** A stub resolver asks again when no answer comes (RFC 1035 section 4.2.1; resolv.conf(5) has 5 s and 2 attempts). */
const RETRY_MILLISECONDS = 1_000;
const ATTEMPTS = 3;
const REPORT_MILLISECONDS = 50;

function report(message: AskerReport | AnswererReport): void {
  process.send?.(message);
}

function parsePort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new EbpfError("ArgumentInvalid", `${text} is no port`, { target: text });
}

/** A helper lives as long as the demonstration: it ends when the channel closes. */
function untilOrphaned(): Promise<number> {
  return new Promise((resolve) => process.once("disconnect", () => resolve(0)));
}

interface Round {
  asked: number;
  answered: number;
  open: number;
}

/** `ebpf demo-asker ADDRESS PORT`: asks again and again until its channel closes. */
export async function runAsker(invocation: Invocation): Promise<number> {
  const address = argumentOf(invocation, 0);
  const port = parsePort(argumentOf(invocation, 1));
  const socket = createSocket("udp4");
  // "Nobody listens there": the query stays unanswered, which is what is counted.
  socket.on("error", () => {});
  socket.bind(0);
  await once(socket, "listening");
  const answers = listenForAnswers(socket);

  let id = 0;
  let round: Round | undefined;
  let ending = false;
  const ask = (): void => {
    const counted = ending ? undefined : round;
    id = (id + 1) & 0xffff;
    const query = encode({ type: "query", id, flags: 0x0100, questions: [{ type: "A", name: DEMO_NAME }] });
    if (counted !== undefined) {
      counted.asked++;
      counted.open++;
    }
    void askOnce(socket, answers, { id, query, address, port }).then((answered) => {
      if (counted === undefined) return;
      counted.open--;
      if (answered) counted.answered++;
      if (counted === round) tell();
    });
  };
  const tell = (): void => {
    if (round === undefined) return;
    const { asked, answered, open } = round;
    const ended = ending && open === 0;
    report({ kind: ended ? "ended" : "progress", asked, answered });
    if (ended) round = undefined;
  };
  process.on("message", (order: AskerOrder) => {
    if (order.kind === "begin") {
      round = { asked: 0, answered: 0, open: 0 };
      ending = false;
    } else {
      ending = true;
      if (round?.open === 0) tell();
    }
  });
  const timer = setInterval(ask, ASK_MILLISECONDS);
  const status = await untilOrphaned();
  clearInterval(timer);
  socket.close();
  return status;
}

type Answers = Map<number, () => void>;

/** Calls who waits for an answer's id, if the answer is the right one. */
function listenForAnswers(socket: Socket): Answers {
  const waiting: Answers = new Map();
  socket.on("message", (bytes) => {
    try {
      const { type, id, answers } = decode(bytes);
      const right = answers?.some((answer) => answer.type === "A" && answer.data === DEMO_ADDRESS) === true;
      if (type === "response" && id !== undefined && right) waiting.get(id)?.();
    } catch {
      // Not DNS: no answer.
    }
  });
  return waiting;
}

interface Query {
  readonly id: number;
  readonly query: Uint8Array;
  readonly address: string;
  readonly port: number;
}

/** True if an answer came, to the first attempt or a later one. */
function askOnce(socket: Socket, answers: Answers, { id, query, address, port }: Query): Promise<boolean> {
  return new Promise((resolve) => {
    let attempts = 0;
    let timer: NodeJS.Timeout | undefined;
    const finish = (answered: boolean): void => {
      clearTimeout(timer);
      answers.delete(id);
      resolve(answered);
    };
    const attempt = (): void => {
      if (attempts++ === ATTEMPTS) {
        finish(false);
        return;
      }
      socket.send(query, port, address, () => {});
      timer = setTimeout(attempt, RETRY_MILLISECONDS);
    };
    answers.set(id, () => finish(true));
    attempt();
  });
}

/** `ebpf demo-answerer ADDRESS PORT`: answers the one name, until its channel closes. Port 0 takes a free one. */
export async function runAnswerer(invocation: Invocation): Promise<number> {
  const socket = createSocket("udp4");
  const failed = new Promise<never>((_resolve, reject) => socket.once("error", reject));
  socket.bind(parsePort(argumentOf(invocation, 1)), argumentOf(invocation, 0));
  await Promise.race([once(socket, "listening"), failed]);
  const { port } = socket.address();
  let received = 0;
  socket.on("message", (bytes, from) => {
    received++;
    const answer = answerTo(bytes);
    if (answer !== undefined) socket.send(answer, from.port, from.address, () => {});
  });
  const tell = (): void =>
    report({ kind: "received", port, milliseconds: performance.now(), datagrams: received + lostAt(port) });
  tell();
  const timer = setInterval(tell, REPORT_MILLISECONDS);
  const status = await Promise.race([untilOrphaned(), failed]);
  clearInterval(timer);
  socket.close();
  return status;
}

/** The answer to a query for the name; undefined if the bytes ask nothing that is known here. */
export function answerTo(bytes: Uint8Array): Uint8Array | undefined {
  // Shorter than a header (RFC 1035 section 4.1.1): nothing was asked.
  if (bytes.length < 12) return undefined;
  try {
    const { type, id, questions } = decode(Buffer.from(bytes));
    const [question] = questions ?? [];
    if (type !== "query" || id === undefined || question?.type !== "A" || question.name !== DEMO_NAME)
      return undefined;
    return encode({
      type: "response",
      id,
      flags: 0x0400,
      questions: [question],
      answers: [{ type: "A", name: DEMO_NAME, ttl: 60, data: DEMO_ADDRESS }],
    });
  } catch {
    return undefined;
  }
}

/** Datagrams that the kernel dropped because the socket's buffer was full: the column "drops" of /proc/net/udp, or 0. */
function lostAt(port: number): number {
  if (process.platform !== "linux") return 0;
  const local = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const line = readFileSync("/proc/self/net/udp", "utf8")
    .split("\n")
    .find((text) => text.trim().split(/\s+/)[1]?.endsWith(local) === true);
  return Number(line?.trim().split(/\s+/).at(-1) ?? 0);
}
