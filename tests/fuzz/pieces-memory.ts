// Pieces of random programs that use packets, contexts, maps and helpers; helpers are chosen from the platform's table and
// their arguments made as the prototypes ask, so that a new row is covered without a word here.
import { type ArgumentKind, type Helper, mayCall } from "../../core/platform/platform.ts";
import {
  CONTEXT,
  END,
  frameAddress,
  KEY,
  loadPacketPointers,
  PACKET,
  place,
  SCRATCH,
  SCRATCH_BYTES,
  type Writer,
} from "./writer.ts";

export function packet(w: Writer): void {
  if (!w.hasPacket) return;
  const meta = w.field("packetMeta");
  const useMeta = meta !== undefined && w.chance(12);
  let end = END;
  if (useMeta) {
    w.add(`r1 = *(u${8 * meta.sizeBytes} *)(r${CONTEXT} + ${meta.byteOffset})`);
    end = PACKET;
  } else w.add(`r1 = r${PACKET}`);
  const length = 1 + w.next(useMeta ? 12 : 40);
  const bytes = w.pick([1, 2, 4, 8]);
  const moved = w.chance(50) && !useMeta;
  if (moved) {
    const index = w.pick([0, 3, 4, 5, 9]);
    w.unknownInto(index);
    w.bound(index, w.pick([7, 15, 60, 255]));
    // The unknown part may be below 0.
    if (w.chance(20)) w.add(`r1 += ${w.pick([8, 15, 60])}`, `r1 -= r${index}`);
    else w.add(`r1 += r${index}`);
    if (w.chance(20)) w.add(`r1 += -${w.next(10)}`);
    if (w.chance(15)) w.add("*(u64 *)(r10 - 48) = r1", "r1 = *(u64 *)(r10 - 48)", "*(u64 *)(r10 - 48) = 6");
  }
  w.add("r2 = r1", `r2 += ${length}`);
  // Unsafe: a place of the packet is not its end.
  if (!useMeta && w.chance(3)) {
    end = 3;
    w.add(`r3 = r${PACKET}`, `r3 += ${w.pick([8, 40, 60])}`);
    w.lose(3);
  }
  // What is checked on the way to here can be used later too.
  const stays = w.depth === 0 && w.chance(35);
  const label = stays ? "out" : w.label();
  const [condition, proves] = w.pick([
    [`if r2 > r${end} goto ${label}`, length],
    [`if r2 >= r${end} goto ${label}`, length + 1],
    [`if r${end} < r2 goto ${label}`, length],
    [`if r${end} <= r2 goto ${label}`, length + 1],
    [`if r2 != r${end} goto ${label}`, length],
    [`if r2 <= r${end} goto +1\ngoto ${label}`, length],
    [`if r2 < r${end} goto +1\ngoto ${label}`, length + 1],
    [`if r${end} > r2 goto +1\ngoto ${label}`, length + 1],
  ] as const);
  const at = Math.max(proves - bytes - (w.chance(60) ? w.next(length) : 0), -1) + (w.chance(4) ? 1 : 0);
  const write = w.scenario.type.context.packetReadOnly === true ? w.chance(3) : w.chance(30);
  const access = write
    ? `*(u${bytes * 8} *)(${place(1, at)}) = ${w.immediate()}`
    : `r0 = *(u${bytes * 8} *)(${place(1, at)})`;
  w.add("r0 = 1", condition, access, ...(stays ? [] : [`${label}:`]), "r1 = 3", "r2 = 4");
  w.give(0, 1, 2);
  if (stays && !moved && !useMeta && end === END) w.proved = Math.max(w.proved, proves);
  if (w.chance(60)) provedAccess(w);
}

/** An access to bytes that an earlier piece has checked. */
export function provedAccess(w: Writer): void {
  if (w.proved < 1) return;
  const bytes = w.pick([1, 2, 4, 8].filter((size) => size <= w.proved));
  w.add(`r0 = *(u${8 * bytes} *)(${place(PACKET, w.next(w.proved - bytes + 1))})`);
  w.give(0);
}

