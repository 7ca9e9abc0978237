// kill -9 of the service while an interface takes a flood: the next command brings everything back, and the flood is
// stopped again.
import { type ChildProcess, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import test, { type ExecutionContext } from "ava";
import { buildFlood } from "../../../scripts/setup.ts";
import {
  killServiceAtEnd,
  runCommand,
  SAMPLE,
  sourceScript,
  temporaryFolder,
} from "../../harness/service.ts";

async function freePort(): Promise<number> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  return port;
}

function startFlood(t: ExecutionContext, port: number): ChildProcess {
  const words = ["--yes", "--port", String(port), "--rate", "50000", "--seconds", "60", "127.0.0.1"];
  const flood = spawn(buildFlood("linux"), words, { stdio: "ignore" });
  t.teardown(() => flood.kill());
  return flood;
}

interface Listed {
  readonly settings: { readonly listen: string };
  readonly program: string;
  readonly counters: { readonly dropped: number; readonly passed: number };
}

test("kill -9 under a flood: the next command has the same interface, program and link, and drops go on", async (t) => {
  t.timeout(120_000);
  const home = temporaryFolder(t);
  killServiceAtEnd(t, home);
  const run = async (words: string): Promise<unknown> => {
    const done = await runCommand(sourceScript, [...words.split(" "), "--json"], { EBPF_HOME: home });
    t.is(done.status, 0, `${words}: ${done.err}`);
    return JSON.parse(done.out);
  };
  const dropping = async (): Promise<Listed> => {
    for (let attempt = 0; attempt < 50; attempt++) {
      const [dns] = (await run("interface list")) as [Listed];
      if (dns.counters.dropped > 10_000) return dns;
    }
    throw new Error("nothing is dropped");
  };
  const port = await freePort();
  await run(`interface add gateway --name dns --listen 127.0.0.1:${port} --to 127.0.0.1:9`);
  await run(`program add ${SAMPLE} --hook xdp --persistent`);
  const links = await run("link list");
  startFlood(t, port);
  const before = await dropping();

  const { processId } = (await run("service status")) as { readonly processId: number };
  // Past a checkpoint, so that what the map held is known to be written.
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  process.kill(processId, "SIGKILL");

  const after = await dropping();
  t.deepEqual(after.settings, before.settings);
  t.is(after.program, "DropPacket");
  t.is(after.counters.passed, 0, "not one datagram came by before the program was back");
  t.deepEqual(await run("link list"), links);
  const status = (await run("service status")) as { readonly processId: number };
  t.not(status.processId, processId);
  const [entry] = (await run("map dump dropped_packet_map")) as [{ readonly value: number }];
  t.true(
    entry.value >= before.counters.dropped + after.counters.dropped - 1,
    "the map goes on from what was written",
  );
});
