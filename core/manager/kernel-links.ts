// Hooks of the kernel: which one and which point of it a person means. Interfaces are the system's own, by name or number.
import { EbpfError } from "../base/error.ts";
import type { KernelHook } from "../host/kernel/host.ts";
import { type AttachType, findAttachType } from "../platform/platform.ts";
import type { Program } from "../program/program.ts";
import type { Context } from "./context.ts";

/** In place of a name: every interface, or whatever else the hook's points are. */
export const EVERY = "*";

export interface KernelPlace {
  readonly hook: AttachType;
  /** 0: every one. */
  readonly point: number;
  /** As a person gave it, or EVERY. */
  readonly name: string;
}

/** HookUnknown, HookUnavailable, InterfaceNotFound; ArgumentInvalid if the hook takes other programs, or no such point. */
export function findPlace(
  context: Context,
  program: Program,
  hookName: string | undefined,
  pointName: string = EVERY,
): KernelPlace {
  const name = hookName ?? program.attachType?.name ?? program.type.name;
  const hook = findAttachType(program.platform, name);
  const row = context.kernel.hooks().find(({ attachType }) => attachType === hook?.id);
  if (hook === undefined || row === undefined) {
    throw new EbpfError("HookUnknown", `the driver has no hook ${name}`, { target: name });
  }
  if (hook.programType !== program.type.name) {
    throw new EbpfError(
      "ArgumentInvalid",
      `hook ${name} takes programs of type ${hook.programType}; ${program.name} is of type ${program.type.name}`,
      { target: name },
    );
  }
  if (!row.present) {
    throw new EbpfError("HookUnavailable", `this Windows does not let the driver have the hook ${name}`, {
      target: name,
    });
  }
  return { hook, point: pointOf(context, row, pointName), name: pointName };
}

function pointOf({ kernel }: Context, hook: KernelHook, name: string): number {
  if (name === EVERY) return 0;
  const number = /^[1-9][0-9]{0,9}$/.test(name) ? Number(name) : undefined;
  if (hook.point === "interface") {
    const index = number ?? kernel.interfaceIndex(name);
    if (index !== undefined && index <= 0xffff_ffff) return index;
    throw new EbpfError("InterfaceNotFound", `this system has no interface ${name}`, { target: name });
  }
  if (hook.point === "compartment" && number !== undefined && number <= 0xffff_ffff) return number;
  const what = hook.point === "none" ? "is one for all" : "takes the number of a network compartment";
  throw new EbpfError("ArgumentInvalid", `the hook ${hook.name} ${what}, not ${name}`, { target: name });
}
