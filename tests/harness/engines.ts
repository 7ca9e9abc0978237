// The table of engines that every program fixture runs in.
import type { EmbeddedEngine } from "../../core/image/image.ts";

export const ENGINES: readonly EmbeddedEngine[] = ["interpreter", "wasm"];
