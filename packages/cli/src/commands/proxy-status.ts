import { apiPath } from "../client/api-client.ts";
import { ageOf } from "../output/age.ts";
import type { Paint } from "../output/color.ts";
import { parseOutputFormat, render } from "../output/format.ts";
import { renderTable } from "../output/table.ts";
import { listAt, textAt } from "../read.ts";
import type { Session } from "../session.ts";
import { describeRejection, parseRejections } from "../wait/change.ts";

export interface ProxyStatusOptions {
  readonly mesh?: string;
  readonly name?: string;
  readonly output: string;
}

/** `proxy-status`: every proxy with what it holds against what it should hold. */
export async function proxyStatus(session: Session, options: ProxyStatusOptions): Promise<void> {
  const format = parseOutputFormat(options.output);
  const client = await session.client();
  const path = `${options.mesh === undefined ? "" : apiPath("meshes", options.mesh)}/_proxy-status`;
  const items = await client.all(path, { name: options.name });
  const list = { items, next: null, total: items.length };
  const table = (): string =>
    renderTable(
      ["MESH", "NAME", "STATE", "SINCE", "REVISION", "REJECTED"],
      items.map((item) => [
        textAt(item, "mesh"),
        textAt(item, "name"),
        paintState(session.paint, textAt(item, "state")),
        ageOf(textAt(item, "since"), session.io.now(), "-"),
        revisions(item),
        parseRejections(item).map(describeRejection).join("; ") || "-",
      ]),
    ) + conditionTable(session.paint, items);
  session.io.out(await render(format, list, table));
}

/** What else there is to know about proxies, below the table; nothing when nothing is. */
function conditionTable(paint: Paint, items: readonly unknown[]): string {
  const rows = items.flatMap((item) =>
    listAt(item, "conditions").map((condition) => [
      textAt(item, "mesh"),
      textAt(item, "name"),
      paint("yellow", textAt(condition, "type")),
      textAt(condition, "message"),
    ]),
  );
  return rows.length === 0 ? "" : `\n${renderTable(["MESH", "NAME", "CONDITION", "MESSAGE"], rows)}`;
}

/** `42` when the proxy holds what it should, `41/42` when it holds less. */
function revisions(item: unknown): string {
  const wanted = textAt(item, "wantedRevision");
  const acknowledged = textAt(item, "acknowledgedRevision");
  if (wanted === "" && acknowledged === "") return "-";
  return wanted === acknowledged ? wanted : `${acknowledged || "-"}/${wanted || "-"}`;
}

function paintState(paint: Paint, state: string): string {
  switch (state) {
    case "in-sync":
      return paint("green", state);
    case "behind":
      return paint("yellow", state);
    case "rejected":
      return paint("red", state);
    default:
      return paint("dim", state);
  }
}
