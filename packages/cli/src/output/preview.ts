import { listAt, numberAt, objectAt, textAt, valueAt } from "../read.ts";
import type { Paint } from "./color.ts";
import { destinationOfKri, nameOfKri } from "./kri.ts";
import { renderTable } from "./table.ts";

const EXAMPLES = 3;
const RESOURCES = 12;

/**
 * A preview as a person reads it: what would become of each document, of services and their names, of the proxies, of
 * who may call whom, and of each field. Lists name examples and say how many there are.
 */
export function describePreview(preview: unknown, paint: Paint): string {
  const sections = [
    documents(preview, paint),
    names(preview, paint),
    proxies(preview, paint),
    access(preview, paint),
    fields(preview, paint),
    listAt(preview, "notes")
      .map((note) => `Note: ${String(note)}\n`)
      .join(""),
  ];
  return sections.filter((section) => section !== "").join("\n");
}

function documents(preview: unknown, paint: Paint): string {
  return listAt(preview, "documents")
    .map((each) => {
      const outcome = textAt(each, "outcome");
      const words =
        outcome === "unchanged"
          ? "would stay as it is"
          : outcome === "refused"
            ? paint("red", "would be refused")
            : `would be ${outcome}`;
      return `${textAt(each, "type")} "${textAt(each, "name")}" ${words}\n`;
    })
    .join("");
}

const SERVICES = {
  appears: ["would appear", "green"],
  goes: ["would go", "red"],
  changes: ["would change", "yellow"],
} as const;

function names(preview: unknown, paint: Paint): string {
  const items = listAt(preview, "names", "items");
  if (items.length === 0) return "";
  const lines = items.map((item) => {
    const change = textAt(item, "change");
    const [words, color] = change === "appears" || change === "goes" ? SERVICES[change] : SERVICES.changes;
    const goesAt = textAt(item, "goesAt");
    const parts = (sign: string, list: "added" | "removed", of: "green" | "red"): string =>
      ["hostnames", "addresses"]
        .flatMap((what) => listAt(item, what, list))
        .map((each) => `    ${paint(of, sign)} ${String(each)}\n`)
        .join("");
    const end =
      goesAt === "" ? "" : `    no instance is left: it would go at ${goesAt}, unless one comes back\n`;
    const heading = `  ${textAt(item, "type")} "${textAt(item, "name")}" ${paint(color, words)}\n`;
    return heading + parts("-", "removed", "red") + parts("+", "added", "green") + end;
  });
  const more = leftOut(objectAt(preview, "names"), "service");
  return `${paint("bold", "Services and names")}\n${lines.join("")}${more}`;
}

function proxies(preview: unknown, paint: Paint): string {
  const changed = numberAt(preview, "proxies", "changed");
  const total = numberAt(preview, "proxies", "total");
  if (changed === 0) return "No proxy would get another configuration\n";
  const heading = paint("bold", `${changed} of ${counted(total, "proxy", "proxies")} would change`);
  const groups = listAt(preview, "proxies", "groups", "items").map((group) => {
    const resources = listAt(group, "resources", "items").slice(0, RESOURCES);
    const rest = numberAt(group, "resources", "total") - resources.length;
    const lines = resources.map(
      (each) =>
        `    ${mark(textAt(each, "change"), paint)} ${textAt(each, "type")} ${textAt(each, "name")}\n`,
    );
    return `  ${proxyNames(objectAt(group, "proxies"))}\n${lines.join("")}${rest > 0 ? `    … and ${rest} more\n` : ""}`;
  });
  return `${heading}\n${groups.join("")}${leftOut(objectAt(preview, "proxies", "groups"), "group")}`;
}

function mark(change: string, paint: Paint): string {
  if (change === "added") return paint("green", "+");
  return change === "removed" ? paint("red", "-") : paint("yellow", "~");
}

const CHANGES: Readonly<Record<string, readonly [words: string, color: "green" | "red" | "yellow"]>> = {
  "newly-allowed": ["newly allowed", "green"],
  "newly-denied": ["newly denied", "red"],
  "newly-encrypted": ["from plaintext to mTLS", "green"],
  "newly-plaintext": ["from mTLS to plaintext", "yellow"],
  "newly-unchecked": ["let out without a permission", "yellow"],
  "newly-checked": ["let out by a permission only", "green"],
  "newly-unreachable": ["no way any more", "red"],
  "newly-differs": ["let out by some egresses only", "yellow"],
  appears: ["new", "green"],
  disappears: ["gone", "yellow"],
};

function access(preview: unknown, paint: Paint): string {
  const items = listAt(preview, "access", "items");
  if (items.length === 0) return "Nobody would be newly allowed or newly denied\n";
  const table = renderTable(
    ["CALLER", "DESTINATION", "CHANGE", "REASON"],
    items.map((item) => {
      const [words, color] = CHANGES[textAt(item, "change")] ?? [textAt(item, "change"), "yellow"];
      const policy = textAt(item, "policy");
      return [
        textAt(item, "source"),
        `${textAt(item, "destination")}:${textAt(item, "port")}${textAt(item, "outside") === "" ? "" : " (outside)"}`,
        paint(color, words),
        `${textAt(item, "reason")}${policy === "" ? "" : ` of ${nameOfKri(policy)}`}`,
      ];
    }),
  );
  return table + leftOut(objectAt(preview, "access"), "pair");
}

function fields(preview: unknown, paint: Paint): string {
  const items = listAt(preview, "diff", "items");
  const lines = items.map((item) => {
    const [kind, field] = [textAt(item, "kind"), textAt(item, "field")];
    const what = [kind, field === "" ? "as a whole" : field].filter((part) => part !== "").join(" ");
    const places = listAt(item, "places", "items").map((place) => destinationOfKri(String(place)));
    const about = [
      `${textAt(item, "part")} ${examples(places, numberAt(item, "places", "total"))}`,
      ...(valueAt(item, "caller") === undefined ? [] : [`callers ${valueText(valueAt(item, "caller"))}`]),
      ...(textAt(item, "route") === "" ? [] : [`route ${nameOfKri(textAt(item, "route"))}`]),
    ].join(", ");
    const policy = textAt(item, "origin", "policy");
    const from = policy === "" ? "" : `    ${nameOfKri(policy)} ${textAt(item, "origin", "rule")}\n`;
    const was = paint("red", valueText(valueAt(item, "before")));
    const is = paint("green", valueText(valueAt(item, "after")));
    return `  ${what}: ${was} → ${is}\n${from}    ${about}; ${proxyNames(objectAt(item, "proxies"))}\n`;
  });
  if (lines.length === 0) return "";
  return `${paint("bold", "Fields")}\n${lines.join("")}${leftOut(objectAt(preview, "diff"), "field")}`;
}

function valueText(value: unknown): string {
  if (value === undefined) return "(not set)";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function proxyNames(list: unknown): string {
  const total = numberAt(list, "total");
  return `${counted(total, "proxy", "proxies")}: ${examples(listAt(list, "items").map(String), total)}`;
}

function examples(names: readonly string[], total: number): string {
  const shown = names.slice(0, EXAMPLES).join(", ");
  return total > EXAMPLES ? `${shown}, … (${total})` : shown;
}

function leftOut(list: unknown, noun: string): string {
  const rest = numberAt(list, "total") - listAt(list, "items").length;
  return rest > 0 ? `  … and ${counted(rest, `more ${noun}`, `more ${noun}s`)}\n` : "";
}

function counted(n: number, one: string, many: string): string {
  return `${n} ${n === 1 ? one : many}`;
}
