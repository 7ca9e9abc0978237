// Programs that move the begin of their frame (bpf_xdp_adjust_head): what goes on begins there.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { ENGINES } from "../../harness/engines.ts";
import { udpFrame } from "../../harness/programs.ts";
import { pcapOf } from "./captures.ts";
import { collect, insertHead, openStage, portOf, textOf, until } from "./harness.ts";

for (const engine of ENGINES) {
  test(`a capture has longer and shorter frames in it: ${engine}`, async (t) => {
    const stage = openStage();
    const folder = mkdtempSync(join(tmpdir(), "ebpf-moved-"));
    t.teardown(async () => {
      await stage.close();
      rmSync(folder, { recursive: true });
    });
    const [input, output] = [join(folder, "in.pcap"), join(folder, "out.pcap")];
    const sizes = [0, 20, 300];
    const all = sizes.map((size, index) => {
      const bytes = udpFrame(size).fill(index + 1);
      // Of the last one the capture has only a part.
      return {
        time: BigInt(index) * 1_000_000n,
        bytes,
        originalBytes: bytes.length + (index === 2 ? 100 : 0),
      };
    });
    writeFileSync(input, pcapOf(all, { bigEndian: false, nanoseconds: true }));
    const capture = await stage.add({ name: "capture", kind: "pcap", settings: { input, output } });
    for (const delta of [-256, -4, 14, 0]) {
      await capture.attach(stage.loadXdp(`r2 = ${delta}\ncall 65536\nr0 += 1\nexit`, engine));
      t.true(await until(() => capture.state().kind === "done"));
      const expected = all.map(({ bytes, originalBytes, ...frame }) => {
        const left = new Uint8Array(bytes.length - delta);
        left.set(bytes.subarray(Math.max(0, delta)), Math.max(0, -delta));
        return { ...frame, bytes: left, originalBytes: originalBytes - delta };
      });
      t.deepEqual(
        readFileSync(output),
        Buffer.from(pcapOf(expected, { bigEndian: false, nanoseconds: true })),
        `${delta}`,
      );
      await capture.attach(undefined);
    }
  });

  for (const plain of [false, true])
    test(`a gateway sends on what the payload is then, or back: ${engine}, ${plain ? "plain" : "batches"}`, async (t) => {
      const stage = openStage();
      t.teardown(() => stage.close());
      const [server, client] = [await stage.bind("127.0.0.1"), await stage.bind("127.0.0.1")];
      const [atServer, atClient] = [collect(server), collect(client)];
      const gateway = await stage.add({
        name: "gateway",
        kind: "gateway",
        settings: { listen: "127.0.0.1:0", to: textOf(server), plain },
      });
      const send = (text: string): void => client.send(text, portOf(gateway), "127.0.0.1");
      const long = "y".repeat(1400);
      await gateway.attach(stage.loadXdp(insertHead(1), engine));
      for (const text of ["query", "", long]) send(text);
      t.true(await until(() => atServer.length === 3));
      t.deepEqual([...atServer], ["HEADquery", "HEAD", `HEAD${long}`]);
      await gateway.attach(stage.loadXdp(insertHead(3), engine));
      send("again");
      t.true(await until(() => atClient.length === 1));
      t.deepEqual([atServer.length, ...atClient], [3, "HEADagain"]);
      t.is(gateway.counters().errors, 0);
      // A frame without its Ethernet header is none.
      await gateway.attach(stage.loadXdp("r2 = 14\ncall 65536\nr0 = 1\nexit", engine));
      send("gone");
      t.true(await until(() => gateway.counters().errors === 1));
      t.is(atServer.length, 3);
    });
}
