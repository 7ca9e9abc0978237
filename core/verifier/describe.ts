// Finding -> one line in the words of the C program: what it does, what was known, what is needed. Only text.
import type { ContextField, Helper } from "../platform/platform.ts";
import type { Program } from "../program/program.ts";
import { MAXIMUM_SIZE_BYTES } from "./check-argument.ts";
import type { Extent, Finding } from "./finding.ts";
import { knownMap } from "./maps.ts";
import { helperName, inWords, isNear, leastSize, plural, regionInWords, wholeInWords } from "./words.ts";

const VERBS = { read: "reads", write: "writes", atomic: "atomically updates" } as const;

/** "reads 4 bytes at offset 12", "bpf_map_update_elem reads 8 bytes at offset -8 to 0". */
function touches({ access, helper, low, high, sizeBytes }: Extent): string {
  const who = helper === undefined ? "" : `${helperName(helper)} `;
  const where = low === high ? `offset ${low}` : `an offset between ${low} and ${high}`;
  return `${who}${VERBS[access]} ${plural(sizeBytes, "byte")} at ${where}`;
}

const ORDINALS = ["first", "second", "third", "fourth", "fifth"];

function argumentOf(helper: Helper, position: number): string {
  return `the ${ORDINALS[position] ?? "last"} argument of ${helperName(helper)}`;
}

function mapName(program: Program, map: number | undefined): string {
  return map === undefined ? "the map" : `map ${program.maps[map]?.spec.name ?? map}`;
}

function uninitialized(finding: Extract<Finding, { readonly code: "RegisterUninitialized" }>): string {
  if (finding.stale === "released") {
    return `uses r${finding.register} after what it points to was released`;
  }
  if (finding.stale === "packet") {
    return `r${finding.register} points to the packet as it was before a helper that may move it: read data and data_end from the context again`;
  }
  if (finding.register === 0) return "returns without a value (r0) on this path";
  return `uses r${finding.register}, which has no value on this path: a variable is not initialised`;
}

function packet(finding: Extract<Finding, { readonly code: "PacketOutOfBounds" }>): string {
  const { extent, proved, variable, metadata } = finding;
  const what = metadata ? "the packet's metadata" : "the packet";
  const end = metadata ? "data" : "data_end";
  if (extent.low < 0) return `${touches(extent)} of ${what}, which may lie before its first byte`;
  if (proved <= 0)
    return `${touches(extent)} of ${what}, but its length has not been checked: check ${end} first`;
  const known = `only ${plural(proved, "byte")} are proved`.replace("1 byte are", "1 byte is");
  if (!variable) return `${touches(extent)} of ${what}, but ${known}: check ${end} first`;
  return `${touches(extent)} of ${what}, but ${known} from the variable part of that offset on: check ${end} first`;
}

function context(program: Program, extent: Extent, field: ContextField | undefined, write: boolean): string {
  const name = program.type.context.name;
  if (field === undefined) return `${touches(extent)} of the context (${name}), where there is no field`;
  const of = `field ${field.name} (offset ${field.byteOffset}, ${plural(field.sizeBytes, "byte")})`;
  if (extent.access === "atomic")
    return `${touches(extent)} of the context (${name}): atomic operations are for the stack and map values`;
  return write
    ? `writes to ${of} of the context (${name}), which is read-only`
    : `${touches(extent)} of the context (${name}), but ${of} can only be ${extent.access === "write" ? "written" : "read"} whole`;
}

function arithmetic(
  program: Program,
  finding: Extract<Finding, { readonly code: "PointerArithmetic" }>,
): string {
  const value = inWords(program, finding.value);
  switch (finding.reason) {
    case "operation":
      return `calculates with ${value} in a way that gives no pointer`;
    case "narrow":
      return `calculates with the low 32 bits of ${value}`;
    case "region":
      return `moves ${value}, which has to stay as it is`;
    case "pointers":
      return `combines ${value} with ${finding.other === undefined ? "another" : inWords(program, finding.other)}: only pointers into the same object have a distance`;
    case "number":
      return number(program, finding);
  }
}

