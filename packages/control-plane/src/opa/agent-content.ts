import { opaBundle } from "@skein/policies/mesh-opa/bundle";
import type { MeshOpaConf, TextSource } from "@skein/policies/mesh-opa/conf";
import { failure, type Outcome, success } from "../identity/outcome.ts";
import { readSecret, type Secrets, secretKey } from "../identity/secrets.ts";
import { agentConfig, parseAgentConfig } from "./agent-config.ts";
import type { BundleContent } from "./archive.ts";

/** A proxy's agent, and what the policies of its plan say; nothing where none does. */
export interface AgentOf {
  readonly mesh: string;
  readonly name: string;
  readonly conf: MeshOpaConf | undefined;
}

/** Path of the bundle with an agent's rules. */
export function bundlePath({ mesh, name }: Pick<AgentOf, "mesh" | "name">): string {
  return `/opa/${encodeURIComponent(mesh)}/${encodeURIComponent(name)}/bundle.tar.gz`;
}

/** The bundle with an agent's rules. Here, and nowhere before, Secrets are read. */
export function rulesContent(secrets: Secrets, { mesh, conf }: AgentOf): BundleContent {
  return opaBundle(
    (conf?.appendPolicies ?? []).map(({ rego, ignoreDecision }) => ({
      text: textOf(secrets, mesh, rego),
      ignoreDecision: ignoreDecision === true,
    })),
  );
}

/** The bundle with an agent's configuration. One that cannot be read is as none: the rules still come. */
export function discoveryContent(secrets: Secrets, agent: AgentOf, address: string): BundleContent {
  const { mesh, conf } = agent;
  const text = conf?.agentConfig && textOf(secrets, mesh, conf.agentConfig);
  const given = (text?.ok && parseAgentConfig(text.value)) || {};
  const hasRules = (conf?.appendPolicies ?? []).length > 0;
  const config = agentConfig({ bundlePath: hasRules ? bundlePath(agent) : undefined, address, given });
  return { roots: [""], files: { "data.json": JSON.stringify(config) } };
}

function textOf(
  secrets: Secrets,
  mesh: string,
  { inlineString, secret }: TextSource,
): Outcome<string, string> {
  if (inlineString !== undefined) return success(inlineString);
  const name = secret ?? "";
  const bytes = readSecret(secrets, secretKey(mesh, name));
  if (bytes === undefined) return failure(`Secret "${name}" does not exist in mesh "${mesh}"`);
  return bytes.ok ? success(Buffer.from(bytes.value).toString("utf8")) : bytes;
}
