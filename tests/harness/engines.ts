// The table of engines that every program fixture runs in.
import type { EngineName } from "../../core/image/image.ts";

export const ENGINES: readonly EngineName[] = ["interpreter", "wasm"];
