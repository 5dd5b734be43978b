import { isObject, type JsonObject, listAt, objectAt, textAt, valueAt } from "../read.ts";

/** A heading with the policies below it; equal headings are merged. */
type Sections = Map<string, Map<string, Set<string>>>;

/**
 * The `_rules` of one proxy as text: per direction the policy types and the policies whose rules are in force.
 *
 * ```
 * INBOUND http(8080):
 *   MeshTimeout
 *     mesh-timeout-all-default
 * ```
 */
export function describeRules(document: unknown): string {
  const sections: Sections = new Map();
  for (const rule of listAt(document, "rules")) {
    const type = textAt(rule, "type");
    add(sections, "DATAPLANE", type, originsOf(listAt(rule, "proxyRule", "origin")));
    for (const from of [...listAt(rule, "fromRules"), ...listAt(rule, "inboundRules")]) {
      const heading = `INBOUND ${inboundName(objectAt(from, "inbound"))}`;
      for (const inner of listAt(from, "rules"))
        add(sections, heading, type, originsOf(listAt(inner, "origin")));
    }
    for (const to of listAt(rule, "toResourceRules")) {
      add(sections, `OUTBOUND ${destinationName(to)}`, type, originsOf(listAt(to, "origin")));
    }
    for (const to of listAt(rule, "toRules")) {
      add(sections, `OUTBOUND ${matchersName(to)}`, type, originsOf(listAt(to, "origin")));
    }
  }
  const warnings = listAt(document, "rules").flatMap((rule) => listAt(rule, "warnings").map(String));
  return text(sections) + warnings.map((warning) => `Warning: ${warning}\n`).join("");
}

/** The older `/policies` document of one proxy, in the same form. */
export function describeLegacyPolicies(document: unknown): string {
  const sections: Sections = new Map();
  for (const item of listAt(document, "items")) {
    const type = textAt(item, "type");
    const service = textAt(item, "service");
    const name = textAt(item, "name");
    const heading =
      type === "dataplane"
        ? "DATAPLANE"
        : type === "service"
          ? `SERVICE ${name}`
          : `${type.toUpperCase()} ${name}${service === "" ? "" : `(${service})`}`;
    for (const [policyType, metas] of Object.entries(objectAt(item, "matchedPolicies"))) {
      add(
        sections,
        heading,
        policyType,
        Array.isArray(metas) ? metas.map((meta) => textAt(meta, "name")) : [],
      );
    }
  }
  for (const [policyType, meta] of Object.entries(objectAt(document, "policies"))) {
    add(sections, "GATEWAY", policyType, [textAt(meta, "name")]);
  }
  return text(sections);
}

function add(sections: Sections, heading: string, type: string, names: readonly string[]): void {
  if (names.length === 0) return;
  const types = sections.get(heading) ?? new Map<string, Set<string>>();
  const known = types.get(type) ?? new Set<string>();
  for (const name of names) known.add(name);
  types.set(type, known);
  sections.set(heading, types);
}

function text(sections: Sections): string {
  if (sections.size === 0) return "No policies apply to this proxy\n";
  return [...sections]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([heading, types]) => {
      const lines = [...types]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .flatMap(([type, names]) => [`  ${type}`, ...[...names].map((name) => `    ${name}`)]);
      return `${heading}:\n${lines.join("\n")}\n`;
    })
    .join("\n");
}

function originsOf(origins: readonly unknown[]): readonly string[] {
  return origins.map((origin) => textAt(origin, "resourceMeta", "name") || textAt(origin, "name"));
}

function inboundName(inbound: JsonObject): string {
  const name = textAt(inbound, "name");
  const port = textAt(inbound, "port");
  return name === "" || name === port ? port : `${name}(${port})`;
}

function destinationName(rule: unknown): string {
  const meta = objectAt(rule, "resourceMeta");
  const section = textAt(rule, "resourceSectionName");
  return `${textAt(meta, "type")} ${textAt(meta, "name")}${section === "" ? "" : `:${section}`}`;
}

function matchersName(rule: unknown): string {
  const matchers = listAt(rule, "matchers")
    .filter(isObject)
    .map(
      (matcher) =>
        `${textAt(matcher, "key")}${valueAt(matcher, "not") === true ? "!=" : "="}${textAt(matcher, "value")}`,
    );
  return matchers.length === 0 ? "*" : matchers.join(" ");
}
