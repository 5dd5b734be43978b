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
};

const legend: readonly (readonly [verdict: string, meaning: string])[] = [
  ["allow", "may call, over mTLS"],
  ["deny", "is refused"],
  ["plaintext", "may call, without mTLS: nobody is identified"],
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
  const explained = legend
    .filter(([verdict]) => used.has(verdict))
    .map(
      ([verdict, meaning]) =>
        `  ${cell(verdict, paint)}${" ".repeat(8 - wordOf(verdict).length)}${meaning}\n`,
    );
  return `${renderTable(["FROM \\ TO", ...destinations], rows)}\n${explained.join("")}`;
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
  return `${textAt(item, "destination")}:${textAt(item, "port")}`;
}

function wordOf(verdict: string): string {
  return verdictWords[verdict]?.[0] ?? verdict;
}

function cell(verdict: string | undefined, paint: Paint): string {
  if (verdict === undefined) return paint("dim", "-");
  const [word, color] = verdictWords[verdict] ?? [verdict, "yellow"];
  return paint(color, word);
}
