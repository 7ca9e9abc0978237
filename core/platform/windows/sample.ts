// Helpers of the sample extension (sample_ext_helpers.h), which eBPF for Windows' own tests call. Data only.
import type { Helper } from "../platform.ts";
import {
  ANY_SCALAR,
  CONTEXT,
  MAP_KEY,
  MEMORY,
  MEMORY_IN_OUT,
  MEMORY_OUT,
  mapOf,
  OPTIONAL_SCALAR,
  SCALAR,
  SIZE,
} from "../rows.ts";

const FIRST_ID = 0x10000;
const HASH = mapOf("hash", "sample_hash_map");

const ROWS: readonly Pick<Helper, "name" | "arguments" | "returns">[] = [
  { name: "sample_ebpf_extension_helper_function1", arguments: [CONTEXT], returns: ANY_SCALAR },
  { name: "sample_ebpf_extension_find", arguments: [MEMORY, SIZE, MEMORY, SIZE], returns: ANY_SCALAR },
  {
    name: "sample_ebpf_extension_replace",
    arguments: [MEMORY_IN_OUT, SIZE, SCALAR, MEMORY, SIZE],
    returns: ANY_SCALAR,
  },
  { name: "sample_ebpf_extension_helper_implicit_1", arguments: [], returns: ANY_SCALAR },
  { name: "sample_ebpf_extension_helper_implicit_2", arguments: [OPTIONAL_SCALAR], returns: ANY_SCALAR },
  {
    name: "sample_ext_helper_map_lookup_element",
    arguments: [HASH, MAP_KEY],
    returns: { kind: "mapValueOrNull" },
  },
  {
    name: "sample_ext_helper_map_get_value",
    arguments: [HASH, MAP_KEY, MEMORY_OUT, SIZE],
    returns: ANY_SCALAR,
  },
];

export const SAMPLE_HELPERS: readonly Helper[] = ROWS.map((row, index) => ({
  ...row,
  id: FIRST_ID + index,
  programTypes: ["sample"],
}));
