// Hooks of the driver, and programs attached to them.
import type { AttachType } from "../../platform/platform.ts";
import type { About } from "./errors.ts";
import type { KernelProgram } from "./program.ts";
import { closeHandle, type Driver } from "./transact.ts";
import { CONSTANTS } from "./wire.ts";

/** A place in the kernel where programs are asked. */
export interface KernelHook {
  readonly name: string;
  readonly attachType: number;
  /** Whether this Windows lets the driver see what the hook is for. */
  readonly present: boolean;
  /** What a link's point is. */
  readonly point: "none" | "interface" | "compartment";
  /** To one point. */
  readonly maximumLinks: number;
  readonly linkCount: number;
}

/** A program at a hook, until it is closed or this process ends. */
export interface KernelLink {
  /** The driver's number. */
  readonly id: number;
  /** From one run to the next that program is asked; resolved, the one before runs no more. */
  replace(program: KernelProgram): void;
  /** When it returns the program runs no more for this link. */
  close(): void;
}

/** The driver has no hook of that number. */
const NO_HOOK = 0;

const POINTS = ["none", "interface", "compartment"] as const;

export function listHooks(driver: Driver): KernelHook[] {
  const about: About = { what: "driver", name: "EbpfCore" };
  const hooks: KernelHook[] = [];
  for (let attachType = 0; ; ) {
    const { reply } = driver.transact(about, "HOOK_NEXT", { attachType });
    attachType = reply.attachType;
    if (attachType === 0) return hooks;
    const { name, maximumLinks, linkCount, flags } = reply;
    const present = (flags & CONSTANTS.HOOK_PRESENT) !== 0;
    const point = POINTS[reply.point] ?? "none";
    hooks.push({ name, attachType, present, point, maximumLinks, linkCount });
  }
}

/** `point` 0 is every one. HookUnknown, HookUnavailable, HookBusy. */
export function attachProgram(
  driver: Driver,
  program: KernelProgram,
  { id, name }: AttachType,
  point: number,
): KernelLink {
  // Hooks of other platforms have no numbers.
  const attachType = id ?? NO_HOOK;
  const about: About = { what: "program", name: program.image.program.name };
  const fields = { programHandle: program.handle, attachType, point, reserved: 0 };
  const { handle, id: linkId } = driver.transact(about, "LINK_CREATE", fields).reply;
  const link: About = { what: "link", name };
  return {
    id: linkId,
    replace(next) {
      driver.transact(link, "LINK_REPLACE", { handle, programHandle: next.handle });
    },
    close() {
      if (driver.isOpen()) driver.ask("LINK_DETACH", { handle });
      closeHandle(driver, handle);
    },
  };
}