function number(program: Program, finding: Extract<Finding, { readonly code: "PointerArithmetic" }>): string {
  const value = inWords(program, finding.value);
  const { other } = finding;
  const adds = `adds ${other === undefined ? "a number" : inWords(program, other)} to ${value}`;
  if (finding.value.kind === "pointer" && finding.value.region.kind === "context")
    return `${adds}, whose fields are at constant offsets`;
  return isNear(other)
    ? `${adds}, which is too far from where it began by then`
    : `${adds}: bound the number first, with an if or a mask`;
}

function leak(program: Program, finding: Extract<Finding, { readonly code: "PointerLeak" }>): string {
  const value = inWords(program, finding.value);
  switch (finding.to) {
    case "return":
      return `returns ${value}: a pointer must not leave the program`;
    case "narrowed":
      return finding.helper === undefined || finding.position === undefined
        ? `takes ${value} for a number: its address would leak`
        : `passes ${value} as ${argumentOf(finding.helper, finding.position)}, which is a number: its address would leak`;
    case "partial":
      return finding.helper === undefined
        ? "stores or reads part of a pointer on the stack: its address would leak"
        : `${helperName(finding.helper)} would read a pointer that is stored on the stack: its address would leak`;
    case "atomic":
      return "uses a pointer in an atomic operation";
    case "variable":
      return `stores ${value} at a variable offset of the stack`;
    case "context":
      return `stores ${value} in the context: a pointer must not leave the program`;
    case "mapValue":
      return `stores ${value} in a map: a pointer must not leave the program`;
    default:
      return `stores ${value} in the packet: a pointer must not leave the program`;
  }
}

/** The message without its place. */
export function describe(program: Program, finding: Finding): string {
  switch (finding.code) {
    case "RegisterUninitialized":
      return uninitialized(finding);
    case "StackUninitialized":
      return `${touches(finding.extent)} of the stack, but byte ${finding.at} has no value yet: initialise the variable`;
    case "StackOutOfBounds":
      return `${touches(finding.extent)} of the stack, which goes from -512 to 0`;
    case "PacketOutOfBounds":
      return packet(finding);
    case "MapValueOutOfBounds": {
      const owner = finding.map === undefined ? "the memory" : `a value of ${mapName(program, finding.map)}`;
      return `${touches(finding.extent)} of ${owner}, which has ${plural(finding.limit, "byte")}`;
    }
    case "ContextOutOfBounds":
      return context(program, finding.extent, finding.field, false);
    case "ContextReadOnly":
      return context(program, finding.extent, finding.field, true);
    case "PointerMaybeNull":
      return `uses ${inWords(program, finding.value)} that may be NULL: compare the result of the look-up with NULL first`;
    case "PointerArithmetic":
      return arithmetic(program, finding);
    case "PointerExpected":
      return `accesses memory through r${finding.register}, which is ${inWords(program, finding.value)}`;
    case "PointerComparison":
      return `compares ${inWords(program, finding.left)} with ${inWords(program, finding.right)}`;
    case "PointerLeak":
      return leak(program, finding);
    case "Misaligned":
      return `accesses ${plural(finding.sizeBytes, "byte")} at an offset (${finding.offset}) that is not known to be a multiple of ${finding.sizeBytes}`;
    case "ReadOnlyMemory":
      return `${touches(finding.extent)} of ${regionInWords(program, finding.region)}, which is read-only`;
    case "HelperUnknown":
      return `calls helper ${finding.id}, which platform ${program.platform.name} does not have`;
    case "HelperNotAllowed":
      return finding.reason === "sleep"
        ? `calls ${helperName(finding.helper)}, which may wait: only a program that may sleep (section "${program.section.replace(/^[^/.]+/, "$&.s")}") may call it`
        : `calls ${helperName(finding.helper)}, which a program of type ${program.type.name} may not call`;
    case "HelperArgument":
      return `${argumentOf(finding.helper, finding.position)} has to be ${expectedInWords(finding)}, but is ${wholeInWords(program, finding.value)}`;
    case "MapOperation":
      return mapOperation(program, finding);
    case "ReturnValue":
      return `returns ${inWords(program, finding.value)}, but the ${finding.to} knows only ${finding.minimum} to ${finding.maximum}`;
    case "FramePointerReadOnly":
      return "changes r10, the frame pointer";
    case "FallThrough":
      return `function ${finding.name} can run past its end`;
    case "JumpOutOfRange":
      return finding.what === "jump"
        ? "jumps out of the function"
        : "calls what is not the start of a function";
    case "CallDepth":
      return `opens frame ${finding.depth}: at most 8 functions may be nested`;
    case "Recursion":
      return `function ${finding.names.join(" calls ")}`;
    case "LoopNotBounded":
      return finding.rounds === 0
        ? "loops without an end: the loop comes round with nothing changed"
        : `loops without an end that can be seen: it was followed for ${finding.rounds} rounds`;
    case "TooComplex":
      return finding.unit === "step"
        ? `is too complex: ${plural(finding.count, "step")} were followed without an end`
        : `is too complex: it has ${plural(finding.count, "instruction")}`;
    case "InstructionUnsupported":
      return `contains ${finding.what}${finding.what.includes(", which ") ? "" : ", which is not supported"}`;
    case "RelocationUnresolved":
      return `uses what the target does not have: ${finding.what}`;
    case "FeatureUnsupported":
      return `uses ${finding.what}, which is not supported yet`;
    case "ObjectOutOfBounds":
      return object(finding);
    case "ContextExpected":
      return `needs the context in r${finding.register}, which is ${wholeInWords(program, finding.value)}`;
    case "ReferenceLeak":
      return `${ENDS[finding.at]} while ${finding.value === undefined ? "something acquired" : inWords(program, finding.value).replace("a pointer to ", "")} has not been given back`;
    case "ReferenceNotHeld":
      return `gives back ${inWords(program, finding.value)} in r${finding.register}, which was not acquired`;
    case "CallbackChangesPointer":
      return `a callback ends with a changed pointer at offset ${finding.at} of its caller's stack`;
  }
}

