// What setup finds missing on a machine, and the line it tells.
import test from "ava";
import { installLine, missingPackages } from "../../scripts/setup.ts";

test("a machine with gcc only needs little for the demonstration, more for the tests", (t) => {
  const here = new Set(["gcc", "/usr/include/stdio.h"]);
  const has = (path: string) => here.has(path);
  t.deepEqual(missingPackages("demo", has), ["dnsmasq-base", "iproute2"]);
  const names = missingPackages("test", has);
  for (const name of [
    "clang",
    "libbpf-dev",
    "linux-libc-dev",
    "gcc-mingw-w64-x86-64",
    "osslsigncode",
    "wine64",
  ])
    t.true(names.includes(name), name);
  t.is(installLine(["a", "b"]), "sudo apt-get install --no-install-recommends a b");
});

test("where everything is, nothing is missing", (t) => {
  t.deepEqual(
    missingPackages("test", () => true),
    [],
  );
});

test("after setup nothing that the tests need is missing here", (t) => {
  t.deepEqual(missingPackages("test"), []);
});
