// The client: finds the service, starts one if there is none, and calls its methods with their types. Knows no method
// by itself (methods.ts is imported for its types only), so that a command line starts fast.
import { connect as connectSocket, type Socket } from "node:net";
import {
  CancellationTokenSource,
  createMessageConnection,
  type MessageConnection,
  NullLogger,
  ResponseError,
  StreamMessageWriter,
} from "vscode-jsonrpc/node";
import { EbpfError, type ErrorCode } from "../base/error.ts";
import { fromResponseError } from "./errors.ts";
import { ANSWER_LIMIT_BYTES, FrameReader } from "./frames.ts";
import type { MethodName, MethodParams, MethodResult, Progress } from "./methods.ts";
import { type ServicePaths, servicePaths } from "./paths.ts";

export type { StartMessage } from "./start.ts";

export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

export interface ServiceClient {
  /** The method's result, or its error as an EbpfError with the service's code and facts. */
  call<M extends MethodName>(
    method: M,
    params: MethodParams<M>,
    options?: CallOptions,
  ): Promise<MethodResult<M>>;
  close(): void;
}

export interface ConnectOptions {
  readonly paths?: ServicePaths;
  /** Start a service if none runs (default); false: ServiceNotRunning. */
  readonly start?: boolean;
  /** Also talk to a service of another protocol, to stop it. */
  readonly anyProtocol?: boolean;
}

/** Of this client; methods.ts has the service's, and a test holds them equal. */
export const CLIENT_PROTOCOL = 1;
const GREETING_MILLISECONDS = 10_000;
const START_MILLISECONDS = 30_000;
const RETRY_MILLISECONDS = 50;

/** What a failed connect(2) means; other codes are SocketUnusable. */
const CODE_OF_ERRNO: Readonly<Record<string, ErrorCode>> = {
  ENOENT: "ServiceNotRunning",
  ECONNREFUSED: "ServiceNotRunning",
  ECONNRESET: "ServiceNotRunning",
  EPIPE: "ServiceNotRunning",
  EACCES: "PermissionDenied",
  EPERM: "PermissionDenied",
};

function open(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket(path);
    socket.once("connect", () => resolve(socket));
    socket.once("error", (error: NodeJS.ErrnoException) => {
      const code = CODE_OF_ERRNO[error.code ?? ""] ?? "SocketUnusable";
      const text = {
        ServiceNotRunning: `no service listens on ${path}`,
        PermissionDenied: `the service on ${path} is another user's`,
      };
      const message = code in text ? text[code as keyof typeof text] : `${path}: ${error.message}`;
      reject(new EbpfError(code, message, { target: path }, error));
    });
  });
}

/** Whether something answers on the socket. */
export async function probe(path: string): Promise<boolean> {
  try {
    (await open(path)).destroy();
    return true;
  } catch (error) {
    return error instanceof EbpfError && error.code === "PermissionDenied";
  }
}

/** A connection that has greeted. Starts a service first if `start` allows and none runs. */
export async function connectService(options: ConnectOptions = {}): Promise<ServiceClient> {
  const paths = options.paths ?? servicePaths();
  const deadline = Date.now() + START_MILLISECONDS;
  while (true) {
    try {
      return await greet(await open(paths.socket), options);
    } catch (error) {
      if (!(error instanceof EbpfError) || error.code !== "ServiceNotRunning" || options.start === false) {
        throw error;
      }
      if (Date.now() > deadline) {
        throw new EbpfError("ServiceUnresponsive", `the service does not answer on ${paths.socket}`, {
          target: paths.socket,
        });
      }
    }
    await startOrWait(paths);
  }
}

/** Another client may start the service at the same moment, or the one before may still be ending: then wait. */
async function startOrWait(paths: ServicePaths): Promise<void> {
  const { spawnService } = await import("./start.ts");
  try {
    await spawnService(paths);
  } catch (error) {
    if (!(error instanceof EbpfError) || error.code !== "ServiceRunning") throw error;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MILLISECONDS));
  }
}

async function greet(socket: Socket, options: ConnectOptions): Promise<ServiceClient> {
  const client = clientOf(socket);
  const late = setTimeout(() => socket.destroy(), GREETING_MILLISECONDS);
  const started = Date.now();
  try {
    await client.call("initialize", { protocol: CLIENT_PROTOCOL, client: "ebpf" });
  } catch (error) {
    if (options.anyProtocol === true && error instanceof EbpfError && error.code === "ProtocolMismatch") {
      return client;
    }
    client.close();
    if (Date.now() - started < GREETING_MILLISECONDS) throw error;
    throw new EbpfError("ServiceUnresponsive", "the service took the connection and does not answer");
  } finally {
    clearTimeout(late);
  }
  return client;
}

function clientOf(socket: Socket): ServiceClient {
  const reader = new FrameReader(socket, ANSWER_LIMIT_BYTES, () => socket.destroy());
  const connection = createMessageConnection(reader, new StreamMessageWriter(socket), NullLogger);
  const gone = new Promise<never>((_resolve, reject) => {
    socket.once("close", () => reject(new EbpfError("ServiceNotRunning", "the service ended")));
  });
  gone.catch(() => {});
  socket.on("error", () => socket.destroy());
  socket.on("close", () => connection.dispose());
  const listeners = new Map<number, (progress: Progress) => void>();
  connection.onNotification("$/progress", ({ token, value }: { token: number; value: Progress }) =>
    listeners.get(token)?.(value),
  );
  connection.listen();
  let lastToken = 0;
  return {
    async call(method, params, { signal, onProgress } = {}) {
      const progressToken = ++lastToken;
      if (onProgress !== undefined) listeners.set(progressToken, onProgress);
      const sent = onProgress === undefined ? params : { ...(params as object), progressToken };
      try {
        return (await Promise.race([request(connection, method, sent, signal), gone])) as MethodResult<
          typeof method
        >;
      } finally {
        listeners.delete(progressToken);
      }
    },
    close: () => socket.destroy(),
  };
}

async function request(
  connection: MessageConnection,
  method: string,
  params: unknown,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  const source = new CancellationTokenSource();
  const cancel = () => source.cancel();
  if (signal?.aborted === true) cancel();
  signal?.addEventListener("abort", cancel, { once: true });
  try {
    return await connection.sendRequest(method, params, source.token);
  } catch (error) {
    if (error instanceof ResponseError) throw fromResponseError(error);
    throw new EbpfError("ServiceNotRunning", "the service ended", {}, error);
  } finally {
    signal?.removeEventListener("abort", cancel);
    source.dispose();
  }
}
