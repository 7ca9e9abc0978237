// The process as a command's world: its streams, its environment, the service of its user.
import type { Io } from "./command.ts";

async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

let interrupted: AbortController | undefined;

/**
 * Aborts at the first Ctrl+C; a second one ends the process. Only who asks for it changes what Ctrl+C does: commands that
 * do not look at it are ended at once, as any program.
 */
function interruption(): AbortSignal {
  if (interrupted !== undefined) return interrupted.signal;
  const controller = new AbortController();
  interrupted = controller;
  process.once("SIGINT", () => {
    controller.abort();
    process.once("SIGINT", () => process.exit(130));
  });
  return controller.signal;
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
    async connect(options = {}) {
      const { connectService } = await import("../service/client.ts");
      const { pathsFor } = await import("./places.ts");
      return connectService({ ...options, paths: pathsFor(env) });
    },
    ...parts,
    get signal() {
      return parts.signal ?? interruption();
    },
  };
}
