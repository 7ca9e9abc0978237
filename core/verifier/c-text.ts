// What can be read off one line of C without knowing the rest: names and arguments, to put a mend in the program's own
// words. Where a line does not tell, the answer is undefined, never a guess at its meaning.

/** "ip" of `struct iphdr *ip = data + 14;`: what the line gives a value. */
export function assignedName(text: string): string | undefined {
  return /(?:^|[\s*(])([A-Za-z_]\w*)\s*=(?!=)/.exec(text)?.[1];
}

/** Is `name` declared in the line as a pointer to void? */
export function isVoidPointer(text: string, name: string): boolean {
  return new RegExp(`\\bvoid\\s*\\*\\s*(?:const\\s+)?${name}\\b`).test(text);
}

/** "ctx->data" of a line that reads that member. */
export function memberRead(text: string, member: string): string | undefined {
  return new RegExp(`[A-Za-z_]\\w*\\s*->\\s*${member}\\b`).exec(text)?.[0];
}

/** What the line calls a pointer that it goes through, at or before `column` (from 1; 0: anywhere): "udp" of `udp->source`. */
export function dereferenced(text: string, column: number): string | undefined {
  const found = [...text.matchAll(/([A-Za-z_]\w*)\s*->|\*\s*([A-Za-z_]\w*)\b/g)];
  const before = column === 0 ? found : found.filter((match) => match.index < column);
  const match = before.at(-1) ?? found[0];
  return match?.[1] ?? match?.[2];
}

/** "bucket" of `buckets[bucket] += 1`, if the index is a name. */
export function indexName(text: string): string | undefined {
  return /\[\s*([A-Za-z_]\w*)\s*\]/.exec(text)?.[1];
}

/** The name that is added to something: "length" of `data + length`. */
export function addedName(text: string): string | undefined {
  return /\+=?\s*([A-Za-z_]\w*)\b(?!\s*\()/.exec(text)?.[1];
}

/** The name in `return verdict;`. */
export function returnedName(text: string): string | undefined {
  return /\breturn\s+([A-Za-z_]\w*)\s*;/.exec(text)?.[1];
}

/** The arguments of the first call of `name` in the line; undefined if the call does not end there. */
export function argumentsOf(text: string, name: string): readonly string[] | undefined {
  const start = text.indexOf(`${name}(`);
  if (start < 0) return undefined;
  const list: string[] = [];
  let depth = 0;
  let from = start + name.length + 1;
  for (let at = from; at < text.length; at++) {
    const character = text[at];
    if (character === "(") depth += 1;
    else if (character === ")" && depth > 0) depth -= 1;
    else if (character === ")" || (character === "," && depth === 0)) {
      list.push(text.slice(from, at).trim());
      from = at + 1;
      if (character === ")") return list;
    }
  }
  return undefined;
}

export function isName(text: string | undefined): text is string {
  return text !== undefined && /^[A-Za-z_]\w*$/.test(text);
}

/** Could a statement stand in front of the line? Not in the middle of an expression, and not before an else. */
export function startsStatement(text: string): boolean {
  return !/^\s*(?:[&|?:.,+*/%<>=!)\]}-]|else\b)/.test(text) || /^\s*\*\s*[A-Za-z_]\w*\s*[-+|&^]?=/.test(text);
}
