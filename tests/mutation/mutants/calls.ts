// Mistakes about calls, arguments, results, references, callbacks, and about what may leave a program.
import { mutantsOf } from "./table.ts";

export const CALL_MUTANTS = mutantsOf("transfer-call.ts", [
  {
    name: "r6 to r9 stay as the callee left them",
    find: "state.registers[index] = closed.callerSaved[index - FIRST_SAVED] ?? UNINITIALIZED;",
    replace: "state.registers[index] = index < FIRST_SAVED ? UNINITIALIZED : register(state, index);",
    note: "hosts give the caller its own back",
  },
  {
    name: "a callee starts with its caller's stack",
    find: "state.frames.push({ returnTo, callerSaved, stack: EMPTY_STACK });",
    replace: "state.frames.push({ returnTo, callerSaved, stack: stackOf(state, frame - 1) });",
    note: "nothing in its own was written yet",
  },
  {
    name: "a callee works in its caller's frame",
    find: 'state.registers[0] = UNINITIALIZED;\n  state.registers[STACK_POINTER] = pointerTo({ kind: "stack", frame });',
    replace:
      'state.registers[0] = UNINITIALIZED;\n  state.registers[STACK_POINTER] = pointerTo({ kind: "stack", frame: frame - 1 });',
    note: "nothing in its own was written yet",
  },
  {
    name: "a callee sees its caller's r0",
    find: "state.registers[0] = UNINITIALIZED;\n  state.registers[STACK_POINTER]",
    replace: "state.registers[STACK_POINTER]",
    note: "hosts do not promise that",
  },
  {
    name: "a value that a helper hands out leaves what was there",
    find: 'case "mapValue": {\n      if (argument.access === "read") return undefined;',
    replace: 'case "mapValue": {\n      if (argument.access !== "read") return undefined;',
    note: "a number that has changed",
  },
  {
    name: "a helper writes at its highest place only",
    find: "const from = value.offset + value.minimum + STACK_SIZE_BYTES;",
    replace: "const from = value.offset + value.maximum + STACK_SIZE_BYTES;",
    note: "a number that has changed",
  },
  {
    name: "a reserved record is not null",
    find: 'return pointerTo({ kind: "allocated", sizeBytes, instance }, 0, true);',
    replace: 'return pointerTo({ kind: "allocated", sizeBytes, instance }, 0, false);',
    note: "the ring buffer may be full",
  },
  {
    name: "an acquired object is not null",
    find: 'return pointerTo({ kind: "object", type: returns.type, instance, holder }, 0, true);',
    replace: 'return pointerTo({ kind: "object", type: returns.type, instance, holder }, 0, false);',
    note: "there may be none",
  },
  {
    name: "r5 survives a helper",
    find: "for (let index = 1; index <= LAST_ARGUMENT; index++) state.registers[index] = UNINITIALIZED;\n  state.registers[0] = result;",
    replace:
      "for (let index = 1; index < LAST_ARGUMENT; index++) state.registers[index] = UNINITIALIZED;\n  state.registers[0] = result;",
    note: "r1 to r5 are lost in a call",
  },
  {
    name: "r1 to r5 survive the legacy packet load",
    find: "for (let index = 1; index <= LAST_ARGUMENT; index++) state.registers[index] = UNINITIALIZED;\n  state.registers[0] = numberValue",
    replace: "state.registers[0] = numberValue",
    note: "it is a call",
  },
  {
    name: "the legacy packet load gives one byte",
    find: "state.registers[0] = numberValue(unsignedOf(instruction.sizeBytes));",
    replace: "state.registers[0] = numberValue(unsignedOf(1));",
    note: "it gives as many as it loads",
  },
  {
    name: "a helper's largest result is left out",
    find: "return numberValue(ranges.between(clamp(minimum), clamp(maximum)));",
    replace: "return numberValue(ranges.between(clamp(minimum), clamp(maximum) - 1));",
    note: "an off-by-one in a bound",
  },
  {
    name: "helpers do not move the packet",
    find: "if (helper.invalidatesPacket === true) forgetPacket(state);",
    replace: "",
    note: "a stale pointer",
  },
  {
    name: "what a helper writes to the stack is not forgotten",
    find: "setStack(state, frame, exact ? writeUnknown(stack, from, to) : writeSomewhere(stack, from, to));",
    replace: "setStack(state, frame, exact ? writeUnknown(stack, from, to) : stack);",
    note: "a number that has changed",
  },
  {
    name: "a helper writes its least size only",
    find: "const to = value.offset + value.maximum + STACK_SIZE_BYTES + size.most;",
    replace: "const to = value.offset + value.maximum + STACK_SIZE_BYTES + size.least;",
    note: "a number that has changed",
  },
  {
    name: "pointers into a closed frame stay",
    find: 'value.kind === "pointer" && value.region.kind === "stack" && value.region.frame >= frame',
    replace: 'value.kind === "pointer" && value.region.kind === "stack" && value.region.frame > frame',
    note: "the frame is gone",
  },
  {
    name: "a callee sees its caller's r6 to r9",
    find: "state.registers[index] = UNINITIALIZED;\n  }\n  const frame",
    replace: "}\n  const frame",
    note: "hosts do not promise that",
  },
  {
    name: "r1 to r5 come back from a function",
    find: "for (let index = 1; index < REGISTER_COUNT; index++) {\n    state.registers[index] = closed",
    replace:
      "for (let index = FIRST_SAVED; index < REGISTER_COUNT; index++) {\n    state.registers[index] = closed",
    note: "r1 to r5 are lost in a call",
  },
  {
    name: "a reserved record need not be given back",
    find: 'acquire(state, instance);\n  return pointerTo({ kind: "allocated"',
    replace: 'return pointerTo({ kind: "allocated"',
    note: "a reference is leaked",
  },
  {
    name: "an acquired object need not be given back",
    find: "if (returns.acquired) acquire(state, instance);",
    replace: "",
    note: "a reference is leaked",
  },
  {
    name: "a released object can still be used",
    find: "for (const holder of releasedBy(state, helper)) release(state, holder);",
    replace:
      "for (const holder of releasedBy(state, helper)) state.references = state.references.filter((held) => held !== holder);",
    note: "use after free",
  },
  {
    name: "what is made of an object outlives it",
    find: 'return first.kind === "pointer" ? holderOf(first.region) : 0;',
    replace: 'return first.kind === "pointer" && first.nullable ? holderOf(first.region) : 0;',
    note: "use after free",
  },
  {
    name: "the result of a look-up is not null",
    find: 'return entryOf(program, state, ids, returns.kind === "mapValueOrNull");',
    replace: "return entryOf(program, state, ids, false);",
    note: "a look-up may find nothing",
  },
  {
    name: "two look-ups are one",
    find: ': pointerTo({ kind: "mapValue", map: region.map, instance }, 0, nullable);',
    replace: ': pointerTo({ kind: "mapValue", map: region.map, instance: 1 }, 0, nullable);',
    note: "checking one says nothing of the other",
  },
]);

