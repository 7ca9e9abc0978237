// What a program sees at a hook of the kernel that has typed arguments (tp_btf, fentry, fexit, fmod_ret, lsm), where the
// target's types tell: so many arguments of 8 bytes, each a number or a pointer to an object of the kernel.
import { resolveType } from "../btf/resolve.ts";
import type { BtfType, BtfTypes } from "../btf/types.ts";
import type { AttachType, ContextDescriptor, ContextField } from "../platform/platform.ts";

const ARGUMENT_BYTES = 8;

/** Where the prototype is to be found, by hook: under which name, and what comes before and behind the arguments. */
interface Row {
  readonly prefix: string;
  readonly kind: "function" | "typedef";
  /** Arguments of the prototype that programs do not see (a tracepoint's own data). */
  readonly hidden: number;
  /** What the function returned stands behind its arguments. */
  readonly result: boolean;
}

const HOOKS: Readonly<Record<string, Row>> = {
  tp_btf: { prefix: "btf_trace_", kind: "typedef", hidden: 1, result: false },
  fentry: { prefix: "", kind: "function", hidden: 0, result: false },
  fexit: { prefix: "", kind: "function", hidden: 0, result: true },
  fmod_ret: { prefix: "", kind: "function", hidden: 0, result: true },
  lsm: { prefix: "bpf_lsm_", kind: "function", hidden: 0, result: true },
};

/** Undefined where the target does not have what the section names, or the hook has no typed arguments. */
export function argumentsAt(
  target: BtfTypes,
  { name }: AttachType,
  section: string,
): ContextDescriptor | undefined {
  const row = HOOKS[name];
  const prototype = row && prototypeOf(target, row, section.slice(section.indexOf("/") + 1));
  if (row === undefined || prototype === undefined) return undefined;
  const seen = prototype.parameters.slice(row.hidden).map(({ name, type }) => ({ name, type }));
  if (row.result && target.types[prototype.returnType]?.kind !== "void") {
    seen.push({ name: "(result)", type: prototype.returnType });
  }
  const fields = seen.map(({ name, type }, index) => argument(target, name, type, index));
  if (fields.includes(undefined)) return undefined;
  return {
    name: "function arguments",
    sizeBytes: ARGUMENT_BYTES * fields.length,
    fields: fields.filter((field) => field !== undefined),
  };
}

type Prototype = Extract<BtfType, { readonly kind: "functionPrototype" }>;

function prototypeOf({ types }: BtfTypes, row: Row, name: string): Prototype | undefined {
  const wanted = row.prefix + name;
  const found = types.find((one) => one.kind === row.kind && "name" in one && one.name === wanted);
  if (found === undefined || !("type" in found)) return undefined;
  const behind = resolveType({ types }, found.type);
  const prototype = behind?.kind === "pointer" ? resolveType({ types }, behind.type) : behind;
  return prototype?.kind === "functionPrototype" ? prototype : undefined;
}

/** A struct that is passed as it is takes several places: then nothing is said. */
function argument(target: BtfTypes, name: string, type: number, index: number): ContextField | undefined {
  const resolved = resolveType(target, type);
  const field = {
    name: name === "" ? `argument ${index + 1}` : name,
    byteOffset: ARGUMENT_BYTES * index,
    sizeBytes: ARGUMENT_BYTES,
    writable: false,
  };
  switch (resolved?.kind) {
    case "int":
    case "enum":
      return { ...field, kind: "scalar", narrow: true };
    case "pointer": {
      const object = resolveType(target, resolved.type);
      const isObject = object?.kind === "struct" || object?.kind === "union" || object?.kind === "forward";
      // Behind other pointers there is nothing that may be read but through bpf_probe_read_kernel.
      return { ...field, kind: isObject ? "kernel" : "scalar", narrow: !isObject };
    }
    default:
      return undefined;
  }
}
