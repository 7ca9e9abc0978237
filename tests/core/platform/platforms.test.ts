import test from "ava";
import {
  type ContextDescriptor,
  findAttachType,
  findAttachTypeOfSection,
  findHelper,
  findHelperByName,
  findMapType,
  findProgramType,
  mayCall,
} from "../../../core/platform/platform.ts";
import { PLATFORMS } from "../../../core/platform/platforms.ts";

const platforms = Object.values(PLATFORMS);

function duplicates(values: readonly unknown[]): unknown[] {
  return values.filter((value, index) => values.indexOf(value) !== index);
}

test("names and numbers are unique, and every reference leads somewhere", (t) => {
  for (const platform of platforms) {
    t.is(PLATFORMS[platform.name], platform);
    const { programTypes, attachTypes, helpers, mapTypes } = platform;
    t.deepEqual(duplicates(programTypes.map((row) => row.name)), []);
    t.deepEqual(duplicates(programTypes.map((row) => row.id)), []);
    t.deepEqual(duplicates(attachTypes.map((row) => row.name)), []);
    t.deepEqual(duplicates(attachTypes.flatMap((row) => row.id ?? [])), []);
    t.deepEqual(duplicates(attachTypes.flatMap((row) => row.sections)), []);
    // Rows of one name are one helper, with other arguments for other program types.
    for (const [name, rows] of Map.groupBy(helpers, (row) => row.name)) {
      t.is(new Set(rows.map((row) => row.id)).size, 1, name);
      t.is(new Set(rows.map((row) => row.arguments.length)).size, 1, name);
    }
    t.deepEqual(duplicates(mapTypes.map((row) => row.id)), []);
    for (const row of attachTypes) t.truthy(findProgramType(platform, row.programType), row.name);
    for (const type of programTypes) {
      for (const name of type.helpers) {
        t.deepEqual(findHelperByName(platform, name)?.programTypes, [type.name], name);
      }
      // One number never means two helpers to one program type.
      const callable = helpers.filter((row) => mayCall(row, type.name)).map((row) => row.id);
      t.deepEqual(duplicates(callable), [], `${platform.name} ${type.name}`);
      t.deepEqual(duplicates(type.returns.map((row) => row.value)), []);
    }
    for (const row of helpers)
      for (const type of row.programTypes ?? []) t.truthy(findProgramType(platform, type));
  }
});

test("prototypes hang together: lengths follow memory, keys and values follow their map", (t) => {
  for (const { name: platform, helpers, mapTypes } of platforms) {
    for (const helper of helpers) {
      const what = `${platform} ${helper.name}`;
      const kinds = helper.arguments.map((argument) => argument.kind);
      t.true(kinds.length <= 5, what);
      for (const [index, argument] of helper.arguments.entries()) {
        if (argument.kind === "memory") t.is(kinds[argument.sizeAt ?? index + 1], "size", what);
        if (argument.kind === "size") {
          const memory = helper.arguments.findIndex(
            (other, at) => other.kind === "memory" && (other.sizeAt ?? at + 1) === index,
          );
          t.true(memory >= 0, what);
        }
        if (argument.kind === "mapKey" || argument.kind === "mapValue") {
          t.true(kinds.slice(0, index).includes("map"), what);
        }
        if (argument.kind === "map") {
          t.true(argument.types.length > 0, what);
          t.true(
            mapTypes.some((row) => argument.types.includes(row.name)),
            what,
          );
        }
      }
      if (helper.returns.kind === "mapValueOrNull") t.is(kinds[0], "map", what);
    }
  }
});

/** Fields as [name, offset, size]; gaps are padding. */
function layout(context: ContextDescriptor | undefined) {
  return (
    context && [context.sizeBytes, ...context.fields.map((row) => [row.name, row.byteOffset, row.sizeBytes])]
  );
}

test("contexts: fields lie inside, aligned, in order, without overlap", (t) => {
  for (const platform of platforms) {
    for (const { context } of platform.programTypes) {
      let end = 0;
      for (const field of context.fields) {
        t.true(field.byteOffset >= end, `${platform.name} ${context.name}.${field.name}`);
        // Wider ones are addresses and identifiers: arrays of smaller parts.
        t.is(field.byteOffset % (field.sizeBytes > 8 ? 4 : field.sizeBytes), 0, field.name);
        end = field.byteOffset + field.sizeBytes;
        if (field.kind !== "scalar") t.false(field.narrow || field.writable, field.name);
      }
      t.true(end <= context.sizeBytes);
    }
  }
});

