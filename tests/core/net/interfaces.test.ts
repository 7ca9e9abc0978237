import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import fc from "fast-check";
import { EbpfError } from "../../../core/base/error.ts";
import { LANE_COUNT } from "../../../core/host/embedded/lane.ts";
import { compile } from "../../../core/image/compile.ts";
import { addressBytes, splitAddress, writeSockaddr } from "../../../core/net/address.ts";
import { INTERFACE_KINDS, workerEntry } from "../../../core/net/interfaces.ts";
import { checkSettings } from "../../../core/net/settings.ts";
import { assembled, PACKET_TYPE, trust } from "../../harness/programs.ts";
import { openStage } from "./harness.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..");
const GATEWAY = { listen: "127.0.0.1:0", to: "127.0.0.1:9" };

test("every kind and setting says what it is", (t) => {
  t.deepEqual(
    INTERFACE_KINDS.map((row) => row.kind),
    ["gateway", "tap", "pcap", "windivert"],
  );
  for (const row of INTERFACE_KINDS) {
    for (const text of [row.description, ...row.settings.map((setting) => setting.description)]) {
      t.regex(text, /^[A-Z].*\.$/);
    }
    t.is(new Set(row.settings.map((setting) => setting.name)).size, row.settings.length);
  }
});

test("settings: numbers and flags as text, defaults, addresses as bytes", async (t) => {
  const settings = await checkSettings("gateway", { ...GATEWAY, clients: "7", plain: "true" });
  t.like(settings, { kind: "gateway", clients: 7, idleSeconds: 30, plain: true });
  t.deepEqual(settings.kind === "gateway" ? [...settings.to.bytes] : [], [127, 0, 0, 1]);
  const named = await checkSettings("gateway", { ...GATEWAY, to: "localhost:53" });
  t.regex(named.kind === "gateway" ? named.to.address : "", /^(127\.0\.0\.1|::1)$/);
});

const WRONG: readonly (readonly [settings: Record<string, unknown>, target: string])[] = [
  [{}, "listen"],
  [{ listen: "127.0.0.1:0" }, "to"],
  [{ ...GATEWAY, listen: "127.0.0.1" }, "listen"],
  [{ ...GATEWAY, listen: "127.0.0.1:65536" }, "listen"],
  [{ ...GATEWAY, listen: "::1:53" }, "listen"],
  [{ ...GATEWAY, listen: "[127.0.0.1]:53" }, "listen"],
  [{ ...GATEWAY, listen: "[fe80::1%lo]:53" }, "listen"],
  [{ ...GATEWAY, listen: 53 }, "listen"],
  [{ ...GATEWAY, to: "127.0.0.1:0" }, "to"],
  [{ ...GATEWAY, to: "no-such-name.invalid:53" }, "to"],
  [{ listen: "127.0.0.1:5300", to: "127.0.0.1:5300" }, "to"],
  [{ ...GATEWAY, clients: 0 }, "clients"],
  [{ ...GATEWAY, clients: 1.5 }, "clients"],
  [{ ...GATEWAY, clients: "many" }, "clients"],
  [{ ...GATEWAY, idleSeconds: "-1" }, "idleSeconds"],
  [{ ...GATEWAY, plain: "yes" }, "plain"],
  [{ ...GATEWAY, port: 53 }, "port"],
];

for (const [settings, target] of WRONG) {
  test(`ArgumentInvalid names the setting: ${JSON.stringify(settings)}`, async (t) => {
    const error = await t.throwsAsync(checkSettings("gateway", settings), { instanceOf: EbpfError });
    t.is(error.code, "ArgumentInvalid");
    t.is(error.data.target, target, error.message);
  });
}

