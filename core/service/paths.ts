// Where the service keeps its state and where it listens. Knows names only; making the folder and the socket is the
// business of main.ts.
import { createHash } from "node:crypto";
import { homedir, userInfo } from "node:os";
import { basename, join, resolve } from "node:path";
import { EbpfError } from "../base/error.ts";

export interface ServicePaths {
  /** The state folder: `EBPF_HOME`, else the platform's place for it. Absolute. */
  readonly home: string;
  /** A Unix socket in the state folder, or a named pipe on Windows. */
  readonly socket: string;
  readonly database: string;
  /** The process id of the service that listens; for ending one that no longer answers. */
  readonly processFile: string;
  /** What the service prints when it was started on demand. */
  readonly log: string;
}

export interface PathsEnvironment {
  readonly platform: NodeJS.Platform;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly homeFolder: string;
  readonly userName: string;
  /** Effective user id; absent on Windows. */
  readonly userId?: number;
}

/** sockaddr_un.sun_path holds 108 bytes with its NUL on Linux, 104 elsewhere (unix(7)). */
const SOCKET_PATH_LIMIT_BYTES = { linux: 107, other: 103 } as const;

export function currentEnvironment(): PathsEnvironment {
  const userId = process.geteuid?.();
  return {
    platform: process.platform,
    env: process.env,
    homeFolder: homedir(),
    userName: userNameOf(userId),
    ...(userId === undefined ? {} : { userId }),
  };
}

/** A user id without an entry in the user database (containers) still has a name of its own. */
function userNameOf(userId: number | undefined): string {
  try {
    return userInfo().username;
  } catch {
    return `uid-${userId ?? "unknown"}`;
  }
}

function homeOf(system: PathsEnvironment): string {
  const { env, platform } = system;
  if (env.EBPF_HOME !== undefined && env.EBPF_HOME !== "") return resolve(env.EBPF_HOME);
  if (platform === "win32") {
    return join(env.LOCALAPPDATA ?? join(system.homeFolder, "AppData", "Local"), "ebpf");
  }
  if (env.XDG_STATE_HOME?.startsWith("/") === true) return join(env.XDG_STATE_HOME, "ebpf");
  return system.userId === 0 ? "/var/lib/ebpf" : join(system.homeFolder, ".local", "state", "ebpf");
}

/** SocketUnusable if the state folder's path is too long for a socket in it. */
export function servicePaths(system: PathsEnvironment = currentEnvironment()): ServicePaths {
  const home = homeOf(system);
  const database = join(home, "state.db");
  const log = join(home, "service.log");
  const processFile = join(home, "service.pid");
  if (system.platform === "win32") {
    const key = createHash("sha256").update(`${home.toLowerCase()}\0${system.userName.toLowerCase()}`);
    return {
      home,
      socket: `\\\\.\\pipe\\ebpf-${key.digest("hex").slice(0, 16)}`,
      database,
      processFile,
      log,
    };
  }
  const socket = join(home, "service.sock");
  const limit = SOCKET_PATH_LIMIT_BYTES[system.platform === "linux" ? "linux" : "other"];
  if (Buffer.byteLength(socket) > limit) {
    throw new EbpfError("SocketUnusable", `the socket's path ${socket} is longer than ${limit} bytes`, {
      target: socket,
    });
  }
  return { home, socket, database, processFile, log };
}

/** The script that is the command line: the bundle's loader beside this code, or the source's entry. */
export function entryScript(): string {
  // Not taken apart: the bundler replaces these two expressions by the bundle's own place.
  const bundled = basename(import.meta.filename) !== "paths.ts";
  return join(import.meta.dirname, ...(bundled ? ["ebpf.cjs"] : ["..", "cli", "main.ts"]));
}
