// The version of the package, as `ebpf --version` and `service.status` say it.
import manifest from "../../package.json" with { type: "json" };

export const VERSION: string = manifest.version;
