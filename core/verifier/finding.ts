// What a check found wrong, as facts; describe.ts makes the words. Types only.
import type { AluOperation, JumpCondition, Register } from "../isa/instruction.ts";
import type { ContextField, Helper } from "../platform/platform.ts";
import type { AccessKind } from "./assertion.ts";
import type { Region, Stale, Value } from "./domain/value.ts";

/** A range of byte offsets that is touched, relative to the region's start (the stack: to r10). */
export interface Extent {
  readonly access: AccessKind;
  /** The helper that would touch the memory; absent: the instruction itself. */
  readonly helper?: Helper;
  /** Lowest first byte and highest first byte. */
  readonly low: number;
  readonly high: number;
  readonly sizeBytes: number;
}

export type Finding =
  | { readonly code: "RegisterUninitialized"; readonly register: Register; readonly stale: Stale }
  | {
      readonly code: "StackUninitialized";
      readonly extent: Extent;
      /** The first byte at fault, relative to r10. */
      readonly at: number;
    }
  | { readonly code: "StackOutOfBounds"; readonly extent: Extent }
  | {
      readonly code: "PacketOutOfBounds";
      readonly extent: Extent;
      /** Bytes known to be there from the same start (see `variable`). */
      readonly proved: number;
      readonly variable: boolean;
      readonly metadata: boolean;
    }
  | {
      readonly code: "MapValueOutOfBounds";
      readonly extent: Extent;
      readonly map: number | undefined;
      readonly limit: number;
    }
  | {
      readonly code: "ContextOutOfBounds" | "ContextReadOnly";
      readonly extent: Extent;
      readonly field: ContextField | undefined;
    }
  | { readonly code: "PointerMaybeNull"; readonly register: Register; readonly value: Value }
  | {
      readonly code: "PointerArithmetic";
      readonly operation: AluOperation | "other";
      readonly reason: "operation" | "region" | "number" | "pointers" | "narrow";
      readonly value: Value;
      readonly other: Value | undefined;
    }
  | { readonly code: "PointerExpected"; readonly register: Register; readonly value: Value }
  | {
      readonly code: "PointerComparison";
      readonly test: JumpCondition;
      readonly left: Value;
      readonly right: Value;
      readonly width: 32 | 64;
    }
  | {
      readonly code: "PointerLeak";
      readonly value: Value;
      readonly register: Register;
      readonly to: Region["kind"] | "return" | "narrowed" | "partial" | "atomic" | "variable";
      readonly helper?: Helper;
      readonly position?: number;
    }
  | { readonly code: "Misaligned"; readonly sizeBytes: number; readonly offset: number }
  | { readonly code: "ReadOnlyMemory"; readonly region: Region; readonly extent: Extent }
  | {
      readonly code: "ObjectOutOfBounds";
      readonly extent: Extent;
      readonly field: ContextField | undefined;
      readonly type: string;
    }
  | { readonly code: "ContextExpected"; readonly register: Register; readonly value: Value }
  | {
      readonly code: "ReferenceLeak";
      readonly at: "exit" | "tailCall" | "packetLoad" | "callback";
      /** One of the registers that hold what has to be given back, if one still does. */
      readonly value: Value | undefined;
    }
  | { readonly code: "ReferenceNotHeld"; readonly register: Register; readonly value: Value }
  | {
      readonly code: "CallbackChangesPointer";
      /** The frame and byte offset (from its r10) of the pointer. */
      readonly frame: number;
      readonly at: number;
    }
  | { readonly code: "HelperUnknown"; readonly id: number }
  | {
      readonly code: "HelperNotAllowed";
      readonly helper: Helper;
      /** Not for programs of this type, or not for those that may not sleep. */
      readonly reason: "type" | "sleep";
    }
  | {
      readonly code: "HelperArgument";
      readonly helper: Helper;
      readonly position: number;
      readonly expected: string;
      readonly value: Value;
    }
  | {
      readonly code: "MapOperation";
      readonly helper: Helper;
      readonly map: number;
      /** A map that was looked up in `map`. */
      readonly inner: boolean;
      /** Its type does not allow the helper; programs may only read it; what its entries are is not known. */
      readonly reason: "type" | "readOnly" | "template";
    }
  | {
      readonly code: "ReturnValue";
      readonly to: "hook" | "helper";
      readonly value: Value;
      readonly minimum: number;
      readonly maximum: number;
    }
  | { readonly code: "FramePointerReadOnly" }
  | { readonly code: "FallThrough"; readonly name: string }
  | { readonly code: "JumpOutOfRange"; readonly what: "jump" | "call" }
  | { readonly code: "CallDepth"; readonly depth: number }
  | { readonly code: "Recursion"; readonly names: readonly string[] }
  | { readonly code: "LoopNotBounded"; readonly rounds: number }
  | { readonly code: "TooComplex"; readonly count: number; readonly unit: "step" | "instruction" }
  | { readonly code: "RelocationUnresolved"; readonly what: string }
  | { readonly code: "InstructionUnsupported"; readonly what: string }
  | { readonly code: "FeatureUnsupported"; readonly what: string };