/** A write to the context, or a read anywhere in it. */
export function context(w: Writer): void {
  const { context: descriptor } = w.scenario.type;
  if (w.scenario.memory !== undefined || descriptor.sizeBytes === 0) return;
  const writable = descriptor.fields.filter((field) => field.writable && field.sizeBytes <= 8);
  if (writable.length > 0 && w.chance(60)) {
    const field = w.pick(writable);
    w.add(`*(u${8 * field.sizeBytes} *)(r${CONTEXT} + ${field.byteOffset}) = r${w.number()}`);
    return;
  }
  const objects = descriptor.fields.filter(
    (field) => field.kind === "object" || field.kind === "memory" || field.kind === "kernel",
  );
  if (objects.length > 0) {
    const field = w.pick(objects);
    const label = w.label();
    w.add(`r1 = *(u${8 * field.sizeBytes} *)(r${CONTEXT} + ${field.byteOffset})`);
    w.add("r0 = 1", w.chance(90) ? `if r1 == 0 goto ${label}` : "r0 = 2");
    w.add(`r0 = *(u${w.pick([8, 32, 32])} *)(r1 + ${4 * w.next(8)})`, `${label}:`, "r1 = 2", "r0 = 3");
    w.give(0, 1);
  }
}

/** A look-up, a check, an access; the map is one whose values may be looked up. */
export function mapValue(w: Writer): void {
  const lookup = w.helperId("map_lookup_elem");
  if (lookup === undefined) return;
  const maps = [...w.scenario.maps.entries()].filter(([, map]) => map.type.operations.includes("lookup"));
  const [map, { spec }] = w.pick(maps.length === 0 || w.chance(2) ? [...w.scenario.maps.entries()] : maps);
  w.add(
    `*(u64 *)(${place(10, KEY)}) = ${w.next(5)}`,
    ...frameAddress(2, KEY),
    `r1 = map[${map}]`,
    `call ${lookup}`,
  );
  w.afterCall();
  w.lose(0);
  const label = w.label();
  const copy = w.chance(30);
  if (copy) w.add("r9 = r0");
  const pointer = copy && w.chance(50) ? 9 : 0;
  w.add(w.chance(95) ? `if r${copy && w.chance(50) ? 9 : 0} == 0 goto ${label}` : "r3 = 0");
  useBytes(w, pointer, spec.valueSizeBytes);
  w.add(`${label}:`, "r0 = 1", "r9 = 2", "r1 = 3", "r3 = 7", "r4 = 0");
  w.give(0, 1, 3, 4, 9);
}

/** An access to memory of that size behind a register; r1, r3 and r4 are used. */
function useBytes(w: Writer, pointer: number, size: number): void {
  const bytes = w.pick([1, 2, 4, 8]);
  let room = size - bytes;
  let aligned = true;
  if (w.chance(50) && room > 7) {
    w.unknownInto(3);
    const most = w.pick([3, 7]);
    w.bound(3, most);
    aligned = false;
    if (w.chance(40)) {
      const shift = 1 + w.next(3);
      w.add(`r3 <<= ${shift}`);
      room -= most * 2 ** shift;
      aligned = 2 ** shift >= bytes;
    } else room -= most;
    w.add(`r${pointer} += r3`);
  }
  const at = room > 0 ? w.next(room + 1) + (w.chance(4) ? 1 : 0) : 0;
  if ((aligned || w.chance(3)) && bytes >= 4 && w.chance(40)) {
    const operation = bytes === 8 ? "r" : "w";
    w.add("r4 = 1", `lock *(u${bytes * 8} *)(${place(pointer, at - (at % bytes))}) += ${operation}4`);
  } else if (w.chance(50)) w.add(`*(u${bytes * 8} *)(${place(pointer, at)}) = ${w.immediate()}`);
  else w.add(`r1 = *(u${bytes * 8} *)(${place(pointer, at)})`);
}

/** The direct address of a byte of .data or .rodata, walked by a loop. */
export function loopOverMemory(w: Writer): void {
  const map = w.mapIndex(w.chance(75) ? ".data" : ".rodata");
  if (map < 0) return;
  const label = w.label();
  const rounds = 1 + w.next(16);
  w.add(`r1 = map[${map}][0] + 0`, "r2 = 0", "r3 = 0", `${label}:`);
  w.add(w.chance(60) ? "r0 = *(u8 *)(r1 + 0)" : "*(u8 *)(r1 + 0) = 7");
  w.add(`r1 += ${1 + w.next(2)}`, "r2 += 1", `if r2 < ${rounds} goto ${label}`, "r1 = 0", "r0 = 0");
  w.give(0, 1, 2, 3);
}