function expectedInWords({
  helper,
  position,
  expected,
}: Extract<Finding, { readonly code: "HelperArgument" }>): string {
  if (expected === "memory of 0 bytes") return "memory, even if none of it is used";
  if (expected !== "a bounded size") return expected;
  return `a size between ${leastSize(helper.arguments[position])} and ${MAXIMUM_SIZE_BYTES} (it has no sign)`;
}

const ENDS = {
  exit: "ends",
  tailCall: "leaves with a tail call",
  packetLoad: "loads from the packet, which may end it,",
  callback: "a callback ends with other references than it found, or",
} as const;

function object(finding: Extract<Finding, { readonly code: "ObjectOutOfBounds" }>): string {
  const { extent, field, type } = finding;
  if (field === undefined) return `${touches(extent)} of a ${type}, where there is no field`;
  return `${touches(extent)} of a ${type}, but field ${field.name} (offset ${field.byteOffset}, ${plural(field.sizeBytes, "byte")}) can only be read whole`;
}

function mapOperation(
  program: Program,
  finding: Extract<Finding, { readonly code: "MapOperation" }>,
): string {
  const { helper, map, inner, reason } = finding;
  const which = inner ? `an inner map of ${mapName(program, map)}` : mapName(program, map);
  switch (reason) {
    case "readOnly":
      return `${helperName(helper)} cannot be used on ${which} (read-only)`;
    case "type":
      return `${helperName(helper)} cannot be used on ${which} (${mapType(program, map, inner)})`;
    case "template":
      return `${helperName(helper)} on ${which} uses a map that the object does not describe: define the inner map`;
  }
}

function mapType(program: Program, map: number, inner: boolean): string {
  const type = knownMap(program, map, inner)?.type;
  return type === undefined ? "unknown type" : `type ${type.name}`;
}
