// Which rules a program is held to. The one place that decides it.
import type { Program } from "../program/program.ts";

/**
 * Strict: no pointer leaves the program through maps, packets, its result or numbers given to helpers, and nothing
 * uninitialised is handed out. So it is on Windows and for raw programs, whoever loads them. Linux lets those who may load
 * programs (CAP_PERFMON) do both: a pointer is stored or compared like a number, and stack that nobody has written is an
 * unknown number; there it is asked for.
 */
export function isStrict(program: Program, asked = false): boolean {
  return program.platform.name !== "linux" || asked;
}
