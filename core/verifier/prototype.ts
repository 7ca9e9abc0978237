// What BTF says about the parameters and the result of a function of .text that is verified on its own: such a function is
// no hook's program, so the hook's context and result say nothing about it.
import { resolveType, sizeOfType } from "../btf/resolve.ts";
import type { BtfTypes } from "../btf/types.ts";
import type { Program } from "../program/program.ts";

export type Parameter =
  | { readonly kind: "context" }
  | { readonly kind: "number" }
  | { readonly kind: "memory"; readonly sizeBytes: number }
  /** A pointer to something whose size is not known: nothing can be done with it. */
  | { readonly kind: "opaque" };

export interface Prototype {
  /** r1 ... r5. */
  readonly parameters: readonly Parameter[];
  /** A void function: r0 is never looked at. */
  readonly returnsNothing: boolean;
}

const known = new WeakMap<Program, Prototype | false>();

/** The prototype of the entry function; undefined for programs of a hook, and without BTF. */
export function prototypeOf(program: Program): Prototype | undefined {
  let prototype = known.get(program);
  if (prototype === undefined) {
    prototype = read(program) ?? false;
    known.set(program, prototype);
  }
  return prototype === false ? undefined : prototype;
}

/**
 * Can a hook call the entry function: with the context, for a number? A function of .text whose prototype says otherwise
 * can be judged, but what holds for its own parameters does not hold for a hook's.
 */
export function isCallableByHook(program: Program): boolean {
  const prototype = prototypeOf(program);
  if (prototype === undefined) return true;
  const { parameters, returnsNothing } = prototype;
  return !returnsNothing && parameters.length <= 1 && parameters.every(({ kind }) => kind === "context");
}

/** Parameters beyond r5 are passed on the stack by no ABI of BPF. */
const MOST_PARAMETERS = 5;

function read(program: Program): Prototype | undefined {
  const { btf, section } = program;
  const id = program.subprograms[0]?.btfId;
  if (section !== ".text" || btf === undefined || id === undefined) return undefined;
  const declared = resolveType(btf, id);
  const type = declared?.kind === "function" ? resolveType(btf, declared.type) : declared;
  if (type?.kind !== "functionPrototype") return undefined;
  return {
    parameters: type.parameters
      .slice(0, MOST_PARAMETERS)
      .map((parameter, position) => parameterOf(program, btf, parameter.type, position)),
    returnsNothing: resolveType(btf, type.returnType)?.kind === "void",
  };
}

function parameterOf(program: Program, btf: BtfTypes, id: number, position: number): Parameter {
  const type = resolveType(btf, id);
  if (type === undefined || type.kind !== "pointer") return { kind: "number" };
  const target = resolveType(btf, type.type);
  const named = target?.kind === "struct" || target?.kind === "forward" ? target.name : undefined;
  if (named === program.type.context.name) return { kind: "context" };
  // A first `void *`, or a struct that is only declared, is how programs that need no field of it name their context.
  if (position === 0 && (target?.kind === "void" || target?.kind === "forward")) return { kind: "context" };
  const sizeBytes = sizeOfType(btf, type.type);
  return sizeBytes === undefined ? { kind: "opaque" } : { kind: "memory", sizeBytes };
}
