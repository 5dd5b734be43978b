import { DECISION_PACKAGE } from "@skein/policies/mesh-opa/rego-package";
import { parse } from "yaml";
import { isRecord } from "../insights/fields.ts";

/** The service under which an agent knows the control plane: its launcher puts it into the configuration to start with. */
export const CONTROL_PLANE_SERVICE = "kmesh";

/** How long an agent's question for something newer stays open, in seconds. */
const LONG_POLL_S = 30;

export interface AgentConfigInputs {
  /** Path of the bundle with the rules; absent where no policy has any. */
  readonly bundlePath: string | undefined;
  /** Where the agent serves Envoy. */
  readonly address: string;
  /** What the policy says, as an object. */
  readonly given: Readonly<Record<string, unknown>>;
}

/**
 * The configuration that an agent finds out by itself (OPA calls it discovery). What the policy says wins, except on what
 * ties the agent to the control plane.
 */
export function agentConfig({ bundlePath, address, given }: AgentConfigInputs): Record<string, unknown> {
  const { discovery: _ours, services, bundles, plugins, ...rest } = given;
  const { [CONTROL_PLANE_SERVICE]: _reserved, ...others } = object(services);
  const { envoy_ext_authz_grpc, ...otherPlugins } = object(plugins);
  return {
    ...rest,
    ...(Object.keys(others).length === 0 ? {} : { services: others }),
    bundles: {
      ...object(bundles),
      ...(bundlePath === undefined
        ? {}
        : {
            [CONTROL_PLANE_SERVICE]: {
              service: CONTROL_PLANE_SERVICE,
              resource: bundlePath,
              polling: { long_polling_timeout_seconds: LONG_POLL_S },
            },
          }),
    },
    plugins: {
      ...otherPlugins,
      envoy_ext_authz_grpc: {
        path: `${DECISION_PACKAGE}/allow`,
        ...object(envoy_ext_authz_grpc),
        addr: address,
      },
    },
  };
}

/** Reads the YAML of a policy; `undefined` where it is not an object. */
export function parseAgentConfig(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function object(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) ? value : {};
}
