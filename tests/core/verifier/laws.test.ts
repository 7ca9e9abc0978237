// The laws of what instructions do to numbers, one test each.
import test from "ava";
import { TRANSFER_LAWS } from "./transfer.laws.ts";

for (const { name, check } of TRANSFER_LAWS) {
  test(name, (t) => {
    t.notThrows(check);
  });
}
