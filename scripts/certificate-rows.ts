// Makes driver/certificate/rows-windows.c of core/platform/: what the driver's certificate checker knows of Windows; and, for
// its tests, tests/driver/certificate-rows.c of the other platforms. Part of `npm run fixtures`;
// tests/driver/certificate.test.ts holds that the files are what this makes.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LINUX } from "../core/platform/linux.ts";
import type {
  ArgumentKind,
  AttachType,
  ContextDescriptor,
  ContextField,
  Helper,
  HelperReturn,
  Platform,
  ProgramType,
} from "../core/platform/platform.ts";
import { RAW } from "../core/platform/raw.ts";
import { WINDOWS } from "../core/platform/windows.ts";
import { KINDS } from "../tests/core/verifier/kinds.ts";

const ROOT = join(import.meta.dirname, "..");
const MAP_WRITERS = ["map_update_elem", "map_delete_elem", "map_push_elem", "map_pop_elem"];
/** INTERVAL_NONE: no bound. */
const NONE = "((INT64)1 << 61)";

type Cell = string | number | boolean | bigint;

/** A row of C: the members that are not 0. */
function row(members: Readonly<Record<string, Cell | undefined>>): string {
  const parts: string[] = [];
  for (const [name, value] of Object.entries(members)) {
    if (value === undefined || value === false || value === 0 || value === 0n) continue;
    parts.push(`.${name} = ${value === true ? "TRUE" : value}`);
  }
  return `{${parts.join(", ")}}`;
}

const text = (value: string): string => JSON.stringify(value);
const pascal = (value: string): string => value.charAt(0).toUpperCase() + value.slice(1);
const bits = (value: bigint): string => `0x${value.toString(16)}ull`;

/** A type as a program of it has it: alone, or as one of its hooks narrows it. */
export function typesOf(platform: Platform): readonly ProgramType[] {
  const narrowed = platform.attachTypes.filter((hook) => hook.context ?? hook.returnRange);
  return [...platform.programTypes, ...narrowed.map((hook) => narrowedBy(platform, hook))];
}

function narrowedBy(platform: Platform, { programType, context, returnRange }: AttachType): ProgramType {
  const type = platform.programTypes.find(({ name }) => name === programType);
  if (type === undefined) throw new Error(`no type ${programType}`);
  return { ...type, ...(context && { context }), ...(returnRange && { returnRange }) };
}

/** A bit each name has, by its place in a list; what is not in it has none. */
function mask(names: readonly string[], list: readonly string[]): bigint {
  return names.reduce(
    (all, name) => (list.includes(name) ? all | (1n << BigInt(list.indexOf(name))) : all),
    0n,
  );
}

class Writer {
  readonly platform: Platform;
  readonly #prefix: string;
  readonly #lines: string[] = [];

  constructor(platform: Platform, name: string) {
    this.platform = platform;
    this.#prefix = pascal(name);
    const names = [platform.mapTypes, platform.objectTypes ?? [], platform.programTypes];
    if (names.some((list) => list.length > 62)) throw new Error(`${platform.name}: more rows than bits`);
  }

