// The platform "linux": what programs made for Linux expect, with the numbers and layouts of its uapi/linux/bpf.h, so that
// such objects can be verified, and the xdp ones run on the embedded host. Rows are cut by subject in linux/.
import { ATTACH_TYPES } from "./linux/attach.ts";
import { OBJECT_TYPES } from "./linux/contexts.ts";
import { HELPERS } from "./linux/helpers.ts";
import { MAP_TYPES } from "./linux/maps.ts";
import { PROGRAM_TYPES } from "./linux/types.ts";
import type { Platform } from "./platform.ts";

export const LINUX: Platform = {
  name: "linux",
  programTypes: PROGRAM_TYPES,
  attachTypes: ATTACH_TYPES,
  helpers: HELPERS,
  mapTypes: MAP_TYPES,
  objectTypes: OBJECT_TYPES,
};
