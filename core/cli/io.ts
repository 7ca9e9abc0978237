// The process as a command's world: its streams, its environment, the service of its user.
import type { Io } from "./command.ts";

async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

/** Parts of it may be replaced: tests write elsewhere and have another EBPF_HOME. */
export function createIo(parts: Partial<Io> = {}): Io {
  const env = parts.env ?? process.env;
  return {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    readStdin,
    env,
    cwd: process.cwd(),
    outIsTerminal: process.stdout.isTTY === true,
    errIsTerminal: process.stderr.isTTY === true,
    signal: new AbortController().signal,
    async connect(options = {}) {
      const { connectService } = await import("../service/client.ts");
      const { pathsFor } = await import("./places.ts");
      return connectService({ ...options, paths: pathsFor(env) });
    },
    ...parts,
  };
}
