// The driver's dispatch, fed with requests.
import { dispatchCase } from "./dispatch.ts";
import type { Fuzzer } from "./fuzzer.ts";

export const fuzzers: readonly Fuzzer[] = [
  { name: "ioctl: requests to the driver, structured and damaged", run: dispatchCase },
];
