// BtfType -> C declaration. What people read beside a map or a failure; sizes and offsets are not its business. Text is
// bounded: types may refer to each other in circles.
import type { BtfMember, BtfParameter, BtfType, BtfTypes } from "./types.ts";

const STEP_LIMIT = 2_000;
const ELLIPSIS = "...";

interface Printer {
  readonly btf: BtfTypes;
  steps: number;
}

/** A declaration of `name` with that type, as in C: `struct flow *flows[4]`. Without a name it is the type alone. */
export function printType(btf: BtfTypes, typeId: number, name = ""): string {
  return declare({ btf, steps: 0 }, typeId, name, "").trimEnd();
}

/** The definition of a type: members of a struct, values of an enum, the target of a typedef; ends with ";". */
export function printDefinition(btf: BtfTypes, typeId: number): string {
  const printer = { btf, steps: 0 };
  const type = btf.types[typeId];
  switch (type?.kind) {
    case "struct":
    case "union":
    case "enum":
      return `${tag(type)} ${body(printer, type, "")};`;
    case "typedef":
      return `typedef ${declare(printer, type.type, type.name, "")};`;
    case "function":
      return `${type.linkage === "global" ? "" : `${type.linkage} `}${declare(printer, type.type, type.name, "")};`;
    case "variable":
      return `${type.linkage === "global" ? "" : `${type.linkage} `}${declare(printer, type.type, type.name, "")};`;
    default:
      return `${printType(btf, typeId)};`;
  }
}

type Tagged = Extract<BtfType, { kind: "struct" | "union" | "enum" }>;

function tag(type: Tagged): string {
  return type.name === "" ? type.kind : `${type.kind} ${type.name}`;
}

/** Declarators grow from the inside out: `inner` is what stands where the name would. */
function declare(printer: Printer, typeId: number, inner: string, indent: string): string {
  if (++printer.steps > STEP_LIMIT || inner.length > STEP_LIMIT) return ELLIPSIS;
  const type = printer.btf.types[typeId];
  switch (type?.kind) {
    case undefined:
    case "void":
      return spaced("void", inner);
    case "int":
    case "float":
    case "typedef":
      return spaced(type.name, inner);
    case "struct":
    case "union":
    case "enum":
      return spaced(type.name === "" ? `${tag(type)} ${body(printer, type, indent)}` : tag(type), inner);
    case "forward":
      return spaced(`${type.union ? "union" : "struct"} ${type.name}`, inner);
    case "pointer":
      return declare(printer, type.type, pointerTo(printer.btf, type.type, inner), indent);
    case "volatile":
    case "const":
    case "restrict":
      return qualify(printer, type.kind, type.type, inner, indent);
    case "array":
      return declare(printer, type.type, `${inner}[${type.length}]`, indent);
    case "functionPrototype":
      return declare(
        printer,
        type.returnType,
        `${inner}(${parameters(printer, type.parameters, indent)})`,
        indent,
      );
    case "function":
    case "variable":
    case "declarationTag":
    case "typeTag":
      return declare(printer, type.type, inner, indent);
    case "dataSection":
      return spaced(`/* section */ ${type.name}`, inner);
  }
}

function spaced(base: string, inner: string): string {
  return inner === "" ? base : `${base} ${inner}`;
}

function pointerTo(btf: BtfTypes, typeId: number, inner: string): string {
  const kind = btf.types[typeId]?.kind;
  return kind === "array" || kind === "functionPrototype" ? `(*${inner})` : `*${inner}`;
}

/** A qualifier of a pointer stands behind its star, any other in front. */
function qualify(printer: Printer, word: string, typeId: number, inner: string, indent: string): string {
  return printer.btf.types[typeId]?.kind === "pointer"
    ? declare(printer, typeId, spaced(word, inner), indent)
    : `${word} ${declare(printer, typeId, inner, indent)}`;
}

function parameters(printer: Printer, list: readonly BtfParameter[], indent: string): string {
  if (list.length === 0) return "void";
  return list
    .map(({ name, type }) => (type === 0 ? ELLIPSIS : declare(printer, type, name, indent)))
    .join(", ");
}

function body(printer: Printer, type: Tagged, indent: string): string {
  const inner = `${indent}  `;
  const lines =
    type.kind === "enum"
      ? type.values.map(({ name, value }) => `${inner}${name} = ${value},`)
      : type.members.map((member) => `${inner}${declareMember(printer, member, inner)};`);
  return `{\n${lines.slice(0, STEP_LIMIT).join("\n")}\n${indent}}`;
}

function declareMember(printer: Printer, { name, type, bitSize }: BtfMember, indent: string): string {
  const width = bitSize === 0 ? "" : ` : ${bitSize}`;
  return `${declare(printer, type, name, indent)}${width}`;
}
