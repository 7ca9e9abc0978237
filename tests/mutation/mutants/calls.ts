// Mistakes about calls, arguments, results, references, callbacks, and about what may leave a program.
import { mutantsOf } from "./table.ts";

export const CALL_MUTANTS = mutantsOf("transfer-call.ts", []);

export const CALLBACK_MUTANTS = mutantsOf("transfer-callback.ts", []);

export const CHECK_MUTANTS = mutantsOf("check.ts", []);

export const ARGUMENT_MUTANTS = mutantsOf("check-argument.ts", []);

export const CHECK_CALL_MUTANTS = mutantsOf("check-call.ts", []);

export const STRICT_MUTANTS = mutantsOf("strict.ts", []);
