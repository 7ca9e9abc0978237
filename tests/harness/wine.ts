// Wine, in a prefix of its own that goes when it is closed: runs Windows programs, keeps its services alive between them, and
// a client of EbpfCore.sys to ask with. Everything is bounded in time.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { type Answer, answerOf, type Request } from "./driver-requests.ts";
import { buildShim } from "./shim-build.ts";

export const WINE = "/usr/lib/wine/wine64";
const SERVER = "/usr/lib/wine/wineserver64";
const PROGRAMS = join(import.meta.dirname, "..", "driver", "windows");
const COMPILER = "x86_64-w64-mingw32-gcc";
/** Of Windows, in a prefix. */
const DRIVERS = "drive_c/windows/system32/drivers";
/** Far more than anything takes, also where a slow machine does much at once. */
export const TIMEOUT = 180_000;

export interface Ran {
  readonly status: number | null;
  readonly output: string;
}

export interface WindowsClient {
  /** Opens the driver's device, or another; Windows' error number, 0 if it is open. */
  open(device?: string): Promise<number>;
  close(): Promise<number>;
  ask(request: Request): Promise<Answer>;
  /** Ends the process in the middle of whatever it does. */
  kill(): Promise<void>;
}

export interface Wine {
  /** What Wine's programs are started with. */
  readonly env: NodeJS.ProcessEnv;
  /** Of C:\ebpf, on this system. */
  readonly folder: string;
  run(program: string, ...args: readonly string[]): Ran;
  startClient(): WindowsClient;
  /** The same, with the driver's device open, or another. */
  connect(device?: string): Promise<WindowsClient>;
  close(): void;
}

function compile(folder: string, name: string, flags: readonly string[] = [], ending = "exe"): void {
  const args = [
    "-O2",
    "-Wall",
    "-Wextra",
    "-Werror",
    ...flags,
    join(PROGRAMS, `${name}.c`),
    "-o",
    join(folder, `${name}.${ending}`),
  ];
  const { status, stderr } = spawnSync(COMPILER, args, { encoding: "utf8", timeout: TIMEOUT });
  if (status !== 0) throw new Error(`${name}.c does not compile:\n${stderr}`);
}

function runIn(env: NodeJS.ProcessEnv, command: string, args: readonly string[]): Ran {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    env,
    encoding: "utf8",
    timeout: TIMEOUT,
    killSignal: "SIGKILL",
  });
  if (error !== undefined) throw new Error(`${command} ${args.join(" ")}: ${error.message}`);
  return { status, output: `${stdout}${stderr}` };
}

/** Lines that a program answers to lines, in their order. */
function converse(child: ChildProcess): (line: string) => Promise<string> {
  const waiting: ((line: string | Error) => void)[] = [];
  createInterface({ input: child.stdout! }).on("line", (line) => waiting.shift()?.(line));
  child.once("close", () => {
    for (const resolve of waiting.splice(0)) resolve(new Error("the client ended"));
  });
  return (line) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer to ${line.slice(0, 80)}`)), TIMEOUT);
      waiting.push((answer) => {
        clearTimeout(timer);
        if (typeof answer === "string") resolve(answer);
        else reject(answer);
      });
      child.stdin!.write(`${line}\n`);
    });
}

function startClient(env: NodeJS.ProcessEnv): WindowsClient {
  const child = spawn(WINE, ["C:\\ebpf\\client.exe"], { env, stdio: ["pipe", "pipe", "ignore"] });
  const say = converse(child);
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const numberOf = async (line: string) => Number.parseInt(await say(line), 10);
  return {
    open: (device = "EbpfCore") => numberOf(`open ${device}`),
    close: () => numberOf("close"),
    async ask({ code, bytes, capacity }) {
      const line = `${code.toString(16)} ${capacity} ${Buffer.from(bytes).toString("hex")}`;
      const [status, hex = ""] = (await say(line)).trim().split(" ");
      const reply = Uint8Array.from(Buffer.from(hex, "hex"));
      return answerOf(Number(status), new DataView(reply.buffer));
    },
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** The client, with the driver's device open, or another. */
export async function opened(client: WindowsClient, device?: string): Promise<WindowsClient> {
  const error = await client.open(device);
  if (error !== 0) throw new Error(`the device does not open: ${error}`);
  return client;
}

/** Windows' event log for the programs of C:\ebpf: from now on they have a double of wevtapi.dll, whose logs are files in C:\ebpf\logs. */
export function putEventLog(folder: string): string {
  const logs = join(folder, "logs");
  mkdirSync(logs, { recursive: true });
  compile(folder, "wevtapi", ["-shared"], "dll");
  return logs;
}

/** A new prefix with Windows 10; `files` are copied to C:\ebpf, and if the driver is one of them, what it imports is there. */
export async function openWine(files: readonly string[]): Promise<Wine> {
  const prefix = mkdtempSync(join(tmpdir(), "ebpf-wine-"));
  const hasDriver = files.some((file) => file.endsWith("EbpfCore.sys"));
  // Its own NDIS.SYS has not what the driver imports; its own wevtapi.dll has no event log.
  const overrides = hasDriver ? { WINEDLLOVERRIDES: "ndis.sys=n;wevtapi=n,b" } : {};
  const env = {
    ...process.env,
    ...overrides,
    WINEPREFIX: prefix,
    WINEARCH: "win64",
    WINEDEBUG: "-all",
  };
  const folder = join(prefix, "drive_c", "ebpf");
  runIn(env, WINE, ["wineboot", "-i"]);
  runIn(env, WINE, ["winecfg", "-v", "win10"]);
  // What starts while the server of the programs before is about to end may wait for ever.
  runIn(env, SERVER, ["-w"]);
  mkdirSync(folder, { recursive: true });
  for (const name of ["client", "hold"]) compile(folder, name);
  for (const file of files) copyFileSync(file, join(folder, basename(file)));
  if (hasDriver) for (const file of buildShim()) copyFileSync(file, join(prefix, DRIVERS, basename(file)));
  const holder = spawn(WINE, ["C:\\ebpf\\hold.exe"], { env, stdio: ["ignore", "pipe", "ignore"] });
  const close = (): void => {
    spawnSync(SERVER, ["-k"], { env, timeout: TIMEOUT });
    holder.kill("SIGKILL");
    rmSync(prefix, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  };
  try {
    await once(holder.stdout, "data", { signal: AbortSignal.timeout(TIMEOUT) });
  } catch (error) {
    close();
    throw error;
  }
  return {
    env,
    folder,
    run: (program, ...args) => runIn(env, WINE, [program, ...args]),
    startClient: () => startClient(env),
    connect: (device) => opened(startClient(env), device),
    close,
  };
}
