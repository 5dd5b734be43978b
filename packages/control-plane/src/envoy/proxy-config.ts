import type { EndpointsPlan, ProxyPlan } from "@skein/policies";
import type { Fragment, ProxyConfig } from "../xds/fragment.ts";
import { ADMIN_SECRETS } from "./admin.ts";
import type { Translator } from "./translator.ts";

export interface ProxyConfigParts {
  readonly plan: ProxyPlan;
  readonly endpoints: (service: string, port: number) => EndpointsPlan;
  /** Secrets by name, as far as they exist. */
  readonly secret: (name: string) => Fragment | undefined;
  readonly reusePort: boolean;
}

/** Everything that a proxy with this plan should hold. */
export function proxyConfig(translator: Translator, parts: ProxyConfigParts): ProxyConfig {
  const { plan, reusePort } = parts;
  const clusters = new Map<string, Fragment>();
  const endpoints = new Map<string, Fragment>();
  const listeners = new Map<string, Fragment>();
  const secrets = new Map<string, Fragment>();
  const wanted: string[] = [];
  if (plan.admin !== undefined) {
    const { cluster, listener } = translator.admin(plan.admin);
    clusters.set(cluster.name, cluster);
    listeners.set(listener.name, listener);
    wanted.push(ADMIN_SECRETS.certificate, ADMIN_SECRETS.validation);
  }
  for (const inbound of plan.inbounds) {
    const { cluster, listener } = translator.inbound(inbound, reusePort);
    clusters.set(cluster.name, cluster);
    listeners.set(listener.name, listener);
  }
  for (const outbound of plan.outbounds) {
    const { cluster, listener } = translator.outbound(outbound, reusePort);
    clusters.set(cluster.name, cluster);
    listeners.set(listener.name, listener);
    const { destination, clusterName } = outbound.upstream;
    endpoints.set(
      clusterName,
      translator.endpoints(clusterName, parts.endpoints(destination.name, destination.port)),
    );
  }
  if (plan.identity !== undefined) wanted.push(plan.identity.certificateSecret, plan.identity.validationSecret);
  for (const name of wanted) {
    const secret = parts.secret(name);
    if (secret !== undefined) secrets.set(name, secret);
  }
  return { clusters, endpoints, listeners, secrets };
}

/** Whether two configurations are the same: fragments are shared, so comparing them compares identities. */
export function sameConfig(a: ProxyConfig | undefined, b: ProxyConfig | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  return (
    sameMap(a.clusters, b.clusters) &&
    sameMap(a.endpoints, b.endpoints) &&
    sameMap(a.listeners, b.listeners) &&
    sameMap(a.secrets, b.secrets)
  );
}

function sameMap(a: ReadonlyMap<string, Fragment>, b: ReadonlyMap<string, Fragment>): boolean {
  if (a.size !== b.size) return false;
  for (const [name, fragment] of a) if (b.get(name) !== fragment) return false;
  return true;
}
