// The verdicts as JSON: one array when all is done, or one line a program while it goes on.
import type { VerificationRecord } from "../../manager/records.ts";
import { printJson, toJson } from "../output.ts";
import type { MakeForm } from "./form.ts";

export const jsonForm: MakeForm = ({ invocation: { io } }) => {
  const records: VerificationRecord[] = [];
  return {
    row: (record) => void records.push(record),
    end: () => printJson(io, records),
  };
};

export const jsonlForm: MakeForm = ({ invocation: { io } }) => ({
  row: (record) => io.out(`${toJson(record)}\n`),
  end: () => {},
});
