// The platform "raw": a program that is given memory and nothing else, for `ebpf exec` and the engines' fixtures.
// r1 is the address of the memory (0 if there is none), r2 its length in bytes; r0 at exit is the result.
import type { Platform } from "./platform.ts";

export const RAW: Platform = {
  name: "raw",
  programTypes: [
    { name: "raw", id: 0, context: { name: "memory", sizeBytes: 0, fields: [] }, returns: [], helpers: [] },
  ],
  attachTypes: [],
  helpers: [],
  mapTypes: [],
};
