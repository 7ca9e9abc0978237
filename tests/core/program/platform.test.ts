import test from "ava";
import { EbpfError } from "../../../core/base/error.ts";
import type { BtfType } from "../../../core/btf/types.ts";
import { parse } from "../../../core/isa/parse.ts";
import { buildProgram } from "../../../core/program/build.ts";
import type { ObjectSpec } from "../../../core/spec.ts";

/** An object of one xdp program. */
function object(text: string, btf?: readonly BtfType[], section = "xdp"): ObjectSpec {
  const instructions = parse(text);
  const spec = {
    name: "main",
    section,
    byteOffset: 0,
    binding: "global" as const,
    instructions,
    references: [],
  };
  return {
    file: "x.o",
    programs: [{ ...spec, sources: [], coreRelocations: [], ...(btf && { btfId: 1 }) }],
    functions: [],
    maps: [],
    variables: [],
    sections: [],
    ...(btf && { btf: { types: btf } }),
  };
}

/** BTF of `int main(struct *)` with members of the given names and sizes in a row. */
function context(members: Readonly<Record<string, number>>): BtfType[] {
  let bitOffset = 0;
  const sizes = [...new Set(Object.values(members))];
  const struct: BtfType = {
    kind: "struct",
    name: "xdp_md",
    sizeBytes: Object.values(members).reduce((sum, size) => sum + size, 0),
    members: Object.entries(members).map(([name, size]) => {
      const member = { name, type: 5 + sizes.indexOf(size), bitOffset, bitSize: 0 };
      bitOffset += size * 8;
      return member;
    }),
  };
  return [
    { kind: "void" },
    { kind: "function", name: "main", type: 2, linkage: "global" },
    { kind: "functionPrototype", returnType: 5, parameters: [{ name: "ctx", type: 3 }] },
    { kind: "pointer", type: 4 },
    struct,
    ...sizes.map(
      (sizeBytes): BtfType => ({
        kind: "int",
        name: "u",
        sizeBytes,
        encoding: "none",
        bitOffset: 0,
        bitSize: 8 * sizeBytes,
      }),
    ),
  ];
}

const LINUX = context({ data: 4, data_end: 4, data_meta: 4, ingress_ifindex: 4 });
const WINDOWS = context({ data: 8, data_end: 8, data_meta: 8, ingress_ifindex: 4 });

const recognised: { name: string; text: string; btf?: BtfType[]; section?: string; platform: string }[] = [
  { name: "32-bit data", text: "r2 = *(u32 *)(r1 + 0)\nr0 = 1\nexit", platform: "linux" },
  { name: "32-bit data_end", text: "r2 = *(u32 *)(r1 + 4)\nr0 = 1\nexit", platform: "linux" },
  { name: "64-bit data", text: "r2 = *(u64 *)(r1 + 0)\nr0 = 1\nexit", platform: "windows" },
  {
    name: "ifindex behind three pointers",
    text: "r2 = *(u32 *)(r1 + 24)\nr0 = 1\nexit",
    platform: "windows",
  },
  { name: "through a copy", text: "r6 = r1\nr1 = 0\nr2 = *(u32 *)(r6 + 0)\nr0 = 1\nexit", platform: "linux" },
  {
    name: "through a spill",
    text: "*(u64 *)(r10 - 8) = r1\ncall 8\nr1 = *(u64 *)(r10 - 8)\nr2 = *(u64 *)(r1 + 8)\nr0 = 1\nexit",
    platform: "windows",
  },
  { name: "in a callee", text: "call f\nexit\nf: r2 = *(u32 *)(r1 + 4)\nr0 = 1\nexit", platform: "linux" },
  { name: "by BTF alone: Linux", text: "r0 = 1\nexit", btf: LINUX, platform: "linux" },
  { name: "by BTF alone: Windows", text: "r0 = 1\nexit", btf: WINDOWS, platform: "windows" },
  { name: "by a helper that only Windows has", text: "call 0x10000\nr0 = 1\nexit", platform: "windows" },
  { name: "by a helper that only Linux has", text: "call 65\nr0 = 1\nexit", platform: "linux" },
  { name: "the only platform with the hook", text: "r0 = 0\nexit", section: "bind", platform: "windows" },
];

for (const { name, text, btf, section, platform } of recognised) {
  test(`recognised: ${name}`, (t) => {
    t.is(buildProgram(object(text, btf, section), undefined).platform.name, platform as "linux");
  });
}

const ambiguous: { name: string; text: string; btf?: BtfType[]; message: RegExp }[] = [
  { name: "nothing tells", text: "r0 = 1\nexit", message: /nothing in it tells/ },
  { name: "only helpers that both have", text: "call 1\nr0 = 1\nexit", message: /nothing in it tells/ },
  {
    name: "loads of both layouts",
    text: "r2 = *(u32 *)(r1 + 0)\nr3 = *(u64 *)(r1 + 8)\nr0 = 1\nexit",
    message: /instruction 0 \(r2 = \*\(u32 \*\)\(r1 \+ 0\)\) .*\(linux\), but instruction 1 .*\(windows\)/,
  },
  {
    name: "loads against BTF",
    text: "r2 = *(u32 *)(r1 + 0)\nr0 = 1\nexit",
    btf: WINDOWS,
    message: /\(linux\), but its context is struct xdp_md/,
  },
  {
    name: "loads against a helper",
    text: "r2 = *(u64 *)(r1 + 0)\ncall 65\nr0 = 1\nexit",
    message: /\(windows\), but it calls helper 65/,
  },
  {
    name: "a load through a register that holds the context on one path only",
    text: "r2 = r10\nif r3 == 0 goto +1\nr2 = r1\nr4 = *(u32 *)(r2 + 0)\nr0 = 1\nexit",
    message: /nothing in it tells/,
  },
];

for (const { name, text, btf, message } of ambiguous) {
  test(`ambiguous: ${name}`, (t) => {
    const spec = object(text, btf);
    const error = t.throws(() => buildProgram(spec, undefined), { instanceOf: EbpfError, message });
    t.is(error?.code, "PlatformAmbiguous");
    for (const platform of ["windows", "linux"] as const) {
      t.is(buildProgram(spec, undefined, { platform }).platform.name, platform);
    }
  });
}

test("a program of Linux in a hook that only Windows' table has is not taken for a Windows one", (t) => {
  const btf = context({
    user_family: 4,
    user_ip4: 4,
    user_ip6: 16,
    user_port: 4,
    family: 4,
    type: 4,
    protocol: 4,
  });
  t.is(buildProgram(object("r0 = 1\nexit", btf, "cgroup/connect4"), undefined).platform.name, "linux");
  const spec = object("r0 = 1\nexit", btf, "cgroup/listen4");
  const error = t.throws(() => buildProgram(spec, undefined), {
    instanceOf: EbpfError,
    message: /made for linux/,
  });
  t.is(error?.code, "ProgramTypeUnknown");
  t.is(buildProgram(spec, undefined, { platform: "windows" }).type.name, "cgroup_sock_addr");
});
