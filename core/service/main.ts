// The service's life: state folder, lock, socket, manager, connections, end. One process serves one state folder.
// Knows no methods and no command line.
import { chmodSync, rmSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { EbpfError, InternalError } from "../base/error.ts";
import { type KernelSystem, kernelSystem } from "../host/kernel/host.ts";
import { createManager, hostParts, type Manager, openState } from "../manager/manager.ts";
import type { ServiceStatusRecord } from "../manager/records.ts";
import { probe } from "./client.ts";
import { makeFolder } from "./folder.ts";
import { PROTOCOL_VERSION } from "./methods.ts";
import type { ServicePaths } from "./paths.ts";
import { serve } from "./rpc.ts";
import { VERSION } from "./version.ts";

export interface ServiceOptions {
  readonly paths: ServicePaths;
  /** One line of the service's log. */
  readonly log: (line: string) => void;
  /** Where the driver is; without it, this system. */
  readonly kernel?: KernelSystem;
}

export interface RunningService {
  readonly paths: ServicePaths;
  /** Resolves when the service has ended: after stop() or the method "service.stop". */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

/** A stop waits that long for clients to read their last answers. */
const DRAIN_MILLISECONDS = 200;

/**
 * Brings back what the state holds, then listens. ServiceRunning if a service has this state folder already,
 * StateUnwritable, StateInvalid or SocketUnusable if the folder cannot be used.
 */
export async function startService(options: ServiceOptions): Promise<RunningService> {
  const { paths, log } = options;
  makeStateFolder(paths);
  const state = await openState(paths.database);
  let manager: Manager | undefined;
  try {
    await takeSocket(paths);
    manager = await createManager({ ...hostParts(options.kernel ?? (await kernelSystem())), state, log });
    return await listen(options, manager);
  } catch (error) {
    await manager?.close();
    state.close();
    throw error;
  }
}

/** Only its user can enter the folder, so only its user and root can reach the socket, whatever the umask. */
function makeStateFolder(paths: ServicePaths): void {
  try {
    makeFolder(paths.home);
    const facts = statSync(paths.home);
    if (process.platform === "win32" || (facts.mode & 0o077) === 0) return;
    if (facts.uid !== process.geteuid?.()) {
      throw new EbpfError("StateUnwritable", `the state folder ${paths.home} belongs to another user`, {
        target: paths.home,
      });
    }
    chmodSync(paths.home, 0o700);
  } catch (error) {
    if (error instanceof EbpfError) throw error;
    const reason = (error as Error).message;
    throw new EbpfError("StateUnwritable", `the state folder cannot be made: ${reason}`, {
      target: paths.home,
    });
  }
}

/** Removes the socket of a service that was killed. Called with the state locked, so no other service does the same. */
async function takeSocket(paths: ServicePaths): Promise<void> {
  if (await probe(paths.socket)) {
    throw new EbpfError("ServiceRunning", `a service listens on ${paths.socket}`, { target: paths.socket });
  }
  if (process.platform === "win32") return;
  try {
    unlinkSync(paths.socket);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw socketUnusable(paths, error);
  }
}

function socketUnusable(paths: ServicePaths, error: unknown): EbpfError {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "EADDRINUSE") {
    return new EbpfError("ServiceRunning", `a service listens on ${paths.socket}`, { target: paths.socket });
  }
  const reason = (error as Error).message;
  return new EbpfError("SocketUnusable", `the socket cannot be used: ${reason}`, { target: paths.socket });
}

/** bind(2) makes the socket with the umask of that moment; there is no moment with more than 0600. */
function bind(server: Server, paths: ServicePaths): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) => reject(socketUnusable(paths, error)));
    const before = process.umask(0o177);
    try {
      server.listen(paths.socket, resolve);
    } finally {
      process.umask(before);
    }
  });
}

function writeProcessFile({ processFile }: ServicePaths): void {
  try {
    writeFileSync(processFile, `${process.pid}\n`, { mode: 0o600 });
  } catch (error) {
    const reason = (error as Error).message;
    throw new EbpfError("StateUnwritable", `the state folder cannot be written: ${reason}`, {
      target: processFile,
    });
  }
}

async function listen({ paths, log }: ServiceOptions, manager: Manager): Promise<RunningService> {
  const sockets = new Set<Socket>();
  const startedAt = new Date().toISOString();
  let end: (() => void) | undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const status = (): ServiceStatusRecord => ({
    processId: process.pid,
    version: VERSION,
    protocol: PROTOCOL_VERSION,
    startedAt,
    socket: paths.socket,
    stateFolder: paths.home,
    ...manager.status(),
  });
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= shutDown().finally(() => end?.());
    return stopping;
  };
  const shutDown = async (): Promise<void> => {
    server.close();
    for (const socket of sockets) socket.end();
    const drained = setTimeout(() => {
      for (const socket of sockets) socket.destroy();
    }, DRAIN_MILLISECONDS);
    await manager.close();
    rmSync(paths.processFile, { force: true });
    if (sockets.size === 0) clearTimeout(drained);
    log("stopped");
  };
  const context = { manager, status, stop: () => void stop() };
  const onDefect = (error: unknown) => log(`defect: ${describeDefect(error)}`);
  const server = createServer((socket) => {
    sockets.add(socket);
    void serve(socket, context, { onDefect }).then(() => sockets.delete(socket));
  });
  await bind(server, paths);
  writeProcessFile(paths);
  server.on("error", onDefect);
  log(`listening on ${paths.socket}`);
  return { paths, ended, stop };
}

/** For the log only: there a stack trace is wanted. */
function describeDefect(error: unknown): string {
  const cause = error instanceof InternalError ? (error.cause ?? error) : error;
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
}
