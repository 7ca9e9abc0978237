// Why a program is rejected: the codes, each with the remedy a person can act on. One table; the texts of the
// message line are made in describe.ts from the facts.

export const FAILURE_CODES = {
  RegisterUninitialized: { remedy: "Give the variable a value on every path before it is used." },
  StackUninitialized: {
    remedy: "Initialise every byte (for example with = {0}) before it is read or passed on.",
  },
  StackOutOfBounds: {
    remedy: "Keep accesses within the 512 bytes of the function's stack and within the array.",
  },
  PacketOutOfBounds: {
    remedy: "Check the end of the packet first: if ((void *)(p + 1) > data_end) return ...;",
  },
  ContextOutOfBounds: { remedy: "Use only the fields of the context struct, each at its own width." },
  ContextReadOnly: { remedy: "Do not write to this field of the context." },
  MapValueOutOfBounds: {
    remedy: "Keep the offset below the map's value size; bound a variable index with an if.",
  },
  PointerMaybeNull: { remedy: "Compare the result of the look-up with NULL before using it." },
  PointerArithmetic: {
    remedy: "Only add or subtract bounded numbers to packet, map value and stack pointers.",
  },
  PointerExpected: {
    remedy: "Only read and write through pointers to the packet, stack, context or a map value.",
  },
  PointerComparison: { remedy: "Compare only pointers into the same object, or a pointer with NULL." },
  PointerLeak: { remedy: "Do not store pointers outside the stack or hand them out as numbers." },
  Misaligned: { remedy: "Align the access to its size." },
  ReadOnlyMemory: { remedy: "Do not write to read-only data." },
  ObjectOutOfBounds: { remedy: "Use only the fields that programs may read, each at its own width." },
  ContextExpected: { remedy: "Keep the context in the register that the instruction takes it from." },
  ReferenceLeak: {
    remedy: "Give back on every path what was acquired: release the socket, submit or discard the record.",
  },
  ReferenceNotHeld: { remedy: "Release only what was acquired, and only once." },
  CallbackChangesPointer: {
    remedy: "Let the callback change numbers only; what it points to through the context stays as it is.",
  },
  HelperUnknown: {
    remedy: "Call a helper that the platform has: include/bpf/bpf_helpers.h declares those of Windows.",
  },
  HelperNotAllowed: { remedy: "Do without the helper, or write a program of a type that may call it." },
  HelperArgument: { remedy: "Pass what the helper's prototype asks for." },
  MapOperation: { remedy: "Use a helper that this map type supports, or a map of another type." },
  ReturnValue: { remedy: "Return a number on every path, within the values the hook knows." },
  FramePointerReadOnly: { remedy: "Compile with clang; r10 may not be changed." },
  FallThrough: { remedy: "End every path with a return." },
  JumpOutOfRange: {
    remedy: "Compile the program again; a jump leaves the function or lands inside an instruction.",
  },
  CallDepth: { remedy: "Nest at most 8 functions; mark small ones static inline." },
  Recursion: { remedy: "A function may not call itself, directly or through others." },
  LoopNotBounded: { remedy: "Give the loop a constant upper bound: for (int i = 0; i < N; i++)." },
  TooComplex: { remedy: "Split the program, or make its loops shorter." },
  FeatureUnsupported: { remedy: "Do without it: it is not modelled by this version." },
  RelocationUnresolved: {
    remedy: "Ask first whether it is there: if (bpf_core_field_exists(p->field)) ...",
  },
  InstructionUnsupported: { remedy: "Compile with clang -target bpf -mcpu=v3." },
} as const satisfies Record<string, { readonly remedy: string }>;

export type FailureCode = keyof typeof FAILURE_CODES;
