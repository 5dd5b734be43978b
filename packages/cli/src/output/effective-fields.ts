import { listAt, textAt, valueAt } from "../read.ts";
import { nameOfKri } from "./kri.ts";
import { renderTable } from "./table.ts";

/** The policies that are in force for one part of a proxy, as the control plane tells them. */
export interface EffectivePart {
  /** `proxy`, `inbound main`, `outbound api:http`. */
  readonly title: string;
  readonly policies: readonly unknown[];
}

/** A line for each field that is in force: its part, its value, and the rule that it comes from. */
export function effectiveTable(parts: readonly EffectivePart[]): string {
  const rows = parts.flatMap(({ title, policies }) =>
    policies.flatMap((policy) =>
      listAt(policy, "fields").map((field) => {
        const value = valueAt(field, "value");
        const caller = valueAt(field, "caller");
        return [
          title,
          textAt(policy, "kind"),
          textAt(field, "path"),
          typeof value === "string" ? value : JSON.stringify(value),
          caller === undefined ? "everybody" : JSON.stringify(caller),
          `${nameOfKri(textAt(field, "kri"))} ${textAt(field, "rule")}`,
        ];
      }),
    ),
  );
  if (rows.length === 0) return "No policy is in force here\n";
  return renderTable(["PART", "POLICY", "FIELD", "VALUE", "FOR", "FROM"], rows);
}
