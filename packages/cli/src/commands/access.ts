import { apiPath } from "../client/api-client.ts";
import type { Paint } from "../output/color.ts";
import { parseOutputFormat, render } from "../output/format.ts";
import { renderTable } from "../output/table.ts";
import { textAt } from "../read.ts";
import type { Session } from "../session.ts";

export interface AccessOptions {
  readonly mesh: string;
  readonly output: string;
  readonly reasons?: boolean;
}

/** `access`: who may call whom in a mesh, as a grid (callers down, destinations across) with a legend. */
export async function access(session: Session, options: AccessOptions): Promise<void> {
  const format = parseOutputFormat(options.output);
  const client = await session.client();
  const items = await client.all(`${apiPath("meshes", options.mesh)}/_access`);
  const table = (): string => {
    if (items.length === 0) return `No service of mesh "${options.mesh}" has a caller\n`;
    return options.reasons === true ? reasonsTable(items, session.paint) : grid(items, session.paint);
  };
  session.io.out(await render(format, { items }, table));
}

const verdictWords: Readonly<Record<string, readonly [word: string, color: "green" | "red" | "yellow"]>> = {
  allow: ["allow", "green"],
  deny: ["deny", "red"],
  plaintext: ["plain", "yellow"],
  unchecked: ["open", "yellow"],
  unreachable: ["no way", "yellow"],
  differs: ["partly", "yellow"],
};

const legend: readonly (readonly [verdict: string, meaning: string])[] = [
  ["allow", "may call, over mTLS"],
  ["deny", "is refused"],
  ["plaintext", "may call, without mTLS: nobody is identified"],
  ["unchecked", "may call: its own proxy lets it out of the mesh, and no permission is asked"],
  ["unreachable", "calls come to nothing; --reasons says why"],
  ["differs", "is let out by some zone egresses and refused by others; --reasons says which"],
];

function grid(items: readonly unknown[], paint: Paint): string {
  const sources = [...new Set(items.map((item) => textAt(item, "source")))].sort();
  const destinations = [...new Set(items.map(destinationOf))].sort();
  const verdicts = new Map(
    items.map((item) => [`${textAt(item, "source")} ${destinationOf(item)}`, textAt(item, "verdict")]),
  );
  const rows = sources.map((source) => [
    source,
    ...destinations.map((destination) => cell(verdicts.get(`${source} ${destination}`), paint)),
  ]);
  const used = new Set(verdicts.values());
  const leaves = items.some((item) => textAt(item, "outside") !== "");
  const explained = legend
    .filter(([verdict]) => used.has(verdict))
    .map(
      ([verdict, meaning]) =>
        `  ${cell(verdict, paint)}${" ".repeat(8 - wordOf(verdict).length)}${meaning}\n`,
    );
  const outside = leaves ? `  ${OUTSIDE}       outside the mesh: a MeshExternalService\n` : "";
  return `${renderTable(["FROM \\ TO", ...destinations], rows)}\n${explained.join("")}${outside}`;
}

function reasonsTable(items: readonly unknown[], paint: Paint): string {
  const rows = items.map((item) => [
    textAt(item, "source"),
    destinationOf(item),
    cell(textAt(item, "verdict"), paint),
    textAt(item, "policy") || "-",
    textAt(item, "reason"),
  ]);
  return renderTable(["FROM", "TO", "VERDICT", "POLICY", "REASON"], rows);
}

function destinationOf(item: unknown): string {
  const mark = textAt(item, "outside") === "" ? "" : OUTSIDE;
  return `${textAt(item, "destination")}:${textAt(item, "port")}${mark}`;
}

/** Marks destinations that are outside the mesh. */
const OUTSIDE = "*";

function wordOf(verdict: string): string {
  return verdictWords[verdict]?.[0] ?? verdict;
}

function cell(verdict: string | undefined, paint: Paint): string {
  if (verdict === undefined) return paint("dim", "-");
  const [word, color] = verdictWords[verdict] ?? [verdict, "yellow"];
  return paint(color, word);
}
