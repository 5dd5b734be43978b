import type {
  BackendClusterPlan,
  DestinationKey,
  EndpointsPlan,
  EndpointsView,
  ProxyPlan,
} from "@skein/policies";
import type { Fragment, ProxyConfig } from "../xds/fragment.ts";
import { ADMIN_SECRETS } from "./admin.ts";
import type { Translator } from "./translator.ts";

export interface ProxyConfigParts {
  readonly plan: ProxyPlan;
  readonly endpoints: (target: DestinationKey, view: EndpointsView | undefined) => EndpointsPlan;
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
  const routes = new Map<string, Fragment>();
  const secrets = new Map<string, Fragment>();
  const wanted: string[] = [];
  const missing: string[] = [];
  if (plan.admin !== undefined) {
    const { cluster, listener } = translator.admin(plan.admin);
    clusters.set(cluster.name, cluster);
    listeners.set(listener.name, listener);
    wanted.push(ADMIN_SECRETS.certificate, ADMIN_SECRETS.validation);
  }
  for (const inbound of plan.inbounds) {
    const { cluster, services, listener, route } = translator.inbound(inbound, reusePort);
    for (const service of services) clusters.set(service.name, service);
    if (route !== undefined) routes.set(route.name, route);
    if (inbound.shared.tls !== undefined) {
      wanted.push(inbound.shared.tls.certificateSecret, inbound.shared.tls.validationSecret);
    }
    clusters.set(cluster.name, cluster);
    listeners.set(listener.name, listener);
  }
  const addUpstream = ({ target, upstream, view }: BackendClusterPlan, cluster: Fragment): void => {
    const { tls, clusterName } = upstream;
    if (tls !== undefined) wanted.push(tls.certificateSecret, tls.validationSecret);
    clusters.set(cluster.name, cluster);
    endpoints.set(clusterName, translator.endpoints(clusterName, parts.endpoints(target, view)));
  };
  for (const outbound of plan.outbounds) {
    const { cluster, listener, route } = translator.outbound(outbound, reusePort);
    if (route !== undefined) routes.set(route.name, route);
    listeners.set(listener.name, listener);
    addUpstream(outbound, cluster);
  }
  for (const backend of plan.backends) addUpstream(backend, translator.backend(backend.upstream));

  for (const name of new Set(wanted)) {
    const secret = parts.secret(name);
    if (secret === undefined) missing.push(name);
    else secrets.set(name, secret);
  }
  return { clusters, endpoints, listeners, routes, secrets, missing };
}

/** Whether two configurations are the same: fragments are shared, so comparing them compares identities. */
export function sameConfig(a: ProxyConfig | undefined, b: ProxyConfig | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  return (
    sameMap(a.clusters, b.clusters) &&
    sameMap(a.endpoints, b.endpoints) &&
    sameMap(a.listeners, b.listeners) &&
    sameMap(a.routes, b.routes) &&
    a.missing.join(" ") === b.missing.join(" ") &&
    sameMap(a.secrets, b.secrets)
  );
}

function sameMap(a: ReadonlyMap<string, Fragment>, b: ReadonlyMap<string, Fragment>): boolean {
  if (a.size !== b.size) return false;
  for (const [name, fragment] of a) if (b.get(name) !== fragment) return false;
  return true;
}
