import type { DataplaneResource } from "@skein/model";
import type { PolicyResource } from "@skein/policies";
import { type MeshOpaConf, textsOf } from "@skein/policies/mesh-opa/conf";
import { parseAgentConfig } from "../opa/agent-config.ts";
import type { Store } from "../store/store.ts";
import { named, speakTcpOnly } from "./inbound.ts";

/** Where a MeshOPA says what comes to nothing, or to less than its writer thinks. */
export function opaWarnings(
  policy: PolicyResource,
  selected: readonly DataplaneResource[],
  store: Store,
): readonly string[] {
  if (policy.type !== "MeshOPA") return [];
  const conf = policy.spec.default as MeshOpaConf;
  const warnings = textsOf(conf).flatMap(({ field, source: { secret } }) =>
    secret === undefined || store.get({ type: "Secret", mesh: policy.mesh, name: secret }) !== undefined
      ? []
      : [`spec.default.${field}.secret: there is no Secret "${secret}" in the mesh now${effect(field)}`],
  );
  const given = conf.agentConfig?.inlineString;
  const config = given === undefined ? undefined : parseAgentConfig(given);
  if (given !== undefined && config === undefined) {
    warnings.push(
      "spec.default.agentConfig.inlineString: is not an object in YAML, so the agent goes without it",
    );
  }
  if (config?.discovery !== undefined) {
    warnings.push(
      "spec.default.agentConfig.inlineString: discovery has no effect, because the agent finds this configuration by it; name bundles and services instead",
    );
  }
  const tcpOnly = speakTcpOnly(policy, selected);
  if (tcpOnly.length > 0) {
    warnings.push(
      `spec.targetRef: ${named(tcpOnly)} tcp only, so nothing is decided there; set protocol on the inbound`,
    );
  }
  return warnings;
}

function effect(field: string): string {
  return field === "agentConfig"
    ? ", so the agent goes without it"
    : ", so its proxies refuse every request until there is";
}
