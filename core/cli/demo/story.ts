// The story of the demonstration, step by step: what is done, and what a person sees of it. Knows no processes, namespaces
// or sockets; they are behind the stage, the operator and the traffic.
import { EbpfError } from "../../base/error.ts";
import type { DisassemblyRecord, VerificationRecord } from "../../manager/records.ts";
import type { Io } from "../command.ts";
import { paint } from "../output.ts";
import { drawBar, measureRate } from "./meter.ts";
import type { Ebpf, Operator } from "./operator.ts";
import { sleep } from "./process.ts";
import type { Stage } from "./stage.ts";
import type { Queries } from "./traffic.ts";

/** What `ebpf demo --json` ends with. Rates are datagrams a second at the server. */
export interface DemoResult {
  readonly before: number;
  readonly during: number;
  readonly after: number;
  /** While the program was attached. */
  readonly queriesAsked: number;
  readonly queriesAnswered: number;
  /** The unsafe edit was refused, by verification and by Add-EbpfProgram. */
  readonly rejected: boolean;
  readonly powershell: boolean;
  readonly interface: "tap" | "gateway";
  readonly engine: string;
}

export interface Scene {
  readonly io: Io;
  readonly signal: AbortSignal;
  /** Of each measurement. */
  readonly seconds: number;
  readonly stage: Stage;
  readonly operator: Operator;
  readonly queries: Queries;
  readonly ebpf: Ebpf;
  /** Paths as they are typed, relative to the package. */
  readonly object: string;
  readonly unsafe: { readonly object: string; readonly how: string };
  /** Fails if a part that has to run has ended. */
  check(): void;
}

const BAR_WIDTH = 40;
const EXCERPT_LINES = 14;
/** From the answer of Add-EbpfProgram to a quiet server: what was taken in before is served meanwhile. */
const SETTLE_MILLISECONDS = 500;

const number = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

function step(scene: Scene, title: string, command?: string): void {
  const { io, operator } = scene;
  io.out(`\n${paint(io, "bold", title)}\n`);
  if (command !== undefined) {
    const prompt = command.startsWith("ebpf ") ? "$" : operator.prompt;
    io.out(`  ${paint(io, "cyan", `${prompt} ${command}`)}\n`);
  }
}

function say(scene: Scene, text: string): void {
  scene.io.out(`  ${text}\n`);
}

/** The mean rate of one phase. On a terminal the bar lives; elsewhere its last form is printed. */
async function measure(scene: Scene, full: number): Promise<number> {
  const { io, stage, seconds, signal } = scene;
  let largest = full;
  const line = (rate: number): string => {
    largest = Math.max(largest, rate);
    return `  ${paint(io, "green", drawBar(rate, largest, BAR_WIDTH))} ${number.format(rate).padStart(9)} datagrams/s`;
  };
  const rate = await measureRate(stage.sample, seconds, signal, (now) => {
    scene.check();
    if (io.outIsTerminal) io.out(`\r${line(now)}`);
  });
  io.out(`${io.outIsTerminal ? "\r" : ""}${line(rate)}\n`);
  return rate;
}

async function showDisassembly(scene: Scene): Promise<void> {
  step(
    scene,
    "The program, as clang compiled it from samples/droppacket.c",
    `ebpf disasm ${scene.object} --source`,
  );
  const rows = (await scene.ebpf("disasm", scene.object, "--source")) as DisassemblyRecord[];
  let line: number | undefined;
  const texts: string[] = [];
  for (const { slot, text, source } of rows) {
    if (source !== undefined && source.line !== line) {
      line = source.line;
      texts.push(paint(scene.io, "dim", `; ${source.text.trim()}`));
    }
    texts.push(`${String(slot).padStart(4)}: ${text}`);
  }
  for (const text of texts.slice(0, EXCERPT_LINES)) say(scene, text);
  say(scene, `      ... ${rows.length} instructions`);
}

async function verify(scene: Scene, object: string): Promise<VerificationRecord> {
  const [row] = (await scene.ebpf("verify", object)) as VerificationRecord[];
  if (row === undefined) throw new EbpfError("StepFailed", `${object} holds no program`, { file: object });
  return row;
}

