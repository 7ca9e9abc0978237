import test from "ava";
import { EbpfError } from "../../../core/base/error.ts";
import { type PathsEnvironment, servicePaths } from "../../../core/service/paths.ts";

const base: PathsEnvironment = {
  platform: "linux",
  env: {},
  homeFolder: "/home/ann",
  userName: "ann",
  userId: 1000,
};

const HOMES: readonly (readonly [string, Partial<PathsEnvironment>, string])[] = [
  ["of a user", {}, "/home/ann/.local/state/ebpf"],
  ["of root", { userId: 0, homeFolder: "/root" }, "/var/lib/ebpf"],
  ["XDG_STATE_HOME", { env: { XDG_STATE_HOME: "/state" } }, "/state/ebpf"],
  ["XDG_STATE_HOME must be absolute", { env: { XDG_STATE_HOME: "state" } }, "/home/ann/.local/state/ebpf"],
  ["EBPF_HOME", { env: { EBPF_HOME: "/x", XDG_STATE_HOME: "/state" } }, "/x"],
];

for (const [name, change, home] of HOMES) {
  test(`state folder: ${name}`, (t) => {
    const paths = servicePaths({ ...base, ...change });
    t.is(paths.home, home);
    t.is(paths.socket, `${home}/service.sock`);
  });
}

test("a named pipe on Windows: one for each home and user, whatever the case of letters", (t) => {
  const windows = { ...base, platform: "win32" as const };
  const pipe = (env: Record<string, string>, userName: string) =>
    servicePaths({ ...windows, env, userName }).socket;
  const ann = pipe({ EBPF_HOME: "/C/State" }, "Ann");
  t.regex(ann, /^\\\\\.\\pipe\\ebpf-[0-9a-f]{16}$/);
  t.is(pipe({ EBPF_HOME: "/c/state" }, "ANN"), ann);
  t.not(pipe({ EBPF_HOME: "/C/State" }, "Bob"), ann);
  t.not(pipe({ EBPF_HOME: "/C/Other" }, "Ann"), ann);
});

test("a state folder whose path leaves no room for a socket", (t) => {
  const long = { ...base, env: { EBPF_HOME: `/${"a".repeat(120)}` } };
  const error = t.throws(() => servicePaths(long), { instanceOf: EbpfError });
  t.is(error.code, "SocketUnusable");
});