export const CALLBACK_MUTANTS = mutantsOf("transfer-callback.ts", [
  {
    name: "callbacks change nothing of their callers",
    find: "for (const [index, frame] of state.frames.entries()) setStack(state, index, forgetNumbers(frame.stack));",
    replace: "",
    note: "a number that has changed",
  },
  {
    name: "callbacks do not move the packet",
    find: "if (helper?.invalidatesPacket === true) return true;",
    replace: "if (helper?.invalidatesPacket === true) return false;",
    note: "a stale pointer",
  },
]);

export const CHECK_MUTANTS = mutantsOf("check.ts", [
  {
    name: "a pointer that may be null is moved",
    find: 'if (value.nullable) return { code: "PointerMaybeNull", register: index, value };\n  if (other.kind',
    replace: "if (other.kind",
    note: "null plus 8 is not null",
  },
  {
    name: "pointers are stored anywhere",
    find: 'if (base.region.kind !== "stack") {',
    replace: 'if (base.region.kind === "context") {',
    note: "an address leaks",
  },
  {
    name: "part of a pointer is stored",
    find: 'if (access.sizeBytes !== 8) return { code: "PointerLeak"',
    replace: 'if (access.sizeBytes > 8) return { code: "PointerLeak"',
    note: "an address leaks",
  },
  {
    name: "pointers are compared with numbers",
    find: 'if (left.kind === "number" && right.kind === "number") return undefined;\n  const equality',
    replace: 'if (left.kind === "number" || right.kind === "number") return undefined;\n  const equality',
    note: "an address leaks by comparing",
  },
  {
    name: "pointers into different objects are compared",
    find: 'right.kind === "pointer" &&\n    sameObject(left.region, right.region)\n  ) {',
    replace: 'right.kind === "pointer"\n  ) {',
    note: "an address leaks by comparing",
  },
  {
    name: "pointers into different objects are subtracted",
    find: "return sameObject(left.region, right.region) && !left.nullable && !right.nullable;",
    replace: "return !left.nullable && !right.nullable;",
    note: "an address leaks",
  },
  {
    name: "the low half of what may be null is subtracted",
    find: "return sameObject(left.region, right.region) && !left.nullable && !right.nullable;",
    replace: "return sameObject(left.region, right.region);",
    note: "whether it is null leaks; as in Linux it is to be settled first",
  },
  {
    name: "results beyond the hook's range are returned",
    find: "? half.umin >= minimum && half.umax <= maximum",
    replace: "? half.umin >= minimum",
    note: "the hook relies on them",
  },
  {
    name: "a pointer is returned",
    find: 'if (strict) return { code: "PointerLeak", value, register: 0, to: "return" };',
    replace: "",
    note: "an address leaks",
  },
  {
    name: "one reference may be left",
    find: "if (state.references.length === 0 || (at",
    replace: "if (state.references.length <= 1 || (at",
    note: "a reference is leaked",
  },
  {
    name: "a callback may change the pointers of its callers",
    find: 'if (at !== undefined) return { code: "CallbackChangesPointer"',
    replace: 'if (at === -1) return { code: "CallbackChangesPointer"',
    note: "the next round finds another pointer",
  },
  {
    name: "a ninth frame fits",
    find: "return state.frames.length >= MAXIMUM_FRAMES",
    replace: "return state.frames.length > MAXIMUM_FRAMES",
    note: "hosts have room for eight",
  },
  {
    name: "a callback may return anything",
    find: 'if (frame?.callback !== undefined) return checkResult(state, CALLBACK_RESULT, "helper", strict);',
    replace: "if (frame?.callback !== undefined) return undefined;",
    note: "its helper relies on 0 or 1",
  },
]);

