// Messages on a stream: "Content-Length: N\r\n\r\n" and N bytes of JSON, as vscode-jsonrpc writes them. This reader
// stands where the library's own would, because it faces whoever can open the socket: it bounds header and body and
// checks the shape of a message before anything else sees it. Knows no methods.
import type { Duplex } from "node:stream";
import type { DataCallback, Disposable, Message } from "vscode-jsonrpc";
import { AbstractMessageReader } from "vscode-jsonrpc/node";

/** Requests carry names and map values, never files; answers may carry a whole map. */
export const REQUEST_LIMIT_BYTES = 4 << 20;
export const ANSWER_LIMIT_BYTES = 512 << 20;
const HEADER_LIMIT_BYTES = 4096;

/** "frame": the stream cannot be followed any further. "message": this one message is no JSON-RPC. */
export interface FrameProblem {
  readonly kind: "frame" | "message";
  /** -32700 parse error or -32600 invalid request (JSON-RPC 2.0 section 5.1). */
  readonly code: -32700 | -32600;
  readonly message: string;
}

export class FrameReader extends AbstractMessageReader {
  readonly #stream: Duplex;
  readonly #limitBytes: number;
  readonly #onProblem: (problem: FrameProblem) => void;
  #chunks: Buffer[] = [];
  #bufferedBytes = 0;
  #bodyBytes = -1;
  #broken = false;

  /** `onProblem` is told of everything refused; after a "frame" problem nothing more is read. */
  constructor(stream: Duplex, limitBytes: number, onProblem: (problem: FrameProblem) => void) {
    super();
    this.#stream = stream;
    this.#limitBytes = limitBytes;
    this.#onProblem = onProblem;
  }

  listen(callback: DataCallback): Disposable {
    const onData = (chunk: Buffer) => this.#take(chunk, callback);
    const onError = (error: Error) => this.fireError(error);
    const onClose = () => this.fireClose();
    this.#stream.on("data", onData).on("error", onError).on("close", onClose);
    return {
      dispose: () => {
        this.#stream.off("data", onData).off("close", onClose);
      },
    };
  }

  #take(chunk: Buffer, callback: DataCallback): void {
    if (this.#broken) return;
    this.#chunks.push(chunk);
    this.#bufferedBytes += chunk.length;
    while (!this.#broken) {
      if (this.#bodyBytes < 0 && !this.#readHeader()) return;
      if (this.#bufferedBytes < this.#bodyBytes) return;
      const body = this.#read(this.#bodyBytes);
      this.#bodyBytes = -1;
      this.#deliver(body, callback);
    }
  }

  /** True if a whole header was read; its length is then in `#bodyBytes`. */
  #readHeader(): boolean {
    const buffered = this.#join();
    const end = buffered.subarray(0, HEADER_LIMIT_BYTES).indexOf("\r\n\r\n");
    if (end < 0) {
      if (buffered.length >= HEADER_LIMIT_BYTES) this.#break("the header of a message is too long");
      return false;
    }
    const header = this.#read(end + 4).toString("latin1");
    const length = /^content-length:[ \t]*([0-9]{1,10})[ \t]*$/im.exec(header)?.[1];
    if (length === undefined) {
      this.#break("the header of a message has no Content-Length");
      return false;
    }
    if (Number(length) > this.#limitBytes) {
      this.#break(`a message of ${length} bytes is over the limit of ${this.#limitBytes}`);
      return false;
    }
    this.#bodyBytes = Number(length);
    return true;
  }

  #join(): Buffer {
    const [only] = this.#chunks;
    if (this.#chunks.length === 1 && only !== undefined) return only;
    const whole = Buffer.concat(this.#chunks);
    this.#chunks = [whole];
    return whole;
  }

  #read(byteLength: number): Buffer {
    const whole = this.#join();
    this.#chunks = [whole.subarray(byteLength)];
    this.#bufferedBytes = whole.length - byteLength;
    return whole.subarray(0, byteLength);
  }

  #break(message: string): void {
    this.#broken = true;
    this.#chunks = [];
    this.#bufferedBytes = 0;
    this.#onProblem({ kind: "frame", code: -32700, message });
  }

  #deliver(body: Buffer, callback: DataCallback): void {
    let value: unknown;
    try {
      value = JSON.parse(body.toString("utf8"));
    } catch {
      this.#onProblem({ kind: "message", code: -32700, message: "a message is not JSON" });
      return;
    }
    if (isMessage(value)) callback(value);
    else this.#onProblem({ kind: "message", code: -32600, message: "a message is not JSON-RPC 2.0" });
  }
}

function isId(value: unknown): value is string | number {
  return typeof value === "string" || (typeof value === "number" && Number.isFinite(value));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A request, a notification or a response; batches are not taken. */
export function isMessage(value: unknown): value is Message {
  if (!isObject(value) || value.jsonrpc !== "2.0") return false;
  if (value.method === undefined) {
    if (value.id !== null && !isId(value.id)) return false;
    return value.error === undefined ? "result" in value : isObject(value.error);
  }
  if (typeof value.method !== "string") return false;
  if ("id" in value && !isId(value.id)) return false;
  if (value.params !== undefined && (typeof value.params !== "object" || value.params === null)) return false;
  if (value.method === "$/cancelRequest") return isObject(value.params) && isId(value.params.id);
  return true;
}
