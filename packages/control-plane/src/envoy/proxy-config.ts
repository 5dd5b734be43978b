import type {
  BackendClusterPlan,
  DestinationKey,
  EndpointsPlan,
  EndpointsView,
  Origin,
  PatchProblem,
  ProxyPlan,
  ResourceOrigin,
} from "@skein/policies";
import { PASSTHROUGH_ORIGIN } from "@skein/policies/mesh-passthrough/conf";
import type { Fragment, PatchReport, ProxyConfig } from "../xds/fragment.ts";
import { ADMIN_SECRETS } from "./admin.ts";
import type { FragmentPatch, PatchedFragment } from "./fragment-patch.ts";
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
  const patches = new Patches(translator.patch(plan.policies));
  const place = (into: Map<string, Fragment>, fragment: Fragment, origin: ResourceOrigin): boolean => {
    const patched = patches.patch(fragment, origin);
    if (patched !== undefined) into.set(patched.name, patched);
    return patched !== undefined;
  };
  if (plan.admin !== undefined) {
    const { cluster, listener } = translator.admin(plan.admin);
    place(clusters, cluster, "admin");
    place(listeners, listener, "admin");
    wanted.push(ADMIN_SECRETS.certificate, ADMIN_SECRETS.validation);
  }
  for (const inbound of plan.inbounds) {
    const { cluster, services, listener, route } = translator.inbound(inbound, reusePort);
    for (const service of services) place(clusters, service, "inbound");
    if (route !== undefined) place(routes, route, "inbound");
    if (inbound.shared.tls !== undefined) {
      wanted.push(inbound.shared.tls.certificateSecret, inbound.shared.tls.validationSecret);
    }
    place(clusters, cluster, "inbound");
    place(listeners, listener, "inbound");
  }
  const addUpstream = ({ target, upstream, view }: BackendClusterPlan, cluster: Fragment): void => {
    const { tls, clusterName } = upstream;
    if (tls !== undefined) wanted.push(tls.certificateSecret, tls.validationSecret);
    if (!place(clusters, cluster, "outbound")) return;
    endpoints.set(clusterName, translator.endpoints(clusterName, parts.endpoints(target, view)));
  };
  for (const outbound of plan.outbounds) {
    const { cluster, listener, route } = translator.outbound(outbound, reusePort);
    if (route !== undefined) place(routes, route, "outbound");
    place(listeners, listener, "outbound");
    addUpstream(outbound, cluster);
  }
  for (const backend of plan.backends) addUpstream(backend, translator.backend(backend.upstream));
  for (const [made, origin] of [
    [translator.transparent(plan, reusePort), "transparent"],
    [translator.directAccess(plan, reusePort), "direct-access"],
  ] as const) {
    for (const cluster of made.clusters) {
      place(
        clusters,
        cluster,
        cluster.name.startsWith(`${PASSTHROUGH_ORIGIN}_`) ? PASSTHROUGH_ORIGIN : origin,
      );
    }
    for (const listener of made.listeners) place(listeners, listener, origin);
  }
  for (const { tls } of plan.directAccess ?? []) {
    if (tls !== undefined) wanted.push(tls.certificateSecret, tls.validationSecret);
  }
  for (const added of patches.added()) {
    (added.type === "cluster" ? clusters : listeners).set(added.name, added);
  }

  for (const name of new Set(wanted)) {
    const secret = parts.secret(name);
    if (secret === undefined) missing.push(name);
    else secrets.set(name, secret);
  }
  const patched = patches.report();
  return {
    ...{ clusters, endpoints, listeners, routes, secrets, missing },
    ...(patched === undefined ? {} : { patched }),
  };
}

/** The patches of one proxy, and what they did. */
class Patches {
  readonly #patch: FragmentPatch | undefined;
  readonly #by: Origin[] = [];
  readonly #problems: PatchProblem[] = [];

  constructor(patch: FragmentPatch | undefined) {
    this.#patch = patch;
  }

  patch(fragment: Fragment, origin: ResourceOrigin): Fragment | undefined {
    return this.#patch === undefined ? fragment : this.#noted(this.#patch.of(fragment, origin));
  }

  added(): readonly Fragment[] {
    return (this.#patch?.added() ?? []).flatMap((each) => this.#noted(each) ?? []);
  }

  report(): PatchReport | undefined {
    return this.#patch === undefined ? undefined : { by: [...new Set(this.#by)], problems: this.#problems };
  }

  #noted({ fragment, by, problems }: PatchedFragment): Fragment | undefined {
    this.#by.push(...by);
    this.#problems.push(...problems);
    return fragment;
  }
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
    sameMap(a.secrets, b.secrets) &&
    JSON.stringify(a.patched) === JSON.stringify(b.patched)
  );
}

function sameMap(a: ReadonlyMap<string, Fragment>, b: ReadonlyMap<string, Fragment>): boolean {
  if (a.size !== b.size) return false;
  for (const [name, fragment] of a) if (b.get(name) !== fragment) return false;
  return true;
}
