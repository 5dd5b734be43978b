import type { DataplaneResource } from "@skein/model";
import { type PolicyResource, select } from "@skein/policies";
import { inboundProtocol } from "../plan/destinations.ts";
import { sectionOf, selectable } from "../view/selectable.ts";
import { TIMEOUTS_OF_CONNECTIONS } from "./connection-fields.ts";
import { valueAt } from "./value-at.ts";

/** What does not depend on the caller although the rule has matches: by kind, the paths in `default`. */
const NOT_BY_CALLER: Readonly<Record<string, readonly string[]>> = {
  MeshTimeout: TIMEOUTS_OF_CONNECTIONS,
  MeshRateLimit: ["local.tcp"],
};

/** Where a policy's rules for inbounds say what comes to nothing on the dataplanes that it selects. */
export function inboundWarnings(
  policy: PolicyResource,
  selected: readonly DataplaneResource[],
): readonly string[] {
  const warnings: string[] = [];
  const block = (policy.spec.rules ?? []).length > 0 ? "rules" : "from";
  const tcpOnly = speakTcpOnly(policy, selected);
  for (const [i, entry] of (policy.spec[block] ?? []).entries()) {
    const at = `spec.${block}[${i}]`;
    const conf = entry.default;
    if (tcpOnly.length > 0 && (valueAt(conf, "http") ?? valueAt(conf, "local.http")) !== undefined) {
      warnings.push(
        `${at}.default: ${named(tcpOnly)} tcp only, so the HTTP part has no effect there; set protocol on the inbound`,
      );
    }
    if (!("matches" in entry) || (entry.matches ?? []).length === 0) continue;
    for (const path of NOT_BY_CALLER[policy.type] ?? []) {
      if (valueAt(conf, path) === undefined) continue;
      warnings.push(
        `${at}.default.${path}: holds for a connection before its caller is known, so it has no effect in a rule with matches`,
      );
    }
  }
  return warnings;
}

/**
 * The selected dataplanes of which no inbound that the policy is about speaks HTTP. A policy for a whole mesh is meant
 * for those that do: it is about nothing only where none does.
 */
export function speakTcpOnly(
  policy: PolicyResource,
  selected: readonly DataplaneResource[],
): readonly string[] {
  const names = selected.flatMap((dataplane) => {
    const selection = select(policy, selectable(dataplane, NO_GATEWAYS));
    const inbounds = (dataplane.spec.networking?.inbound ?? []).filter(
      (inbound) => selection.kind !== "inbounds" || selection.sections.has(sectionOf(inbound)),
    );
    const isTcp = inbounds.length > 0 && inbounds.every((inbound) => inboundProtocol(inbound) === "tcp");
    return isTcp ? [dataplane.name] : [];
  });
  const isForAll = (policy.spec.targetRef?.kind ?? "Mesh") === "Mesh";
  return isForAll && names.length < selected.length ? [] : names;
}

/** They have no inbounds. */
const NO_GATEWAYS = [] as const;

/** The first by name, the others by number, with the verb. */
export function named(names: readonly string[]): string {
  const [first = ""] = names;
  return names.length === 1 ? `${first} speaks` : `${first} and ${names.length - 1} more speak`;
}
