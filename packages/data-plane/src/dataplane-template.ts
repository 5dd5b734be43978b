import type { Violation } from "@skein/model/violation";
import Mustache from "mustache";
import { parseDocument } from "yaml";
import { isRecord } from "./json.ts";
import type { ProxyType } from "./options.ts";

/** The resource a launcher registers: its document as the user wrote it, with the names that identify it. */
export interface ProxyResource {
  readonly type: string;
  readonly mesh: string;
  readonly name: string;
  readonly document: Readonly<Record<string, unknown>>;
}

export type TemplateOutcome<T> =
  | { readonly kind: "ok"; readonly value: T }
  | { readonly kind: "invalid"; readonly violations: readonly Violation[] };

const RESOURCE_TYPES: Readonly<Record<ProxyType, string>> = {
  dataplane: "Dataplane",
  ingress: "ZoneIngress",
  egress: "ZoneEgress",
};

/**
 * Variables from `-v key=value`, as a tree so that `-v a.b=c` answers `{{ a.b }}`. One text may hold several pairs
 * joined by commas, as kuma-dp takes them; a comma that no `key=` follows belongs to the value.
 */
export function parseVariables(pairs: readonly string[]): TemplateOutcome<Readonly<Record<string, unknown>>> {
  const tree: Record<string, unknown> = {};
  const violations: Violation[] = [];
  for (const pair of pairs.flatMap((text) => text.split(/,(?=[\w.-]+=)/))) {
    const equals = pair.indexOf("=");
    if (equals < 1) {
      violations.push({ field: "--dataplane-var", reason: `${JSON.stringify(pair)} is not KEY=VALUE` });
    } else if (!assign(tree, pair.slice(0, equals).split("."), pair.slice(equals + 1))) {
      violations.push({
        field: "--dataplane-var",
        reason: `${JSON.stringify(pair.slice(0, equals))} is used both as a value and as a group of values`,
      });
    }
  }
  return violations.length === 0 ? { kind: "ok", value: tree } : { kind: "invalid", violations };
}

function assign(tree: Record<string, unknown>, path: readonly string[], value: string): boolean {
  let node = tree;
  for (const [index, key] of path.entries()) {
    if (key === "" || key === "__proto__") return false;
    if (index === path.length - 1) {
      if (isRecord(Object.hasOwn(node, key) ? node[key] : undefined)) return false;
      node[key] = value;
      return true;
    }
    const child = Object.hasOwn(node, key) ? node[key] : undefined;
    if (child !== undefined && !isRecord(child)) return false;
    const next: Record<string, unknown> = child ?? {};
    node[key] = next;
    node = next;
  }
  return false;
}

/**
 * Fills in the `{{ variables }}` of a template. A variable without a value is a mistake (kuma-dp silently writes
 * nothing), except as the condition of a section, where absence means "no".
 */
export function renderTemplate(
  template: string,
  variables: Readonly<Record<string, unknown>>,
): TemplateOutcome<string> {
  try {
    const missing = missingVariables(Mustache.parse(template), [variables], template);
    if (missing.length > 0) return { kind: "invalid", violations: missing };
    return { kind: "ok", value: Mustache.render(template, variables, {}, { escape: String }) };
  } catch (error) {
    return invalid("template", error instanceof Error ? error.message : String(error));
  }
}

function missingVariables(
  tokens: ReturnType<typeof Mustache.parse>,
  scopes: readonly unknown[],
  template: string,
): Violation[] {
  return tokens.flatMap((token): Violation[] => {
    const [kind, name, start] = token;
    const value = scopes.map((scope) => lookUp(scope, name)).find((found) => found !== undefined);
    if ((kind === "name" || kind === "&") && value === undefined) {
      const line = template.slice(0, start).split("\n").length;
      return [{ field: `line ${line}`, reason: `{{ ${name} }} has no value; pass -v ${name}=VALUE` }];
    }
    const shown = (kind === "#" && Boolean(value)) || (kind === "^" && !value);
    const inner = shown ? token[4] : undefined;
    return Array.isArray(inner) ? missingVariables(inner, [value, ...scopes], template) : [];
  });
}

function lookUp(tree: unknown, name: string): unknown {
  let node = tree;
  for (const key of name.split(".")) {
    if (!isRecord(node) || !Object.hasOwn(node, key)) return undefined;
    node = node[key];
  }
  return node;
}

/** Parses a rendered document and checks that it is the kind of proxy that was asked for. */
export function parseProxyResource(text: string, proxyType: ProxyType): TemplateOutcome<ProxyResource> {
  const parsed = parseDocument(text, { prettyErrors: true, version: "1.2" });
  const [error] = parsed.errors;
  if (error !== undefined) {
    const [at] = error.linePos ?? [];
    const field = at === undefined ? "document" : `line ${at.line}, column ${at.col}`;
    return invalid(
      field,
      error.message.split("\n")[0]?.replace(/ at line \d+, column \d+:?$/, "") ?? error.code,
    );
  }
  const document: unknown = parsed.toJS();
  if (!isRecord(document))
    return invalid("document", "must be one YAML or JSON object with type, mesh and name");
  const { type, name } = document;
  const mesh = document.mesh ?? (proxyType === "dataplane" ? "default" : "");
  const expected = RESOURCE_TYPES[proxyType];
  if (type !== expected) {
    const seen = typeof type === "string" ? JSON.stringify(type) : "missing";
    return invalid("type", `is ${seen}, but --proxy-type ${proxyType} needs ${JSON.stringify(expected)}`);
  }
  if (typeof name !== "string" || name === "")
    return invalid("name", "must be a name in quotes or plain text");
  if (typeof mesh !== "string") return invalid("mesh", "must be a name");
  return {
    kind: "ok",
    value: { type: expected, mesh, name, document: mesh === "" ? document : { ...document, mesh } },
  };
}

function invalid(field: string, reason: string): { kind: "invalid"; violations: readonly Violation[] } {
  return { kind: "invalid", violations: [{ field, reason }] };
}
