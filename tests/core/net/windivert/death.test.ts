// What becomes of the machine's packets when the service dies in the middle of them: the driver, here the double with its
// memory in a file, gives back what waits and lets the rest through; the next service has the filter in force again.
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { connectService } from "../../../../core/service/client.ts";
import { pathsOf, SAMPLE, sourceScript, startCommand, temporaryFolder } from "../../../harness/service.ts";
import { until } from "../harness.ts";
import { buildDouble, type Departed, loadDouble } from "./double.ts";
import { EMPTY, QUERY } from "./packets.ts";

async function startService(t: ExecutionContext, home: string, driverFile: string) {
  const child = startCommand(sourceScript, ["service", "run"], {
    EBPF_HOME: home,
    WINDIVERT_DOUBLE: driverFile,
  });
  t.teardown(() => child.kill("SIGKILL"));
  let told = "";
  child.stderr?.on("data", (chunk) => {
    told += chunk;
  });
  t.true(await until(() => told.includes("listening")), told);
  const client = await connectService({ paths: pathsOf(home), start: false });
  t.teardown(() => client.close());
  return { child, client };
}

/** Signals do not take effect at once, and each thread stops for itself. */
function isStopped(processId = 0): boolean {
  const tasks = `/proc/${processId}/task`;
  return readdirSync(tasks).every((id) => readFileSync(join(tasks, id, "stat"), "latin1").includes(") T "));
}

const counts = (all: readonly Departed[]): Record<string, number> =>
  Object.fromEntries(
    ["untouched", "sent", "released"].map((how) => [how, all.filter((one) => one.how === how).length]),
  );

test("kill -9: what waited is given back by the driver, what comes then passes; the next service filters again", async (t) => {
  const home = temporaryFolder(t);
  const driverFile = join(home, "driver");
  const driver = loadDouble(buildDouble("linux", home), driverFile);
  const first = await startService(t, home, driverFile);
  const settings = { library: driver.path, filter: "udp", queueMilliseconds: 16_000 };
  await first.client.call("interface.add", { kind: "windivert", name: "machine", settings });
  await first.client.call("program.add", { file: SAMPLE, hook: "xdp" });
  driver.arrive(EMPTY);
  driver.arrive(QUERY);
  const seen: Departed[] = [];
  t.true(await until(() => seen.push(...driver.depart()) === 1));
  t.deepEqual(counts(seen), { untouched: 0, sent: 1, released: 0 });

  // A process that is stopped neither reads nor dies: its packets wait.
  first.child.kill("SIGSTOP");
  t.true(await until(() => isStopped(first.child.pid)));
  for (let count = 0; count < 100; count++) driver.arrive(QUERY);
  const { waiting } = driver.opened();
  t.is(waiting, 100);
  t.deepEqual(driver.depart(), []);
  const gone = once(first.child, "exit");
  first.child.kill("SIGKILL");
  await gone;
  driver.arrive(EMPTY);
  t.deepEqual(counts(driver.depart()), { untouched: 1, sent: 0, released: waiting });
  t.is(driver.opened().count, 0);

  const second = await startService(t, home, driverFile);
  t.is(driver.opened().count, 1, "the program is in force before anybody asks for something");
  driver.arrive(EMPTY);
  driver.arrive(QUERY);
  const after: Departed[] = [];
  t.true(await until(() => after.push(...driver.depart()) === 1));
  t.deepEqual(counts(after), { untouched: 0, sent: 1, released: 0 });
  const [row] = await second.client.call("interface.list", {});
  t.like(row, {
    name: "machine",
    kind: "windivert",
    program: "DropPacket",
    counters: { passed: 1, dropped: 1 },
  });
});
