// docs/errors.md, as the command line reads it: from the source tree, or from its copy beside the bundle.
import { dirname, join } from "node:path";
import { readBytes } from "../base/files.ts";

export function errorsDocument(): string {
  const self = import.meta.filename;
  const folder = dirname(self);
  const path = self.endsWith(".ts")
    ? join(folder, "..", "..", "docs", "errors.md")
    : join(folder, "errors.md");
  return new TextDecoder().decode(readBytes(path));
}