  #array(type: string, name: string, rows: readonly string[]): string {
    if (rows.length === 0) return "NULL";
    this.#lines.push(
      `static const ${type} ${this.#prefix}${name}[] = {`,
      ...rows.map((one) => `    ${one},`),
      "};",
      "",
    );
    return `${this.#prefix}${name}`;
  }

  #objectIndex(name: string): number {
    return (this.platform.objectTypes ?? []).findIndex((one) => one.name === name);
  }

  #field({ byteOffset, sizeBytes, kind, writable, narrow, leastWriteBytes, pointsTo }: ContextField): string {
    const to = pointsTo?.kind === "object" ? this.#objectIndex(pointsTo.type) : (pointsTo?.sizeBytes ?? -1);
    // What a field of kind "memory" points to decides, as in the core.
    const isObject = pointsTo?.kind === "object";
    const points = kind === "object" || kind === "memory";
    return row({
      ByteOffset: byteOffset,
      SizeBytes: sizeBytes,
      Kind: `Field${points ? (isObject ? "Object" : "Memory") : pascal(kind)}`,
      Writable: writable,
      Narrow: narrow,
      LeastWriteBytes: leastWriteBytes,
      Nullable: pointsTo?.nullable,
      To: points ? to : 0,
    });
  }

  #fields(name: string, fields: readonly ContextField[]): string {
    const rows = this.#array(
      "CHECK_FIELD",
      name,
      fields.map((one) => this.#field(one)),
    );
    return row({ Count: fields.length, Rows: rows });
  }

  #contexts(types: readonly ProgramType[]): ReadonlyMap<ContextDescriptor, string> {
    const contexts = [...new Set(types.map(({ context }) => context))];
    const rows = contexts.map((context, index) =>
      row({
        Name: text(context.name),
        SizeBytes: context.sizeBytes,
        Fields: this.#fields(`Fields${index}`, context.fields),
        PacketReadOnly: context.packetReadOnly === true,
        Elsewhere: context.elsewhere === undefined ? 0 : `Elsewhere${pascal(context.elsewhere)}`,
      }),
    );
    const name = this.#array("CHECK_CONTEXT", "Contexts", rows);
    return new Map(contexts.map((context, index) => [context, `&${name}[${index}]`]));
  }

  #types(): string {
    const types = typesOf(this.platform);
    const contexts = this.#contexts(types);
    const names = this.platform.programTypes.map(({ name }) => name);
    return this.#array(
      "CHECK_TYPE",
      "Types",
      types.map(({ name, context, returnRange, packetLoads }) =>
        row({
          Name: text(name),
          Context: contexts.get(context),
          Bit: bits(mask([name], names)),
          HasRange: returnRange !== undefined,
          Minimum: returnRange?.minimum,
          Maximum: returnRange?.maximum,
          PacketLoads: packetLoads === true,
          MayWait: name === "syscall",
        }),
      ),
    );
  }

  #mapTypes(): string {
    const rows = this.platform.mapTypes.map(({ name, id, readOnlyValues }) => {
      const ofMaps = name === "hash_of_maps" || name === "array_of_maps";
      const kind = ofMaps ? "MapKindOfMaps" : name === "array" ? "MapKindArray" : 0;
      return row({ Name: text(name), Id: id, Kind: kind, ReadOnlyValues: readOnlyValues === true });
    });
    return this.#array("CHECK_MAP_TYPE", "MapTypes", rows);
  }

  #argument(argument: ArgumentKind, position: number): string {
    const maps = this.platform.mapTypes.map(({ name }) => name);
    const objects = (this.platform.objectTypes ?? []).map(({ name }) => name);
    let types = 0n;
    if (argument.kind === "map") types = mask(argument.types, maps);
    if (argument.kind === "object") {
      types = mask(argument.types, objects) | (argument.types.includes("kernel") ? 1n << 63n : 0n);
    }
    const callback = argument.kind === "callback" ? argument.parameters : undefined;
    return row({
      Kind: `Argument${pascal(argument.kind)}`,
      Optional: "optional" in argument && argument.optional === true,
      OrNull: "orNull" in argument && argument.orNull === true,
      Access: "access" in argument ? `Access${pascal(argument.access)}` : 0,
      ZeroAllowed: argument.kind === "size" && argument.zeroAllowed,
      Wide: argument.kind === "size" && argument.bits === 64,
      Release: "release" in argument && argument.release === true,
      SizeAt: argument.kind === "memory" ? (argument.sizeAt ?? position + 1) : 0,
      SizeBytes: argument.kind === "fixedMemory" ? argument.sizeBytes : 0,
      Types: types === 0n ? 0 : bits(types),
      Parameters: callback && `{${callback.map((one) => `Parameter${pascal(one)}`).join(", ")}}`,
    });
  }

  #returns(returns: HelperReturn): Readonly<Record<string, Cell | undefined>> {
    const Returns = `Return${pascal(returns.kind)}`;
    switch (returns.kind) {
      case "scalar": {
        const { minimum, maximum } = returns;
        if (minimum === undefined || maximum === undefined) return { Returns };
        return { Returns, HasRange: true, Minimum: bound(minimum), Maximum: bound(maximum) };
      }
      case "objectOrNull":
        return { Returns, Acquired: returns.acquired, To: this.#objectIndex(returns.type) };
      case "kernel":
        return { Returns, Nullable: returns.nullable };
      case "memoryOrNull":
        return { Returns, To: returns.sizeBytes };
      default:
        return { Returns };
    }
  }

  #helper(helper: Helper): string {
    const names = this.platform.programTypes.map(({ name }) => name);
    const types = helper.programTypes;
    return row({
      Name: text(helper.name),
      Id: helper.id,
      ArgumentCount: helper.arguments.length,
      Arguments:
        helper.arguments.length === 0
          ? 0
          : `{${helper.arguments.map((one, at) => this.#argument(one, at)).join(", ")}}`,
      ...this.#returns(helper.returns),
      InvalidatesPacket: helper.invalidatesPacket === true,
      MaySleep: helper.maySleep === true,
      WritesMap: MAP_WRITERS.includes(helper.name),
      TailCall: helper.name === "tail_call",
      ProgramTypes: types === undefined ? "UINT64_MAX" : bits(mask(types, names)),
    });
  }

  text(): string {
    const { platform } = this;
    const objects = (platform.objectTypes ?? []).map(({ fields }, index) =>
      this.#fields(`Object${index}`, fields),
    );
    const helpers = platform.helpers.toSorted((a, b) => a.id - b.id).map((one) => this.#helper(one));
    const members = {
      Name: text(platform.name),
      MayBeLoose: platform.name === "linux",
      TypeCount: typesOf(platform).length,
      Types: this.#types(),
      MapTypeCount: platform.mapTypes.length,
      MapTypes: this.#mapTypes(),
      HelperCount: helpers.length,
      Helpers: this.#array("CHECK_HELPER", "Helpers", helpers),
      ObjectCount: objects.length,
      Objects: this.#array("CHECK_FIELDS", "Objects", objects),
    };
    return `${this.#lines.join("\n")}\n${platform === WINDOWS ? "" : "static "}const CHECK_PLATFORM Rows${this.#prefix} = ${row(members)};\n`;
  }
}

