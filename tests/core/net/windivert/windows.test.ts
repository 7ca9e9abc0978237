// The interface as a user of Windows has it, in Node for Windows under Wine: the command line, the service, WinDivert.dll (the
// double) where it is found. The test plays the network from outside, through the double's memory in a file.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { SAMPLE } from "../../../harness/service.ts";
import { openWine, type Wine } from "../../../harness/wine.ts";
import { openWindowsNode, type WindowsNode } from "../../../harness/wine-node.ts";
import { until } from "../harness.ts";
import { buildDouble, type Departed, type Double, loadDouble } from "./double.ts";
import { EMPTY, makePacket, QUERY } from "./packets.ts";

const check = test.serial;
const LIBRARY = "C:\\ebpf\\WinDivert.dll";

let wine: Wine;
let node: WindowsNode;
let driver: Double;
test.before(async () => {
  wine = await openWine([SAMPLE]);
  wine.env.WINDIVERT_DOUBLE = "C:\\ebpf\\driver.bin";
  node = await openWindowsNode(wine);
  driver = loadDouble(buildDouble("linux", wine.folder), join(wine.folder, "driver.bin"));
  buildDouble("windows", wine.folder);
});
test.after.always(() => {
  node?.ebpf("service", "stop");
  wine?.close();
});

interface Row {
  readonly name: string;
  readonly state: string;
  readonly counters: Readonly<Record<string, number>>;
}
const list = () => node.json("interface", "list") as Row[];

interface Finding {
  readonly name: string;
  readonly state: string;
  readonly found: string;
}

/** The row of `ebpf doctor`; other rows may be of what is missing here, which is no matter of this test. */
function diagnosis(): Finding | undefined {
  const rows = JSON.parse(node.ebpf("doctor", "--json").out) as Finding[];
  return rows.find(({ name }) => name === "windivert");
}

check("without WinDivert it says where it was looked for", (t) => {
  t.regex(diagnosis()?.found ?? "", /no WinDivert\.dll: looked for C:\\Program Files\\WinDivert\*/);
  const { status, err } = node.ebpf("interface", "add", "windivert");
  t.is(status, 1);
  t.regex(err, /WinDivertNotFound/);
  t.regex(err, /Program Files\\WinDivert\*/);
});

check("what is no WinDivert for this processor is told by Windows' own number, or by what it lacks", (t) => {
  writeFileSync(join(wine.folder, "text.dll"), "not a library");
  const narrow = Buffer.from(readFileSync(join(wine.folder, "WinDivert.dll")));
  narrow.writeUInt16LE(0x14c, narrow.readUInt32LE(0x3c) + 4);
  writeFileSync(join(wine.folder, "narrow.dll"), narrow);
  const cases: readonly [string, RegExp][] = [
    ["C:\\ebpf\\text.dll", /WinDivertUnavailable.*cannot be loaded: it is no library for this processor/s],
    ["C:\\ebpf\\narrow.dll", /WinDivertUnavailable.*is for ia32, and this is Node for x64.*folder x64/s],
    ["C:\\windows\\system32\\version.dll", /WinDivertUnavailable.*is not WinDivert 2\.2/s],
  ];
  for (const [library, words] of cases) {
    const { status, err } = node.ebpf("interface", "add", "windivert", "--library", library);
    t.is(status, 1);
    t.regex(err, words);
  }
});

check("a filter that is wrong is shown with the place", (t) => {
  const { err } = node.ebpf(
    "interface",
    "add",
    "windivert",
    "--library",
    LIBRARY,
    "--filter",
    "udp and banana",
  );
  t.regex(err, /FilterInvalid.*at position 8.*udp and >>>banana/s);
});

