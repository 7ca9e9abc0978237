// The sample of the hook bind, in the driver's library for Linux: certified, compiled by the JIT, asked about ports.
import test from "ava";
import { library } from "../harness/driver.ts";
import { attachProgram } from "../harness/driver-attach.ts";
import { ask, closeClient, initiate, openClient, terminate } from "../harness/driver-client.ts";
import { setPresent } from "../harness/driver-hook.ts";
import { dataOf } from "../harness/driver-requests.ts";
import { SocketOperation, VERDICTS } from "../harness/driver-sockets.ts";

const bindRun = library.func("uint32 BindRun(const void*, uint32)");
const UNBIND = 2;

const u32 = (value: number) => new Uint8Array(Uint32Array.of(value).buffer);
const u64 = (value: bigint) => new Uint8Array(BigUint64Array.of(value).buffer);

/** What becomes of a process' bind to a port, or of the end of one. */
function bind(processId: bigint, operation = 0): string | undefined {
  const socket = { local: { address: [10, 0, 0, 5], port: 8080 }, processId, app: "\\device\\server.exe" };
  return VERDICTS[bindRun(new SocketOperation(socket).bytes, operation)];
}

test("a process has as many ports as it may, and one more when it has let one go", (t) => {
  initiate();
  setPresent("bind", true);
  const client = openClient();
  const { maps } = attachProgram(client, "bind", "samples/port-quota", "LimitPorts");
  const usage = (process: bigint): number[] | string => {
    const answer = ask.lookup(client, maps.port_usage ?? 0, u64(process));
    return answer.error === "None" ? [...new Uint32Array(dataOf(answer).slice().buffer)] : `${answer.error}`;
  };

  t.deepEqual([bind(7n), bind(7n), bind(7n)], ["permit", "permit", "permit"]);
  t.deepEqual(usage(7n), [3, 0]);
  t.is(ask.update(client, maps.port_quota ?? 0, u32(0), u32(3)).error, "None");
  t.deepEqual([bind(7n), bind(8n)], ["block", "permit"]);
  t.deepEqual(usage(7n), [3, 1]);
  t.is(bind(7n, UNBIND), "permit");
  t.deepEqual([bind(7n), bind(7n)], ["permit", "block"]);
  t.deepEqual(usage(7n), [3, 2]);
  // The last port that is let go takes the process out of the table; of one that is not there nothing is known.
  t.is(bind(8n, UNBIND), "permit");
  t.is(usage(8n), "MapKeyNotFound");
  t.is(bind(9n, UNBIND), "permit");

  closeClient(client);
  setPresent("bind", false);
  terminate();
});
