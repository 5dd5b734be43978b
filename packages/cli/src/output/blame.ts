import { listAt, textAt, valueAt } from "../read.ts";
import { destinationOfKri } from "./kri.ts";
import { renderTable } from "./table.ts";

/** One line for each Envoy resource: what it is made for, and the rules that shape it. */
export function blameTable(items: readonly unknown[]): string {
  return renderTable(
    ["TYPE", "NAME", "MADE FOR", "SHAPED BY"],
    items.map((item) => [
      textAt(item, "type"),
      textAt(item, "name"),
      listAt(item, "parts").map(partText).join(", "),
      listAt(item, "policies").map(policyText).join(", ") || "-",
    ]),
  );
}

/** All about a few Envoy resources: every policy with its rules and their fields, and the resources behind the rest. */
export function blameDetails(items: readonly unknown[]): string {
  return items
    .map((item) => {
      const lines = [
        `${textAt(item, "type")} ${textAt(item, "name")}`,
        `  made for: ${listAt(item, "parts").map(partText).join(", ")}`,
        ...listAt(item, "policies").flatMap((policy) => [
          `  ${known(policy)}`,
          ...listAt(policy, "rules").flatMap((rule) => [
            `    ${textAt(rule, "rule")}`,
            ...listAt(rule, "fields").map((field) => `      ${fieldText(field)}`),
          ]),
        ]),
        ...listAt(item, "sources").map((source) => `  ${known(source)}`),
      ];
      return `${lines.join("\n")}\n`;
    })
    .join("\n");
}

function partText(part: unknown): string {
  const kind = textAt(part, "kind");
  const of = textAt(part, "section") || destinationOfKri(textAt(part, "destination"));
  return of === "" ? kind : `${kind} ${of}`;
}

function policyText(policy: unknown): string {
  const rules = listAt(policy, "rules").map((rule) => textAt(rule, "rule"));
  return `${textAt(policy, "kind")} ${textAt(policy, "name")}${rules.length === 0 ? "" : ` ${rules.join(" ")}`}`;
}

function known(resource: unknown): string {
  const { kind, name } = { kind: textAt(resource, "kind"), name: textAt(resource, "name") };
  const revision = textAt(resource, "revision");
  if (revision === "") return `${kind} "${name}" (gone since)`;
  return `${kind} "${name}", revision ${revision} of ${textAt(resource, "modificationTime")}`;
}

function fieldText(field: unknown): string {
  const value = valueAt(field, "value");
  const caller = valueAt(field, "caller");
  const route = textAt(field, "route");
  const about = [
    ...(caller === undefined ? [] : [`for callers ${JSON.stringify(caller)}`]),
    ...(route === "" ? [] : [`on route ${destinationOfKri(route)}`]),
  ];
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return `${[textAt(field, "path"), text].filter((part) => part !== "").join(" = ")}${about.length === 0 ? "" : ` (${about.join(", ")})`}`;
}
