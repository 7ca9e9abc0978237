// The laws of the domain, one test each.
import test from "ava";
import { LAWS } from "./laws.ts";

for (const { name, check } of LAWS) {
  test(name, (t) => {
    t.notThrows(check);
  });
}