/** A constant of .rodata as an offset. */
export function constant(w: Writer): void {
  const map = w.mapIndex(".rodata");
  if (map < 0) return;
  w.add(`r1 = map[${map}][0] + 0`, `r2 = *(u32 *)(r1 + ${w.pick([0, 4, 8])})`);
  if (w.chance(50)) w.bound(2, 12);
  w.add("r1 = r10", "r1 += -16", "r1 += r2", "*(u8 *)(r1 + 0) = 1", "r1 = 0");
  w.give(1, 2);
}

export function legacyLoad(w: Writer): void {
  if (w.scenario.platform.name !== "linux") return;
  const bits = w.pick([8, 16, 32]);
  w.add(`r${w.pick([1, 2, 3])} = 3`, `r0 = *(u${bits} *)skb[${w.next(40)}]`);
  w.afterCall();
}

/** A record or an object that has to be given back. */
export function reference(w: Writer): void {
  const { platform, type } = w.scenario;
  const rows = platform.helpers.filter(
    (row) =>
      (row.returns.kind === "recordOrNull" || row.returns.kind === "objectOrNull") &&
      mayCall(row, type.name) &&
      row.arguments.every((kind) => canGive(w, kind)),
  );
  if (rows.length > 0) callHelper(w, w.pick(rows));
}

/** A call of any helper that this type of program may make. */
export function helper(w: Writer): void {
  const { platform, type } = w.scenario;
  const rows = platform.helpers.filter(
    (row) => mayCall(row, type.name) && row.arguments.every((kind) => canGive(w, kind)),
  );
  if (rows.length > 0) callHelper(w, w.pick(rows));
}

function canGive(w: Writer, kind: ArgumentKind): boolean {
  switch (kind.kind) {
    case "context":
      return w.scenario.memory === undefined;
    case "map":
      return w.scenario.maps.some((map) => kind.types.includes(map.type.name));
    case "fixedMemory":
      return kind.sizeBytes <= SCRATCH_BYTES;
    // Made by other pieces, or not at all.
    case "record":
    case "object":
    case "callback":
    case "callbackContext":
    case "text":
    case "unsupported":
      return false;
    default:
      return true;
  }
}

function callHelper(w: Writer, row: Helper): void {
  let map = 0;
  let sizeOf: { least: number; register: number } | undefined;
  w.add(`*(u64 *)(${place(10, KEY)}) = ${w.next(5)}`);
  for (const [position, kind] of row.arguments.entries()) {
    const r = position + 1;
    switch (kind.kind) {
      case "context":
        w.add(`r${r} = r${CONTEXT}`);
        break;
      case "map": {
        const fitting = [...w.scenario.maps.entries()].filter(([, entry]) =>
          kind.types.includes(entry.type.name),
        );
        map = w.pick(fitting)[0];
        w.add(`r${r} = map[${map}]`);
        break;
      }
      case "mapKey":
        w.add(...frameAddress(r, KEY));
        break;
      case "memory":
        w.add(...frameAddress(r, SCRATCH + (kind.access === "write" && w.chance(30) ? -40 : 0)));
        sizeOf = { least: kind.orNull ? 0 : 1, register: r + 1 };
        break;
      case "mapValue":
      case "fixedMemory":
        w.add(...frameAddress(r, SCRATCH));
        break;
      case "size":
        if (w.chance(60) || sizeOf === undefined) w.add(`r${r} = ${w.pick([4, 8, 16, 40, 64])}`);
        else {
          // Through r0: the arguments before it are set already, and bound() may use any number.
          w.add(`r${r} = ${w.pick([3, 16, 63])}`);
          if (w.chance(50))
            w.add(
              `r0 = *(u64 *)(${place(10, SCRATCH)})`,
              "r0 &= 31",
              `r${r} = r0`,
              ...(kind.zeroAllowed ? [] : [`r${r} += 1`]),
            );
        }
        break;
      case "recordSize":
        w.add(`r${r} = ${w.pick([8, 16, 24, 64])}`);
        break;
      default:
        w.add(w.chance(70) ? `r${r} = ${w.immediate()}` : `r${r} = *(u64 *)(${place(10, SCRATCH + 8)})`);
    }
  }
  w.add(`call ${row.id}`);
  w.afterCall();
  w.lose(0);
  if (row.invalidatesPacket === true) {
    if (w.chance(95)) loadPacketPointers(w);
    // Mostly it has to be checked anew.
    if (w.chance(85)) w.proved = 0;
  }
  useResult(w, row, map);
}

