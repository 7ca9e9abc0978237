// The loop whose body driver.bench.ts measures.
import { encode } from "../../core/isa/encode.ts";
import { parse } from "../../core/isa/parse.ts";

export const LOOKUP = "r1 = map[0]\nr2 = r10\nr2 += -4\ncall 1";

/** Keys of maps are the low ten bits of the round, at r10 - 4; r6 is the round, r7 the result. */
export function loop(body: string, rounds: number): Uint8Array<ArrayBuffer> {
  const head = "r6 = 0\nr7 = 0\nagain:\nr1 = r6\nr1 &= 1023\n*(u32 *)(r10 - 4) = r1";
  return encode(parse(`${head}\n${body}\nr6 += 1\nif r6 < ${rounds} goto again\nr0 = r7\nexit`));
}
