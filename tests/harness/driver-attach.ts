// Programs that are attached to hooks of the driver by requests: one compiled from C, which its certificate proves, or one in text,
// which nothing does. Hooks have the numbers and program types of the core's table.
import { encode } from "../../core/isa/encode.ts";
import { parse } from "../../core/isa/parse.ts";
import { ATTACH_TYPES, PROGRAM_TYPES } from "../../core/platform/windows/types.ts";
import { ask, type Client } from "./driver-client.ts";
import type { HookName } from "./driver-hook.ts";
import { compiledProgram } from "./driver-object.ts";
import { field, handleOf } from "./driver-requests.ts";

/** Of PROGRAM_CREATE's reply. */
const ENGINE_FIELD = 3;
const JIT = 2;

export interface Attached {
  readonly link: number;
  /** Handles, by the maps' names. */
  readonly maps: Readonly<Record<string, number>>;
}

/** The numbers of a hook and of the program type that it takes. */
export function hookNumbers(hook: HookName): { readonly attachType: number; readonly type: number } {
  const row = ATTACH_TYPES.find(({ name }) => name === hook);
  const type = PROGRAM_TYPES.find(({ name }) => name === row?.programType);
  if (row?.id === undefined || type?.id === undefined) throw new Error(`there is no hook ${hook}`);
  return { attachType: row.id, type: type.id };
}

/** Loads a program of tests/fixtures/c, or of `samples/FILE`, which is compiled since it is proved, and attaches it. */
export function attachProgram(
  client: Client,
  hook: HookName,
  file: string,
  name: string,
  point = 0,
): Attached {
  const { bytecode, section, certificate, maps } = compiledProgram(
    file.startsWith("samples/") ? `${file}.o` : `tests/fixtures/c/${file}.o`,
    name,
  );
  const { attachType, type } = hookNumbers(hook);
  const handles = maps.map((map) => handleOf(ask.createMap(client, map)));
  const program = ask.createProgram(client, bytecode, { maps: handles, type, section, certificate });
  if (field(program, ENGINE_FIELD) !== JIT) throw new Error(`not compiled: ${program.error}`);
  return {
    link: handleOf(ask.createLink(client, handleOf(program), attachType, point)),
    maps: Object.fromEntries(maps.map((map, index) => [map.name, handles[index] ?? 0])),
  };
}

/** Loads a program in text, which is interpreted, and attaches it: the link. `maps` are handles. */
export function attachText(
  client: Client,
  hook: HookName,
  text: string,
  point = 0,
  maps: readonly number[] = [],
): number {
  const { attachType, type } = hookNumbers(hook);
  const program = handleOf(ask.createProgram(client, encode(parse(text)), { type, maps }));
  return handleOf(ask.createLink(client, program, attachType, point));
}
