// Memory for code, as the system's own list of mappings has it: written, then executable, and never both.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { encode } from "../../core/isa/encode.ts";
import { parse } from "../../core/isa/parse.ts";
import {
  codeRights,
  failAllocation,
  library,
  loadProgram,
  release,
  writableCode,
} from "../harness/driver.ts";

const check = test.serial;

const allocate = library.func("uintptr_t PlatformAllocateCode(size_t)");
const seal = library.func("bool PlatformSealCode(uintptr_t, size_t)");
const free = library.func("void PlatformFreeCode(uintptr_t, size_t)");

/** What may be done with the code there is. */
const rights = (): readonly string[] => codeRights().map((one) => one.rights);

check("it is writable and not executable, then executable and not writable, and then gone", (t) => {
  t.deepEqual(rights(), []);
  const memory = allocate(10_000);
  t.deepEqual(rights(), ["rw-p"]);
  t.is(writableCode().length, 1);
  t.true(seal(memory, 10_000));
  t.deepEqual(rights(), ["r-xp"]);
  free(memory, 10_000);
  t.deepEqual(rights(), []);
});

check(
  "what a program is compiled to can be executed and not written; where that is refused nothing stays",
  (t) => {
    const code = encode(parse(`${"r0 = 2\n".repeat(3000)}exit`));
    const programs = [loadProgram(code, [], "jit"), loadProgram(code, [], "blinded")];
    t.deepEqual([...new Set(rights())], ["r-xp"]);
    t.true(rights().length >= 2);
    for (const program of programs) release(program);
    for (let number = 1; number < 12; number++) {
      failAllocation(number);
      try {
        release(loadProgram(code, [], "jit"));
      } catch {
        // Told; what matters here is what is left.
      }
      failAllocation(0);
      library.func("void EpochSynchronize()")();
      t.deepEqual(rights(), [], `${number}`);
    }
  },
);

check("nothing of the driver asks for memory that is both", (t) => {
  for (const name of ["platform-linux.c", "windows/code-memory.c", "windows/platform-windows.c"]) {
    const text = readFileSync(join(import.meta.dirname, "..", "..", "driver", name), "utf8");
    for (const both of [
      "PAGE_EXECUTE_READWRITE",
      "PAGE_EXECUTE_WRITECOPY",
      "NonPagedPoolExecute",
      "PROT_WRITE | PROT_EXEC",
      "PROT_EXEC | PROT_WRITE",
    ])
      t.false(text.includes(both), `${name}: ${both}`);
    t.notRegex(text, /ExAllocatePoolWithTag\((?!NonPagedPoolNx)/);
  }
});