test("the two xdp contexts have the layouts of their platforms' headers", (t) => {
  t.deepEqual(layout(findProgramType(PLATFORMS.windows, "xdp")?.context), [
    32,
    ["data", 0, 8],
    ["data_end", 8, 8],
    ["data_meta", 16, 8],
    ["ingress_ifindex", 24, 4],
  ]);
  t.deepEqual(layout(findProgramType(PLATFORMS.linux, "xdp")?.context), [
    24,
    ["data", 0, 4],
    ["data_end", 4, 4],
    ["data_meta", 8, 4],
    ["ingress_ifindex", 12, 4],
    ["rx_queue_index", 16, 4],
  ]);
  t.deepEqual(layout(findAttachType(PLATFORMS.linux, "xdp_devmap")?.context)?.at(-1), [
    "egress_ifindex",
    20,
    4,
  ]);
});

test("xdp verdicts mean different things on the two platforms", (t) => {
  const actions = (name: "windows" | "linux") =>
    [0, 1, 2, 3, 4, 5].map(
      (value) =>
        findProgramType(PLATFORMS[name], "xdp")?.returns.find((row) => row.value === value)?.action ??
        "aborted",
    );
  t.deepEqual(actions("windows"), ["aborted", "pass", "drop", "transmit", "aborted", "aborted"]);
  t.deepEqual(actions("linux"), ["aborted", "drop", "pass", "transmit", "aborted", "aborted"]);
});

test("sections mean hooks", (t) => {
  const hook = (platform: keyof typeof PLATFORMS, section: string) =>
    findAttachTypeOfSection(PLATFORMS[platform], section)?.name;
  t.is(hook("windows", "xdp"), "xdp");
  t.is(hook("windows", "xdp/drop"), "xdp");
  t.is(hook("windows", "xdpx"), undefined);
  t.is(hook("windows", "bind"), "bind");
  t.is(hook("windows", "cgroup/connect4"), "connect4");
  t.is(hook("windows", "cgroup/connect_authorization6"), "connect_authorization6");
  t.is(hook("windows", "sockops"), "sockops");
  t.is(hook("windows", "process"), "process");
  t.is(hook("windows", "netevent_monitor"), "netevent_monitor");
  t.is(hook("linux", "xdp.frags"), "xdp");
  t.is(hook("linux", "bind"), undefined);
  t.is(hook("raw", "xdp"), undefined);
  t.is(findAttachType(PLATFORMS.windows, "listen6")?.id, 17);
});

test("helpers are found by number, by number and program type, and by name", (t) => {
  const { windows, linux, raw } = PLATFORMS;
  t.is(findHelper(windows, 9)?.name, "ktime_get_ns");
  t.is(findHelper(linux, 5)?.name, "ktime_get_ns");
  t.is(findHelper(windows, 0x10000, "sock_ops")?.name, "sock_ops_get_flow_id");
  t.is(findHelper(windows, 0x10000, "process")?.name, "process_get_image_path");
  t.is(findHelper(windows, 0x10000, "netevent")?.name, "netevent_push_event");
  t.is(findHelper(windows, 0x10006, "sample")?.name, "sample_ext_helper_map_get_value");
  t.is(findHelper(windows, 36), undefined);
  t.is(findHelper(raw, 1), undefined);
  t.is(findHelper(raw, 5)?.name, "ktime_get_ns");
  t.is(findHelperByName(windows, "bpf_map_lookup_elem")?.id, 1);
  t.is(findHelperByName(windows, "map_lookup_elem")?.id, 1);
  t.is(findHelperByName(windows, "constructor"), undefined);
  const cookie = findHelper(windows, 26, "xdp");
  t.is(cookie?.name, "get_socket_cookie");
  t.false(cookie !== undefined && mayCall(cookie, "xdp"));
});

test("map types have each platform's own numbers", (t) => {
  const { windows, linux } = PLATFORMS;
  t.deepEqual(
    [1, 2, 4, 5, 8, 11, 13, 99].map((id) => findMapType(windows, id)?.name),
    ["hash", "array", "percpu_hash", "percpu_array", "lru_hash", "lru_percpu_hash", "ringbuf", undefined],
  );
  t.deepEqual(
    [1, 2, 5, 6, 9, 10, 27, 99].map((id) => findMapType(linux, id)?.name),
    ["hash", "array", "percpu_hash", "percpu_array", "lru_hash", "lru_percpu_hash", "ringbuf", undefined],
  );
  t.deepEqual(findMapType(windows, 2)?.operations, ["lookup", "update"]);
  t.deepEqual(findMapType(windows, 3)?.operations, []);
});