function useResult(w: Writer, row: Helper, map: number): void {
  const { returns } = row;
  if (returns.kind === "scalar") {
    w.give(0);
    return;
  }
  const label = w.label();
  const check = (): void => w.add(w.chance(96) ? `if r0 == 0 goto ${label}` : "r3 = 0");
  switch (returns.kind) {
    case "recordOrNull": {
      const back = w.scenario.platform.helpers.filter((helper) => helper.arguments[0]?.kind === "record");
      check();
      if (w.chance(60)) w.add(`*(u64 *)(r0 + ${8 * w.next(3)}) = ${w.immediate()}`);
      if (w.chance(90) && back.length > 0) w.add("r1 = r0", "r2 = 0", `call ${w.pick(back).id}`);
      break;
    }
    case "objectOrNull": {
      const back = w.scenario.platform.helpers.filter(
        ({ arguments: [first] }) => first?.kind === "object" && first.release === true,
      );
      check();
      w.add("r9 = r0");
      if (w.chance(60)) w.add(`r0 = *(u32 *)(r9 + ${4 * w.next(8)})`);
      if (returns.acquired && w.chance(90) && back.length > 0) w.add("r1 = r9", `call ${w.pick(back).id}`);
      else if (!returns.acquired && w.chance(60)) w.add(`r0 = *(u32 *)(r9 + 4)`);
      w.add("r9 = 1");
      break;
    }
    case "mapValueOrNull":
    case "mapValue": {
      if (returns.kind === "mapValueOrNull") check();
      const spec = w.scenario.maps[map]?.spec;
      if (spec?.inner === undefined) useBytes(w, 0, spec?.valueSizeBytes ?? 8);
      else innerLookUp(w, label);
      break;
    }
    case "memoryOrNull":
      check();
      useBytes(w, 0, returns.sizeBytes);
      break;
    case "kernel":
      if (returns.nullable) check();
      w.add(`r1 = *(u64 *)(r0 + ${8 * w.next(20)})`);
      break;
    default:
  }
  w.add(`${label}:`, "r0 = 1", "r1 = 3", "r3 = 7", "r4 = 0", "r9 = 3");
  w.give(0, 1, 3, 4, 9);
}

function innerLookUp(w: Writer, label: string): void {
  const lookup = w.helperId("map_lookup_elem");
  w.add("r1 = r0", ...frameAddress(2, KEY), `call ${lookup}`);
  w.add(w.chance(95) ? `if r0 == 0 goto ${label}` : "r3 = 0");
  useBytes(w, 0, 16);
}

/** A callback that a helper runs: its function, what it is passed, its result. */
export function callback(w: Writer): void {
  const { platform, type, maps } = w.scenario;
  const row = platform.helpers.find(
    (helper) => mayCall(helper, type.name) && helper.arguments.some((kind) => kind.kind === "callback"),
  );
  if (row === undefined) return;
  const name = w.label();
  for (const [position, kind] of row.arguments.entries()) {
    const r = position + 1;
    if (kind.kind === "map") {
      const index = maps.findIndex((map) => kind.types.includes(map.type.name));
      if (index < 0) return;
      w.add(`r${r} = map[${index}]`);
    } else if (kind.kind === "callback") w.add(`r${r} = subprog[${name}]`);
    else if (kind.kind === "callbackContext") w.add(...frameAddress(r, SCRATCH));
    else if (kind.kind === "scalar" || kind.kind === "anything") w.add(`r${r} = ${w.next(8)}`);
    else return;
  }
  w.add(`call ${row.id}`);
  w.afterCall();
  w.functions.push(
    `${name}:`,
    "r0 = 0",
    "*(u64 *)(r10 - 8) = 1",
    w.pick(["r0 = 1", "r0 = 0", "r0 = *(u64 *)(r10 - 8)"]),
    "exit",
  );
}
