import type { Fragment, XdsType } from "../fragment.ts";
import type { Outgoing } from "../outgoing.ts";
import type { DeltaRequest } from "../request.ts";
import { typeUrlOf } from "../type-url.ts";
import { createModelProxy, type ModelProxy, type ModelRules } from "./model-proxy.ts";

/** A model proxy that speaks delta ADS as Envoy 1.40 does. */
export interface ModelDeltaClient {
  readonly proxy: ModelProxy;
  /**
   * The requests that open a new stream. Where responses were lost with the old one, the server may send endpoints once
   * more than needed.
   */
  connect(lost?: boolean, newControlPlane?: boolean): readonly DeltaRequest[];
  /** Takes in one response; gives what the proxy sends then. */
  receive(response: Outgoing): readonly DeltaRequest[];
  /** Listeners that were replaced have drained: nobody uses the route that they had, and then others ask for it. */
  drained(): readonly DeltaRequest[];
  /** Asks once more for an endpoint assignment it already has. */
  askAgain(): readonly DeltaRequest[];
  /** Versions of single resources that it has rejected. */
  readonly rejected: ReadonlySet<string>;
}

/**
 * A new control plane cannot know that a cluster still waits for endpoints it has: then the initial fetch timeout ends
 * the waiting. The client withholds the answer to a CDS response while a cluster warms up, asks for listeners only when its first
 * clusters are warm, and reports on reconnect only versions out of responses that it accepted as a whole.
 */
export function createModelDeltaClient(rules: ModelRules): ModelDeltaClient {
  const proxy = createModelProxy(rules);
  const recorded: Record<string, Map<string, string>> = {
    cluster: new Map(),
    endpoint: new Map(),
    listener: new Map(),
    route: new Map(),
    secret: new Map(),
  };
  const rejected = new Set<string>();
  /** Applied out of rejected responses. */
  const unreported = new Set<string>();
  const askedAgain = new Map<string, number>();
  let edsAsked = new Set<string>();
  let clustersSeen = false;
  let listenersAsked = false;
  let withheld: { readonly answer: DeltaRequest; readonly rejects: readonly string[] }[] = [];

  function request(type: XdsType, parts: Partial<DeltaRequest>): DeltaRequest {
    return {
      node: undefined,
      typeUrl: typeUrlOf(type),
      subscribe: [],
      unsubscribe: [],
      initialVersions: new Map(),
      nonce: "",
      error: undefined,
      ...parts,
    };
  }

  function updateEds(): DeltaRequest[] {
    const used = proxy.edsNames();
    const subscribe = [...used].filter((name) => !edsAsked.has(name));
    const unsubscribe = [...edsAsked].filter((name) => !used.has(name));
    edsAsked = new Set(used);
    for (const name of unsubscribe) recorded.endpoint?.delete(name);
    return subscribe.length + unsubscribe.length > 0 ? [request("endpoint", { subscribe, unsubscribe })] : [];
  }

  function release(): DeltaRequest[] {
    if (proxy.warming.size > 0) return [];
    const out = withheld.map(({ answer }) => answer);
    for (const { rejects } of withheld) for (const key of rejects) rejected.add(key);
    withheld = [];
    if (!listenersAsked && clustersSeen) {
      listenersAsked = true;
      out.push(request("listener", {}), request("route", { subscribe: ["rt"] }));
    }
    return out;
  }

  function check(type: XdsType, fragment: Fragment): void {
    const { name, version } = fragment;
    if (rejected.has(`${type}/${name}@${version}`))
      proxy.violations.push(`rejected ${type} ${name} sent again`);
    if (recorded[type]?.get(name) !== version || proxy.versionOf(type, name) !== version) return;
    if (unreported.delete(`${type}/${name}`)) return;
    if (type === "endpoint" && proxy.warming.has(name)) return;
    const repeats = type === "endpoint" || type === "route" ? (askedAgain.get(name) ?? 0) : 0;
    askedAgain.set(name, repeats - 1);
    if (repeats <= 0) proxy.violations.push(`unchanged ${type} ${name} sent`);
  }

  function allowRepeat(name: string): void {
    askedAgain.set(name, (askedAgain.get(name) ?? 0) + 1);
  }

  return {
    proxy,
    rejected,
    connect(lost, newControlPlane) {
      withheld = [];
      if (newControlPlane === true) {
        rejected.clear();
        proxy.warming.clear();
      }
      edsAsked = new Set(proxy.edsNames());
      if (lost === true) for (const name of edsAsked) allowRepeat(name);
      const out = [request("cluster", { initialVersions: new Map(recorded.cluster) })];
      listenersAsked ||= clustersSeen && proxy.warming.size === 0;
      if (listenersAsked) {
        out.push(request("listener", { initialVersions: new Map(recorded.listener) }));
        out.push(request("route", { subscribe: ["rt"], initialVersions: new Map(recorded.route) }));
      }
      if (edsAsked.size > 0) {
        out.push(
          request("endpoint", { subscribe: [...edsAsked], initialVersions: new Map(recorded.endpoint) }),
        );
      }
      out.push(request("secret", { subscribe: ["s0", "s1"], initialVersions: new Map(recorded.secret) }));
      return out;
    },
    receive(response) {
      const { type, resources, removed, nonce } = response;
      if (type === undefined) return [];
      for (const fragment of resources) check(type, fragment);
      if (type === "listener" || type === "route") {
        for (const fragment of resources) {
          const cluster = rules.clusterOf(fragment);
          if (!proxy.clusters.has(cluster) || (withheld.length > 0 && !recorded.cluster?.has(cluster))) {
            proxy.violations.push(`${type} ${fragment.name} sent before ${cluster} was acknowledged`);
          }
        }
      }
      const applied = proxy.apply(type, resources, removed);
      const known = resources.length === 1 || applied.error?.startsWith("Error adding") === true;
      const rejects = known ? applied.rejected.map(({ name, version }) => `${type}/${name}@${version}`) : [];
      if (applied.error !== undefined) for (const { name } of resources) unreported.add(`${type}/${name}`);
      else {
        for (const { name, version } of resources) {
          if (type !== "endpoint" || edsAsked.has(name)) recorded[type]?.set(name, version);
        }
        for (const name of removed) recorded[type]?.delete(name);
      }
      const error = applied.error === undefined ? undefined : { code: 13, message: applied.error };
      const answer = request(type, { nonce, error });
      if (type !== "cluster") {
        for (const key of rejects) rejected.add(key);
        return [answer, ...release()];
      }
      clustersSeen = true;
      const eds = updateEds();
      withheld.push({ answer, rejects });
      return [...eds, ...release()];
    },
    drained() {
      if (!listenersAsked) return [];
      proxy.routes.delete("rt");
      allowRepeat("rt");
      recorded.route?.delete("rt");
      return [request("route", { unsubscribe: ["rt"] }), request("route", { subscribe: ["rt"] })];
    },
    askAgain() {
      const [name] = edsAsked;
      if (name === undefined) return [];
      allowRepeat(name);
      return [request("endpoint", { subscribe: [name] })];
    },
  };
}
