// ebpf link: list, attach, detach. Asks the service; decides nothing.
import type { LinkRecord } from "../../manager/records.ts";
import { argumentOf, given, textOf, withService } from "../command.ts";
import { findLink, findProgram } from "../names.ts";
import { type Column, printRecords, tell } from "../output.ts";
import { hostOf } from "./program.ts";

const COLUMNS: readonly Column<LinkRecord>[] = [
  { title: "ID", right: true, cell: (row) => row.id },
  { title: "HOOK", cell: (row) => row.hook },
  { title: "INTERFACE", cell: (row) => row.interface },
  { title: "PROGRAM", cell: (row) => `${row.programId} ${row.program}` },
];

/** What a link of the driver to everything is on. */
const placeOf = (link: LinkRecord): string =>
  link.interface === "*" ? `the hook ${link.hook}` : link.interface;

export const listLinks = withService(async (client, invocation) => {
  const links = await client.call("link.list", given({ host: hostOf(invocation) }));
  printRecords(invocation, links, COLUMNS, "Nothing is attached.");
});

export const attachLink = withService(async (client, invocation) => {
  const program = await findProgram(client, argumentOf(invocation, 0));
  const link = await client.call("link.attach", {
    programId: program.id,
    ...given({
      interface: textOf(invocation.arguments[1]),
      hook: textOf(invocation.options.hook),
    }),
  });
  tell(invocation, link, `Attached ${link.program} to ${placeOf(link)} (link ${link.id}).`);
});

export const detachLink = withService(async (client, invocation) => {
  const { id } = await findLink(client, argumentOf(invocation, 0));
  const link = await client.call("link.detach", { id });
  tell(invocation, link, `Detached ${link.program} from ${placeOf(link)}.`);
});