async function showVerification(scene: Scene): Promise<void> {
  step(scene, "Verified before it may run", `ebpf verify ${scene.object}`);
  const { verdict, program, instructions, milliseconds, message } = await verify(scene, scene.object);
  if (verdict !== "accepted") {
    throw new EbpfError("StepFailed", `${scene.object} is ${verdict}: ${message ?? ""}`, {
      file: scene.object,
    });
  }
  const verdictText = paint(scene.io, "green", "accepted");
  say(scene, `${program}: ${verdictText}; ${instructions} instructions, ${milliseconds.toFixed(1)} ms`);
}

interface Attached {
  readonly during: number;
  readonly asked: number;
  readonly answered: number;
  readonly engine: string;
}

/** From Add-EbpfProgram to Remove-EbpfProgram. */
async function runAttached(scene: Scene, full: number): Promise<Attached> {
  const { operator, queries, signal, object } = scene;
  step(scene, "Loaded and attached", operator.commands.add(object));
  const { id, engine } = await operator.add(object);
  await sleep(SETTLE_MILLISECONDS, signal);
  queries.begin();
  const during = await measure(scene, full);
  const { asked, answered } = await queries.end();
  say(scene, `queries answered meanwhile: ${answered} of ${asked}; engine ${engine}`);

  step(scene, "What the program counted", operator.commands.entries);
  say(scene, `${number.format(await operator.readDropped())} datagrams dropped`);

  step(scene, "Removed again", operator.commands.remove(id));
  await operator.remove(id);
  return { during, asked, answered, engine };
}

/** Code and message of the refusal, or undefined if the program was taken. */
async function refusalOf(attempt: Promise<unknown>): Promise<EbpfError | undefined> {
  try {
    await attempt;
    return undefined;
  } catch (error) {
    if (error instanceof EbpfError && error.code === "ProgramRejected") return error;
    throw error;
  }
}

async function tryUnsafe(scene: Scene): Promise<boolean> {
  const { operator, io } = scene;
  const { object, how } = scene.unsafe;
  step(scene, `The same program with its bounds check taken out (${how})`, `ebpf verify ${object}`);
  const { verdict, code, message, source, failure } = await verify(scene, object);
  say(scene, `${paint(io, "red", verdict)}: ${code ?? ""} ${message ?? ""}`);
  if (source !== undefined) say(scene, `  ${source.line} | ${source.text.trim()}`);
  if (failure !== undefined) say(scene, failure.remedy);

  step(scene, "And it cannot be loaded", operator.commands.add(object));
  const refusal = await refusalOf(operator.add(object));
  if (refusal === undefined) say(scene, paint(io, "red", "it was loaded"));
  else say(scene, `${paint(io, "red", refusal.code)}: ${refusal.message}`);
  return verdict === "rejected" && source !== undefined && refusal !== undefined;
}

/** Tells the story; every number in the result was measured. */
export async function tellStory(scene: Scene): Promise<DemoResult> {
  const { io, stage, operator, signal } = scene;
  io.out(
    `${paint(io, "bold", "A DNS server is flooded with empty datagrams; one small program stops them.")}\n\n`,
  );
  for (const line of stage.lines) say(scene, line);
  if (!operator.powershell)
    say(scene, "There is no PowerShell here; the command line does what its cmdlets would.");
  await showDisassembly(scene);
  await showVerification(scene);

  step(scene, "The flood, with nothing attached");
  await sleep(SETTLE_MILLISECONDS, signal);
  const before = await measure(scene, 0);
  const { during, asked, answered, engine } = await runAttached(scene, before);
  await sleep(SETTLE_MILLISECONDS, signal);
  const after = await measure(scene, before);
  const rejected = await tryUnsafe(scene);
  return {
    before: Math.round(before),
    during: Math.round(during * 10) / 10,
    after: Math.round(after),
    queriesAsked: asked,
    queriesAnswered: answered,
    rejected,
    powershell: operator.powershell,
    interface: stage.kind,
    engine,
  };
}
