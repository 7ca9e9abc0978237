// The platform "raw": a program that is given memory and nothing else, for `ebpf exec` and the engines' fixtures.
// r1 is the address of the memory (0 if there is none), r2 its length in bytes; r0 at exit is the result. It has the
// few helpers that need neither context nor map, under Linux' numbers.
import type { Platform } from "./platform.ts";
import { ANY_SCALAR, U32 } from "./rows.ts";

export const RAW: Platform = {
  name: "raw",
  programTypes: [
    { name: "raw", id: 0, context: { name: "memory", sizeBytes: 0, fields: [] }, returns: [], helpers: [] },
  ],
  attachTypes: [],
  helpers: [
    { name: "ktime_get_ns", id: 5, arguments: [], returns: ANY_SCALAR },
    { name: "get_prandom_u32", id: 7, arguments: [], returns: U32 },
    { name: "get_smp_processor_id", id: 8, arguments: [], returns: U32 },
  ],
  mapTypes: [],
};
