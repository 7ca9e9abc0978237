// The driver's cmdlets where there is no Windows: each says why not. What they do on Windows: windows.test.ts.
import test from "ava";
import { type ModuleSession, openModule } from "../harness/module.ts";

let session: ModuleSession;
test.before(async () => {
  session = await openModule();
});
test.after.always(() => session.close());

for (const command of [
  "Get-EbpfDriver",
  "Install-EbpfDriver x.sys -WhatIf",
  "Start-EbpfDriver",
  "Stop-EbpfDriver -Force",
  "Uninstall-EbpfDriver",
]) {
  test.serial(`${command}: DriverUnsupported`, async (t) => {
    const [error, ...more] = await session.errors(command);
    t.is(error?.id, `DriverUnsupported,${command.split(" ")[0]}`);
    t.is(error?.category, "NotInstalled");
    t.regex(error?.message ?? "", /the driver is for Windows/);
    t.regex(error?.action ?? "", /embedded/);
    t.is(more.length, 0);
  });
}

test("words of a command line are quoted as they are taken apart", async (t) => {
  const words = ["plain", "a b", 'say "x"', "C:\\folder\\", 'a\\"b\\\\', ""];
  const quoted = await session.value(
    `, @(${words.map((word) => `'${word}'`).join(", ")} | ForEach-Object { & (Get-Module ebpf) { ConvertTo-EbpfArgument $args[0] } $_ })`,
  );
  t.deepEqual(quoted, ['"plain"', '"a b"', '"say \\"x\\""', '"C:\\folder\\\\"', '"a\\\\\\"b\\\\\\\\"', '""']);
});

test.serial("a service that cannot start is told with its own error", async (t) => {
  const [error] = await session.errors(
    "$home0 = $env:EBPF_HOME; $env:EBPF_HOME = '/dev/null/none'; try { Start-EbpfService } finally { $env:EBPF_HOME = $home0 }",
  );
  t.is(error?.id, "SocketUnusable,Start-EbpfService", error?.message);
});