test("any settings at all: ArgumentInvalid or fit", async (t) => {
  const kinds = fc.constantFrom("gateway", "tap", "pcap", "windivert", "wire");
  const names = fc.constantFrom(
    ...INTERFACE_KINDS.flatMap((row) => row.settings.map((setting) => setting.name)),
  );
  const values = fc.oneof(
    fc.constantFrom("127.0.0.1:1", "[::1]:1", "eth0", "/x", true, 5, "5"),
    fc.string(),
    fc.jsonValue(),
  );
  await fc.assert(
    fc.asyncProperty(kinds, fc.dictionary(names, values), async (kind, settings) => {
      // Names would be looked up; that is another test.
      for (const key of ["listen", "to"]) {
        if (typeof settings[key] === "string" && !/^[[\d]/.test(settings[key])) delete settings[key];
      }
      try {
        const checked = await checkSettings(kind as "gateway", settings);
        t.true(checked.kind === kind);
      } catch (error) {
        if (!(error instanceof EbpfError)) throw error;
        t.is(error.code, "ArgumentInvalid");
      }
    }),
    { numRuns: 2000 },
  );
});

test("addresses: text to bytes and into sockaddr", (t) => {
  t.deepEqual(addressBytes("1.2.3.4"), Uint8Array.of(1, 2, 3, 4));
  t.is(Buffer.from(addressBytes("::")!).toString("hex"), "00".repeat(16));
  t.is(Buffer.from(addressBytes("2001:db8::1:2")!).toString("hex"), "20010db8000000000000000000010002");
  t.is(Buffer.from(addressBytes("::ffff:1.2.3.4")!).toString("hex"), "00000000000000000000ffff01020304");
  t.is(Buffer.from(addressBytes("1:2:3:4:5:6:7:8")!).toString("hex"), "00010002000300040005000600070008");
  t.is(Buffer.from(addressBytes("fe80::")!).toString("hex"), `fe80${"00".repeat(14)}`);
  t.is(addressBytes("fe80::1%eth0"), undefined);
  t.is(addressBytes("300.1.1.1"), undefined);
  t.deepEqual(splitAddress("[2001:db8::1]:53", "to"), { host: "2001:db8::1", port: 53 });
  const bytes = new Uint8Array(32).fill(0xff);
  const four = { address: "1.2.3.4", port: 0x1234, bytes: Uint8Array.of(1, 2, 3, 4) };
  t.is(writeSockaddr(new DataView(bytes.buffer), 0, four), 16);
  t.is(Buffer.from(bytes.subarray(0, 16)).toString("hex"), `0200123401020304${"00".repeat(8)}`);
});

test("the sixteenth interface is TooManyInterfaces; closing one makes room", async (t) => {
  const stage = openStage();
  t.teardown(() => stage.close());
  const request = { name: "g", kind: "gateway", settings: GATEWAY } as const;
  const added = [];
  for (let count = 1; count < LANE_COUNT; count++) added.push(await stage.add(request));
  const error = await t.throwsAsync(stage.add(request), { instanceOf: EbpfError });
  t.is(error.code, "TooManyInterfaces");
  await added[3]!.close();
  await t.notThrowsAsync(stage.add(request));
});

test("what cannot be attached is refused and changes nothing", async (t) => {
  const stage = openStage();
  t.teardown(() => stage.close());
  const gateway = await stage.add({ name: "g", kind: "gateway", settings: GATEWAY });
  const other = { ...assembled("r0 = 0\nexit"), type: { ...PACKET_TYPE, name: "bind", returns: [] } };
  const program = stage.host.load(compile(trust(other), "interpreter"), []);
  const error = await t.throwsAsync(gateway.attach(program), { instanceOf: EbpfError });
  t.is(error.code, "HookUnknown");
  t.is(gateway.attached, undefined);
  await gateway.close();
  const closed = await t.throwsAsync(gateway.attach(undefined), { instanceOf: EbpfError });
  t.is(closed.code, "InterfaceFailed");
  await t.notThrowsAsync(gateway.close());
});

for (const [how, code, script] of [
  ["process.exit", 3, "process.exit(3)"],
  ["an error nobody catches", 1, "setTimeout(() => { throw new Error('boom'); }, 50)"],
] as const) {
  test(`a process with an interface that waits for packets ends at once: ${how}`, (t) => {
    const source = `
      import { createEmbeddedHost } from "./core/host/embedded/host.ts";
      import { createInterface } from "./core/net/interfaces.ts";
      const settings = ${JSON.stringify(GATEWAY)};
      await createInterface(createEmbeddedHost(), { name: "g", kind: "gateway", settings });
      ${script};
    `;
    const args = ["--input-type=module", "-e", source];
    const child = spawnSync(process.execPath, args, { cwd: ROOT, encoding: "utf8", timeout: 60_000 });
    t.is(child.status, code, child.stderr);
  });
}

test("the worker's entry is a file that is there", (t) => {
  t.regex(readFileSync(workerEntry(), "utf8"), /parentPort/);
});