export const ARGUMENT_MUTANTS = mutantsOf("check-argument.ts", [
  {
    name: "a size is its least value",
    find: "return umax > MAXIMUM_SIZE_BYTES ? undefined : { least: umin, most: umax };",
    replace: "return umax > MAXIMUM_SIZE_BYTES ? undefined : { least: umin, most: umin };",
    note: "the helper is handed less memory than it uses",
  },
  {
    name: "a size may be 0 where it must not",
    find: "return bounds.least === 0 && !zeroAllowed ?",
    replace: "return bounds.most === 0 && !zeroAllowed ?",
    note: "the helper relies on at least one byte",
  },
  {
    name: "a value argument is as long as the key",
    find: "const sizeBytes = key ? map.spec.keySizeBytes : map.spec.valueSizeBytes;",
    replace: "const sizeBytes = map.spec.keySizeBytes;",
    note: "the helper reads beyond it",
  },
  {
    name: "a key argument is a byte shorter than the key",
    find: "const sizeBytes = key ? map.spec.keySizeBytes :",
    replace: "const sizeBytes = key ? map.spec.keySizeBytes - 1 :",
    note: "an off-by-one in a bound",
  },
  {
    name: "what a helper may not write wholly need not be initialised",
    find: 'const fresh = access === "write" && size.least === size.most && extent.low === extent.high;',
    replace: 'const fresh = access === "write" && extent.low === extent.high;',
    note: "what it leaves was never written",
  },
  {
    name: "what a helper reads need not be initialised",
    find: 'const fresh = access === "write" &&',
    replace: 'const fresh = (access === "write" || access === "read") &&',
    note: "uninitialised memory leaves the program",
  },
  {
    name: "memory that may be null is handed out",
    find: 'if (value.nullable) return { code: "PointerMaybeNull", register: index, value };\n  const extent',
    replace: "const extent",
    note: "a look-up may find nothing",
  },
  {
    name: "NULL with a size that may be 0",
    find: 'return bounds.most === 0 ? undefined : wrong("memory, or NULL with size 0");',
    replace: 'return bounds.least === 0 ? undefined : wrong("memory, or NULL with size 0");',
    note: "the size may be more",
  },
]);

export const CHECK_CALL_MUTANTS = mutantsOf("check-call.ts", [
  {
    name: "a record is given back that is not held",
    find: "return state.references.includes(holderOf(value.region))",
    replace: "return state.references.length >= 0",
    note: "it is released twice",
  },
  {
    name: "a moved pointer is given back",
    find: "return value.offset === 0 && value.minimum",
    replace: "return value.minimum",
    note: "it is not what was handed out",
  },
  {
    name: "any map is taken",
    find: 'return types.includes(map.type.name) ? undefined : fault("type");',
    replace: 'return types.length > 0 ? undefined : fault("type");',
    note: "the helper relies on the kind of map",
  },
  {
    name: "a record that may be null is given back",
    find: 'if (value.nullable) return { code: "PointerMaybeNull", register: index, value };\n  if (!isWhole(value))',
    replace: "if (!isWhole({ ...value, nullable: false }))",
    note: "there may be none",
  },
  {
    name: "helpers change maps that are read-only",
    find: "return isReadOnlyMap(mapOfRegion(program, region))",
    replace: "return region.map < 0 && isReadOnlyMap(mapOfRegion(program, region))",
    note: "constants of the program change",
  },
  {
    name: "pointers are given as numbers",
    find: 'if (value.kind === "number") return undefined;\n  return strict',
    replace: 'if (value.kind === "number" || strict) return undefined;\n  return strict',
    note: "an address leaks",
  },
]);

export const STRICT_MUTANTS = mutantsOf("strict.ts", [
  {
    name: "Windows is not strict",
    find: 'return program.platform.name !== "linux" || asked;',
    replace: "return asked;",
    note: "addresses leave the program",
  },
]);
