// One client's connection: messages in, the method table asked, answers out. Bad messages are answered or end the
// connection; nothing a client sends ends the service. Knows no sockets' names (listen.ts) and no methods' meaning.
import type { Duplex } from "node:stream";
import * as v from "valibot";
import {
  CancellationSenderStrategy,
  type CancellationToken,
  CancellationTokenSource,
  createMessageConnection,
  type Message,
  NullLogger,
  ResponseError,
  StreamMessageWriter,
} from "vscode-jsonrpc/node";
import { EbpfError } from "../base/error.ts";
import { toResponseError } from "./errors.ts";
import { FrameReader, REQUEST_LIMIT_BYTES } from "./frames.ts";
import { isMethodName, METHODS, type Method, type MethodContext, type Progress } from "./methods.ts";

/** What all connections share; signal and progress are each request's own. */
export type ServiceContext = Omit<MethodContext, "signal" | "progress">;

export interface ServeOptions {
  /** Told of defects: errors that no client caused. */
  readonly onDefect: (error: unknown) => void;
}

/**
 * The library's source throws if a request that was cancelled before it began is cancelled once more, where nothing
 * catches it: until its token has been asked for, it holds a constant that cannot be cancelled.
 */
const CANCELLATION = {
  createCancellationTokenSource(): CancellationTokenSource {
    const source = new CancellationTokenSource();
    void source.token;
    return source;
  },
};

/** Answers requests on the stream until it closes. Resolves then. */
export function serve(stream: Duplex, context: ServiceContext, options: ServeOptions): Promise<void> {
  const writer = new StreamMessageWriter(stream);
  let stopAfterAnswer = false;
  const write = writer.write.bind(writer);
  writer.write = async (message) => {
    await write(message);
    if (stopAfterAnswer && !("method" in message)) context.stop();
  };
  const stop = (): void => {
    stopAfterAnswer = true;
  };
  const refuse = async (code: number, message: string): Promise<void> => {
    const error = toResponseError(new EbpfError("RequestInvalid", message), code).toJson();
    await writer.write({ jsonrpc: "2.0", id: null, error } as Message).catch(() => {});
  };
  const reader = new FrameReader(stream, REQUEST_LIMIT_BYTES, (problem) => {
    const answered = refuse(problem.code, problem.message);
    if (problem.kind === "frame") void answered.then(() => stream.end());
  });
  const gone = new AbortController();
  const connection = createMessageConnection(reader, writer, NullLogger, {
    cancellationStrategy: { sender: CancellationSenderStrategy.Message, receiver: CANCELLATION },
  });
  const progressOf = (token: string | number | undefined) => (value: Progress) => {
    if (token !== undefined) connection.sendNotification("$/progress", { token, value }).catch(() => {});
  };
  connection.onRequest(async (name: string, params: unknown, token: CancellationToken) => {
    try {
      const { progressToken, ...rest } = splitToken(params);
      const call = {
        ...context,
        stop,
        signal: signalOf(token, gone.signal),
        progress: progressOf(progressToken),
      };
      return await answer(name, rest, call);
    } catch (error) {
      if (error instanceof ResponseError) return error;
      if (!(error instanceof EbpfError) || error.code === "InternalError") options.onDefect(error);
      return toResponseError(error);
    }
  });
  return new Promise((resolve) => {
    stream.on("error", () => stream.destroy());
    // A client that was killed cancels nothing: what it has asked for is for nobody.
    stream.on("end", () => gone.abort());
    stream.on("close", () => {
      gone.abort();
      connection.dispose();
      resolve();
    });
    connection.listen();
  });
}

/** Every method also takes `progressToken`: then `$/progress` notifications carry it. */
function splitToken(params: unknown): Record<string, unknown> & { progressToken?: string | number } {
  if (params === undefined) return {};
  if (typeof params !== "object" || params === null || Array.isArray(params)) {
    throw new EbpfError("RequestInvalid", "parameters are given by name, as one object");
  }
  const token = (params as Record<string, unknown>).progressToken;
  if (token !== undefined && typeof token !== "string" && typeof token !== "number") {
    throw new EbpfError("RequestInvalid", "progressToken is a string or a number");
  }
  return params as Record<string, unknown>;
}

function signalOf(token: CancellationToken, gone: AbortSignal): AbortSignal {
  const controller = new AbortController();
  if (token.isCancellationRequested) controller.abort();
  else token.onCancellationRequested(() => controller.abort());
  return AbortSignal.any([controller.signal, gone]);
}

/** Validates and calls. RequestInvalid names the method and the parameter that is wrong. */
export async function answer(
  name: string,
  params: Record<string, unknown>,
  context: MethodContext,
): Promise<unknown> {
  if (!isMethodName(name)) {
    const unknownMethod = new EbpfError("RequestInvalid", `there is no method ${JSON.stringify(name)}`, {
      target: name,
    });
    throw toResponseError(unknownMethod, -32601);
  }
  const row = METHODS[name] as Method<unknown, unknown>;
  const checked = v.safeParse(row.params, params);
  if (checked.success) return row.handle(context, checked.output);
  const [issue] = checked.issues;
  const where = v.getDotPath(issue);
  throw new EbpfError("RequestInvalid", `${name}: ${where === null ? "" : `${where}: `}${issue.message}`, {
    target: name,
    ...(where === null ? {} : { details: { parameter: where } }),
  });
}