check(
  "found under Program Files, it takes the packets that the filter matches; droppacket decides",
  async (t) => {
    const folder = join(wine.folder, "..", "Program Files", "WinDivert-2.2.2-A", "x64");
    mkdirSync(folder, { recursive: true });
    copyFileSync(join(wine.folder, "WinDivert.dll"), join(folder, "WinDivert.dll"));
    t.regex(
      diagnosis()?.found ?? "",
      /^C:\\Program Files\\WinDivert-2\.2\.2-A\\x64\\WinDivert\.dll: no WinDivert64\.sys/,
    );
    copyFileSync(join(wine.folder, "WinDivert.dll"), join(folder, "WinDivert64.sys"));
    t.regex(diagnosis()?.found ?? "", /WinDivert64\.sys has no signature, Windows will refuse it/);
    const words = [
      "--name",
      "machine",
      "--filter",
      "udp.DstPort == 53",
      "--direction",
      "both",
      "--queue-milliseconds",
      "16000",
    ];
    t.like(node.json("interface", "add", "windivert", ...words), {
      name: "machine",
      kind: "windivert",
      state: "open",
    });
    node.json("program", "add", "C:\\ebpf\\droppacket.o", "--hook", "xdp", "--interface", "machine");
    t.like(driver.opened(), {
      count: 1,
      filter: "!impostor and !loopback and (udp.DstPort == 53)",
      queuePackets: 16_384,
    });

    for (let round = 0; round < 200; round++)
      driver.arrive(round % 2 === 0 ? EMPTY : makePacket(`query ${round}`));
    driver.arrive(makePacket("elsewhere", 54));
    driver.arrive(makePacket("answer"), { outbound: true });
    const all: Departed[] = [];
    t.true(await until(() => all.push(...driver.depart()) === 102), `${all.length} packets`);
    t.is(all.filter(({ how }) => how === "sent").length, 101);
    const texts = all.map(({ packet }) => Buffer.from(packet.subarray(28)).toString());
    t.deepEqual(
      texts.filter((text) => text.startsWith("query")),
      Array.from({ length: 100 }, (_, index) => `query ${2 * index + 1}`),
    );
    const [row] = list();
    t.like(row, {
      name: "machine",
      state: "open",
      counters: { received: 201, passed: 101, dropped: 100, errors: 0 },
    });

    node.json("program", "remove", "DropPacket");
    t.is(driver.opened().count, 0);
    driver.arrive(EMPTY);
    t.deepEqual(
      driver.depart().map(({ how }) => how),
      ["untouched"],
    );
    node.json("interface", "remove", "machine");
  },
);

check("removing the interface decides about what waits; an adapter is known by its name", async (t) => {
  // Wine names adapters as Linux does, and numbers them so.
  const index = Number(readFileSync("/sys/class/net/lo/ifindex", "utf8"));
  const words = ["--library", LIBRARY, "--name", "machine", "--adapter", "lo", "--loopback"];
  node.json("interface", "add", "windivert", ...words);
  node.json("program", "add", "C:\\ebpf\\droppacket.o", "--hook", "xdp", "--interface", "machine");
  t.is(driver.opened().filter, `!impostor and (inbound or loopback) and ifIdx == ${index}`);
  for (let round = 0; round < 1000; round++)
    driver.arrive(round % 2 === 0 ? EMPTY : QUERY, { loopback: true, index });
  node.json("interface", "remove", "machine", "--force");
  t.is(driver.opened().count, 0);
  const all = driver.depart();
  t.is(all.length, 500);
  t.true(all.every(({ how, packet }) => how === "sent" && packet.length === QUERY.length));
  t.is(driver.lost(), 0);
  node.json("program", "remove", "DropPacket");
});

check(
  "a service that ends gives the handle back; one that is killed leaves it to Windows; the next filters again",
  async (t) => {
    node.json("interface", "add", "windivert", "--library", LIBRARY, "--queue-milliseconds", "16000");
    node.json("program", "add", "C:\\ebpf\\droppacket.o", "--hook", "xdp");
    const takes = async (): Promise<void> => {
      t.like(list(), [{ name: "windivert0", state: "open", counters: { received: 0 } }]);
      t.is(driver.opened().count, 1);
      driver.arrive(EMPTY);
      driver.arrive(QUERY);
      const all: Departed[] = [];
      t.true(await until(() => all.push(...driver.depart()) === 1));
      t.is(all[0]?.how, "sent");
    };
    await takes();
    node.json("service", "stop");
    t.is(driver.opened().count, 0);
    await takes();
    const { processId } = node.json("service", "status") as { processId: number };
    t.is(wine.run("taskkill", "/f", "/pid", String(processId)).status, 0);
    driver.arrive(EMPTY);
    t.is(list().length, 1);
    t.deepEqual(
      driver.depart().map(({ how }) => how),
      ["released"],
    );
    await takes();
    node.json("program", "remove", "DropPacket");
    node.json("interface", "remove", "windivert0");
  },
);

check("what Windows refuses is said with the remedy", (t) => {
  driver.failOpen(5);
  t.regex(
    node.ebpf("interface", "add", "windivert", "--library", LIBRARY).err,
    /PermissionDenied.*elevated/s,
  );
  driver.failOpen(577);
  t.regex(
    node.ebpf("interface", "add", "windivert", "--library", LIBRARY).err,
    /WinDivertBlocked.*signature/s,
  );
  driver.failOpen(0);
  t.deepEqual(list(), []);
});
