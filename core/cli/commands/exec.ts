// ebpf exec: the plugin contract of bpf_conformance. Program as hex on stdin (white space allowed), memory as hex in the
// first argument; r0 as hex on stdout, exit code 0; anything else is an error on stderr and another code.
import { parseHex, printHex } from "../../base/hex.ts";
import { engineNamed } from "../../manager/load.ts";
import { runBytes } from "../../manager/run.ts";
import { argumentOf, type Handler, textOf } from "../command.ts";
import { printJson } from "../output.ts";

export const execute: Handler = async (invocation) => {
  const { io, options, json } = invocation;
  const engine = engineNamed(textOf(options.engine));
  const memory = parseHex(argumentOf(invocation, 0));
  const program = parseHex(await io.readStdin());
  const result = await runBytes(program, memory, engine);
  if (json) printJson(io, { returnValue: `0x${result.toString(16)}`, engine, program: printHex(program) });
  else io.out(`${result.toString(16)}\n`);
  return 0;
};
