/** `default` of a MeshOPA. Parts may come from different policies: the agent for all, rules for each. */
export interface MeshOpaConf {
  /** OPA's own configuration, in YAML: its services, bundles, decision logs. */
  readonly agentConfig?: TextSource | undefined;
  readonly appendPolicies?: readonly AppendedPolicy[] | undefined;
  readonly authConfig?: AuthConfig | undefined;
}

/** A text that stands in the policy, or in a Secret of its mesh: one of the two. */
export interface TextSource {
  readonly inlineString?: string | undefined;
  /** Name of the Secret. */
  readonly secret?: string | undefined;
}

/** One Rego module. */
export interface AppendedPolicy {
  readonly rego: TextSource;
  /** The module helps others: it has no say of its own. */
  readonly ignoreDecision?: boolean | undefined;
}

/** How Envoy asks the agent. */
export interface AuthConfig {
  /** What a caller gets when the agent does not answer. */
  readonly statusOnError?: number | undefined;
  readonly onAgentFailure?: "Allow" | "Deny" | undefined;
  readonly requestBody?:
    | {
        /** In bytes; 0: the agent gets no body. */
        readonly maxSize?: number | undefined;
        readonly sendRawBody?: boolean | undefined;
      }
    | undefined;
}

/** The texts of a configuration with the path of each in it. */
export function textsOf(
  conf: MeshOpaConf,
): readonly { readonly field: string; readonly source: TextSource }[] {
  return [
    ...(conf.agentConfig === undefined ? [] : [{ field: "agentConfig", source: conf.agentConfig }]),
    ...(conf.appendPolicies ?? []).map(({ rego }, i) => ({
      field: `appendPolicies[${i}].rego`,
      source: rego,
    })),
  ];
}