/** As of NumberBetween: beyond 2^53 - 1 there is none. */
function bound(value: bigint): string {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return value < 0n ? `(INT64)${value}` : `${value}ll`;
  return value < 0n ? `-${NONE}` : NONE;
}

const HEADER = "// Made by `npm run fixtures` of the core's tables: change those.\n";

/** What the driver's tests have, by the name under which they find it. */
export const ROWS_OF_TESTS: ReadonlyMap<string, Platform> = new Map([
  ["windows", WINDOWS],
  ["raw", RAW],
  ["linux", LINUX],
  ["kinds", KINDS],
]);

const LOOKUP = `
const CHECK_PLATFORM *
RowsNamed(const char *Name)
{
    for (UINT32 Index = 0; Index < RTL_NUMBER_OF(Named); Index++)
        if (strcmp(Named[Index].Name, Name) == 0)
            return Named[Index].Platform;
    return NULL;
}

const CHECK_TYPE *
RowsTypeAt(const CHECK_PLATFORM *Platform, UINT32 Index)
{
    return Index < Platform->TypeCount ? &Platform->Types[Index] : NULL;
}
`;

function rowsOfTests(): string {
  const others = [...ROWS_OF_TESTS].filter(([, platform]) => platform !== WINDOWS);
  const tables = others.map(([name, platform]) => new Writer(platform, name).text());
  const named = [...ROWS_OF_TESTS.keys()].map((name) => `    {${text(name)}, &Rows${pascal(name)}},`);
  const found =
    "static const struct {\n    const char *Name;\n    const CHECK_PLATFORM *Platform;\n} Named[]";
  return `${tables.join("\n")}\n${found} = {\n${named.join("\n")}\n};\n${LOOKUP}`;
}

/** By path, relative to the root: the files. */
export function rowFiles(): ReadonlyMap<string, string> {
  const head = `${HEADER}#include "certificate/rows.h"\n\n`;
  return new Map([
    ["driver/certificate/rows-windows.c", `${head}${new Writer(WINDOWS, "windows").text()}`],
    ["tests/driver/certificate-rows.c", `${head}${rowsOfTests()}`],
  ]);
}

if (import.meta.main) {
  for (const [path, content] of rowFiles()) {
    const file = join(ROOT, path);
    if (!process.argv.includes("--check")) writeFileSync(file, content);
    else if (readFileSync(file, "utf8").replaceAll("\r\n", "\n") !== content) {
      process.stderr.write(`${path} is stale: npm run fixtures\n`);
      process.exitCode = 1;
    }
  }
}
