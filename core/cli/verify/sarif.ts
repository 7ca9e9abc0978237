// The verdicts as one SARIF log, when all is done.
import { SarifLog } from "../../report/sarif.ts";
import { VERSION } from "../../service/version.ts";
import { errorsDocument } from "../document.ts";
import { printJson } from "../output.ts";
import type { MakeForm } from "./form.ts";

export const sarifForm: MakeForm = ({ invocation: { io } }) => {
  const log = new SarifLog({ version: VERSION, document: errorsDocument() });
  return {
    row: (record) => log.add(record),
    end: () => printJson(io, log.log()),
  };
};
