// The platforms there are, by name.
import { LINUX } from "./linux.ts";
import type { Platform, PlatformName } from "./platform.ts";
import { RAW } from "./raw.ts";
import { WINDOWS } from "./windows.ts";

export const PLATFORMS: Readonly<Record<PlatformName, Platform>> = {
  windows: WINDOWS,
  linux: LINUX,
  raw: RAW,
};
