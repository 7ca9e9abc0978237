// `ebpf demo`: builds the stage, starts the traffic, tells the story, and takes everything away again, also after an
// error or an interrupt.
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EbpfError } from "../../base/error.ts";
import type { Invocation, Io } from "../command.ts";
import { commandLineOperator, findPowerShell, type Operator, powerShellOperator } from "./operator.ts";
import { type OwnService, startOwnService } from "./own-service.ts";
import { type Cleanup, findCommand, makeCleanup, runCommand } from "./process.ts";
import { packageRoot } from "./root.ts";
import { openGatewayStage, openTapStage, type Stage, type StageSettings, tapObstacle } from "./stage.ts";
import { type DemoResult, tellStory } from "./story.ts";
import { startFlood, startQueries } from "./traffic.ts";

const DEFAULT_SECONDS = 3;
/**
 * Less than what the wire's loop can take in with the program attached, so that no query is lost in front of it; and
 * more than the server can serve.
 */
const DEFAULT_RATE = 300_000;
/** Everything beside the three measurements, at worst. */
const OTHER_SECONDS = 120;

/** Interrupt, termination and hang-up all end the demonstration the same way: by its cleanup. */
function untilStopped(io: Io): AbortController {
  const stopped = new AbortController();
  const stop = (): void => stopped.abort();
  io.signal.addEventListener("abort", stop, { once: true });
  for (const name of ["SIGTERM", "SIGHUP"] as const) process.once(name, stop);
  return stopped;
}

/** The unsafe edit: compiled here if there is a clang, else the object that is shipped. */
async function compileUnsafe(root: string, scratch: string): Promise<{ object: string; how: string }> {
  const clang = ["clang", "clang-19", "clang-16", "clang-15", "clang-14"]
    .map((name) => findCommand(name))
    .find((path) => path !== undefined);
  const committed = { object: join("samples", "droppacket_unsafe.o"), how: "the object that is shipped" };
  if (clang === undefined) return committed;
  const object = join(scratch, "droppacket_unsafe.o");
  // Debug information names the source as people do: from the package's folder.
  const flags = ["-g", "-O2", "-target", "bpf", "-mcpu=v3", `-fdebug-prefix-map=${root}=.`];
  const { status } = await runCommand(clang, [...flags, "-c", "samples/droppacket_unsafe.c", "-o", object], {
    cwd: root,
  });
  return status === 0 ? { object, how: "compiled just now" } : committed;
}

async function openOperator(service: OwnService, root: string, cleanup: Cleanup): Promise<Operator> {
  const executable = findPowerShell(process.env);
  if (executable === undefined) return commandLineOperator(service.ebpf);
  return powerShellOperator({ executable, root, env: service.env, cleanup });
}

async function openStage(gateway: boolean, settings: StageSettings): Promise<Stage> {
  if (gateway) return openGatewayStage(settings);
  const obstacle = await tapObstacle();
  return obstacle === undefined ? openTapStage(settings) : openGatewayStage(settings, obstacle);
}

async function play(invocation: Invocation, cleanup: Cleanup, signal: AbortSignal): Promise<DemoResult> {
  const { io, options } = invocation;
  const seconds = Number(options.seconds ?? DEFAULT_SECONDS);
  const rate = Number(options.rate ?? DEFAULT_RATE);
  const root = packageRoot();
  const home = mkdtempSync(join(tmpdir(), "ebpf-demo-"));
  const service = await startOwnService(home, root, cleanup);
  const settings = { cleanup, signal, ebpf: service.ebpf };
  const stage = await openStage(options.gateway === true, settings);
  const operator = await openOperator(service, root, cleanup);
  const unsafe = await compileUnsafe(root, home);
  const queries = startQueries(stage.attacker, stage.target, cleanup, signal);
  const floodSettings = { root, scratch: home, rate, seconds: OTHER_SECONDS + 3 * seconds, cleanup };
  const flood = await startFlood(stage.attacker, stage.target, floodSettings);
  const check = (): void => {
    for (const part of [stage, queries, flood]) part.check();
  };
  const object = "samples/droppacket.o";
  return tellStory({
    io,
    signal,
    seconds,
    stage,
    operator,
    queries,
    ebpf: service.ebpf,
    object,
    unsafe,
    check,
  });
}

/** What the story promises; a line for each promise that was not kept. */
function brokenPromises(result: DemoResult): string[] {
  const { before, during, after, queriesAsked, queriesAnswered, rejected } = result;
  return [
    ...(during < 10 && during < before / 100
      ? []
      : [`${during} datagrams/s reached the server while the program was attached`]),
    ...(after > before / 10
      ? []
      : [`only ${after} of ${before} datagrams/s came back after the program was removed`]),
    ...(queriesAsked > 0 && queriesAnswered === queriesAsked
      ? []
      : [`${queriesAnswered} of ${queriesAsked} queries were answered`]),
    ...(rejected ? [] : ["the unsafe program was not refused"]),
  ];
}

/** Returns 0 if everything went as the story says, else 1 and the reasons on stderr. */
export async function runDemo(invocation: Invocation): Promise<number> {
  const { io, json } = invocation;
  const cleanup = makeCleanup();
  const stopped = untilStopped(io);
  let result: DemoResult;
  try {
    result = await play(invocation, cleanup, stopped.signal);
  } catch (error) {
    if (stopped.signal.aborted)
      throw new EbpfError("Cancelled", "the demonstration was interrupted", {}, error);
    throw error;
  } finally {
    const left = await cleanup.run();
    if (left !== undefined)
      io.err(`ebpf: not everything could be taken away again: ${(left as Error).message}\n`);
  }
  const broken = brokenPromises(result);
  for (const line of broken) io.err(`ebpf: ${line}\n`);
  io.out(json ? `\n${JSON.stringify(result)}\n` : "\n");
  return broken.length === 0 ? 0 : 1;
}
