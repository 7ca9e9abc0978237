// A case of tests/fixtures/packets: a program of xdp that the verifier accepts, a packet, and what is left of that.
import { parseHex } from "../../core/base/hex.ts";
import type { Program } from "../../core/program/program.ts";
import { verify } from "../../core/verifier/verify.ts";
import { testProgram } from "../core/verifier/programs.ts";
import { type Fixture, memoryOf, resultOf, sectionText } from "./fixture.ts";

export interface PacketCase {
  readonly program: Program;
  readonly packet: Uint8Array;
  /** r0, of 64 bits. */
  readonly result: bigint;
  readonly after: Uint8Array;
}

/** Of a fixture, or of a program in text alone. Throws if it is rejected. */
export function packetCase(from: Fixture | string): PacketCase {
  const code = typeof from === "string" ? from : (sectionText(from, "asm") ?? "");
  const program = testProgram({ code });
  const verdict = verify(program, { strict: true });
  if (verdict.kind === "rejected") throw new Error(`${code}: ${verdict.failures[0].message}`);
  if (typeof from === "string") return { program, packet: NONE, result: 0n, after: NONE };
  return {
    program,
    packet: memoryOf(from),
    result: BigInt.asUintN(64, resultOf(from) ?? 0n),
    after: parseHex(sectionText(from, "after") ?? ""),
  };
}

const NONE = new Uint8Array(0);
